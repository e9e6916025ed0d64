//! `ostiary detect`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ostiary_core::Face;
use ostiary_pictures::read_picture;
use ostiary_pipeline::Recognizer;
use serde::Serialize;

use super::{Globals, output, pictures};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary detect --json photo.jpg\n\n\
    Exit code: 0 every picture has a face, 1 some picture has none, 2 some picture is unreadable.")]
pub struct Args {
    /// Pictures, or folders of pictures.
    #[arg(required = true)]
    files: Vec<PathBuf>,

    /// The smallest face that is looked for, pixels.
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(12..))]
    min_face: Option<u32>,
}

#[derive(Serialize)]
struct Found<'a> {
    file: &'a Path,
    width: u32,
    height: u32,
    faces: Vec<Face>,
}

#[derive(Serialize)]
pub struct Failed<'a> {
    pub file: &'a Path,
    pub error: String,
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let mut config = globals.config()?;
    if let Some(min_face) = args.min_face {
        config.detector.min_face = min_face;
    }
    let mut recognizer = Recognizer::load(&config)?;
    let files = pictures::pictures(&args.files)?;
    let bar = pictures::progress(files.len());
    let mut worst = 0;
    for file in &files {
        let looked = read_picture(file).map_err(anyhow::Error::from).and_then(|frame| {
            let faces = recognizer.faces(&frame)?;
            Ok(Found { file, width: frame.width(), height: frame.height(), faces })
        });
        worst = worst.max(match looked {
            Ok(found) => bar.suspend(|| print(globals, &found))?,
            Err(error) => bar.suspend(|| failed(globals, file, &error))?,
        });
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(ExitCode::from(worst))
}

fn print(globals: &Globals, found: &Found) -> anyhow::Result<u8> {
    if globals.json {
        output::json_line(found)?;
    } else {
        output::line(&format!("{}: {}", found.file.display(), count(found.faces.len())))?;
        for face in &found.faces {
            let (bbox, quality) = (face.detection.bbox, face.quality);
            output::line(&format!(
                "  {:.0}x{:.0} at {:.0},{:.0}  score {:.3}  sharpness {:.0}  exposure {:.2}  yaw {:.0}  pitch {:.0}  roll {:.0}",
                bbox.width,
                bbox.height,
                bbox.x,
                bbox.y,
                face.detection.score,
                quality.sharpness,
                quality.exposure,
                quality.yaw,
                quality.pitch,
                quality.roll
            ))?;
        }
    }
    Ok(u8::from(found.faces.is_empty()))
}

fn count(faces: usize) -> String {
    match faces {
        0 => "no face".into(),
        1 => "1 face".into(),
        more => format!("{more} faces"),
    }
}

/// Tells of a picture that could not be worked on; the rest go on.
pub fn failed(globals: &Globals, file: &Path, error: &anyhow::Error) -> anyhow::Result<u8> {
    let error = format!("{error:#}");
    if globals.json {
        output::json_line(&Failed { file, error })?;
    } else {
        eprintln!("error: {error}");
    }
    Ok(2)
}
