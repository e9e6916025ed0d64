//! The steady frame loop of a daemon that keeps a door allocates nothing itself. What remains is
//! tract's (the tensors of networks that stay in float; those on our own kernels allocate nothing), and the resizer's
//! table of weights for each level of the pyramid.

use std::backtrace::Backtrace;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ostiary::daemon::{self, Setup};
use ostiary::demo::{DEMO_VISITORS, Pace, SyntheticSource, enrollment};
use ostiary_capture::{CaptureError, FrameSource, Next};
use ostiary_config::Config;
use ostiary_core::Frame;
use ostiary_devices::Signals;
use ostiary_facebank::{Facebank, PhotoHash, Template};
use ostiary_pipeline::Recognizer;
use tracking_allocator::{AllocationGroupId, AllocationRegistry, AllocationTracker, Allocator};

#[global_allocator]
static ALLOCATOR: Allocator<std::alloc::System> = Allocator::system();

/// Where memory was asked for while that was watched.
static PLACES: Mutex<Vec<Backtrace>> = Mutex::new(Vec::new());

/// How a backtrace shows who asked.
const ENGINE: &str = "crates/engine/src/tract.rs";
const RESIZER: &str = "fast_image_resize::";
/// The threads through which each frame goes.
const THREADS: [&str; 3] = ["src/daemon/camera.rs", "src/daemon/watch.rs", "src/daemon/doorman.rs"];

struct Watcher;

impl AllocationTracker for Watcher {
    fn allocated(&self, _: usize, _: usize, _: usize, _: AllocationGroupId) {
        PLACES.lock().unwrap_or_else(PoisonError::into_inner).push(Backtrace::force_capture());
    }

    fn deallocated(&self, _: usize, _: usize, _: usize, _: AllocationGroupId, _: AllocationGroupId) {}
}

/// Two steps of a person who stands before the door, over and over: after `WARM_UP` frames it is watched who
/// asks for memory.
struct Standing {
    steps: [Frame; 2],
    number: u64,
}

const WARM_UP: u64 = 60;
const WATCHED: u64 = 40;

impl Standing {
    fn new() -> Self {
        let mut play = SyntheticSource::new(&DEMO_VISITORS[1..], Pace::Unpaced).unwrap();
        let mut steps = [Frame::default(), Frame::default()];
        while steps[0].time < Duration::from_secs(3) {
            steps.swap(0, 1);
            assert_eq!(play.next(&mut steps[0]).unwrap(), Next::Frame);
        }
        Self { steps, number: 0 }
    }
}

impl FrameSource for Standing {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        match self.number {
            WARM_UP => AllocationRegistry::enable_tracking(),
            number if number == WARM_UP + WATCHED => {
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

    fn describe(&self) -> String {
        "somebody who stands before the door".into()
    }
}

#[test]
fn the_frame_loop_allocates_nothing_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.models.dir = Some(concat!(env!("CARGO_MANIFEST_DIR"), "/models").into());
    config.facebank.path = folder.path().join("facebank.sqlite");
    config.events.path = folder.path().join("events.sqlite");
    let mut recognizer = Recognizer::load(&config).unwrap();
    let known = enrollment().portraits[0].picture().unwrap();
    let face = recognizer.most_probable(&known).unwrap().expect("a portrait has a face");
    let template = Template { embedding: face.embedding, photo: PhotoHash::of(b"a portrait"), crop: None };
    let mut facebank = Facebank::open(&config.facebank.path).unwrap();
    facebank.enroll("Ada", recognizer.model(), &[template]).unwrap();

    AllocationRegistry::set_global_tracker(Watcher).unwrap();
    daemon::run(Setup {
        config,
        layers: None,
        source: Some(Box::new(Standing::new())),
        relay: None,
        signals: Signals::default(),
        inputs: None,
        outputs: Vec::new(),
        frame_observer: None,
    })
    .unwrap();

    let places = std::mem::take(&mut *PLACES.lock().unwrap());
    let places: Vec<String> = places.iter().map(Backtrace::to_string).collect();
    let watched = places.iter().any(|place| place.contains(ENGINE) && place.contains(THREADS[1]));
    assert!(watched, "the networks ran, and it was seen for whom");
    let is_ours = |place: &&String| {
        THREADS.iter().any(|thread| place.contains(thread))
            && !place.contains(ENGINE)
            && !place.contains(RESIZER)
    };
    let ours: Vec<&String> = places.iter().filter(is_ours).collect();
    let first = ours.first().map_or("", |place| place);
    assert!(
        ours.is_empty(),
        "{} of {} allocations in {WATCHED} frames; the first:\n{first}",
        ours.len(),
        places.len()
    );
}
