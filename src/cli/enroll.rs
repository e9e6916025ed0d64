//! `ostiary enroll`: enrolls people from photos, from folders of photos, from the camera or from the picture of a stranger.

mod folder;
mod photos;
mod snapshot;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use ostiary_control::interface;
use ostiary_core::PersonName;
use ostiary_events::Action;

pub use photos::{CameraOptions, enroll_from_door_camera, print};

use super::Globals;
use super::administration::record;
use super::running_door::running_door;
use crate::enrollment::{EnrollOptions, Enroller, Enrollment, photos_added};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ostiary enroll Ann ann1.jpg ann2.jpg\n  \
                        ostiary enroll Ann --camera\n  ostiary enroll --from photos/\n  \
                        ostiary enroll Ann --event 4711\n\n\
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
    /// Enroll from the picture of a stranger, which the door has kept of this event (snapshots.days). The picture is deleted then.
    #[arg(long, value_name = "EVENT", conflicts_with_all = ["photos", "from", "camera", "aligned", "facebank"])]
    event: Option<u64>,
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

impl Args {
    fn options(&self) -> EnrollOptions {
        let Self { aligned, force, allow_similar, allow_unlike, .. } = *self;
        EnrollOptions { aligned, force, allow_similar, allow_unlike }
    }

    fn api_options(&self) -> interface::EnrollOptions {
        let Self { aligned, force, allow_similar, allow_unlike, .. } = *self;
        interface::EnrollOptions { aligned, force, allow_similar, allow_unlike }
    }
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let Some(name) = &args.name else {
        return match &args.from {
            Some(folder) => folder::enroll(&mut FileEnroller::open(globals, &args)?, folder),
            None => bail!("nobody to enroll: give a name and photos, or --from FOLDER"),
        };
    };
    // Before the models are loaded, because that takes a while.
    PersonName::new(name)?;
    for photo in &args.photos {
        photo.metadata().with_context(|| photo.display().to_string())?;
    }
    if !args.camera && args.photos.is_empty() && args.event.is_none() {
        bail!("nothing to enroll {name} from: give photos, or --camera, or --event");
    }
    let Ok(timeout) = Duration::try_from_secs_f64(args.timeout) else {
        bail!("--timeout {} is not a valid time: give seconds, for example 60", args.timeout);
    };
    let config = globals.config()?;
    let facebank = args.facebank.as_ref().unwrap_or(&config.facebank.path);
    // A source of one's own is no business of the door.
    let door = if args.source.is_some() { None } else { running_door(&config, facebank)? };
    if let Some(event) = args.event {
        return match door {
            Some(mut door) => snapshot::enroll_by_door(&mut door, name, event, &args, globals.json),
            None => snapshot::enroll(&mut FileEnroller::open(globals, &args)?, name, event),
        };
    }
    match (door, args.camera) {
        (Some(mut door), true) => {
            let camera = CameraOptions { any_pose: args.any_pose, timeout };
            let enrollment = enroll_from_door_camera(&mut door, name, &camera, args.api_options())?;
            photos::print(&enrollment, globals.json)
        }
        (Some(mut door), false) => photos::enroll_by_door(&mut door, name, &args, globals.json),
        (None, true) => {
            photos::enroll_from_camera(&mut FileEnroller::open(globals, &args)?, name, &args, timeout)
        }
        (None, false) => photos::enroll(&mut FileEnroller::open(globals, &args)?, name, &args),
    }
}

/// Enrolls people in the file of a facebank, and records it.
struct FileEnroller {
    enroller: Enroller,
    json: bool,
}

impl FileEnroller {
    fn open(globals: &Globals, args: &Args) -> anyhow::Result<Self> {
        let config = globals.config()?;
        let facebank = args.facebank.clone().unwrap_or_else(|| config.facebank.path.clone());
        let enroller = Enroller::open(config, args.options(), &facebank, &mut photos::say)?;
        Ok(Self { enroller, json: globals.json })
    }

    /// Records that photos of a person were added to the door's facebank.
    fn record(&self, name: &str, added: usize) {
        self.record_detail(name, photos_added(added));
    }

    /// Records that photos of a person were added, with this detail.
    fn record_detail(&self, name: &str, detail: String) {
        let Enroller { config, facebank, .. } = &self.enroller;
        record(config, facebank.path(), Action::Enrolled, Some(name), Some(detail));
    }

    /// Records and prints what became of an enrollment.
    fn finish(&self, enrollment: &Enrollment) -> anyhow::Result<ExitCode> {
        if let Enrollment::Enrolled(enrolled) = enrollment
            && enrolled.added > 0
        {
            self.record(&enrolled.person, enrolled.added);
        }
        photos::print(enrollment, self.json)
    }
}
