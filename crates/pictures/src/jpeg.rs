//! Decodes JPEG files of all color models, large ones at a lower resolution.
//!
//! The decoder of the crate `image` upsamples subsampled chroma in another way than libjpeg, which decoded the pictures that models
//! are trained and measured on; embeddings then differ in the fourth digit. `jpeg-decoder` agrees with libjpeg up to rounding.

use image::metadata::Orientation;
use image::{DynamicImage, RgbImage};
use jpeg_decoder::{CodingProcess, Decoder, PixelFormat};

use super::jpeg_markers;
use super::size_limit::{SizeError, scale_for};

/// The most samples of a progressive JPEG. Its decoder keeps two bytes for each until the last scan, whatever the resolution of
/// the result.
const MAX_PROGRESSIVE_SAMPLES: u64 = 40_000_000;

/// The longest side, pixels, as in libjpeg. The decoder's row numbers overflow in a picture that is higher than 65,528.
const MAX_SIDE: u16 = 65_500;

/// A decoded picture, before it is rotated.
pub struct DecodedJpeg {
    pub picture: DynamicImage,
    pub orientation: Orientation,
    /// How many pixels of the file one pixel of the picture is, on each side.
    pub scale: u32,
    /// Width and height in the file, pixels.
    pub file_size: [u32; 2],
}

/// Why a JPEG cannot be decoded.
#[derive(Debug, thiserror::Error)]
pub enum JpegError {
    #[error("the file is truncated: its end is missing; copy it again")]
    Truncated,
    #[error("the file is damaged ({0}); copy it again")]
    Damaged(jpeg_decoder::Error),
    #[error("the file is damaged (its header and its pixels disagree); copy it again")]
    Inconsistent,
    #[error("it is a JPEG of a kind that is not read ({0}); save it as an ordinary JPEG")]
    Unsupported(String),
    #[error("it is a lossless JPEG, which is not read; save it as an ordinary JPEG")]
    Lossless,
    #[error(
        "it is a progressive JPEG of {0} megapixels, which takes too much memory; save it as an ordinary JPEG, or make it smaller"
    )]
    LargeProgressive(u64),
    #[error("a side has {0} pixels, and a JPEG's side has at most 65500; cut the picture")]
    LongSide(u16),
    #[error(transparent)]
    Size(#[from] SizeError),
}

impl From<jpeg_decoder::Error> for JpegError {
    fn from(error: jpeg_decoder::Error) -> Self {
        match error {
            jpeg_decoder::Error::Unsupported(feature) => Self::Unsupported(format!("{feature:?}")),
            other => Self::Damaged(other),
        }
    }
}

/// Decodes a JPEG file.
pub fn decode(bytes: &[u8]) -> Result<DecodedJpeg, JpegError> {
    if !jpeg_markers::is_complete(bytes) {
        return Err(JpegError::Truncated);
    }
    let mut decoder = Decoder::new(bytes);
    decoder.read_info()?;
    let info = decoder.info().ok_or(JpegError::Inconsistent)?;
    let longest = info.width.max(info.height);
    if longest > MAX_SIDE {
        return Err(JpegError::LongSide(longest));
    }
    let scale = scale_for(info.width.into(), info.height.into())?;
    match info.coding_process {
        CodingProcess::Lossless => return Err(JpegError::Lossless),
        CodingProcess::DctProgressive => {
            let samples = jpeg_markers::samples(bytes).ok_or(JpegError::Inconsistent)?;
            if samples > MAX_PROGRESSIVE_SAMPLES {
                let pixels = u64::from(info.width) * u64::from(info.height);
                return Err(JpegError::LargeProgressive(pixels / 1_000_000));
            }
        }
        CodingProcess::DctSequential => {}
    }
    let reduced = |side: u16| side.div_ceil(scale as u16);
    // Asked for the full size of a picture that is narrower than a block, the decoder would reduce it.
    let (width, height) = match scale {
        1 => (info.width, info.height),
        _ => decoder.scale(reduced(info.width), reduced(info.height))?,
    };
    let pixels = decoder.decode()?;
    let orientation = decoder.exif_data().and_then(Orientation::from_exif_chunk);
    drop(decoder);
    let rgb = match info.pixel_format {
        PixelFormat::RGB24 => pixels,
        PixelFormat::L8 => pixels.into_iter().flat_map(|gray| [gray; 3]).collect(),
        PixelFormat::CMYK32 => rgb_of_cmyk(&pixels, jpeg_markers::has_adobe_segment(bytes)),
        PixelFormat::L16 => return Err(JpegError::Lossless),
    };
    let picture = RgbImage::from_raw(width.into(), height.into(), rgb).ok_or(JpegError::Inconsistent)?;
    let orientation = orientation.unwrap_or(Orientation::NoTransforms);
    let file_size = [info.width.into(), info.height.into()];
    Ok(DecodedJpeg { picture: picture.into(), orientation, scale, file_size })
}

/// Converts the decoder's CMYK to RGB, without color profiles. The decoder inverts what it reads, as if Adobe's programs had
/// written it; in files of other programs the inks are not inverted.
fn rgb_of_cmyk(cmyk: &[u8], is_adobe: bool) -> Vec<u8> {
    // Light that an ink leaves, 0 to 255.
    let light = |value: u8| u32::from(if is_adobe { 255 - value } else { value });
    let (pixels, _) = cmyk.as_chunks::<4>();
    let both = |ink: u8, black: u8| ((light(ink) * light(black) + 127) / 255) as u8;
    pixels.iter().flat_map(|&[c, m, y, k]| [both(c, k), both(m, k), both(y, k)]).collect()
}
