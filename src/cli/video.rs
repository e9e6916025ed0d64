//! `ostiary video`: annotates a video with the faces that the door would find and recognize.

mod report;
mod writer;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use ostiary_capture::{FrameSource, Next, open_clip};
use ostiary_config::Config;
use ostiary_core::{Frame, MatchRule};
use ostiary_facebank::Facebank;
use ostiary_pipeline::RecognitionPipeline;
use report::Summary;
use signal_hook::consts::{SIGINT, SIGTERM};
use writer::{OutputSettings, Sound, VideoWriter};

use super::match_label::match_face;
use super::{Globals, output};
use crate::annotate;

/// The extensions of the containers that hold H.264 and AAC and that most players support.
const VIDEO_EXTENSIONS: [&str; 3] = ["mp4", "mov", "mkv"];

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ostiary video visit.mp4 -o annotated.mp4\n  \
    ostiary video visit.mp4 -o annotated.mp4 --begin 12.5 --duration 10 --frames --json\n\n\
    Exit code: 0 written, 2 an error; OUT is then not changed.")]
pub struct Args {
    /// The video.
    #[arg(value_name = "IN")]
    video: PathBuf,
    /// The annotated video: .mp4, .mov or .mkv.
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Skip this much of the beginning.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds, allow_negative_numbers = true)]
    begin: Option<Duration>,
    /// Annotate at most this much.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds, allow_negative_numbers = true)]
    duration: Option<Duration>,
    /// The facebank; by default facebank.path of the configuration.
    #[arg(long, value_name = "FILE")]
    facebank: Option<PathBuf>,
    /// Replace OUT if it exists.
    #[arg(long)]
    force: bool,
    /// Leave out the sound.
    #[arg(long)]
    no_sound: bool,
    /// Also print the faces of each frame.
    #[arg(long)]
    frames: bool,
}

pub fn run(globals: &Globals, args: Args) -> Result<ExitCode> {
    let config = globals.config()?;
    check_paths(&args)?;
    let mut clip = open_clip(&args.video, args.begin, args.duration)?;
    let facebank = facebank(&config, args.facebank.as_deref())?;
    let mut pipeline = RecognitionPipeline::load(&config)?;
    if let Some(facebank) = facebank {
        pipeline.set_gallery(pipeline.thresholds().load_gallery(&facebank, pipeline.model())?);
    }
    let rule = MatchRule { margin: config.door.margin };

    let sound = Sound { path: &args.video, begin: args.begin.unwrap_or_default(), duration: args.duration };
    let sound = (!args.no_sound).then_some(sound);
    let settings = OutputSettings {
        out: &args.output,
        replace: args.force,
        fps: clip.fps(),
        delay: clip.delay(),
        sound,
    };
    let interrupted = interrupt_flag()?;
    let bar = progress_bar(clip.frames());
    let (mut frame, mut writer) = (Frame::default(), None);
    let (mut summary, mut text) = (Summary::new(&args.video, &args.output), String::new());
    while clip.next(&mut frame)? == Next::Frame {
        if interrupted.load(Ordering::Relaxed) {
            bail!("interrupted: {} is not written", args.output.display());
        }
        let tracked = pipeline.process(&frame)?.to_vec();
        let faces: Vec<_> = tracked.iter().map(|face| match_face(&rule, face, pipeline.gallery())).collect();
        for (label, face) in faces.iter().zip(&tracked) {
            label.write_label(&mut text);
            annotate::draw(&mut frame, &face.detection, &text, label.status());
        }
        let writer = match &mut writer {
            Some(writer) => writer,
            // The size is known only with the first frame.
            none => none.insert(VideoWriter::start(&settings, &frame)?),
        };
        writer.write(&frame)?;
        summary.add(&faces);
        if args.frames {
            bar.suspend(|| report::print_frame(globals.json, &frame, &faces))?;
        }
        bar.inc(1);
    }
    let Some(writer) = writer else { bail!("{}: there is no frame in it", args.video.display()) };
    writer.finish()?;
    bar.finish_and_clear();
    if globals.json {
        output::json_line(&summary)?
    } else {
        output::line(&summary.to_string())?
    }
    Ok(ExitCode::SUCCESS)
}

/// A time of a flag that is not a number of seconds in range.
#[derive(Debug, thiserror::Error)]
#[error("give seconds, for example 12.5")]
struct InvalidSeconds;

/// Parses a number of seconds, for example `12.5`.
fn parse_seconds(text: &str) -> Result<Duration, InvalidSeconds> {
    // Longer than any video; a larger number could overflow a `Duration`.
    const MAX_SECONDS: f64 = 1e8;
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.0..=MAX_SECONDS).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or(InvalidSeconds)
}

/// Checks the flags before the models are loaded and frames are processed, because that takes a while.
fn check_paths(args: &Args) -> Result<()> {
    let (video, out) = (&args.video, &args.output);
    let input = video.metadata().with_context(|| video.display().to_string())?;
    if args.duration.is_some_and(|duration| duration.is_zero()) {
        bail!("--duration 0 leaves nothing of {}; give a longer duration", video.display());
    }
    let extension =
        out.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_lowercase();
    if !VIDEO_EXTENSIONS.contains(&&*extension) {
        bail!("{}: this extension is not supported; use .mp4, .mov or .mkv", out.display());
    }
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        bail!("{}: there is no folder {}; create it first", out.display(), folder.display());
    }
    // A symbolic link without a target counts as an existing file.
    match (out.metadata(), out.symlink_metadata().is_ok()) {
        (Ok(metadata), _) if metadata.is_dir() => bail!("{}: is a folder; give a file", out.display()),
        (Ok(metadata), _) if (metadata.dev(), metadata.ino()) == (input.dev(), input.ino()) => {
            bail!("{}: is the input video; choose another name", out.display())
        }
        (_, true) if !args.force => {
            bail!("{}: already exists; choose another name, or replace it with --force", out.display())
        }
        _ => Ok(()),
    }
}

/// Opens the facebank to recognize people with. The facebank of `--facebank` must exist; that of the configuration may be
/// missing.
fn facebank(config: &Config, flag: Option<&Path>) -> Result<Option<Facebank>> {
    let path = flag.unwrap_or(&config.facebank.path);
    if flag.is_none() && !path.exists() {
        eprintln!(
            "{}: there is no facebank, so all faces are unknown; choose a facebank with --facebank",
            path.display()
        );
        return Ok(None);
    }
    Ok(Some(Facebank::open_read_only(path)?))
}

/// A flag that SIGINT and SIGTERM set. A second such signal ends the program at once.
fn interrupt_flag() -> Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_default(signal, interrupted.clone())?;
        signal_hook::flag::register(signal, interrupted.clone())?;
    }
    Ok(interrupted)
}

/// A progress bar on standard error; hidden if that is not a terminal.
fn progress_bar(frames: Option<u64>) -> ProgressBar {
    let (bar, template) = match frames {
        Some(frames) => (ProgressBar::new(frames), "{wide_bar} {pos}/{len} frames {per_sec} {eta}"),
        None => (ProgressBar::no_length(), "{spinner} {pos} frames {per_sec}"),
    };
    bar.with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()))
}
