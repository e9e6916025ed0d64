//! Enrolls people: checks photos, or asks for one pose after the other before a camera, and stores the templates. Commands and
//! the control API use it.
//!
//! What comes in: a name, and pictures as files, bytes or frames of a source. What goes out: lines for the person who enrolls,
//! as they happen, and an [`Enrollment`].

mod advice;
mod camera;
mod enroller;
mod photo_error;

use serde::{Deserialize, Serialize};

pub use advice::advice;
pub use camera::{CameraEnrollment, TooFewPictures};
pub use enroller::{Enroller, PhotoFile, Problem};

use crate::snapshot_store::{SnapshotError, SnapshotStore};

/// What is accepted in photos.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EnrollOptions {
    /// The photos are aligned face crops of 112x112 pixels.
    pub aligned: bool,
    /// Faces of low quality are accepted.
    pub force: bool,
    /// A face that is similar to another enrolled person is accepted.
    pub allow_similar: bool,
    /// Photos of one person that are not similar to each other are accepted.
    pub allow_unlike: bool,
}

/// The detail of the event of an enrollment.
pub fn photos_added(added: usize) -> String {
    format!("{added} photo{}", if added == 1 { "" } else { "s" })
}

/// The detail of the event of an enrollment from the picture of a stranger.
pub fn snapshot_added(event: u64) -> String {
    format!("{}, from the picture of event {event}", photos_added(1))
}

/// The picture of a stranger as a photo to enroll from.
///
/// # Errors
/// There is none of this event, or it cannot be used.
pub fn snapshot_photo(snapshots: &SnapshotStore, event: u64) -> Result<PhotoFile, SnapshotError> {
    let (_, bytes) = snapshots.read(event)?;
    // The name stands in messages.
    Ok(PhotoFile { path: format!("the picture of event {event}").into(), bytes: Some(bytes) })
}

/// Takes the lines for the person who enrolls.
pub type Say<'a> = dyn FnMut(&str) + 'a;

/// What became of an enrollment, as commands print it as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Enrollment {
    /// The templates are stored.
    Enrolled(Enrolled),
    /// Nothing was stored.
    Refused(RefusedEnrollment),
}

impl Enrollment {
    /// What becomes of photos of which at least one has a problem.
    pub fn refused(name: &str, problems: Vec<Problem>, say: &mut Say<'_>) -> Self {
        for problem in &problems {
            say(&format!("{}: {}", problem.photo.display(), problem.problem));
        }
        say(&format!("{name} was not enrolled: nothing was stored"));
        Self::Refused(RefusedEnrollment { person: name.to_owned(), enrolled: false, problems })
    }
}

/// A person whose templates were stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Enrolled {
    /// The name, as it is stored.
    pub person: String,
    /// Always true.
    pub enrolled: bool,
    /// The number of the person.
    pub id: i64,
    /// Whether the person was not enrolled before.
    pub new: bool,
    /// Number of photos that were added.
    pub added: usize,
    /// Number of photos that were enrolled before.
    pub known: usize,
    /// Number of photos of the person in all.
    pub templates: usize,
    /// The frontal aspect of the person, if the door's camera measured it.
    pub frontal_aspect: Option<f32>,
    /// The person whom the model cannot tell apart from this one.
    pub alike: Option<String>,
    /// What would make the enrollment better.
    pub advice: Vec<String>,
}

/// Photos of which at least one was refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RefusedEnrollment {
    /// The name that was given.
    pub person: String,
    /// Always false.
    pub enrolled: bool,
    /// The refused photos.
    pub problems: Vec<Problem>,
}
