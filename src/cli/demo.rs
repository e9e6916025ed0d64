//! `ostiary demo`: plays the bundled visits through the daemon's own code, with a relay that is printed.

mod observer;
mod snapshots;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, bail};
use observer::{EventRecorder, SentenceOutput};
use ostiary_config::{Config, LivenessLevel};
use ostiary_core::MatchRule;
use ostiary_devices::{Relay, Signals};
use ostiary_events::{EventSink, JsonLines};
use ostiary_facebank::{Facebank, PhotoHash, Template};
use ostiary_pipeline::{FaceEncoder, PhotoCheck, check_photo};
use ostiary_self_test::enrollment;
use snapshots::Snapshots;

use super::{Globals, output};
use crate::daemon::{self, Setup};
use crate::demo::{DemoVisit, Pace, SyntheticSource};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary demo --output /tmp/demo\n\n\
    Needs no camera, relay or broker. It leaves no files except the pictures.\n\
    Exit code: 0 the unknown person and the print were refused and the enrolled person was let in, 1 otherwise, 2 an\n    error.")]
pub struct Args {
    /// Where to write the annotated pictures.
    #[arg(short, long, value_name = "DIR", default_value = "demo-output")]
    output: PathBuf,

    /// Play the visits faster than real time.
    #[arg(long)]
    fast: bool,
}

/// The pulse of the printed relay, in milliseconds: shorter than the pause after the last visit.
const PULSE_MS: u64 = 800;

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    // The demo uses the models of the configuration, and the defaults for everything else.
    let mut config = Config { models: globals.config()?.models, ..Config::default() };
    let folder = tempfile::tempdir().context("no temporary folder for the facebank; set TMPDIR")?;
    config.facebank.path = folder.path().join("facebank.sqlite");
    config.events.path = folder.path().join("events.sqlite");
    config.relay.pulse_ms = PULSE_MS;
    // Portraits do not turn the head.
    config.liveness.level = Some(LivenessLevel::Passive);

    let print = |text: &str| if globals.json { Ok(()) } else { output::line(text) };
    enroll(&config)?;
    let person = enrollment().name;
    print(&format!("Enrolled {person} from a bundled portrait."))?;
    print(&format!(
        "Now an unknown person comes to the door, then somebody with a print of {person}, and then {person}, in another photo."
    ))?;
    print(
        "The level of liveness is \"passive\": a network refuses prints whose edges are in view. A new door has \"active\": it also asks people to turn the head.\n",
    )?;

    let snapshots = Snapshots::create(&args.output, MatchRule { margin: config.door.margin })?;
    let (recorder, recorded) = EventRecorder::new();
    let mut outputs: Vec<Box<dyn EventSink>> = vec![Box::new(recorder)];
    // With --json, standard output has the events only, and the relay is printed to standard error.
    let relay = if globals.json {
        outputs.push(Box::new(JsonLines::stdout()));
        Relay::printed(io::stderr())
    } else {
        outputs.push(Box::new(SentenceOutput::new(started)));
        Relay::printed(io::stdout())
    };
    let pace = if args.fast { Pace::Unpaced } else { Pace::RealTime };
    daemon::run(Setup {
        config,
        files: None,
        source: Some(Box::new(SyntheticSource::new(&DemoVisit::ALL, pace)?)),
        relay: Some(relay),
        signals: Signals::default(),
        inputs: None,
        outputs,
        frame_observer: Some(snapshots.frame_observer()),
    })?;

    let pictures = snapshots.finish()?;
    print(&format!("\nWrote {pictures} annotated pictures to {}.", args.output.display()))?;
    match recorded.check(person) {
        Ok(()) => {
            print(&format!("The unknown person and the print were refused, and {person} was let in."))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(failure) => {
            eprintln!("The demo failed: {failure}.");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Enrolls the person of the demo, as `ostiary enroll` does.
pub fn enroll(config: &Config) -> anyhow::Result<()> {
    let mut encoder = FaceEncoder::load(config)?;
    let enrollment = enrollment();
    let mut templates = Vec::new();
    for portrait in enrollment.portraits {
        let PhotoCheck::Good(face) = check_photo(&mut encoder, &config.quality, &portrait.picture()?)? else {
            bail!(
                "{}: no face of sufficient quality; check that these are the shipped models",
                portrait.file
            );
        };
        let photo = PhotoHash::of(portrait.jpeg);
        templates.push(Template {
            weight: face.face.quality.weight(),
            embedding: face.embedding,
            photo,
            crop: None,
        });
    }
    let mut facebank = Facebank::open(&config.facebank.path)?;
    facebank.enroll(enrollment.name, encoder.model(), &templates)?;
    Ok(())
}
