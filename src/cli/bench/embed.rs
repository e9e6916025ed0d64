//! `bench embed`: times the embedding network on one face.

use std::path::PathBuf;

use anyhow::Context;
use ostiary_core::Crop;
use ostiary_engine::Backend;
use ostiary_models::Bundle;
use ostiary_pictures::read_picture;
use ostiary_pipeline::{FaceEncoder, aligned_crop};
use ostiary_vision::Embedder;

use super::report::Report;
use super::times::Times;
use super::{EngineFlags, synthetic};
use crate::cli::Globals;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary bench embed --json --runs 500\n\n\
    The time does not depend on the face, so a picture is rarely needed.")]
pub struct Args {
    /// Use the most probable face of this picture; a picture of 112x112 pixels is used as an aligned face.
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// The number of timed runs.
    #[arg(long, value_name = "N", default_value_t = 200)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    runs: u32,
    /// The number of faces that are embedded together; the times are for all of them.
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=64))]
    faces: u16,
    #[command(flatten)]
    engine_flags: EngineFlags,
}

pub fn run(globals: &Globals, args: &Args) -> anyhow::Result<Report> {
    let config = args.engine_flags.config(globals)?;
    let side = Crop::SIDE as u32;
    let (crop, input) = match &args.image {
        Some(path) => {
            let picture = read_picture(path)?;
            let crop = match aligned_crop(&picture) {
                Some(crop) => crop,
                None => {
                    let face = FaceEncoder::load(&config)?.most_probable(&picture)?;
                    face.with_context(|| format!("{}: no face; choose another picture", path.display()))?.crop
                }
            };
            (crop, format!("a face of {}", path.display()))
        }
        None => (
            Crop::from_rgb(&synthetic::picture(side, side)).unwrap_or_default(),
            "a synthetic face".to_owned(),
        ),
    };
    let bundle = Bundle::find(&config.models, config.engine.precision)?;
    let backend = Backend::new(&config.engine, &config.ort)?;
    let mut embedder = Embedder::load(&bundle, &config.embedder, &backend)?;
    let alone = embedder.embed(&crop)?;
    let crops = vec![crop; args.faces.into()];
    let times =
        Times::measure(args.engine_flags.warm_up, args.runs, || embedder.embed_all(&crops, |_, _| ()))?;
    if args.faces == 1 {
        return Ok(Report::new("embed", &times, &backend, input));
    }
    let mut lowest = f32::INFINITY;
    embedder.embed_all(&crops, |_, together| lowest = lowest.min(alone.similarity(&together).0))?;
    let report = Report::new("embed", &times, &backend, format!("{} times {input}", args.faces));
    Ok(report.with_cosine_to_alone(lowest))
}
