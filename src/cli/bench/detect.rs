//! `bench detect`: a full detection on one picture.

use std::path::PathBuf;

use anyhow::Context;
use ostiary_core::{Detections, Frame};
use ostiary_engine::Backend;
use ostiary_models::Bundle;
use ostiary_pictures::read_picture;
use ostiary_vision::Detector;

use super::report::Report;
use super::times::Times;
use super::{Effort, synthetic};
use crate::cli::Globals;

/// Pixels of the picture that is made up.
const WIDTH: u32 = 640;
const HEIGHT: u32 = 480;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary bench detect --image door.jpg\n\n\
    Every face costs time, and so does whatever looks a little like one: a picture of your door with people \
    before it is more honest than the one that is made up.")]
pub struct Args {
    /// Look at this picture; one of 640x480 without faces is made up where it is not given.
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// The smallest face that is looked for, pixels; detector.min_face of the configuration where it is not
    /// given.
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(12..))]
    min_face: Option<u32>,
    /// Runs that are timed.
    #[arg(long, value_name = "N", default_value_t = 50)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    runs: u32,
    #[command(flatten)]
    effort: Effort,
}

pub fn run(globals: &Globals, args: &Args) -> anyhow::Result<Report> {
    let mut config = args.effort.config(globals)?;
    config.detector.min_face = args.min_face.unwrap_or(config.detector.min_face);
    let picture = match &args.image {
        Some(path) => read_picture(path)?,
        None => Frame::from_rgb(WIDTH, HEIGHT, synthetic::picture(WIDTH, HEIGHT)).context("no picture")?,
    };
    let bundle = Bundle::find(&config.models, config.engine.precision)?;
    let backend = Backend::new(&config.engine, &config.ort)?;
    let mut detector = Detector::load(&bundle, &config.detector, &backend)?;
    let mut found = Detections::new();
    let times = Times::measure(args.runs, || detector.detect(&picture, &mut found))?;

    let (width, height, faces) = (picture.width(), picture.height(), found.len());
    let name = match &args.image {
        Some(path) => path.display().to_string(),
        None => {
            if !globals.json {
                eprintln!("a picture with faces is more honest than the one that is made up: --image FILE");
            }
            "a made-up picture".to_owned()
        }
    };
    let input =
        format!("{name} ({width}x{height}, {faces} faces of {} pixels and more)", config.detector.min_face);
    Ok(Report::new("detect", &times, &backend, input))
}
