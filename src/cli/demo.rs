//! `ostiary demo`: the bundled play through the daemon's own code, to a door that is printed.

mod observer;
mod snapshots;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, bail};
use observer::{Observer, Plain};
use ostiary_config::Config;
use ostiary_core::MatchRule;
use ostiary_devices::{Relay, Signals};
use ostiary_events::{JsonLines, Output};
use ostiary_facebank::{Facebank, PhotoHash, Template};
use ostiary_pipeline::{PhotoCheck, Recognizer, check_photo};
use snapshots::Snapshots;

use super::{Globals, output};
use crate::daemon::{self, Setup};
use crate::demo::{DEMO_VISITORS, Pace, SyntheticSource, enrollment};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary demo --output /tmp/demo\n\n\
    Needs no camera, relay or broker, and leaves nothing but the pictures.\n\
    Exit code: 0 the stranger was refused and the person let in, 1 otherwise.")]
pub struct Args {
    /// Where to write the annotated pictures.
    #[arg(short, long, value_name = "DIR", default_value = "demo-output")]
    output: PathBuf,

    /// Do not wait for the play's own time.
    #[arg(long)]
    fast: bool,
}

/// How long the printed relay is on, milliseconds: shorter than the play's last pause.
const PULSE_MS: u64 = 800;

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    // The door's own configuration must not change the play, but for where the models are.
    let mut config = Config { models: globals.config()?.models, ..Config::default() };
    let folder = tempfile::tempdir().context("no temporary folder for the facebank; set TMPDIR")?;
    config.facebank.path = folder.path().join("facebank.sqlite");
    config.events.path = folder.path().join("events.sqlite");
    config.relay.pulse_ms = PULSE_MS;

    let say = |text: &str| if globals.json { Ok(()) } else { output::line(text) };
    let threshold = enroll(&config)?;
    let person = enrollment().name;
    say(&format!("Enrolled {person} from a bundled portrait."))?;
    say("Now a stranger comes to the door, and then that person, in another photo.\n")?;

    let snapshots = Snapshots::create(&args.output, MatchRule { threshold, margin: config.door.margin })?;
    let (observer, seen) = Observer::new();
    let mut outputs: Vec<Box<dyn Output>> = vec![Box::new(observer)];
    // Programs read the events alone from standard output; the door is then printed beside it.
    let relay = if globals.json {
        outputs.push(Box::new(JsonLines::stdout()));
        Relay::printed(io::stderr())
    } else {
        outputs.push(Box::new(Plain::new(started)));
        Relay::printed(io::stdout())
    };
    let pace = if args.fast { Pace::Unpaced } else { Pace::RealTime };
    daemon::run(Setup {
        config,
        layers: None,
        source: Some(Box::new(SyntheticSource::new(&DEMO_VISITORS, pace)?)),
        relay: Some(relay),
        signals: Signals::default(),
        inputs: None,
        outputs,
        frame_observer: Some(snapshots.frame_observer()),
    })?;

    let pictures = snapshots.finish()?;
    say(&format!("\nWrote {pictures} annotated pictures to {}.", args.output.display()))?;
    match seen.verdict(person) {
        Ok(()) => {
            say(&format!("The stranger was refused, and {person} was let in."))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(why) => {
            eprintln!("The play went wrong: {why}.");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Enrolls the person of the play as `ostiary enroll` would; the similarity that the door will need.
pub fn enroll(config: &Config) -> anyhow::Result<ostiary_core::Similarity> {
    let mut recognizer = Recognizer::load(config)?;
    let enrollment = enrollment();
    let mut templates = Vec::new();
    for portrait in enrollment.portraits {
        let PhotoCheck::Good(face) = check_photo(&mut recognizer, &config.quality, &portrait.picture()?)?
        else {
            bail!("{}: no face that is good enough; are these the models that ship?", portrait.file);
        };
        let photo = PhotoHash::of(portrait.jpeg);
        templates.push(Template { embedding: face.embedding, photo, crop: None });
    }
    let mut facebank = Facebank::open(&config.facebank.path)?;
    facebank.enroll(enrollment.name, recognizer.model(), &templates)?;
    Ok(recognizer.threshold(config.door.far)?)
}
