//! Reading one picture file.

use std::path::Path;

use super::{CaptureError, Frame};

/// Reads a picture file as a frame.
pub fn read_picture(path: &Path) -> Result<Frame, CaptureError> {
    let failed = |why: String| CaptureError::Picture { path: path.to_owned(), why };
    let picture = image::open(path).map_err(|error| failed(error.to_string()))?.into_rgb8();
    let (width, height) = picture.dimensions();
    Frame::from_rgb(width, height, picture.into_raw()).ok_or_else(|| failed("wrong length".into()))
}
