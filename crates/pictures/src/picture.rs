//! Reads one picture file: checks its size, decodes it, and rotates it by its EXIF orientation.

use std::fs::File;
use std::io::{Cursor, ErrorKind, Read};
use std::path::Path;

use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};
use ostiary_core::Frame;

use super::{PictureError, jpeg};

/// Limit of the file size, bytes.
const MAX_BYTES: u64 = 64 << 20;

/// Limit of the number of pixels, checked in the header before a picture is decoded.
pub const MAX_PIXELS: u64 = 50_000_000;

/// Memory that a decoder may use for each pixel: 8 bytes of 16-bit RGBA, the deepest format, and as much again for the
/// decoder's own buffers.
const DECODER_BYTES_PER_PIXEL: u64 = 16;

/// Reads a picture file as a frame: JPEG or PNG of any depth, with or without color or transparency, rotated as its EXIF
/// orientation says. The format is recognized by the content, not by the name.
///
/// # Errors
/// The file is missing, unreadable, empty, truncated, damaged, not a picture, larger than 64 MiB, or has more than 50
/// megapixels. The error names the file.
pub fn read_picture(path: &Path) -> Result<Frame, PictureError> {
    decode_picture(path, &read_picture_bytes(path)?)
}

/// Decodes the bytes of a picture file as [`read_picture`] does. Errors name `path`.
///
/// # Errors
/// As [`read_picture`], for the content of the file.
pub fn decode_picture(path: &Path, bytes: &[u8]) -> Result<Frame, PictureError> {
    let failed = |why: String| PictureError::Unreadable { path: path.to_owned(), why };
    let format = image::guess_format(bytes)
        .ok()
        .filter(|format| format.reading_enabled())
        .ok_or_else(|| failed("it is neither a JPEG nor a PNG".into()))?;
    if format == ImageFormat::Jpeg && !jpeg::is_complete(bytes) {
        return Err(failed("the file is truncated: its end is missing; copy it again".into()));
    }

    let damaged = |error: image::ImageError| failed(format!("the file is damaged ({error}); copy it again"));
    let mut decoder = ImageReader::with_format(Cursor::new(bytes), format).into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels > MAX_PIXELS {
        let megapixels = pixels as f64 / 1e6;
        let limit = MAX_PIXELS / 1_000_000;
        return Err(failed(format!(
            "{width}x{height} pixels are {megapixels:.0} megapixels, and the limit is {limit}; make the picture smaller"
        )));
    }
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_PIXELS * DECODER_BYTES_PER_PIXEL);
    decoder.set_limits(limits).map_err(damaged)?;
    let orientation = decoder.orientation().map_err(damaged)?;
    let mut picture = match (format, decoder.color_type()) {
        (ImageFormat::Jpeg, ColorType::Rgb8) => {
            color_jpeg(bytes).map_err(|error| failed(error.to_string()))?
        }
        _ => DynamicImage::from_decoder(decoder).map_err(damaged)?,
    };
    picture.apply_orientation(orientation);

    let picture = picture.into_rgb8();
    let (width, height) = picture.dimensions();
    Frame::from_rgb(width, height, picture.into_raw())
        .filter(|frame| !frame.rgb().is_empty())
        .ok_or_else(|| failed("it has no pixels".into()))
}

/// Why a color JPEG cannot be decoded.
#[derive(Debug, thiserror::Error)]
enum DamagedJpeg {
    #[error("the file is damaged ({0}); copy it again")]
    Decoder(#[from] jpeg_decoder::Error),
    #[error("the file is damaged (its header and its pixels disagree); copy it again")]
    Inconsistent,
}

/// Decodes a color JPEG whose size was checked. The decoder of the crate `image` upsamples subsampled chroma in another
/// way than libjpeg, which decoded the pictures that models are trained and measured on; embeddings then differ in the
/// fourth digit. `jpeg-decoder` agrees with libjpeg up to rounding.
fn color_jpeg(bytes: &[u8]) -> Result<DynamicImage, DamagedJpeg> {
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    let rgb = decoder.decode()?;
    decoder
        .info()
        .filter(|info| info.pixel_format == jpeg_decoder::PixelFormat::RGB24)
        .and_then(|info| RgbImage::from_raw(info.width.into(), info.height.into(), rgb))
        .map(DynamicImage::ImageRgb8)
        .ok_or(DamagedJpeg::Inconsistent)
}

/// Reads the bytes of a picture file without decoding them, with the limits of [`read_picture`].
///
/// # Errors
/// The file is missing, unreadable, not a regular file, empty, or larger than 64 MiB.
pub fn read_picture_bytes(path: &Path) -> Result<Vec<u8>, PictureError> {
    let failed = |why: String| PictureError::Unreadable { path: path.to_owned(), why };
    let io_error = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => PictureError::Missing { path: path.to_owned() },
        ErrorKind::PermissionDenied => {
            failed("permission denied; check the owner and the mode of the file".into())
        }
        _ => failed(error.to_string()),
    };
    // Checked before it is opened: opening a named pipe waits for a writer.
    let metadata = std::fs::metadata(path).map_err(io_error)?;
    if !metadata.is_file() {
        return Err(failed("it is not a regular file".into()));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)).map_err(io_error)?;
    if bytes.is_empty() {
        return Err(failed("the file is empty; copy it again".into()));
    }
    if bytes.len() as u64 > MAX_BYTES {
        return Err(failed(format!(
            "the file is larger than {} MiB; make the picture smaller",
            MAX_BYTES >> 20
        )));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use image::codecs::jpeg::JpegEncoder;
    use image::{ImageEncoder, Rgb, RgbImage};

    use super::*;

    /// Left half red, right half blue; wider than high.
    fn two_colors() -> RgbImage {
        RgbImage::from_fn(32, 16, |x, _| if x < 16 { Rgb([250, 0, 0]) } else { Rgb([0, 0, 250]) })
    }

    fn jpeg_with_orientation(orientation: u8) -> Vec<u8> {
        // A TIFF header (little-endian) and one entry: tag 0x0112, a short, once.
        let mut exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
        let mut bytes = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
        encoder.set_exif_metadata(exif).unwrap();
        encoder.encode_image(&two_colors()).unwrap();
        bytes
    }

    fn read(name: &str, bytes: &[u8]) -> Result<Frame, PictureError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        read_picture(&path)
    }

    fn error_message(bytes: &[u8]) -> String {
        let error = read("anna.jpg", bytes).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("anna.jpg"), "{text}");
        text
    }

    fn is_red(frame: &Frame, x: u32, y: u32) -> bool {
        let byte = (y * frame.width() + x) as usize * 3;
        frame.rgb()[byte] > 128
    }

    #[test]
    fn the_exif_orientation_is_applied() {
        let upright = read("a.jpg", &jpeg_with_orientation(1)).unwrap();
        assert_eq!((upright.width(), upright.height()), (32, 16));
        assert!(is_red(&upright, 2, 2) && !is_red(&upright, 30, 2));
        // Orientation 6: rotate by 90 degrees clockwise.
        let rotated = read("a.jpg", &jpeg_with_orientation(6)).unwrap();
        assert_eq!((rotated.width(), rotated.height()), (16, 32));
        assert!(is_red(&rotated, 2, 2) && is_red(&rotated, 14, 2) && !is_red(&rotated, 2, 30));
    }

    #[test]
    fn all_color_types_become_rgb() {
        let pictures = [
            DynamicImage::ImageRgb8(two_colors()),
            DynamicImage::from(two_colors()).into_luma8().into(),
            DynamicImage::from(two_colors()).into_luma_alpha8().into(),
            DynamicImage::from(two_colors()).into_rgba8().into(),
            DynamicImage::from(two_colors()).into_rgb16().into(),
            DynamicImage::from(two_colors()).into_luma16().into(),
        ];
        for picture in pictures {
            let mut bytes = Cursor::new(Vec::new());
            picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
            let frame = read("a.png", bytes.get_ref()).unwrap();
            assert_eq!((frame.width(), frame.height(), frame.rgb().len()), (32, 16, 32 * 16 * 3));
            assert_eq!(frame.rgb(), picture.to_rgb8().as_raw().as_slice());
        }
    }

    #[test]
    fn errors_name_the_file_and_the_cause() {
        assert!(error_message(b"").contains("empty"));
        assert!(error_message(b"just some text").contains("neither a JPEG nor a PNG"));
        let complete = jpeg_with_orientation(1);
        assert!(error_message(&complete[..complete.len() / 2]).contains("truncated"));
        assert!(error_message(&complete[..complete.len() - 1]).contains("truncated"));
        let mut png = Cursor::new(Vec::new());
        two_colors().write_to(&mut png, ImageFormat::Png).unwrap();
        assert!(error_message(&png.get_ref()[..png.get_ref().len() / 2]).contains("damaged"));
        let missing = read_picture(Path::new("/nowhere/at/all.jpg")).unwrap_err();
        assert!(matches!(missing, PictureError::Missing { .. }));
        assert!(read_picture(Path::new("/dev/zero")).unwrap_err().to_string().contains("regular file"));
    }

    #[test]
    fn too_many_pixels_are_refused_by_the_header() {
        let mut png = Vec::new();
        let encoder = image::codecs::png::PngEncoder::new(&mut png);
        encoder.write_image(&[0; 10], 10, 1, image::ExtendedColorType::L8).unwrap();
        // Width and height are bytes 16 to 24; the checksum of their chunk follows five bytes later.
        png[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        let checksum = crc32(&png[12..29]).to_be_bytes();
        png[29..33].copy_from_slice(&checksum);
        let text = error_message(&png);
        assert!(text.contains("65536x65536 pixels are 4295 megapixels"), "{text}");
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0u32, |crc, byte| {
            (0..8)
                .fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
        })
    }
}
