//! Conversion of a camera's buffers to packed RGB.

use ostiary_config::PixelFormat;
use ostiary_core::Frame;
use ostiary_pictures::is_complete_jpeg;
use yuv::{
    YuvBiPlanarImage, YuvConversionMode, YuvError, YuvGrayImage, YuvPackedImage, YuvPlanarImage, YuvRange,
    YuvStandardMatrix,
};
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Why a buffer is not a picture of its layout.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// Width or height is zero.
    #[error("the size is zero")]
    EmptySize,
    /// A side of a frame in I420 is zero or odd.
    #[error("{width}x{height}: width and height must be even and above zero")]
    OddSize {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// The picture has more than [`ostiary_pictures::MAX_PIXELS`] pixels.
    #[error("{width}x{height} are too many pixels")]
    TooLarge {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// A row does not fit into the distance between two rows.
    #[error("a row needs {needed} bytes, and the stride is {stride}")]
    Stride {
        /// [`Layout::stride`].
        stride: u32,
        /// [`Layout::min_stride`].
        needed: u32,
    },
    /// The buffer has fewer bytes than the layout needs.
    #[error("the buffer has {length} of {needed} bytes")]
    TooShort {
        /// Size of the buffer, bytes.
        length: usize,
        /// [`Layout::bytes`].
        needed: u64,
    },
    /// The library for YUV refused the buffer.
    #[error(transparent)]
    Yuv(#[from] YuvError),
    /// The JPEG has no end marker.
    #[error("the JPEG is incomplete")]
    IncompleteJpeg,
    /// The JPEG has another size than the camera negotiated.
    #[error("the JPEG does not have the negotiated {width}x{height} pixels")]
    JpegSize {
        /// Negotiated pixels.
        width: u32,
        /// Negotiated pixels.
        height: u32,
    },
    /// The decoder refused the JPEG.
    #[error(transparent)]
    Jpeg(#[from] DecodeErrors),
    /// The layout has the format [`PixelFormat::Auto`].
    #[error("no format was chosen")]
    NoFormat,
}

/// The layout of a camera's buffers, as negotiated with the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// The pixel format; not [`PixelFormat::Auto`].
    pub format: PixelFormat,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Bytes from one row to the next; without meaning for MJPG.
    pub stride: u32,
}

impl Layout {
    /// The least number of bytes from one row to the next.
    pub fn min_stride(&self) -> u32 {
        let width = self.width;
        match self.format {
            PixelFormat::Yuyv => width.div_ceil(2).saturating_mul(4),
            PixelFormat::Nv12 => width.saturating_add(width % 2),
            PixelFormat::Rgb3 => width.saturating_mul(3),
            PixelFormat::Grey | PixelFormat::Mjpg | PixelFormat::Auto => width,
        }
    }

    /// The least size of a buffer, bytes; 1 for MJPG, whose frames have different sizes.
    pub fn bytes(&self) -> u64 {
        let plane = u64::from(self.stride) * u64::from(self.height);
        match self.format {
            PixelFormat::Mjpg => 1,
            PixelFormat::Nv12 => plane + u64::from(self.stride) * u64::from(self.height.div_ceil(2)),
            _ => plane,
        }
    }

    /// Checks that a picture can have this layout.
    ///
    /// # Errors
    /// The size is zero or too large, or the stride is too small.
    pub fn check(&self) -> Result<(), ConvertError> {
        let Self { width, height, stride, .. } = *self;
        if width == 0 || height == 0 {
            return Err(ConvertError::EmptySize);
        }
        if u64::from(width) * u64::from(height) > ostiary_pictures::MAX_PIXELS {
            return Err(ConvertError::TooLarge { width, height });
        }
        if self.format != PixelFormat::Mjpg && stride < self.min_stride() {
            return Err(ConvertError::Stride { stride, needed: self.min_stride() });
        }
        Ok(())
    }
}

/// Converts one buffer into `frame`, which gets the size of the layout. YUV is BT.601 in the limited range, the default of
/// V4L2. JPEG has the full range.
///
/// # Errors
/// The layout is invalid, or the buffer is too short or not a complete JPEG of that size.
pub fn convert(layout: &Layout, buffer: &[u8], frame: &mut Frame) -> Result<(), ConvertError> {
    layout.check()?;
    let needed = layout.bytes();
    let too_short = ConvertError::TooShort { length: buffer.len(), needed };
    if (buffer.len() as u64) < needed {
        return Err(too_short);
    }
    let Layout { width, height, stride, .. } = *layout;
    frame.reshape(width, height);
    let rgb = frame.rgb_mut();
    let (plane, chroma) = buffer.split_at((stride as usize * height as usize).min(buffer.len()));
    let (range, matrix, rgb_stride) = (YuvRange::Limited, YuvStandardMatrix::Bt601, width * 3);
    match layout.format {
        PixelFormat::Yuyv => {
            let image = YuvPackedImage { yuy: plane, yuy_stride: stride, width, height };
            yuv::yuyv422_to_rgb(&image, rgb, rgb_stride, range, matrix)?;
        }
        PixelFormat::Nv12 => {
            let uv_size = stride as usize * height.div_ceil(2) as usize;
            let image = YuvBiPlanarImage {
                y_plane: plane,
                y_stride: stride,
                uv_plane: chroma.get(..uv_size).ok_or(too_short)?,
                uv_stride: stride,
                width,
                height,
            };
            yuv::yuv_nv12_to_rgb(&image, rgb, rgb_stride, range, matrix, YuvConversionMode::Balanced)?;
        }
        PixelFormat::Grey => {
            // GREY of V4L2 has the levels of an infrared or monochrome sensor: black is 0, white is 255.
            let image = YuvGrayImage { y_plane: plane, y_stride: stride, width, height };
            yuv::yuv400_to_rgb(&image, rgb, rgb_stride, YuvRange::Full, matrix)?;
        }
        PixelFormat::Rgb3 => {
            for (to, from) in rgb.chunks_exact_mut(rgb_stride as usize).zip(plane.chunks(stride as usize)) {
                to.copy_from_slice(from.split_at(to.len()).0);
            }
        }
        PixelFormat::Mjpg => decode_jpeg(buffer, rgb, width, height)?,
        PixelFormat::Auto => return Err(ConvertError::NoFormat),
    }
    Ok(())
}

/// The layout of a frame in I420: a plane of luma, then two planes of chroma in half the width and height, without padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct I420 {
    /// Pixels, an even number.
    pub width: u32,
    /// Pixels, an even number.
    pub height: u32,
    /// Whether luma has the levels 0 to 255, as in JPEG, and not 16 to 235.
    pub full_range: bool,
}

impl I420 {
    /// The size of a frame, bytes.
    pub fn bytes(&self) -> usize {
        self.luma() + 2 * self.chroma()
    }

    fn luma(&self) -> usize {
        self.width as usize * self.height as usize
    }

    fn chroma(&self) -> usize {
        (self.width as usize / 2) * (self.height as usize / 2)
    }
}

/// Converts one frame in I420 into `frame`, which gets its size. YUV is BT.601.
///
/// # Errors
/// The size is zero, odd or too large, or the buffer too short.
pub fn convert_i420(layout: &I420, buffer: &[u8], frame: &mut Frame) -> Result<(), ConvertError> {
    let I420 { width, height, full_range } = *layout;
    if width == 0 || height == 0 || width % 2 != 0 || height % 2 != 0 {
        return Err(ConvertError::OddSize { width, height });
    }
    if u64::from(width) * u64::from(height) > ostiary_pictures::MAX_PIXELS {
        return Err(ConvertError::TooLarge { width, height });
    }
    let too_short = ConvertError::TooShort { length: buffer.len(), needed: layout.bytes() as u64 };
    let Some((y_plane, chroma)) = buffer.split_at_checked(layout.luma()) else { return Err(too_short) };
    let Some((u_plane, rest)) = chroma.split_at_checked(layout.chroma()) else { return Err(too_short) };
    let Some(v_plane) = rest.get(..layout.chroma()) else { return Err(too_short) };
    frame.reshape(width, height);
    let image = YuvPlanarImage {
        y_plane,
        y_stride: width,
        u_plane,
        u_stride: width / 2,
        v_plane,
        v_stride: width / 2,
        width,
        height,
    };
    let range = if full_range { YuvRange::Full } else { YuvRange::Limited };
    yuv::yuv420_to_rgb(&image, frame.rgb_mut(), width * 3, range, YuvStandardMatrix::Bt601)?;
    Ok(())
}

fn decode_jpeg(buffer: &[u8], rgb: &mut [u8], width: u32, height: u32) -> Result<(), ConvertError> {
    if !is_complete_jpeg(buffer) {
        return Err(ConvertError::IncompleteJpeg);
    }
    let options = DecoderOptions::default()
        .jpeg_set_out_colorspace(ColorSpace::RGB)
        .set_max_width(width as usize)
        .set_max_height(height as usize);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(buffer), options);
    decoder.decode_headers()?;
    if decoder.dimensions() != Some((width as usize, height as usize)) {
        return Err(ConvertError::JpegSize { width, height });
    }
    Ok(decoder.decode_into(rgb)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// BT.601, limited range: ITU-R BT.601-7, section 2.5.
    fn bt601(y: u8, u: u8, v: u8) -> [u8; 3] {
        let (y, u, v) = (f32::from(y) - 16.0, f32::from(u) - 128.0, f32::from(v) - 128.0);
        let luma = y * 255.0 / 219.0;
        [luma + 1.596 * v, luma - 0.392 * u - 0.813 * v, luma + 2.017 * u]
            .map(|level| level.round().clamp(0.0, 255.0) as u8)
    }

    fn close(left: &[u8], right: &[u8], by: u8) -> bool {
        left.len() == right.len() && left.iter().zip(right).all(|(left, right)| left.abs_diff(*right) <= by)
    }

    fn converted(layout: &Layout, buffer: &[u8]) -> Result<Vec<u8>, ConvertError> {
        let mut frame = Frame::default();
        convert(layout, buffer, &mut frame).map(|()| frame.rgb().to_vec())
    }

    /// Pseudo-random bytes from a fixed seed (xorshift).
    fn noise(length: usize, seed: u64) -> Vec<u8> {
        let mut state = seed | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 24) as u8
        };
        (0..length).map(|_| next()).collect()
    }

    /// Pseudo-random bytes within the limited range. Outside of it converters clip in different ways.
    fn legal_noise(length: usize, seed: u64) -> Vec<u8> {
        noise(length, seed).into_iter().map(|byte| 16 + byte % 220).collect()
    }

    fn jpeg(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let picture =
            image::RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8 * 3, y as u8 * 5, 80]));
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 95).encode_image(&picture).unwrap();
        bytes
    }

    #[test]
    fn a_jpeg_frame_is_decoded_and_an_incomplete_one_is_refused() {
        let layout = Layout { format: PixelFormat::Mjpg, width: 40, height: 24, stride: 0 };
        let whole = jpeg(40, 24);
        let rgb = converted(&layout, &whole).unwrap();
        let expected = image::load_from_memory(&whole).unwrap().into_rgb8().into_raw();
        assert!(close(&rgb, &expected, 2));
        for length in 0..whole.len() {
            assert!(converted(&layout, &whole[..length]).is_err(), "truncated to {length} bytes");
        }
        assert!(converted(&layout, &jpeg(48, 24)).is_err(), "another size than negotiated");
        assert!(converted(&layout, &jpeg(32, 24)).is_err(), "another size than negotiated");
    }

    #[test]
    fn a_gray_jpeg_becomes_rgb() {
        let mut bytes = Vec::new();
        let picture = image::GrayImage::from_pixel(16, 16, image::Luma([77]));
        image::codecs::jpeg::JpegEncoder::new(&mut bytes).encode_image(&picture).unwrap();
        let layout = Layout { format: PixelFormat::Mjpg, width: 16, height: 16, stride: 0 };
        assert!(close(&converted(&layout, &bytes).unwrap(), &[77; 16 * 16 * 3], 1));
    }

    proptest! {
        #[test]
        fn yuyv_is_bt601(pairs in 1u32..20, height in 1u32..12, pad in 0u32..9, odd: bool, seed: u64) {
            let width = pairs * 2 - u32::from(odd);
            let layout = Layout { format: PixelFormat::Yuyv, width, height, stride: pairs * 4 + pad };
            let buffer = legal_noise(layout.bytes() as usize, seed);
            let mut expected = Vec::new();
            for row in buffer.chunks(layout.stride as usize) {
                for x in 0..width as usize {
                    let pair = &row[x / 2 * 4..x / 2 * 4 + 4];
                    expected.extend(bt601(pair[x % 2 * 2], pair[1], pair[3]));
                }
            }
            prop_assert!(close(&converted(&layout, &buffer).unwrap(), &expected, 3));
        }

        #[test]
        fn nv12_is_bt601(width in 1u32..40, height in 1u32..20, pad in 0u32..9, seed: u64) {
            let stride = width.next_multiple_of(2) + pad;
            let layout = Layout { format: PixelFormat::Nv12, width, height, stride };
            let buffer = legal_noise(layout.bytes() as usize, seed);
            let (luma, chroma) = buffer.split_at((stride * height) as usize);
            let mut expected = Vec::new();
            for y in 0..height as usize {
                for x in 0..width as usize {
                    let at = y / 2 * stride as usize + x / 2 * 2;
                    expected.extend(bt601(luma[y * stride as usize + x], chroma[at], chroma[at + 1]));
                }
            }
            prop_assert!(close(&converted(&layout, &buffer).unwrap(), &expected, 3));
        }

        #[test]
        fn i420_is_bt601(half_width in 1u32..20, half_height in 1u32..10, seed: u64) {
            let layout = I420 { width: half_width * 2, height: half_height * 2, full_range: false };
            let buffer = legal_noise(layout.bytes(), seed);
            let (luma, chroma) = buffer.split_at(layout.luma());
            let (u, v) = chroma.split_at(layout.chroma());
            let mut expected = Vec::new();
            for y in 0..layout.height as usize {
                for x in 0..layout.width as usize {
                    let at = y / 2 * half_width as usize + x / 2;
                    expected.extend(bt601(luma[y * layout.width as usize + x], u[at], v[at]));
                }
            }
            let mut frame = Frame::default();
            convert_i420(&layout, &buffer, &mut frame).unwrap();
            prop_assert!(close(frame.rgb(), &expected, 3));
            prop_assert!(convert_i420(&layout, &buffer[1..], &mut frame).is_err());
            let odd = I420 { width: layout.width - 1, ..layout };
            prop_assert!(convert_i420(&odd, &buffer, &mut frame).is_err());
        }

        #[test]
        fn gray_and_rgb_are_copied(width in 1u32..40, height in 1u32..20, pad in 0u32..9, seed: u64) {
            for (format, depth) in [(PixelFormat::Grey, 1), (PixelFormat::Rgb3, 3)] {
                let layout = Layout { format, width, height, stride: width * depth + pad };
                let buffer = noise(layout.bytes() as usize, seed);
                let rows = buffer.chunks(layout.stride as usize);
                let levels = rows.flat_map(|row| &row[..(width * depth) as usize]);
                let repeat = if depth == 1 { 3 } else { 1 };
                let expected: Vec<u8> = levels.flat_map(|level| vec![*level; repeat]).collect();
                prop_assert_eq!(converted(&layout, &buffer).unwrap(), expected);
            }
        }

        #[test]
        fn any_buffer_of_any_layout_gives_a_result_without_a_panic(
            width in 0u32..70, height in 0u32..70, stride in 0u32..300, length in 0usize..20_000, seed: u64,
        ) {
            let formats = [PixelFormat::Yuyv, PixelFormat::Mjpg, PixelFormat::Nv12, PixelFormat::Grey,
                PixelFormat::Rgb3, PixelFormat::Auto];
            let buffer = noise(length, seed);
            for format in formats {
                let layout = Layout { format, width, height, stride };
                let result = converted(&layout, &buffer);
                if (buffer.len() as u64) < layout.bytes() || width == 0 || height == 0 {
                    prop_assert!(result.is_err());
                }
            }
        }

        #[test]
        fn a_damaged_jpeg_never_panics(at in 2usize..600, byte: u8, seed: u64) {
            let mut bytes = jpeg(40, 24);
            let at = at % bytes.len();
            bytes[at] = byte;
            let other = seed as usize % bytes.len();
            bytes[other] ^= (seed >> 32) as u8;
            let layout = Layout { format: PixelFormat::Mjpg, width: 40, height: 24, stride: 0 };
            let _ = converted(&layout, &bytes);
        }
    }
}
