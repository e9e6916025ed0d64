//! `bench door`: from a face in view to the relay on, through the daemon's own threads.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use ostiary_capture::{CaptureError, FrameSource, Next};
use ostiary_config::Config;
use ostiary_core::Frame;
use ostiary_devices::{GpioError, OutputLine, Relay, Signals};
use ostiary_engine::Backend;

use super::Effort;
use super::report::Report;
use super::times::Times;
use crate::cli::{Globals, demo};
use crate::daemon::{self, Setup};
use crate::demo::{DEMO_VISITORS, Pace, SyntheticSource};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary bench door --runs 50\n\n\
    A bundled portrait appears before a camera of 30 frames a second, again and again. Each time is from the first \
    frame that shows the face until the relay is on: the frames that a grant needs (door.frames, 3 by default) take \
    two thirtieths of a second of it at the least.")]
pub struct Args {
    /// Visits that are timed, of about a second each.
    #[arg(long, value_name = "N", default_value_t = 20)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    runs: u32,
    #[command(flatten)]
    effort: Effort,
}

const FPS: u32 = 30;
/// Frames of an empty wall before each visit, long enough for the track of the last one to end.
const WALL: u32 = 24;
/// Frames for which a face waits for the relay at the most.
const PATIENCE: u32 = 10 * FPS;
/// Short enough to end before the next visit.
const PULSE_MS: u64 = 100;
/// Visits that are not timed.
const WARM_UP: u32 = 2;

pub fn run(globals: &Globals, args: &Args) -> anyhow::Result<Report> {
    let given = globals.config()?;
    let folder = tempfile::tempdir().context("no temporary folder for the facebank; set TMPDIR")?;
    let engine = args.effort.config(globals)?.engine;
    let backend = Backend::new(&engine, &given.ort)?;
    let (models, detector, ort) = (given.models, given.detector, given.ort);
    let mut config = Config { models, detector, engine, ort, ..Config::default() };
    config.facebank.path = folder.path().join("facebank.sqlite");
    config.events.path = folder.path().join("events.sqlite");
    config.relay.pulse_ms = PULSE_MS;
    config.door = ostiary_config::Door { cooldown_s: 0.0, frames: given.door.frames, ..config.door };
    demo::enroll(&config)?;

    let log = Log::default();
    let visits = Visits::new(args.runs + WARM_UP, log.clone())?;
    let frames = config.door.frames;
    daemon::run(Setup {
        config,
        layers: None,
        source: Some(Box::new(visits)),
        relay: Some(Relay::new(Box::new(log.clone()))),
        signals: Signals::default(),
        inputs: None,
        outputs: Vec::new(),
        frame_observer: None,
    })?;
    let times = log.times();
    let visits = (args.runs + WARM_UP) as usize;
    if times.len() < visits {
        bail!("the door opened at {} of {visits} visits alone: this machine is too slow", times.len());
    }
    let times = Times::new(times[WARM_UP as usize..].to_vec()).context("no visit was timed")?;
    let input = format!("a face in view ({FPS} frames a second, {frames} needed)");
    Ok(Report::new("door", &times, &backend, input))
}

/// When faces came in view and the relay went on.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(Instant, Happening)>>>);

#[derive(Clone, Copy, PartialEq)]
enum Happening {
    Face,
    RelayOn,
}

impl Log {
    fn note(&self, happening: Happening) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), happening));
    }

    /// Whether the relay is on for the face that is in view.
    fn is_on(&self) -> bool {
        let log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(log.last(), Some((_, Happening::RelayOn)))
    }

    /// Of each visit at which the relay went on.
    fn times(&self) -> Vec<Duration> {
        let log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = |pair: &[(Instant, Happening)]| match pair {
            [(face, Happening::Face), (on, Happening::RelayOn)] => Some(*on - *face),
            _ => None,
        };
        log.windows(2).filter_map(opened).collect()
    }
}

impl OutputLine for Log {
    fn set(&mut self, on: bool) -> Result<(), GpioError> {
        if on {
            self.note(Happening::RelayOn);
        }
        Ok(())
    }
}

/// A camera before which the same face appears again and again, and stays until the relay is on.
struct Visits {
    wall: Frame,
    face: Frame,
    log: Log,
    /// That are still to begin.
    visits: u32,
    now: Scene,
    number: u32,
    begun: Option<Instant>,
}

/// With the frames for which it lasts yet.
#[derive(Clone, Copy)]
enum Scene {
    Wall(u32),
    Face(u32),
}

impl Visits {
    fn new(visits: u32, log: Log) -> anyhow::Result<Self> {
        // The person of the play, as they stand before the door.
        let standing = Duration::from_secs(3);
        let mut play = SyntheticSource::new(&DEMO_VISITORS[1..], Pace::Unpaced)?;
        let mut wall = Frame::default();
        play.next(&mut wall)?;
        let mut face = Frame::default();
        while play.next(&mut face)? == Next::Frame && face.time < standing {}
        Ok(Self { wall, face, log, visits, now: Scene::Wall(WALL), number: 0, begun: None })
    }

    /// What the next frame shows; `None` after the last visit.
    fn turn(&mut self) -> Option<Scene> {
        self.now = match self.now {
            Scene::Wall(left @ 1..) => Scene::Wall(left - 1),
            Scene::Face(left @ 1..) if !self.log.is_on() => Scene::Face(left - 1),
            Scene::Face(_) => Scene::Wall(WALL),
            Scene::Wall(0) => {
                self.visits = self.visits.checked_sub(1)?;
                self.log.note(Happening::Face);
                Scene::Face(PATIENCE)
            }
        };
        Some(self.now)
    }
}

impl FrameSource for Visits {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        let due = Duration::from_secs(self.number.into()) / FPS;
        let begun = *self.begun.get_or_insert_with(Instant::now);
        thread::sleep(due.saturating_sub(begun.elapsed()));
        let shown = match self.turn() {
            Some(Scene::Wall(_)) => &self.wall,
            Some(Scene::Face(_)) => &self.face,
            None => return Ok(Next::End),
        };
        frame.reshape(shown.width(), shown.height());
        frame.rgb_mut().copy_from_slice(shown.rgb());
        (frame.time, frame.sequence) = (due, self.number.into());
        self.number += 1;
        Ok(Next::Frame)
    }

    fn is_live(&self) -> bool {
        true
    }

    fn describe(&self) -> String {
        format!("a portrait that appears, {FPS}/s")
    }
}
