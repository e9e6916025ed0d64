//! `ostiary embed`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ostiary_core::{Embedding, Face};
use ostiary_pictures::read_picture;
use ostiary_pipeline::Recognizer;
use serde::Serialize;

use super::detect::{Failed, failed};
use super::{Globals, output, pictures};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  ostiary embed --json photo.jpg\n  ostiary embed --json --aligned crops/\n\n\
    Exit code: 0 every picture has a face, 1 some picture has none, 2 some picture is unreadable."
)]
pub struct Args {
    /// Pictures, or folders of pictures; of each the most probable face is taken.
    #[arg(required = true)]
    files: Vec<PathBuf>,

    /// The pictures are 112x112 crops, already aligned: take them as they are.
    #[arg(long)]
    aligned: bool,
}

#[derive(Serialize)]
struct Embedded<'a> {
    file: &'a Path,
    embedding: &'a [f32],
    #[serde(skip_serializing_if = "Option::is_none")]
    face: Option<Face>,
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let mut recognizer = Recognizer::load(&globals.config()?)?;
    let files = pictures::pictures(&args.files)?;
    let bar = pictures::progress(files.len());
    let mut worst = 0;
    for file in &files {
        let looked = if args.aligned { aligned(&mut recognizer, file) } else { found(&mut recognizer, file) };
        worst = worst.max(match looked {
            Ok(Some((embedding, face))) => bar.suspend(|| print(globals, file, &embedding, face))?,
            Ok(None) => bar.suspend(|| no_face(globals, file))?,
            Err(error) => bar.suspend(|| failed(globals, file, &error))?,
        });
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(ExitCode::from(worst))
}

type Looked = anyhow::Result<Option<(Embedding, Option<Face>)>>;

fn aligned(recognizer: &mut Recognizer, file: &Path) -> Looked {
    Ok(Some((recognizer.embed(&pictures::read_crop(file)?)?, None)))
}

fn found(recognizer: &mut Recognizer, file: &Path) -> Looked {
    let seen = recognizer.most_probable(&read_picture(file)?)?;
    Ok(seen.map(|seen| (seen.embedding, Some(seen.face))))
}

fn print(globals: &Globals, file: &Path, embedding: &Embedding, face: Option<Face>) -> anyhow::Result<u8> {
    if globals.json {
        output::json_line(&Embedded { file, embedding: embedding.values(), face })?;
    } else {
        let numbers: Vec<String> = embedding.values().iter().map(f32::to_string).collect();
        output::line(&format!("{}: {}", file.display(), numbers.join(" ")))?;
    }
    Ok(0)
}

/// No face is a normal result.
pub fn no_face(globals: &Globals, file: &Path) -> anyhow::Result<u8> {
    if globals.json {
        output::json_line(&Failed { file, error: "no face".into() })?;
    } else {
        output::line(&format!("{}: no face", file.display()))?;
    }
    Ok(1)
}
