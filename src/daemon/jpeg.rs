//! Frames as JPEG, for those who watch and for the pictures of strangers.

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageError};
use ostiary_core::Frame;

/// A frame as JPEG, with a quality of 1 to 100.
///
/// # Errors
/// The frame cannot be a JPEG: it is empty.
pub fn jpeg(frame: &Frame, quality: u8) -> Result<Vec<u8>, ImageError> {
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, quality);
    encoder.write_image(frame.rgb(), frame.width(), frame.height(), ExtendedColorType::Rgb8)?;
    Ok(bytes)
}
