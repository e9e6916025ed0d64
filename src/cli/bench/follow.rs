//! `bench follow`: times a frame in which the face of the last frame is followed.

use std::time::Duration;

use anyhow::bail;
use ostiary_pipeline::{MOMENT_INTERVAL, RecognitionPipeline};

use super::EngineFlags;
use super::demo_scene::DemoScene;
use super::report::Report;
use super::times::Times;
use crate::cli::Globals;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary bench follow --embed\n\n\
    Most frames with a face in view are of this kind: the face is looked for only where it was, and its quality is measured. It \
    is embedded, and compared with the people, at most every 150 ms. Presentation attack detection is not included: see \
    `ostiary bench liveness`.")]
pub struct Args {
    /// Embed the face in every frame; by default in none.
    #[arg(long)]
    embed: bool,
    /// The number of timed frames.
    #[arg(long, value_name = "N", default_value_t = 100)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    runs: u32,
    #[command(flatten)]
    engine_flags: EngineFlags,
}

pub fn run(globals: &Globals, args: &Args) -> anyhow::Result<Report> {
    let mut config = args.engine_flags.config(globals)?;
    // Only the first frame is searched completely.
    config.detector.every = u32::MAX;
    let mut pipeline = RecognitionPipeline::load(&config)?;
    let mut frame = DemoScene::new()?.face;
    pipeline.process(&frame)?;
    let time_step = if args.embed { MOMENT_INTERVAL } else { Duration::ZERO };
    let times = Times::measure(args.engine_flags.warm_up, args.runs, || {
        frame.time += time_step;
        let [face] = pipeline.process(&frame)? else {
            bail!("the face of the demo was lost; check the models")
        };
        let embedded = face.embedded;
        if pipeline.ran_full_detection() || embedded != args.embed {
            bail!("the face of the demo was not followed; check the models");
        }
        Ok(())
    })?;
    let embedded = if args.embed { ", embedded in every frame" } else { "" };
    let [width, height] = [frame.width(), frame.height()];
    let input = format!("one face of the demo ({width}x{height}{embedded})");
    Ok(Report::new("follow", &times, pipeline.backend(), input))
}
