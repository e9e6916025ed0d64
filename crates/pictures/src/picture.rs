//! Reading one picture file.

use std::fs::File;
use std::io::{Cursor, ErrorKind, Read};
use std::path::Path;

use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};
use ostiary_core::Frame;

use super::{PictureError, jpeg};

/// Files larger than this are not read.
const MAX_BYTES: u64 = 64 << 20;

/// Pictures with more pixels than this are not decoded, whatever the size of their file.
pub const MAX_PIXELS: u64 = 50_000_000;

/// Reads a picture file as a frame: JPEG or PNG, of any depth, with or without color or transparency, turned
/// as its EXIF orientation says. The file is judged by its content, not by its name.
///
/// An error names the file where it is missing, empty, torn, no picture, larger than 64 MiB, or of more than
/// 50 megapixels (which its header tells, before anything is decoded).
pub fn read_picture(path: &Path) -> Result<Frame, PictureError> {
    decode_picture(path, &read_picture_bytes(path)?)
}

/// Decodes the bytes of a picture file as [`read_picture`] does; `path` names them in errors.
pub fn decode_picture(path: &Path, bytes: &[u8]) -> Result<Frame, PictureError> {
    let failed = |why: String| PictureError::Unreadable { path: path.to_owned(), why };
    let format = image::guess_format(bytes)
        .ok()
        .filter(|format| format.reading_enabled())
        .ok_or_else(|| failed("it is neither a JPEG nor a PNG".into()))?;
    if format == ImageFormat::Jpeg && !jpeg::is_whole(bytes) {
        return Err(failed("the file is torn: its end is missing; copy it again".into()));
    }

    let damaged = |error: image::ImageError| failed(format!("the file is damaged ({error}); copy it again"));
    let mut decoder = ImageReader::with_format(Cursor::new(bytes), format).into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels > MAX_PIXELS {
        let megapixels = pixels as f64 / 1e6;
        let most = MAX_PIXELS / 1_000_000;
        return Err(failed(format!(
            "{width}x{height} are {megapixels:.0} megapixels, more than {most}; make it smaller"
        )));
    }
    let mut limits = Limits::no_limits();
    // 16-bit RGBA is the deepest there is: eight bytes a pixel, and as much again for the decoder's own use.
    limits.max_alloc = Some(MAX_PIXELS * 16);
    decoder.set_limits(limits).map_err(damaged)?;
    let orientation = decoder.orientation().map_err(damaged)?;
    let mut picture = match (format, decoder.color_type()) {
        (ImageFormat::Jpeg, ColorType::Rgb8) => color_jpeg(bytes).map_err(failed)?,
        _ => DynamicImage::from_decoder(decoder).map_err(damaged)?,
    };
    picture.apply_orientation(orientation);

    let picture = picture.into_rgb8();
    let (width, height) = picture.dimensions();
    Frame::from_rgb(width, height, picture.into_raw())
        .filter(|frame| !frame.rgb().is_empty())
        .ok_or_else(|| failed("it has no pixels".into()))
}

/// Decodes a color JPEG whose size was checked. `image`'s own decoder spreads the halved chroma of JPEGs
/// otherwise than libjpeg, with whose pictures models are trained and measured, and embeddings then differ in
/// the fourth digit; this one agrees with it to rounding.
fn color_jpeg(bytes: &[u8]) -> Result<DynamicImage, String> {
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    let damaged = |why: String| format!("the file is damaged ({why}); copy it again");
    let rgb = decoder.decode().map_err(|error| damaged(error.to_string()))?;
    decoder
        .info()
        .filter(|info| info.pixel_format == jpeg_decoder::PixelFormat::RGB24)
        .and_then(|info| RgbImage::from_raw(info.width.into(), info.height.into(), rgb))
        .map(DynamicImage::ImageRgb8)
        .ok_or_else(|| damaged("its header and its pixels disagree".into()))
}

/// Reads a picture's file without decoding it, with [`read_picture`]'s limits on what a file may be.
pub fn read_picture_bytes(path: &Path) -> Result<Vec<u8>, PictureError> {
    let failed = |why: String| PictureError::Unreadable { path: path.to_owned(), why };
    let unread = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => PictureError::Missing { path: path.to_owned() },
        ErrorKind::PermissionDenied => failed("not permitted; check the file's owner and mode".into()),
        _ => failed(error.to_string()),
    };
    // Looked at before it is opened: opening a named pipe would wait for a writer.
    let kind = std::fs::metadata(path).map_err(unread)?;
    if !kind.is_file() {
        return Err(failed("it is not a regular file".into()));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)).map_err(unread)?;
    if bytes.is_empty() {
        return Err(failed("the file is empty; copy it again".into()));
    }
    if bytes.len() as u64 > MAX_BYTES {
        return Err(failed(format!("the file is larger than {} MiB; make it smaller", MAX_BYTES >> 20)));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use image::codecs::jpeg::JpegEncoder;
    use image::{ImageEncoder, Rgb, RgbImage};

    use super::*;

    /// Left half red, right half blue; wider than high.
    fn halves() -> RgbImage {
        RgbImage::from_fn(32, 16, |x, _| if x < 16 { Rgb([250, 0, 0]) } else { Rgb([0, 0, 250]) })
    }

    fn jpeg_with_orientation(orientation: u8) -> Vec<u8> {
        // A TIFF header (little-endian) and one entry: tag 0x0112, a short, once.
        let mut exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
        let mut bytes = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
        encoder.set_exif_metadata(exif).unwrap();
        encoder.encode_image(&halves()).unwrap();
        bytes
    }

    fn read(name: &str, bytes: &[u8]) -> Result<Frame, PictureError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        read_picture(&path)
    }

    fn complaint(bytes: &[u8]) -> String {
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
    fn the_exif_orientation_is_respected() {
        let upright = read("a.jpg", &jpeg_with_orientation(1)).unwrap();
        assert_eq!((upright.width(), upright.height()), (32, 16));
        assert!(is_red(&upright, 2, 2) && !is_red(&upright, 30, 2));
        // 6: the camera was held so that the picture must be turned a quarter clockwise.
        let turned = read("a.jpg", &jpeg_with_orientation(6)).unwrap();
        assert_eq!((turned.width(), turned.height()), (16, 32));
        assert!(is_red(&turned, 2, 2) && is_red(&turned, 14, 2) && !is_red(&turned, 2, 30));
    }

    #[test]
    fn every_depth_and_color_becomes_rgb() {
        let pictures = [
            DynamicImage::ImageRgb8(halves()),
            DynamicImage::from(halves()).into_luma8().into(),
            DynamicImage::from(halves()).into_luma_alpha8().into(),
            DynamicImage::from(halves()).into_rgba8().into(),
            DynamicImage::from(halves()).into_rgb16().into(),
            DynamicImage::from(halves()).into_luma16().into(),
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
    fn what_is_no_picture_is_named() {
        assert!(complaint(b"").contains("empty"));
        assert!(complaint(b"just some text").contains("neither a JPEG nor a PNG"));
        let whole = jpeg_with_orientation(1);
        assert!(complaint(&whole[..whole.len() / 2]).contains("torn"));
        assert!(complaint(&whole[..whole.len() - 1]).contains("torn"));
        let mut png = Cursor::new(Vec::new());
        halves().write_to(&mut png, ImageFormat::Png).unwrap();
        assert!(complaint(&png.get_ref()[..png.get_ref().len() / 2]).contains("damaged"));
        let missing = read_picture(Path::new("/nowhere/at/all.jpg")).unwrap_err();
        assert!(matches!(missing, PictureError::Missing { .. }));
        assert!(read_picture(Path::new("/dev/zero")).unwrap_err().to_string().contains("regular file"));
    }

    #[test]
    fn a_picture_that_claims_too_many_pixels_is_refused_from_its_header() {
        let mut png = Vec::new();
        let line = image::codecs::png::PngEncoder::new(&mut png);
        line.write_image(&[0; 10], 10, 1, image::ExtendedColorType::L8).unwrap();
        // The size stands at bytes 16 to 24; the checksum of its chunk follows the five bytes after it.
        png[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        let checksum = crc32(&png[12..29]).to_be_bytes();
        png[29..33].copy_from_slice(&checksum);
        let text = complaint(&png);
        assert!(text.contains("65536x65536 are 4295 megapixels"), "{text}");
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0u32, |crc, byte| {
            (0..8)
                .fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
        })
    }
}
