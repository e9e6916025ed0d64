//! Presentation attack detection in 8 bits allocates nothing after its creation.

#![allow(clippy::unwrap_used, reason = "a failure of a test helper fails the test")]

use std::path::Path;

use ostiary_core::{Frame, Precision};
use ostiary_engine::Backend;
use ostiary_models::Bundle;
use ostiary_testkit::allocations;
use ostiary_vision::LivenessNetwork;
use tracking_allocator::Allocator;

#[global_allocator]
static ALLOCATOR: Allocator<std::alloc::System> = Allocator::system();

#[test]
fn a_score_does_not_allocate() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let bundle = Bundle::open(&models, Precision::Int8).unwrap();
    let mut network = LivenessNetwork::load(&bundle, &Backend::tract(1)).unwrap().unwrap();
    let frame = Frame::from_rgb(320, 240, (0..320 * 240 * 3).map(|index| (index % 251) as u8).collect());
    let frame = frame.unwrap();
    let faces = [[120.0, 80.0, 60.0, 80.0], [0.0, 0.0, 200.0, 200.0], [0.0, 0.0, f32::NAN, 1.0]];

    let (count, scores) = allocations(|| faces.map(|face| network.score(&frame, &face.into()).unwrap()));

    assert_eq!(scores.map(|score| score.is_some()), [true, true, false]);
    assert_eq!(count, 0);
}
