//! `ostiary enroll`: make a person known, from photos, from folders of photos or from the camera.

mod camera;
mod enroller;
mod folder;
mod photos;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use enroller::Enroller;
use ostiary_facebank::check_name;

use super::Globals;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ostiary enroll Ann ann1.jpg ann2.jpg\n  \
                        ostiary enroll Ann --camera\n  ostiary enroll --from photos/\n\n\
                        Exit code 0: enrolled. 1: refused, with the reasons. 2: an error.")]
pub struct Args {
    /// The person's name; photos are added where there is one of this name already.
    #[arg(required_unless_present = "from", conflicts_with = "from")]
    name: Option<String>,
    /// Photos with the one face of the person.
    #[arg(conflicts_with_all = ["from", "camera"])]
    photos: Vec<PathBuf>,
    /// Import FOLDER/NAME/*.jpg, a folder for each person.
    #[arg(long, value_name = "FOLDER", conflicts_with = "camera")]
    from: Option<PathBuf>,
    /// Look through the camera until there are good pictures of the face.
    #[arg(long)]
    camera: bool,
    /// Another source than camera.source.
    #[arg(long, requires = "camera", conflicts_with_all = ["photos", "from"])]
    source: Option<String>,
    /// Give up after so many seconds before the camera.
    #[arg(long, requires = "camera", conflicts_with_all = ["photos", "from"])]
    #[arg(value_name = "SECONDS", default_value_t = 60.0)]
    timeout: f64,
    /// The facebank; facebank.path of the configuration where it is not given.
    #[arg(long, value_name = "FILE")]
    facebank: Option<PathBuf>,
    /// Take photos as faces that are already aligned, 112x112; a photo of that size always is.
    #[arg(long)]
    aligned: bool,
    /// Accept faces that are not good enough: small, dark, blurred or turned away.
    #[arg(long)]
    force: bool,
    /// Accept a face that looks like another enrolled person's.
    #[arg(long)]
    allow_similar: bool,
    /// Accept photos of one person that do not look like each other.
    #[arg(long)]
    allow_unlike: bool,
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    match (&args.from, &args.name) {
        (Some(folder), _) => folder::enroll(&mut Enroller::open(globals, &args)?, folder),
        (None, Some(name)) => {
            // Before the models are loaded: that takes a while, and what is wrong stays wrong.
            check_name(name)?;
            for photo in &args.photos {
                photo.metadata().with_context(|| photo.display().to_string())?;
            }
            if args.camera {
                camera::enroll(&mut Enroller::open(globals, &args)?, name)
            } else if args.photos.is_empty() {
                bail!("nothing to enroll {name} from: give photos, or --camera")
            } else {
                photos::enroll(&mut Enroller::open(globals, &args)?, name)
            }
        }
        (None, None) => bail!("nobody to enroll: give a name and photos, or --from FOLDER"),
    }
}
