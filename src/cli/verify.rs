//! `ostiary verify`: checks whether two pictures show the same person.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use ostiary_core::{Embedding, Similarity};
use ostiary_pictures::read_picture;
use ostiary_pipeline::{Comparison, FaceEncoder};
use serde::Serialize;

use super::thresholds::thresholds;
use super::{Globals, embed, output, pictures};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary verify anna1.jpg anna2.jpg\n\n\
    Exit code: 0 the same person, 1 another person or no face, 2 an error.")]
pub struct Args {
    /// The first picture.
    a: PathBuf,
    /// The second picture.
    b: PathBuf,

    /// The pictures are aligned face crops of 112x112 pixels: skip the detection.
    #[arg(long)]
    aligned: bool,
}

/// The result as it is printed as JSON.
#[derive(Serialize)]
struct Verification {
    similarity: Similarity,
    cosine: Similarity,
    threshold: Similarity,
    same: bool,
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    let mut encoder = FaceEncoder::load(&config)?;
    let thresholds = thresholds(&encoder, &config);
    let mut embed = |file: &Path| {
        embed_face(&mut encoder, file, args.aligned)
            .with_context(|| format!("cannot embed the face in {}", file.display()))
    };
    let Some(first) = embed(&args.a)? else {
        return Ok(ExitCode::from(embed::report_no_face(globals, &args.a)?));
    };
    let Some(second) = embed(&args.b)? else {
        return Ok(ExitCode::from(embed::report_no_face(globals, &args.b)?));
    };
    let comparison = thresholds.compare(&first, &second);
    let (same, Comparison { similarity, cosine, threshold }) = (comparison.is_match(), comparison);
    if globals.json {
        output::json_line(&Verification { similarity, cosine, threshold, same })?;
    } else {
        output::line(&format!(
            "{}: similarity {:.3}, threshold {:.3}",
            if same { "the same person" } else { "not the same person" },
            similarity.0,
            threshold.0,
        ))?;
    }
    Ok(ExitCode::from(u8::from(!same)))
}

/// The embedding of an aligned crop, or of the most probable face of a picture; `None` without a face.
fn embed_face(encoder: &mut FaceEncoder, file: &Path, aligned: bool) -> anyhow::Result<Option<Embedding>> {
    let embedding = if aligned {
        Some(encoder.embed(&pictures::read_crop(file)?)?)
    } else {
        encoder.most_probable(&read_picture(file)?)?.map(|face| face.embedding)
    };
    if let Some(fault) = embedding.as_ref().and_then(|embedding| encoder.not_upright(embedding)) {
        bail!("{}", fault.advice());
    }
    Ok(embedding)
}
