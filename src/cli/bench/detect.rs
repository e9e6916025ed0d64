//! `bench detect`: times a full detection in one picture.

use std::path::PathBuf;

use ostiary_core::Detections;
use ostiary_engine::Backend;
use ostiary_models::Bundle;
use ostiary_pictures::read_picture;
use ostiary_vision::Detector;

use super::EngineFlags;
use super::demo_scene::DemoScene;
use super::report::Report;
use super::times::Times;
use crate::cli::Globals;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary bench detect --image door.jpg\n\n\
    The time depends on the number of faces and of face-like regions. A picture of your door with people gives a more \
    realistic time than the demo's picture.")]
pub struct Args {
    /// The picture; by default one of the demo, of 640x480 pixels with one face.
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// The smallest face to detect, in pixels; by default detector.min_face of the configuration.
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(12..))]
    min_face: Option<u32>,
    /// The number of timed runs.
    #[arg(long, value_name = "N", default_value_t = 50)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    runs: u32,
    #[command(flatten)]
    engine_flags: EngineFlags,
}

pub fn run(globals: &Globals, args: &Args) -> anyhow::Result<Report> {
    let mut config = args.engine_flags.config(globals)?;
    config.detector.min_face = args.min_face.unwrap_or(config.detector.min_face);
    let picture = match &args.image {
        Some(path) => read_picture(path)?,
        None => DemoScene::new()?.face,
    };
    let bundle = Bundle::find(&config.models, config.engine.precision)?;
    let backend = Backend::new(&config.engine, &config.ort)?;
    let mut detector = Detector::load(&bundle, &config.detector, &backend)?;
    let mut found = Detections::new();
    let times =
        Times::measure(args.engine_flags.warm_up, args.runs, || detector.detect(&picture, &mut found))?;

    let (width, height, faces) = (picture.width(), picture.height(), found.len());
    let name = args.image.as_ref().map_or("the demo's picture".to_owned(), |path| path.display().to_string());
    let input =
        format!("{name} ({width}x{height}, {faces} faces of {} pixels and more)", config.detector.min_face);
    Ok(Report::new("detect", &times, &backend, input))
}
