//! `ostiary enroll`: enrolls people from photos, from folders of photos or from the camera.

mod advice;
mod camera;
mod enroller;
mod folder;
mod photo_error;
mod photos;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use enroller::Enroller;
use ostiary_core::PersonName;

use super::Globals;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ostiary enroll Ann ann1.jpg ann2.jpg\n  \
                        ostiary enroll Ann --camera\n  ostiary enroll --from photos/\n\n\
                        Exit code: 0 enrolled, 1 refused, with the reasons, 2 an error.")]
pub struct Args {
    /// The person's name; if this person is enrolled already, the photos are added.
    #[arg(required_unless_present = "from", conflicts_with = "from")]
    name: Option<String>,
    /// Photos that show the face of this person only.
    #[arg(conflicts_with_all = ["from", "camera"])]
    photos: Vec<PathBuf>,
    /// Enroll everyone in FOLDER/NAME/*.jpg, with one folder per person. What network storage, other systems and editors leave there
    /// is passed over.
    #[arg(long, value_name = "FOLDER", conflicts_with = "camera")]
    from: Option<PathBuf>,
    /// Take five to seven pictures with the camera: straight, to both sides, up and down.
    #[arg(long)]
    camera: bool,
    /// Take three pictures in any pose, for somebody who cannot turn the head.
    #[arg(long, requires = "camera", conflicts_with_all = ["photos", "from"])]
    any_pose: bool,
    /// Use this source instead of camera.source.
    #[arg(long, requires = "camera", conflicts_with_all = ["photos", "from"])]
    source: Option<String>,
    /// Stop if there are not enough good pictures after this time.
    #[arg(long, requires = "camera", conflicts_with_all = ["photos", "from"])]
    #[arg(value_name = "SECONDS", default_value_t = 120.0)]
    timeout: f64,
    /// The facebank; by default facebank.path of the configuration.
    #[arg(long, value_name = "FILE")]
    facebank: Option<PathBuf>,
    /// The photos are aligned face crops of 112x112 pixels: faces are not searched for.
    #[arg(long)]
    aligned: bool,
    /// Accept faces of low quality: small, dark, blurred, turned away, covered or cut off.
    #[arg(long)]
    force: bool,
    /// Accept a face that is similar to another enrolled person.
    #[arg(long)]
    allow_similar: bool,
    /// Accept photos of one person that are not similar to each other.
    #[arg(long)]
    allow_unlike: bool,
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    match (&args.from, &args.name) {
        (Some(folder), _) => folder::enroll(&mut Enroller::open(globals, &args)?, folder),
        (None, Some(name)) => {
            // Before the models are loaded, because that takes a while.
            PersonName::new(name)?;
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
