//! Presentation attack detection in 8 bits allocates nothing after its creation.

#![allow(clippy::unwrap_used, reason = "a failure of a test helper fails the test")]

use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use ostiary_core::{Frame, Precision};
use ostiary_engine::Backend;
use ostiary_models::Bundle;
use ostiary_vision::LivenessNetwork;
use tracking_allocator::{AllocationGroupId, AllocationRegistry, AllocationTracker, Allocator};

#[global_allocator]
static ALLOCATOR: Allocator<std::alloc::System> = Allocator::system();

/// Number of allocations while tracking is on.
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

struct Counter;

impl AllocationTracker for Counter {
    fn allocated(&self, _: usize, _: usize, _: usize, _: AllocationGroupId) {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    }

    fn deallocated(&self, _: usize, _: usize, _: usize, _: AllocationGroupId, _: AllocationGroupId) {}
}

#[test]
fn a_score_does_not_allocate() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let bundle = Bundle::open(&models, Precision::Int8).unwrap();
    let mut network = LivenessNetwork::load(&bundle, &Backend::tract(1)).unwrap().unwrap();
    let frame = Frame::from_rgb(320, 240, (0..320 * 240 * 3).map(|index| (index % 251) as u8).collect());
    let frame = frame.unwrap();
    let faces = [[120.0, 80.0, 60.0, 80.0], [0.0, 0.0, 200.0, 200.0], [0.0, 0.0, f32::NAN, 1.0]];

    AllocationRegistry::set_global_tracker(Counter).unwrap();
    AllocationRegistry::enable_tracking();
    drop(black_box(Box::new(1)));
    let scores = faces.map(|face| network.score(&frame, &face.into()).unwrap());
    AllocationRegistry::disable_tracking();

    assert_eq!(scores.map(|score| score.is_some()), [true, true, false]);
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed), 1, "the box alone");
}
