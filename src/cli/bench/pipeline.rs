//! `bench pipeline`: times the vision pipeline of the daemon on each frame.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use ostiary_capture as capture;
use ostiary_capture::{FrameSource, Next};
use ostiary_config::Camera;
use ostiary_core::clock::{Clock, MonotonicClock};
use ostiary_core::{Frame, redact_address};
use ostiary_pipeline::RecognitionPipeline;

use super::EngineFlags;
use super::report::{FrameTimes, Report};
use super::times::Times;
use crate::cli::{Globals, pictures};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary bench pipeline --video door.mp4\n\n\
    Times the processing of each frame: detection or tracking of the faces, alignment, quality, embedding and \
    matching. Decoding the video is not timed. Frames with a full detection, frames with \
    tracking only, and frames without a face that were not searched, because nothing has changed in them, are also reported \
    separately.")]
pub struct Args {
    /// A video, a picture, or a folder of pictures.
    #[arg(long, value_name = "FILE")]
    video: String,
    /// The smallest face to detect, in pixels; by default detector.min_face of the configuration.
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(12..))]
    min_face: Option<u32>,
    /// The number of timed frames; a shorter video is repeated.
    #[arg(long, value_name = "N", default_value_t = 300)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    runs: u32,
    #[command(flatten)]
    engine_flags: EngineFlags,
}

pub fn run(globals: &Globals, args: &Args) -> anyhow::Result<Report> {
    let mut config = args.engine_flags.config(globals)?;
    config.detector.min_face = args.min_face.unwrap_or(config.detector.min_face);
    // The user and the password are those of the door's camera, and not for another one.
    (config.camera.user, config.camera.password_file) = (None, None);
    config.camera.source.clone_from(&args.video);
    config.camera.realtime = false;

    let mut pipeline = RecognitionPipeline::load(&config)?;
    let mut source = RepeatedSource::open(config.camera)?;
    let mut frame = Frame::default();
    for _ in 0..args.engine_flags.warm_up {
        source.next(&mut frame)?;
        pipeline.process(&frame)?;
    }
    let (mut all, mut detected, mut tracked, mut unchanged) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut faces = 0;
    let bar = pictures::progress_bar(args.runs as usize);
    for _ in 0..args.runs {
        source.next(&mut frame)?;
        let start = Instant::now();
        let found = pipeline.process(&frame)?.len();
        let time = start.elapsed();
        faces += found;
        all.push(time);
        match (pipeline.ran_full_detection(), found) {
            (true, _) => detected.push(time),
            (false, 0) => unchanged.push(time),
            (false, _) => tracked.push(time),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();

    let times = Times::new(all).context("no frame was timed")?;
    let frame_times = FrameTimes::new(Times::new(detected), Times::new(tracked), Times::new(unchanged));
    let input = format!(
        "{} ({}x{}, {:.1} faces a frame)",
        redact_address(&args.video),
        frame.width(),
        frame.height(),
        faces as f64 / f64::from(args.runs)
    );
    Ok(Report::new("pipeline", &times, pipeline.backend(), input).with_frame_times(frame_times))
}

/// A source that is repeated, with frame times that keep increasing.
struct RepeatedSource {
    camera: Camera,
    source: Box<dyn FrameSource>,
    clock: Arc<dyn Clock>,
    /// Added to the frame times of the current repetition.
    offset: Duration,
    /// The time of the last frame.
    last_time: Duration,
}

impl RepeatedSource {
    fn open(camera: Camera) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(MonotonicClock::default());
        let source = capture::open(&camera, clock.clone())?;
        Ok(Self { camera, source, clock, offset: Duration::ZERO, last_time: Duration::ZERO })
    }

    fn next(&mut self, frame: &mut Frame) -> anyhow::Result<()> {
        if self.source.next(frame)? == Next::End {
            self.offset = self.last_time + Duration::from_secs_f64(1.0 / f64::from(self.camera.fps));
            self.source = capture::open(&self.camera, self.clock.clone())?;
            if self.source.next(frame)? == Next::End {
                bail!("{}: there is no frame in it", redact_address(&self.camera.source));
            }
        }
        frame.time += self.offset;
        self.last_time = frame.time;
        Ok(())
    }
}
