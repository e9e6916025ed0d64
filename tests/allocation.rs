//! After warm-up, the frame loop of the daemon does not allocate memory itself. The allowed exceptions are tract (the tensors
//! of networks in floats; networks on our own kernels allocate nothing), and the resizer's table of weights for each level
//! of the pyramid.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::backtrace::Backtrace;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ostiary::daemon::{self, Setup};
use ostiary::demo::{DemoVisit, Pace, SyntheticSource};
use ostiary_capture::{CaptureError, FrameSource, Next};
use ostiary_config::Config;
use ostiary_core::Frame;
use ostiary_devices::Signals;
use ostiary_facebank::{Facebank, PhotoHash, Template};
use ostiary_pipeline::FaceEncoder;
use ostiary_self_test::{DEMO_VISITORS, enrollment};
use tracking_allocator::{AllocationGroupId, AllocationRegistry, AllocationTracker, Allocator};

#[global_allocator]
static ALLOCATOR: Allocator<std::alloc::System> = Allocator::system();

/// The backtraces of all allocations while tracking is on.
static BACKTRACES: Mutex<Vec<Backtrace>> = Mutex::new(Vec::new());

/// Text in the backtraces of allocations by tract.
const ENGINE: &str = "crates/engine/src/tract.rs";
/// Text in the backtraces of allocations by the resizer.
const RESIZER: &str = "fast_image_resize::";
/// The files of the threads that process each frame.
const WORKERS: [&str; 3] =
    ["src/daemon/capture_worker.rs", "src/daemon/vision_worker.rs", "src/daemon/door_worker.rs"];

struct BacktraceRecorder;

impl AllocationTracker for BacktraceRecorder {
    fn allocated(&self, _: usize, _: usize, _: usize, _: AllocationGroupId) {
        BACKTRACES.lock().unwrap_or_else(PoisonError::into_inner).push(Backtrace::force_capture());
    }

    fn deallocated(&self, _: usize, _: usize, _: usize, _: AllocationGroupId, _: AllocationGroupId) {}
}

/// A frame source that alternates between two frames of a person at the door. It turns on tracking after
/// `WARM_UP_FRAMES` frames.
struct PersonAtDoor {
    steps: [Frame; 2],
    number: u64,
}

/// The number of frames before tracking.
const WARM_UP_FRAMES: u64 = 60;
/// The number of frames with tracking.
const TRACKED_FRAMES: u64 = 40;

impl PersonAtDoor {
    fn new() -> Self {
        let mut demo_source =
            SyntheticSource::new(&[DemoVisit::Person(DEMO_VISITORS[1])], Pace::Unpaced).unwrap();
        let mut steps = [Frame::default(), Frame::default()];
        while steps[0].time < Duration::from_secs(3) {
            steps.swap(0, 1);
            assert_eq!(demo_source.next(&mut steps[0]).unwrap(), Next::Frame);
        }
        Self { steps, number: 0 }
    }
}

impl FrameSource for PersonAtDoor {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        match self.number {
            WARM_UP_FRAMES => AllocationRegistry::enable_tracking(),
            number if number == WARM_UP_FRAMES + TRACKED_FRAMES => {
                AllocationRegistry::disable_tracking();
                return Ok(Next::End);
            }
            _ => {}
        }
        let step = &self.steps[self.number as usize % 2];
        frame.reshape(step.width(), step.height());
        frame.rgb_mut().copy_from_slice(step.rgb());
        (frame.time, frame.sequence) = (Duration::from_secs(self.number) / 15, self.number);
        self.number += 1;
        Ok(Next::Frame)
    }

    fn is_live(&self) -> bool {
        false
    }

    fn frozen_after(&self) -> Option<Duration> {
        None
    }

    fn describe(&self) -> String {
        "a person at the door".into()
    }
}

#[test]
fn the_frame_loop_does_not_allocate() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.models.dir = Some(concat!(env!("CARGO_MANIFEST_DIR"), "/models").into());
    config.facebank.path = folder.path().join("facebank.sqlite");
    config.events.path = folder.path().join("events.sqlite");
    // The pictures of strangers have buffers of their own.
    config.snapshots.days = 1;
    let mut encoder = FaceEncoder::load(&config).unwrap();
    let known = enrollment().portraits[0].picture().unwrap();
    let face = encoder.most_probable(&known).unwrap().expect("a portrait has a face");
    let template =
        Template { embedding: face.embedding, photo: PhotoHash::of(b"a portrait"), weight: 1.0, crop: None };
    let mut facebank = Facebank::open(&config.facebank.path).unwrap();
    facebank.enroll("Ada", encoder.model(), &[template]).unwrap();

    AllocationRegistry::set_global_tracker(BacktraceRecorder).unwrap();
    daemon::run(Setup {
        config,
        files: None,
        source: Some(Box::new(PersonAtDoor::new())),
        relay: None,
        signals: Signals::default(),
        inputs: None,
        outputs: Vec::new(),
        frame_observer: None,
    })
    .unwrap();

    let backtraces = std::mem::take(&mut *BACKTRACES.lock().unwrap());
    let backtraces: Vec<String> = backtraces.iter().map(Backtrace::to_string).collect();
    let is_tracked = backtraces.iter().any(|text| text.contains(ENGINE) && text.contains(WORKERS[1]));
    assert!(is_tracked, "no allocation of the networks in the vision worker was recorded");
    let is_ours = |text: &&String| {
        WORKERS.iter().any(|worker| text.contains(worker))
            && !text.contains(ENGINE)
            && !text.contains(RESIZER)
    };
    let ours: Vec<&String> = backtraces.iter().filter(is_ours).collect();
    let first = ours.first().map_or("", |text| text);
    assert!(
        ours.is_empty(),
        "{} of {} allocations in {TRACKED_FRAMES} frames; the first:\n{first}",
        ours.len(),
        backtraces.len()
    );
}
