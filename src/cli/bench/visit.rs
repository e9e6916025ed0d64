//! `bench visit`: times the arithmetic of a whole visit, without waiting for its frames.

use std::time::Duration;

use anyhow::{Context, bail};
use ostiary_access::{
    Access, ChallengeState, Decider, LivenessEvidence, LivenessRules, Observation, Outcome,
};
use ostiary_config::{Config, LivenessLevel};
use ostiary_core::MAX_FACES;
use ostiary_facebank::Facebank;
use ostiary_pipeline::{RecognitionPipeline, TrackedFace};

use super::EngineFlags;
use super::demo_scene::DemoScene;
use super::report::Report;
use super::times::Times;
use crate::cli::{Globals, demo};
use crate::liveness_conditions::network_rules;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary bench visit --json\n\n\
    Times what the vision thread computes for a visit: the frames from the first with a face until it is let in, at 30 frames a \
    second and the level `passive`, and then those of an empty hall until the track of the face has ended. Frames come from memory, \
    and none is waited for; see `ostiary bench door` for the time that a person waits.")]
pub struct Args {
    /// The number of timed visits.
    #[arg(long, value_name = "N", default_value_t = 20)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    runs: u32,
    #[command(flatten)]
    engine_flags: EngineFlags,
}

/// The time between frames.
const FRAME_INTERVAL: Duration = Duration::from_nanos(1_000_000_000 / 30);
/// The time out of view after which a new visit begins, in seconds.
const AWAY_S: f64 = 0.5;
/// The frames between visits, of which only the decider is told: twice as long.
const FRAMES_BETWEEN_VISITS: u32 = 30;
/// The most frames until the face is let in, and until its track has ended.
const MAX_FRAMES: u32 = 300;

pub fn run(globals: &Globals, args: &Args) -> anyhow::Result<Report> {
    let mut config = args.engine_flags.config(globals)?;
    // A portrait does not turn the head.
    config.liveness.level = Some(LivenessLevel::Passive);
    (config.door.cooldown_s, config.door.away_s) = (0.0, AWAY_S);
    let mut visitor = Visitor::new(&config)?;
    let mut frames = [0; 2];
    let times = Times::measure(args.engine_flags.warm_up, args.runs, || {
        frames = visitor.visit()?;
        anyhow::Ok(())
    })?;
    let [with_face, empty] = frames;
    let input = format!("{with_face} frames with a face until it is let in, {empty} frames without one");
    Ok(Report::new("visit", &times, visitor.pipeline.backend(), input))
}

/// The demo's person, who comes to the door again and again.
struct Visitor {
    pipeline: RecognitionPipeline,
    decider: Decider,
    scene: DemoScene,
    /// The time of the latest frame.
    time: Duration,
}

impl Visitor {
    fn new(config: &Config) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("no temporary folder for the facebank; set TMPDIR")?;
        let mut config = config.clone();
        config.facebank.path = folder.path().join("facebank.sqlite");
        demo::enroll(&config)?;
        let mut pipeline = RecognitionPipeline::load(&config)?;
        let facebank = Facebank::open_read_only(&config.facebank.path)?;
        pipeline.set_gallery(pipeline.thresholds().load_gallery(&facebank, pipeline.model())?);
        let network = network_rules(pipeline.liveness_test(), config.camera.kind);
        let liveness = LivenessRules { level: config.liveness.level(), network, can_prompt: false };
        let decider = Decider::new(&config.door, liveness);
        Ok(Self { pipeline, decider, scene: DemoScene::new()?, time: Duration::ZERO })
    }

    /// One visit. Returns the number of frames with the face, and of those after it.
    fn visit(&mut self) -> anyhow::Result<[u32; 2]> {
        for _ in 0..FRAMES_BETWEEN_VISITS {
            self.time += FRAME_INTERVAL;
            self.decider.observe(self.time, &[]);
        }
        let with_face = number_until("let in", || self.is_let_in())?;
        let empty = number_until("out of view", || self.is_gone())?;
        Ok([with_face, empty])
    }

    /// Processes a frame with the face; whether it is let in.
    fn is_let_in(&mut self) -> anyhow::Result<bool> {
        self.time += FRAME_INTERVAL;
        self.scene.face.time = self.time;
        self.pipeline.process(&self.scene.face)?;
        let faces = self.pipeline.faces().iter().map(observation);
        let observations: heapless::Vec<Observation, MAX_FACES> = faces.collect();
        let mut decisions = self.decider.observe(self.time, &observations).into_iter();
        Ok(decisions.any(|decision| decision.outcome == Outcome::Granted))
    }

    /// Processes a frame without it; whether its track has ended.
    fn is_gone(&mut self) -> anyhow::Result<bool> {
        self.time += FRAME_INTERVAL;
        self.scene.wall.time = self.time;
        self.pipeline.process(&self.scene.wall)?;
        for ended in self.pipeline.ended_tracks() {
            self.decider.track_ended(self.time, *ended);
        }
        self.decider.observe(self.time, &[]);
        Ok(!self.pipeline.ended_tracks().is_empty())
    }
}

/// Calls `frame` until it returns true. Returns the number of calls.
fn number_until(what: &str, mut frame: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<u32> {
    for number in 1..=MAX_FRAMES {
        if frame()? {
            return Ok(number);
        }
    }
    bail!(
        "the person of the demo was not {what} after {MAX_FRAMES} frames; check the models, [door] and [detector]"
    );
}

/// What the door knows of a face, of a person who may come in at any time.
fn observation(face: &TrackedFace) -> Observation {
    let TrackedFace { track, first_seen, quality, fault, embedded, moments, candidate, liveness, .. } = *face;
    let liveness =
        LivenessEvidence { room: liveness.room, score: liveness.score, challenge: ChallengeState::NotAsked };
    Observation {
        track,
        first_seen,
        quality,
        fault,
        embedded,
        moments,
        candidate,
        access: Access::Allowed,
        liveness,
    }
}
