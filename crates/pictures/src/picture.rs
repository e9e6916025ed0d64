//! Reads one picture file: checks its kind and size, decodes it, and rotates it by its EXIF orientation.

use std::io::{Cursor, ErrorKind};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, GenericImageView, ImageDecoder, ImageFormat, ImageReader, Limits};
use ostiary_core::{Frame, RegularFileError, read_regular_file};

use super::PictureError;
use super::format::{FileFormat, format_of};
use super::size_limit::{FULL_PIXELS, SizeError, check_whole, scale_for};
use super::{jpeg, png_rows};

/// Limit of the file size, bytes.
const MAX_BYTES: u64 = 64 << 20;

/// Memory that a decoder may use for each pixel: 8 bytes of 16-bit RGBA, the deepest format, and as much again for the
/// decoder's own buffers.
const DECODER_BYTES_PER_PIXEL: u64 = 16;

/// A picture file as a frame, which has a lower resolution than a large picture.
#[derive(Debug)]
pub struct ScaledPicture {
    /// The picture.
    pub frame: Frame,
    /// How many pixels of the file one pixel of the frame is, on each side: 1, or 2 if the picture has more than 12.6
    /// megapixels, or 4 if it has more than 33.6.
    pub scale: u32,
    /// Width and height of the picture in the file, rotated as the frame is, pixels.
    pub file_size: (u32, u32),
}

/// Reads a picture file as a frame: JPEG, PNG or WebP of any depth and color model, with or without transparency, rotated as its
/// EXIF orientation says. The format is recognized by the content, not by the name. A picture of more than 12.6 megapixels is
/// read at half its resolution, one of more than 33.6 at a quarter.
///
/// # Errors
/// The file is missing, unreadable, no regular file, empty, truncated, damaged, not a picture, larger than 64 MiB, or has more
/// than 50 megapixels; a WebP, an interlaced PNG or a progressive JPEG takes too much memory. The error names the file.
pub fn read_picture(path: &Path) -> Result<Frame, PictureError> {
    read_scaled_picture(path).map(|picture| picture.frame)
}

/// Reads a picture file as [`read_picture`] does, with its scale.
///
/// # Errors
/// As [`read_picture`].
pub fn read_scaled_picture(path: &Path) -> Result<ScaledPicture, PictureError> {
    decode_scaled(path, &read_picture_bytes(path)?)
}

/// Decodes the bytes of a picture file as [`read_picture`] does. Errors name `path`.
///
/// # Errors
/// As [`read_picture`], for the content of the file.
pub fn decode_picture(path: &Path, bytes: &[u8]) -> Result<Frame, PictureError> {
    decode_scaled(path, bytes).map(|picture| picture.frame)
}

fn decode_scaled(path: &Path, bytes: &[u8]) -> Result<ScaledPicture, PictureError> {
    let failed = |why: String| PictureError::Unreadable { path: path.to_owned(), why };
    let (mut picture, orientation, scale, [width, height]) = match format_of(bytes) {
        FileFormat::Other(words) => return Err(failed(words.into())),
        FileFormat::Readable(ImageFormat::Jpeg) => {
            let decoded = jpeg::decode(bytes).map_err(|error| failed(error.to_string()))?;
            (decoded.picture, decoded.orientation, decoded.scale, decoded.file_size)
        }
        FileFormat::Readable(format) => {
            decode_lossless_or_webp(format, bytes).map_err(|error| failed(error.to_string()))?
        }
    };
    let before = picture.dimensions();
    picture.apply_orientation(orientation);
    let is_turned = before != picture.dimensions();
    let file_size = if is_turned { (height, width) } else { (width, height) };
    let picture = picture.into_rgb8();
    let (width, height) = picture.dimensions();
    let frame = Frame::from_rgb(width, height, picture.into_raw())
        .filter(|frame| !frame.rgb().is_empty())
        .ok_or_else(|| failed("it has no pixels".into()))?;
    Ok(ScaledPicture { frame, scale, file_size })
}

/// Why a PNG or a WebP cannot be decoded.
#[derive(Debug, thiserror::Error)]
enum DecodeError {
    #[error("the file is truncated: its end is missing; copy it again")]
    Truncated,
    #[error("the file is damaged ({0}); copy it again")]
    Damaged(#[from] image::ImageError),
    #[error("the file is damaged ({0}); copy it again")]
    DamagedPng(#[from] png::DecodingError),
    #[error(transparent)]
    Size(#[from] SizeError),
}

/// Decodes a PNG or a WebP, with its orientation, its scale, and its width and height in the file.
fn decode_lossless_or_webp(
    format: ImageFormat,
    bytes: &[u8],
) -> Result<(DynamicImage, Orientation, u32, [u32; 2]), DecodeError> {
    if format == ImageFormat::WebP && !is_complete_webp(bytes) {
        return Err(DecodeError::Truncated);
    }
    let mut decoder = ImageReader::with_format(Cursor::new(bytes), format).into_decoder()?;
    let (width, height) = decoder.dimensions();
    let scale = scale_for(width, height)?;
    if scale > 1 {
        if format == ImageFormat::Png
            && let Some((picture, orientation)) = png_rows::decode_reduced(bytes, scale)?
        {
            return Ok((picture.into(), orientation, scale, [width, height]));
        }
        let kind = if format == ImageFormat::Png { " for an interlaced PNG" } else { " for a WebP" };
        check_whole(width, height, kind)?;
    }
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(FULL_PIXELS * DECODER_BYTES_PER_PIXEL);
    decoder.set_limits(limits)?;
    let orientation = decoder.orientation()?;
    Ok((DynamicImage::from_decoder(decoder)?, orientation, 1, [width, height]))
}

/// Whether a WebP file has all the bytes that its RIFF header announces. Its decoder does not miss the last ones.
fn is_complete_webp(bytes: &[u8]) -> bool {
    let announced = bytes.get(4..8).and_then(|length| length.try_into().ok()).map(u32::from_le_bytes);
    announced.is_some_and(|length| bytes.len() as u64 >= u64::from(length) + 8)
}

/// Reads the bytes of a picture file without decoding them, with the limits of [`read_picture`].
///
/// # Errors
/// The file is missing, unreadable, not a regular file, empty, or larger than 64 MiB.
pub fn read_picture_bytes(path: &Path) -> Result<Vec<u8>, PictureError> {
    let failed = |why: String| PictureError::Unreadable { path: path.to_owned(), why };
    let bytes = read_regular_file(path, MAX_BYTES).map_err(|error| match error {
        RegularFileError::Io(error) => match error.kind() {
            ErrorKind::NotFound => PictureError::Missing { path: path.to_owned() },
            ErrorKind::PermissionDenied => {
                failed("permission denied; check the owner and the mode of the file".into())
            }
            _ => failed(error.to_string()),
        },
        RegularFileError::NotRegular => {
            failed("it is not a regular file; give a JPEG, PNG or WebP file".into())
        }
        error @ RegularFileError::TooLarge { .. } => failed(format!("{error}; make the picture smaller")),
    })?;
    if bytes.is_empty() {
        return Err(failed("the file is empty; copy it again".into()));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use image::codecs::jpeg::JpegEncoder;
    use image::{ExtendedColorType, ImageEncoder, Rgb, RgbImage};

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
    fn a_jpeg_has_sides_as_long_as_those_of_libjpeg() {
        let jpeg = |height| {
            let mut bytes = Vec::new();
            JpegEncoder::new(&mut bytes).encode_image(&image::GrayImage::new(1, height)).unwrap();
            bytes
        };
        assert_eq!(read("a.jpg", &jpeg(65_500)).unwrap().height(), 65_500);
        assert!(error_message(&jpeg(65_501)).contains("a side has 65501 pixels"));
        assert!(error_message(&jpeg(65_535)).contains("a JPEG's side has at most 65500; cut the picture"));
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
        assert!(error_message(b"just some text").contains("no picture that can be read"));
        assert!(error_message(b"\0\0\0\x18ftypheic\0\0\0\0").contains("it is a HEIC picture"));
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
        encoder.write_image(&[0; 10], 10, 1, ExtendedColorType::L8).unwrap();
        // Width and height are bytes 16 to 24; the checksum of their chunk follows five bytes later.
        png[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        let checksum = crc32(&png[12..29]).to_be_bytes();
        png[29..33].copy_from_slice(&checksum);
        let text = error_message(&png);
        assert!(text.contains("65536x65536 pixels are 4295 megapixels"), "{text}");
    }

    /// A picture with a color for each place, so that parts that are moved or mixed up are found.
    fn gradient(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| Rgb([(255 * x / width) as u8, (255 * y / height) as u8, 90]))
    }

    #[test]
    fn a_webp_is_read_and_one_that_is_cut_off_is_refused() {
        let mut webp = Cursor::new(Vec::new());
        DynamicImage::ImageRgb8(two_colors()).write_to(&mut webp, ImageFormat::WebP).unwrap();
        let webp = webp.into_inner();
        let frame = read("a.webp", &webp).unwrap();
        assert_eq!((frame.width(), frame.height()), (32, 16));
        assert!(is_red(&frame, 2, 2) && !is_red(&frame, 30, 2));
        for length in 12..webp.len() {
            assert!(decode_picture(Path::new("a.webp"), &webp[..length]).is_err(), "cut to {length}");
        }
    }

    #[test]
    fn a_large_png_is_read_at_half_its_resolution() {
        let picture = gradient(3701, 3501);
        for picture in [DynamicImage::from(picture.clone()), DynamicImage::from(picture).into_rgba16().into()]
        {
            let mut png = Cursor::new(Vec::new());
            picture.write_to(&mut png, ImageFormat::Png).unwrap();
            let read = decode_scaled(Path::new("a.png"), png.get_ref()).unwrap();
            assert_eq!((read.frame.width(), read.frame.height(), read.scale), (1851, 1751, 2));
            let expected = gradient(1851, 1751);
            assert!(read.frame.rgb().iter().zip(expected.as_raw()).all(|(a, b)| a.abs_diff(*b) <= 1));
            let cut = &png.get_ref()[..png.get_ref().len() - 100];
            assert!(decode_scaled(Path::new("a.png"), cut).is_err());
        }
    }

    #[test]
    fn the_largest_pictures_are_read_at_a_quarter_of_their_resolution() {
        assert_eq!(
            [(4032, 3024), (6000, 4000), (8640, 5760)].map(|(w, h)| scale_for(w, h).unwrap()),
            [1, 2, 4]
        );
        let picture = gradient(37, 21);
        let mut png = Cursor::new(Vec::new());
        picture.write_to(&mut png, ImageFormat::Png).unwrap();
        let (reduced, _) = png_rows::decode_reduced(png.get_ref(), 4).unwrap().unwrap();
        assert_eq!(reduced.dimensions(), (10, 6));
        // The mean of 4 times 4 pixels; at the right edge of one column, at the lower edge of one row.
        let mean = |x: u32, y: u32, width: u32, height: u32, channel: usize| {
            let pixels =
                (0..width * height).map(|n| picture.get_pixel(x + n % width, y + n / width)[channel]);
            let (sum, count) = pixels.fold((0, 0), |(sum, count), value| (sum + u32::from(value), count + 1));
            ((sum + count / 2) / count) as u8
        };
        for channel in 0..3 {
            assert_eq!(reduced.get_pixel(2, 1)[channel], mean(8, 4, 4, 4, channel));
            assert_eq!(reduced.get_pixel(9, 5)[channel], mean(36, 20, 1, 1, channel));
        }
    }

    #[test]
    fn a_large_jpeg_is_read_at_half_its_resolution() {
        for picture in [
            DynamicImage::from(gradient(3701, 3501)),
            DynamicImage::from(gradient(3701, 3501)).into_luma8().into(),
        ] {
            let mut jpeg = Vec::new();
            JpegEncoder::new_with_quality(&mut jpeg, 95).encode_image(&picture).unwrap();
            let read = decode_scaled(Path::new("a.jpg"), &jpeg).unwrap();
            assert_eq!((read.frame.width(), read.frame.height(), read.scale), (1851, 1751, 2));
            let expected = match picture.color().has_color() {
                true => gradient(1851, 1751),
                false => {
                    DynamicImage::from(DynamicImage::from(gradient(1851, 1751)).into_luma8()).into_rgb8()
                }
            };
            let differences = read.frame.rgb().iter().zip(expected.as_raw()).map(|(a, b)| a.abs_diff(*b));
            assert!(differences.max().unwrap() <= 6);
        }
    }

    #[test]
    fn the_inks_of_all_kinds_of_cmyk_become_rgb() {
        // Left (200, 20, 40), right (30, 60, 220): as CMYK of Adobe's programs, as YCCK, and as CMYK of others.
        let files = [
            ("adobe", &include_bytes!("../tests/cmyk/adobe.jpg")[..]),
            ("ycck", include_bytes!("../tests/cmyk/ycck.jpg")),
            ("plain", include_bytes!("../tests/cmyk/plain.jpg")),
        ];
        for (name, bytes) in files {
            let frame = read("a.jpg", bytes).unwrap();
            let is_near = |at: usize, rgb: [u8; 3]| {
                frame.rgb()[3 * at..3 * at + 3].iter().zip(rgb).all(|(a, b)| a.abs_diff(b) <= 6)
            };
            assert!(is_near(32 * 3 + 3, [200, 20, 40]), "{name}: {:?}", &frame.rgb()[3 * 99..3 * 100]);
            assert!(is_near(32 * 3 + 28, [30, 60, 220]), "{name}: {:?}", &frame.rgb()[3 * 124..3 * 125]);
        }
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0u32, |crc, byte| {
            (0..8)
                .fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
        })
    }
}
