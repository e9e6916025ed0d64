//! Encoding and recognizing JPEG files.

use std::path::Path;

use anyhow::Result;
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageFormat};

/// From 1 to 100. At this quality the 8x8 blocks of a crop are not visible.
const QUALITY: u8 = 95;

/// Encodes packed RGB as a JPEG file.
///
/// # Errors
/// If the number of bytes is not that of the size.
pub fn encode(rgb: &[u8], width: u32, height: u32) -> Result<Vec<u8>> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode(rgb, width, height, ExtendedColorType::Rgb8)?;
    Ok(jpeg)
}

/// Whether the content of a file is a JPEG.
pub fn is_jpeg(file: &[u8]) -> bool {
    image::guess_format(file).is_ok_and(|format| format == ImageFormat::Jpeg)
}

/// The file name under which a picture is stored as a JPEG: `.jpg` is added unless the name has such an extension.
pub fn file_name(picture: &str) -> String {
    let ending = Path::new(picture).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let fits = ["jpg", "jpeg"].iter().any(|known| ending.eq_ignore_ascii_case(known));
    if fits { picture.to_owned() } else { format!("{picture}.jpg") }
}
