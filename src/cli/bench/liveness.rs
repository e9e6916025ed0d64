//! `bench liveness`: times presentation attack detection on one face.

use std::path::PathBuf;

use anyhow::Context;
use ostiary_core::{BBox, Frame};
use ostiary_engine::Backend;
use ostiary_models::Bundle;
use ostiary_pictures::read_picture;
use ostiary_pipeline::FaceEncoder;
use ostiary_vision::LivenessNetwork;

use super::report::Report;
use super::times::Times;
use super::{EngineFlags, synthetic};
use crate::cli::Globals;

/// The size of the synthetic picture, in pixels, and the box in it that stands for a face.
const WIDTH: u32 = 640;
const HEIGHT: u32 = 480;
const FACE: BBox = BBox { x: 260.0, y: 150.0, width: 120.0, height: 160.0 };

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary bench liveness --json --runs 500\n\n\
    Times the network with its crop, for one face. Compare it with `ostiary bench embed` on the same core. The time hardly \
    depends on the picture, so a picture is rarely needed.")]
pub struct Args {
    /// Use the most probable face of this picture; by default a synthetic picture of 640x480 pixels without a face.
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// The number of timed runs.
    #[arg(long, value_name = "N", default_value_t = 200)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    runs: u32,
    #[command(flatten)]
    engine_flags: EngineFlags,
}

pub fn run(globals: &Globals, args: &Args) -> anyhow::Result<Report> {
    let config = args.engine_flags.config(globals)?;
    let (picture, face, input) = match &args.image {
        Some(path) => {
            let picture = read_picture(path)?;
            let face = FaceEncoder::load(&config)?.most_probable(&picture)?;
            let face =
                face.with_context(|| format!("{}: no face; choose another picture", path.display()))?;
            (picture, face.face.detection.bbox, format!("a face of {}", path.display()))
        }
        None => {
            let picture = Frame::from_rgb(WIDTH, HEIGHT, synthetic::picture(WIDTH, HEIGHT));
            (picture.context("no picture")?, FACE, "a synthetic face".to_owned())
        }
    };
    let bundle = Bundle::find(&config.models, config.engine.precision)?;
    let backend = Backend::new(&config.engine, &config.ort)?;
    let network = LivenessNetwork::load(&bundle, &backend)?;
    let mut network = network.with_context(|| {
        format!("{}: has no network for presentation attack detection", bundle.folder().display())
    })?;
    let times =
        Times::measure(args.engine_flags.warm_up, args.runs, || network.score(&picture, &face).map(drop))?;
    Ok(Report::new("liveness", &times, &backend, input))
}
