//! Pictures as JPEGs.

use std::path::Path;

use anyhow::Result;
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageFormat};

/// Of 100: a crop's blocks of 8x8 are then not to be seen.
const QUALITY: u8 = 95;

/// Packed RGB as a JPEG.
pub fn encode(rgb: &[u8], width: u32, height: u32) -> Result<Vec<u8>> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode(rgb, width, height, ExtendedColorType::Rgb8)?;
    Ok(jpeg)
}

/// Whether a file is a JPEG, by its content.
pub fn is_jpeg(file: &[u8]) -> bool {
    image::guess_format(file).is_ok_and(|format| format == ImageFormat::Jpeg)
}

/// A picture's name as that of a JPEG.
pub fn file_name(picture: &str) -> String {
    let ending = Path::new(picture).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let fits = ["jpg", "jpeg"].iter().any(|known| ending.eq_ignore_ascii_case(known));
    if fits { picture.to_owned() } else { format!("{picture}.jpg") }
}
