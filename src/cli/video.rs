//! `ostiary video`: annotate a video with what the door would see.

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
use ostiary_facebank::{Facebank, Gallery};
use ostiary_pipeline::RecognitionPipeline;
use report::Summary;
use signal_hook::consts::{SIGINT, SIGTERM};
use writer::{Job, Sound, VideoWriter};

use super::match_label::judge;
use super::{Globals, output};
use crate::annotate;

/// The containers that hold H.264 and AAC and play nearly everywhere.
const ENDINGS: [&str; 3] = ["mp4", "mov", "mkv"];

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ostiary video visit.mp4 -o annotated.mp4\n  \
    ostiary video visit.mp4 -o annotated.mp4 --begin 12.5 --duration 10 --frames --json\n\n\
    Exit code 0: written. 2: an error; OUT is then as it was before.")]
pub struct Args {
    /// The video.
    #[arg(value_name = "IN")]
    video: PathBuf,
    /// The annotated video: .mp4, .mov or .mkv.
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Skip so much of the beginning.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    begin: Option<Duration>,
    /// Annotate so much and no more.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    duration: Option<Duration>,
    /// The facebank; facebank.path of the configuration where it is not given.
    #[arg(long, value_name = "FILE")]
    facebank: Option<PathBuf>,
    /// Replace OUT where it is there already.
    #[arg(long)]
    force: bool,
    /// Leave the sound out.
    #[arg(long)]
    no_sound: bool,
    /// Print what was seen in each frame, too.
    #[arg(long)]
    frames: bool,
}

pub fn run(globals: &Globals, args: Args) -> Result<ExitCode> {
    let config = globals.config()?;
    check_paths(&args)?;
    let mut clip = open_clip(&args.video, args.begin, args.duration)?;
    let facebank = facebank(&config, args.facebank.as_deref())?;
    let mut pipeline = RecognitionPipeline::load(&config, Gallery::default())?;
    if let Some(facebank) = facebank {
        pipeline.set_gallery(facebank.gallery(pipeline.model())?);
    }
    let rule = MatchRule { threshold: pipeline.threshold(config.door.far)?, margin: config.door.margin };

    let sound = Sound { path: &args.video, begin: args.begin.unwrap_or_default(), duration: args.duration };
    let sound = (!args.no_sound).then_some(sound);
    let job = Job { out: &args.output, replace: args.force, fps: clip.fps(), sound };
    let interrupted = interruption()?;
    let bar = progress(clip.frames());
    let (mut frame, mut writer) = (Frame::default(), None);
    let (mut summary, mut label) = (Summary::new(&args.video, &args.output), String::new());
    while clip.next(&mut frame)? == Next::Frame {
        if interrupted.load(Ordering::Relaxed) {
            bail!("interrupted: {} is not written", args.output.display());
        }
        let seen = pipeline.process(&frame)?.to_vec();
        let faces: Vec<_> = seen.iter().map(|seen| judge(&rule, seen, pipeline.gallery())).collect();
        for (face, seen) in faces.iter().zip(&seen) {
            face.label(&mut label);
            annotate::draw(&mut frame, &seen.detection, &label, face.mark());
        }
        let writer = match &mut writer {
            Some(writer) => writer,
            // Not before there is a frame: its size is certain only then.
            none => none.insert(VideoWriter::start(&job, &frame)?),
        };
        writer.write(&frame)?;
        summary.add(&faces);
        if args.frames {
            bar.suspend(|| report::print_frame(globals.json, &frame, &faces))?;
        }
        bar.inc(1);
    }
    // What a file without any frame is, the clip says itself.
    let Some(writer) = writer else { bail!("{}: it shows no picture", args.video.display()) };
    writer.finish()?;
    bar.finish_and_clear();
    if globals.json {
        output::json_line(&summary)?
    } else {
        output::line(&summary.to_string())?
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads `12.5`.
fn seconds(text: &str) -> Result<Duration, String> {
    // Longer than any video, and far from where lengths of time overflow.
    const MOST: f64 = 1e8;
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.0..=MOST).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| "give seconds, as in 12.5".into())
}

/// Finds what is wrong before the models are loaded and frames are looked at: that takes a while.
fn check_paths(args: &Args) -> Result<()> {
    let (video, out) = (&args.video, &args.output);
    let input = video.metadata().with_context(|| video.display().to_string())?;
    if args.duration.is_some_and(|duration| duration.is_zero()) {
        bail!("--duration 0 leaves nothing of {}; give more seconds", video.display());
    }
    let ending = out.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_lowercase();
    if !ENDINGS.contains(&&*ending) {
        bail!("{}: a video is written as .mp4, .mov or .mkv; end the name with one", out.display());
    }
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        bail!("{}: there is no folder {}; make it first", out.display(), folder.display());
    }
    // Links that lead nowhere are there, too.
    match (out.metadata(), out.symlink_metadata().is_ok()) {
        (Ok(there), _) if there.is_dir() => bail!("{}: is a folder; name a file", out.display()),
        (Ok(there), _) if (there.dev(), there.ino()) == (input.dev(), input.ino()) => {
            bail!("{}: is the video that is to be read; choose another name", out.display())
        }
        (_, true) if !args.force => {
            bail!("{}: is there already; choose another name, or replace it with --force", out.display())
        }
        _ => Ok(()),
    }
}

/// The facebank to recognize people by. That of the configuration need not be there, that of a flag must.
fn facebank(config: &Config, named: Option<&Path>) -> Result<Option<Facebank>> {
    let path = named.unwrap_or(&config.facebank.path);
    if named.is_none() && !path.exists() {
        eprintln!("{}: no facebank, so everybody is unknown; choose one with --facebank", path.display());
        return Ok(None);
    }
    Ok(Some(Facebank::open_read_only(path)?))
}

/// Is set when the user or the system wants an end. A second such signal ends the program at once.
fn interruption() -> Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_default(signal, interrupted.clone())?;
        signal_hook::flag::register(signal, interrupted.clone())?;
    }
    Ok(interrupted)
}

/// A bar on standard error, where that is a terminal.
fn progress(frames: Option<u64>) -> ProgressBar {
    let (bar, template) = match frames {
        Some(frames) => (ProgressBar::new(frames), "{wide_bar} {pos}/{len} frames {per_sec} {eta}"),
        None => (ProgressBar::no_length(), "{spinner} {pos} frames {per_sec}"),
    };
    bar.with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()))
}
