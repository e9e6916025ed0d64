//! Why a photo is not enrolled.

use ostiary_core::QualityFault;
use ostiary_pictures::PictureError;
use ostiary_pipeline::FaceCountError;
use ostiary_vision::VisionError;

/// Why a photo is not enrolled. The messages do not name the photo; the caller does.
#[derive(Debug, thiserror::Error)]
pub enum PhotoError {
    /// The file cannot be read, or is not a valid picture.
    #[error("cannot be read as a picture: {why}")]
    Decode { why: String },
    /// Another error of the picture reader.
    #[error(transparent)]
    Picture(PictureError),
    /// The networks failed.
    #[error(transparent)]
    Vision(#[from] VisionError),
    /// `--aligned` is given, and the picture does not have the size of a crop.
    #[error("the picture is {width}x{height} pixels; an aligned face is 112x112")]
    NotAligned { width: u32, height: u32 },
    /// `--aligned` is given, and the crop shows no face.
    #[error("no face found in the middle of the crop; without --aligned the face is searched for")]
    NoFaceInCrop,
    /// There is no face, or more than one.
    #[error(transparent)]
    Refused(#[from] FaceCountError),
    /// The head is not upright, which `--force` does not accept.
    #[error("{}", QualityFault::NotUpright.advice())]
    NotUpright,
    /// The quality of the face is too low.
    #[error("{} (accept it with --force)", .0.advice())]
    LowQuality(QualityFault),
    /// The face matches another enrolled person.
    #[error("looks like {other}, who is enrolled (accept it with --allow-similar)")]
    Similar { other: String },
    /// The face does not match the other photos of the person.
    #[error("does not look like the other photos of {name} (accept it with --allow-unlike)")]
    Unlike { name: String },
}

impl From<PictureError> for PhotoError {
    fn from(error: PictureError) -> Self {
        match error {
            // Its message names the file, which the caller does too.
            PictureError::Unreadable { why, .. } => Self::Decode { why },
            other => Self::Picture(other),
        }
    }
}
