//! `bench door`: times the daemon from a face in view to the relay on.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use ostiary_capture::{CaptureError, FrameSource, Next};
use ostiary_config::Config;
use ostiary_core::Frame;
use ostiary_devices::{GpioError, OutputLine, Relay, Signals};
use ostiary_engine::Backend;

use super::EngineFlags;
use super::demo_scene::DemoScene;
use super::report::Report;
use super::times::Times;
use crate::cli::{Globals, demo};
use crate::daemon::{self, Setup};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary bench door --runs 50\n\n\
    Shows a bundled portrait repeatedly to the daemon, at 30 frames per second. Each time is from the first frame with \
    the face until the relay is on. A grant needs good frames at least 150 ms apart: two of a similarity far above the \
    threshold, else door.frames of them (by default 3) or twice as many. So it takes at least 0.17 s.")]
pub struct Args {
    /// The number of timed visits, of about one second each.
    #[arg(long, value_name = "N", default_value_t = 20)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    runs: u32,
    #[command(flatten)]
    engine_flags: EngineFlags,
}

/// Frames per second.
const FPS: u32 = 30;
/// Frames without a face before each visit. The track of the last visit and the visit end within this time.
const WALL_FRAMES: u32 = 24;
/// The time out of view after which a new visit begins, in seconds.
const AWAY_S: f64 = 0.5;
/// The portrait does not move.
const STATIC_S: f64 = 86_400.0;
/// The most frames of one visit: the visit ends then even if the relay was not switched on.
const MAX_FACE_FRAMES: u32 = 10 * FPS;
/// The pulse of the relay, in milliseconds. It ends before the next visit.
const PULSE_MS: u64 = 100;

pub fn run(globals: &Globals, args: &Args) -> anyhow::Result<Report> {
    let given_config = globals.config()?;
    let folder = tempfile::tempdir().context("no temporary folder for the facebank; set TMPDIR")?;
    let engine = args.engine_flags.config(globals)?.engine;
    let backend = Backend::new(&engine, &given_config.ort)?;
    let (models, detector, ort) = (given_config.models, given_config.detector, given_config.ort);
    let mut config = Config { models, detector, engine, ort, ..Config::default() };
    config.facebank.path = folder.path().join("facebank.sqlite");
    config.events.path = folder.path().join("events.sqlite");
    config.relay.pulse_ms = PULSE_MS;
    let frames = given_config.door.frames;
    config.door =
        ostiary_config::Door { cooldown_s: 0.0, away_s: AWAY_S, static_s: STATIC_S, frames, ..config.door };
    demo::enroll(&config)?;

    let timeline = Timeline::default();
    let warm_up = args.engine_flags.warm_up;
    let visits = warm_up + args.runs;
    let source = RepeatedVisits::new(visits, timeline.clone())?;
    let frames = config.door.frames;
    daemon::run(Setup {
        config,
        files: None,
        source: Some(Box::new(source)),
        relay: Some(Relay::new(Box::new(timeline.clone()))),
        signals: Signals::default(),
        inputs: None,
        outputs: Vec::new(),
        frame_observer: None,
    })?;
    let times = timeline.times();
    if times.len() < visits as usize {
        bail!("the door opened at only {} of {visits} visits: this computer is too slow", times.len());
    }
    let timed = times.into_iter().skip(warm_up as usize).collect();
    let times = Times::new(timed).context("no visit was timed")?;
    let input = format!("a face in view ({FPS} frames a second, door.frames = {frames})");
    Ok(Report::new("door", &times, &backend, input))
}

/// The times at which a face came into view and the relay went on.
#[derive(Clone, Default)]
struct Timeline(Arc<Mutex<Vec<(Instant, TimelineEvent)>>>);

#[derive(Clone, Copy, PartialEq)]
enum TimelineEvent {
    Face,
    RelayOn,
}

impl Timeline {
    fn record(&self, event: TimelineEvent) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), event));
    }

    /// Whether the relay is on for the face that is in view.
    fn is_on(&self) -> bool {
        let log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(log.last(), Some((_, TimelineEvent::RelayOn)))
    }

    /// The time from the face to the relay, for each visit at which the relay went on.
    fn times(&self) -> Vec<Duration> {
        let log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = |pair: &[(Instant, TimelineEvent)]| match pair {
            [(face, TimelineEvent::Face), (on, TimelineEvent::RelayOn)] => Some(*on - *face),
            _ => None,
        };
        log.windows(2).filter_map(opened).collect()
    }
}

impl OutputLine for Timeline {
    fn set(&mut self, on: bool) -> Result<(), GpioError> {
        if on {
            self.record(TimelineEvent::RelayOn);
        }
        Ok(())
    }
}

/// A frame source that shows the same face repeatedly. Each visit lasts until the relay is on.
struct RepeatedVisits {
    wall: Frame,
    face: Frame,
    timeline: Timeline,
    /// The number of visits that have not begun.
    visits_left: u32,
    scene: Scene,
    /// The number of the next frame.
    frame_number: u32,
    /// The time of the first frame.
    start: Option<Instant>,
}

/// What the frames show, and for how many more frames.
#[derive(Clone, Copy)]
enum Scene {
    Wall(u32),
    Face(u32),
}

impl RepeatedVisits {
    fn new(visits: u32, timeline: Timeline) -> anyhow::Result<Self> {
        let DemoScene { wall, face } = DemoScene::new()?;
        let scene = Scene::Wall(WALL_FRAMES);
        Ok(Self { wall, face, timeline, visits_left: visits, scene, frame_number: 0, start: None })
    }

    /// What the next frame shows; `None` after the last visit.
    fn next_scene(&mut self) -> Option<Scene> {
        self.scene = match self.scene {
            Scene::Wall(left @ 1..) => Scene::Wall(left - 1),
            Scene::Face(left @ 1..) if !self.timeline.is_on() => Scene::Face(left - 1),
            Scene::Face(_) => Scene::Wall(WALL_FRAMES),
            Scene::Wall(0) => {
                self.visits_left = self.visits_left.checked_sub(1)?;
                self.timeline.record(TimelineEvent::Face);
                Scene::Face(MAX_FACE_FRAMES)
            }
        };
        Some(self.scene)
    }
}

impl FrameSource for RepeatedVisits {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        let frame_time = Duration::from_secs(self.frame_number.into()) / FPS;
        let start = *self.start.get_or_insert_with(Instant::now);
        thread::sleep(frame_time.saturating_sub(start.elapsed()));
        let shown = match self.next_scene() {
            Some(Scene::Wall(_)) => &self.wall,
            Some(Scene::Face(_)) => &self.face,
            None => return Ok(Next::End),
        };
        frame.reshape(shown.width(), shown.height());
        frame.rgb_mut().copy_from_slice(shown.rgb());
        (frame.time, frame.sequence) = (frame_time, self.frame_number.into());
        self.frame_number += 1;
        Ok(Next::Frame)
    }

    fn is_live(&self) -> bool {
        true
    }

    fn frozen_after(&self) -> Option<Duration> {
        None
    }

    fn describe(&self) -> String {
        format!("a repeated portrait, {FPS}/s")
    }
}
