//! `bench embed`: one face through the embedding network.

use std::path::PathBuf;

use anyhow::Context;
use ostiary_core::Crop;
use ostiary_engine::Backend;
use ostiary_models::Bundle;
use ostiary_pictures::read_picture;
use ostiary_pipeline::Recognizer;
use ostiary_vision::Embedder;

use super::report::Report;
use super::times::Times;
use super::{Effort, synthetic};
use crate::cli::{Globals, pictures};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary bench embed --json --runs 500\n\n\
    The network takes as long for one face as for another, so that a picture is seldom needed.")]
pub struct Args {
    /// Take the most probable face of this picture, or the aligned face that it is.
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// Runs that are timed.
    #[arg(long, value_name = "N", default_value_t = 200)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    runs: u32,
    /// Faces that are embedded together; the times are those of all of them.
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=64))]
    faces: u16,
    #[command(flatten)]
    effort: Effort,
}

pub fn run(globals: &Globals, args: &Args) -> anyhow::Result<Report> {
    let config = args.effort.config(globals)?;
    let side = Crop::SIDE as u32;
    let (crop, input) = match &args.image {
        Some(path) => {
            let picture = read_picture(path)?;
            let crop = match pictures::crop_of(&picture) {
                Some(crop) => crop,
                None => {
                    let face = Recognizer::load(&config)?.most_probable(&picture)?;
                    face.with_context(|| format!("{}: no face; choose another picture", path.display()))?.crop
                }
            };
            (crop, format!("a face of {}", path.display()))
        }
        None => {
            (Crop::from_rgb(&synthetic::picture(side, side)).unwrap_or_default(), "a made-up face".to_owned())
        }
    };
    let bundle = Bundle::find(&config.models, config.engine.precision)?;
    let backend = Backend::new(&config.engine, &config.ort)?;
    let mut embedder = Embedder::load(&bundle, &config.embedder, &backend)?;
    let crops = vec![crop; args.faces.into()];
    let times = Times::measure(args.runs, || embedder.embed_all(&crops, |_, _| ()))?;
    let input = if args.faces == 1 { input } else { format!("{} times {input}", args.faces) };
    Ok(Report::new("embed", &times, &backend, input))
}
