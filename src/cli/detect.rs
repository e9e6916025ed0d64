//! `ostiary detect`: finds the faces in pictures.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ostiary_core::{Face, QualityFault};
use ostiary_pictures::{ScaledPicture, read_scaled_picture};
use ostiary_pipeline::{FaceEncoder, MeasuredFace};
use serde::Serialize;

use super::pictures::CollectedPictures;
use super::{Globals, output, pictures};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary detect --json photo.jpg\n\n\
    Exit code: 0 every picture has a face, 1 a picture has no face, or something in a folder was passed over, 2 a picture cannot be read.")]
pub struct Args {
    /// Pictures, or folders of pictures.
    #[arg(required = true)]
    files: Vec<PathBuf>,

    /// The smallest face to detect, in pixels.
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(12..))]
    min_face: Option<u32>,
}

/// The faces of one picture as they are printed as JSON.
#[derive(Serialize)]
struct FacesInPicture<'a> {
    file: &'a Path,
    width: u32,
    height: u32,
    faces: Vec<FoundFace>,
}

/// A face as it is printed as JSON.
#[derive(Serialize)]
struct FoundFace {
    #[serde(flatten)]
    face: Face,
    /// Whether the edge of the picture cuts the face off.
    cut_off: bool,
    /// What covers the eyes or the mouth.
    covered: Option<QualityFault>,
}

impl<'a> FacesInPicture<'a> {
    /// The faces in pixels of the file, of which the picture may have fewer.
    fn new(file: &'a Path, picture: &ScaledPicture, faces: Vec<MeasuredFace>) -> Self {
        let in_file = |mut found: FoundFace| {
            found.face.detection = found.face.detection.enlarged(picture.scale);
            found
        };
        let faces = faces.into_iter().map(FoundFace::from).map(in_file).collect();
        let (width, height) = picture.file_size;
        Self { file, width, height, faces }
    }
}

impl From<MeasuredFace> for FoundFace {
    fn from(MeasuredFace { face, is_cut_off, cover }: MeasuredFace) -> Self {
        Self { face, cut_off: is_cut_off, covered: cover }
    }
}

/// A picture without a result, as it is printed as JSON.
#[derive(Serialize)]
pub struct FailedPicture<'a> {
    pub file: &'a Path,
    pub error: String,
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let mut config = globals.config()?;
    if let Some(min_face) = args.min_face {
        config.detector.min_face = min_face;
    }
    let mut encoder = FaceEncoder::load(&config)?;
    let CollectedPictures { files, mut exit_code } = pictures::collect_pictures(&args.files)?;
    let bar = pictures::progress_bar(files.len());
    for file in &files {
        let detected = read_scaled_picture(file).map_err(anyhow::Error::from).and_then(|picture| {
            let faces = encoder.faces(&picture.frame)?;
            Ok(FacesInPicture::new(file, &picture, faces))
        });
        exit_code = exit_code.max(match detected {
            Ok(found) => bar.suspend(|| print(globals, &found))?,
            Err(error) => bar.suspend(|| report_failure(globals, file, &error))?,
        });
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(ExitCode::from(exit_code))
}

/// Prints the faces of one picture. Returns exit code 1 if there are none.
fn print(globals: &Globals, found: &FacesInPicture) -> anyhow::Result<u8> {
    if globals.json {
        output::json_line(found)?;
    } else {
        output::line(&format!("{}: {}", found.file.display(), face_count(found.faces.len())))?;
        for FoundFace { face, cut_off, covered } in &found.faces {
            let (bbox, quality) = (face.detection.bbox, face.quality);
            output::line(&format!(
                "  {:.0}x{:.0} at {:.0},{:.0}  score {:.3}  sharpness {:.0}  exposure {:.2}  yaw {:.0}  pitch {:.0}  roll {:.0}{}{}",
                bbox.width,
                bbox.height,
                bbox.x,
                bbox.y,
                face.detection.score,
                quality.sharpness,
                quality.exposure,
                quality.yaw,
                quality.pitch,
                quality.roll,
                if *cut_off { "  cut off" } else { "" },
                if covered.is_some() { "  covered" } else { "" },
            ))?;
        }
    }
    Ok(u8::from(found.faces.is_empty()))
}

fn face_count(faces: usize) -> String {
    match faces {
        0 => "no face".into(),
        1 => "1 face".into(),
        more => format!("{more} faces"),
    }
}

/// Reports a picture that could not be processed. Returns exit code 2; the caller continues with the other pictures.
pub fn report_failure(globals: &Globals, file: &Path, error: &anyhow::Error) -> anyhow::Result<u8> {
    let error = format!("{error:#}");
    if globals.json {
        output::json_line(&FailedPicture { file, error })?;
    } else {
        eprintln!("error: {error}");
    }
    Ok(2)
}
