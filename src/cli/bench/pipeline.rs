//! `bench pipeline`: the whole look at a frame, as the daemon has it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use ostiary_capture as capture;
use ostiary_capture::{FrameSource, Next};
use ostiary_config::Camera;
use ostiary_core::clock::{Clock, MonotonicClock};
use ostiary_core::{Frame, redact};
use ostiary_facebank::Gallery;
use ostiary_pipeline::RecognitionPipeline;

use super::Effort;
use super::report::{Looks, Report};
use super::times::{Times, WARM_UP};
use crate::cli::{Globals, pictures};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary bench pipeline --video door.mp4\n\n\
    Times the look at each frame: faces are found (a full detection) or followed, aligned, measured, embedded and \
    compared. Decoding the video is not part of it. Frames that were fully detected and frames on which faces were \
    merely followed are also told apart.")]
pub struct Args {
    /// The video; or a picture, or a folder of pictures.
    #[arg(long, value_name = "FILE")]
    video: String,
    /// The smallest face that is looked for, pixels; detector.min_face of the configuration where it is not
    /// given.
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(12..))]
    min_face: Option<u32>,
    /// Frames that are timed; what is shorter is played again from its beginning.
    #[arg(long, value_name = "N", default_value_t = 300)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    runs: u32,
    #[command(flatten)]
    effort: Effort,
}

pub fn run(globals: &Globals, args: &Args) -> anyhow::Result<Report> {
    let mut config = args.effort.config(globals)?;
    config.detector.min_face = args.min_face.unwrap_or(config.detector.min_face);
    config.camera.source.clone_from(&args.video);
    config.camera.realtime = false;

    let mut pipeline = RecognitionPipeline::load(&config, Gallery::default())?;
    let mut reel = Reel::open(config.camera)?;
    let mut frame = Frame::default();
    for _ in 0..WARM_UP {
        reel.next(&mut frame)?;
        pipeline.process(&frame)?;
    }
    let (mut all, mut detected, mut followed) = (Vec::new(), Vec::new(), Vec::new());
    let mut faces = 0;
    let bar = pictures::progress(args.runs as usize);
    for _ in 0..args.runs {
        reel.next(&mut frame)?;
        let start = Instant::now();
        faces += pipeline.process(&frame)?.len();
        let time = start.elapsed();
        all.push(time);
        if pipeline.ran_full_detection() { &mut detected } else { &mut followed }.push(time);
        bar.inc(1);
    }
    bar.finish_and_clear();

    let times = Times::new(all).context("no frame was timed")?;
    let looks = Looks::new(Times::new(detected), Times::new(followed));
    let input = format!(
        "{} ({}x{}, {:.1} faces a frame)",
        redact(&args.video),
        frame.width(),
        frame.height(),
        faces as f64 / f64::from(args.runs)
    );
    Ok(Report::new("pipeline", &times, pipeline.backend(), input).with(looks))
}

/// A source that is played over and over, with time that goes on.
struct Reel {
    camera: Camera,
    source: Box<dyn FrameSource>,
    clock: Arc<dyn Clock>,
    /// What is added to the times of this round.
    begin: Duration,
    last: Duration,
}

impl Reel {
    fn open(camera: Camera) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(MonotonicClock::default());
        let source = capture::open(&camera, clock.clone())?;
        Ok(Self { camera, source, clock, begin: Duration::ZERO, last: Duration::ZERO })
    }

    fn next(&mut self, frame: &mut Frame) -> anyhow::Result<()> {
        if self.source.next(frame)? == Next::End {
            self.begin = self.last + Duration::from_secs_f64(1.0 / f64::from(self.camera.fps));
            self.source = capture::open(&self.camera, self.clock.clone())?;
            if self.source.next(frame)? == Next::End {
                bail!("{}: there is no frame in it", redact(&self.camera.source));
            }
        }
        frame.time += self.begin;
        self.last = frame.time;
        Ok(())
    }
}
