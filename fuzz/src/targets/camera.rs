//! Camera buffers: every pixel format, odd sizes, padded rows, short buffers.

use image::codecs::jpeg::JpegEncoder;
use ostiary_capture::{Layout, convert};
use ostiary_config::PixelFormat;
use ostiary_core::Frame;

use super::Target;

pub const TARGET: Target = Target {
    name: "camera",
    about: "buffers of a camera in YUYV, MJPG, NV12, GREY and RGB3",
    run,
    seeds,
    dictionary: super::picture::JPEG_DICTIONARY,
    max_len: 16 << 10,
};

const FORMATS: [PixelFormat; 6] = [
    PixelFormat::Yuyv,
    PixelFormat::Mjpg,
    PixelFormat::Nv12,
    PixelFormat::Grey,
    PixelFormat::Rgb3,
    PixelFormat::Auto,
];
/// Mask of width and height. Larger frames take long, because the frame is cleared before it is filled.
const SIZE_MASK: u16 = 0x1ff;

/// The input: the format, 1 byte; width, height and padding of a row, 2 bytes each; the buffer.
fn run(data: &[u8]) {
    let Some(([format, sizes @ ..], buffer)) = data.split_first_chunk::<7>() else { return };
    let [width, height, pad] = [0, 2, 4].map(|at| u32::from(u16::from_le_bytes([sizes[at], sizes[at + 1]])));
    let format = FORMATS[usize::from(*format) % FORMATS.len()];
    let mut layout = Layout {
        format,
        width: width & u32::from(SIZE_MASK),
        height: height & u32::from(SIZE_MASK),
        stride: 0,
    };
    // With the highest bit set, rows are shorter than the minimum.
    layout.stride = match pad & 0x8000 {
        0 => layout.min_stride() + pad,
        _ => layout.min_stride().saturating_sub(pad & 0xff),
    };
    let mut frame = Frame::default();
    if convert(&layout, buffer, &mut frame).is_ok() {
        assert_eq!((frame.width(), frame.height()), (layout.width, layout.height));
        assert_eq!(frame.rgb().len() as u32, layout.width * layout.height * 3);
        assert!(layout.bytes() <= buffer.len() as u64, "a short buffer was accepted");
    }
}

fn seeds() -> anyhow::Result<Vec<Vec<u8>>> {
    let mut seeds = Vec::new();
    for (index, format) in FORMATS.into_iter().enumerate() {
        for (width, height, pad) in [(16u16, 8u16, 0u16), (5, 3, 0), (17, 9, 7), (1, 1, 0)] {
            let mut layout = Layout { format, width: width.into(), height: height.into(), stride: 0 };
            layout.stride = layout.min_stride() + u32::from(pad);
            let buffer = match format {
                PixelFormat::Mjpg => jpeg(width.into(), height.into())?,
                _ => (0..layout.bytes()).map(|at| (at * 37) as u8).collect(),
            };
            let sizes = [width, height, pad].map(u16::to_le_bytes);
            seeds.push([&[index as u8], sizes.as_flattened(), &buffer].concat());
        }
    }
    Ok(seeds)
}

/// A JPEG file of this size.
fn jpeg(width: u32, height: u32) -> anyhow::Result<Vec<u8>> {
    let picture = image::RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8 * 9, y as u8 * 20, 80]));
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 80).encode_image(&picture)?;
    Ok(bytes)
}
