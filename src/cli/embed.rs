//! `ostiary embed`: prints the embeddings of faces.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ostiary_core::{Embedding, Face};
use ostiary_pictures::read_picture;
use ostiary_pipeline::FaceEncoder;
use serde::Serialize;

use super::detect::{FailedPicture, report_failure};
use super::pictures::CollectedPictures;
use super::{Globals, output, pictures};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  ostiary embed --json photo.jpg\n  ostiary embed --json --aligned crops/\n\n\
    Exit code: 0 every picture has a face, 1 a picture has no face, or something in a folder was passed over, 2 a picture cannot be read."
)]
pub struct Args {
    /// Pictures, or folders of pictures; the most probable face of each picture is used.
    #[arg(required = true)]
    files: Vec<PathBuf>,

    /// The pictures are aligned face crops of 112x112 pixels: skip the detection.
    #[arg(long)]
    aligned: bool,
}

/// One embedding as it is printed as JSON.
#[derive(Serialize)]
struct EmbeddedPicture<'a> {
    file: &'a Path,
    embedding: &'a [f32],
    #[serde(skip_serializing_if = "Option::is_none")]
    face: Option<Face>,
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let mut encoder = FaceEncoder::load(&globals.config()?)?;
    let CollectedPictures { files, mut exit_code } = pictures::collect_pictures(&args.files)?;
    let bar = pictures::progress_bar(files.len());
    for file in &files {
        let embedded = if args.aligned {
            embed_aligned(&mut encoder, file)
        } else {
            embed_most_probable(&mut encoder, file)
        };
        exit_code = exit_code.max(match embedded {
            Ok(Some((embedding, face))) => bar.suspend(|| print(globals, file, &embedding, face))?,
            Ok(None) => bar.suspend(|| report_no_face(globals, file))?,
            Err(error) => bar.suspend(|| report_failure(globals, file, &error))?,
        });
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(ExitCode::from(exit_code))
}

/// The embedding of a picture and, if the face was detected, the face. `None` without a face.
type EmbedResult = anyhow::Result<Option<(Embedding, Option<Face>)>>;

fn embed_aligned(encoder: &mut FaceEncoder, file: &Path) -> EmbedResult {
    Ok(Some((encoder.embed(&pictures::read_crop(file)?)?, None)))
}

fn embed_most_probable(encoder: &mut FaceEncoder, file: &Path) -> EmbedResult {
    let encoded = encoder.most_probable(&read_picture(file)?)?;
    Ok(encoded.map(|encoded| (encoded.embedding, Some(encoded.face))))
}

fn print(globals: &Globals, file: &Path, embedding: &Embedding, face: Option<Face>) -> anyhow::Result<u8> {
    if globals.json {
        output::json_line(&EmbeddedPicture { file, embedding: embedding.values(), face })?;
    } else {
        let numbers: Vec<String> = embedding.values().iter().map(f32::to_string).collect();
        output::line(&format!("{}: {}", file.display(), numbers.join(" ")))?;
    }
    Ok(0)
}

/// Reports a picture without a face, which is not an error. Returns exit code 1.
pub fn report_no_face(globals: &Globals, file: &Path) -> anyhow::Result<u8> {
    if globals.json {
        output::json_line(&FailedPicture { file, error: "no face".into() })?;
    } else {
        output::line(&format!("{}: no face", file.display()))?;
    }
    Ok(1)
}
