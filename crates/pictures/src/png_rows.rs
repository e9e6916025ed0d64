//! Decodes a large PNG file row by row at a lower resolution, so that it is never in memory as a whole.

use std::io::Cursor;

use image::RgbImage;
use image::metadata::Orientation;
use png::{BitDepth, ColorType, Decoder, Transformations};

/// Decodes a PNG file whose size was checked: each pixel is the mean of a square of `scale` pixels on each side, at most 16.
/// `None` if the file is interlaced, so that its rows do not come in order.
///
/// # Errors
/// The file is damaged.
pub fn decode_reduced(
    bytes: &[u8],
    scale: u32,
) -> Result<Option<(RgbImage, Orientation)>, png::DecodingError> {
    let mut decoder = Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info()?;
    let info = reader.info();
    let (width, height) = (info.width, info.height);
    if info.interlaced {
        return Ok(None);
    }
    let (color, depth) = reader.output_color_type();
    let samples = color.samples();
    let mut reduced = RgbImage::new(width.div_ceil(scale), height.div_ceil(scale));
    let row_length = reduced.width() as usize;
    let mut sums = vec![[0u16; 4]; row_length];
    for (number, to) in (0..).zip(reduced.rows_mut()) {
        sums.fill([0; 4]);
        for _ in 0..scale.min(height - scale * number) {
            // A file that ends before its last row is an error of the decoder.
            let Some(row) = reader.next_row()? else { break };
            let add = |(x, rgb): (usize, [u8; 3])| {
                if let Some([red, green, blue, count]) = sums.get_mut(x / scale as usize) {
                    *red += u16::from(rgb[0]);
                    *green += u16::from(rgb[1]);
                    *blue += u16::from(rgb[2]);
                    *count += 1;
                }
            };
            let bytes_per_pixel = samples * if depth == BitDepth::Sixteen { 2 } else { 1 };
            row.data()
                .chunks_exact(bytes_per_pixel)
                .map(|pixel| rgb(pixel, color, depth))
                .enumerate()
                .for_each(add);
        }
        for (pixel, [red, green, blue, count]) in to.zip(&sums) {
            let count = (*count).max(1);
            pixel.0 = [red, green, blue].map(|sum| ((sum + count / 2) / count) as u8);
        }
    }
    // Reads to the end, so that a file without its end is an error.
    reader.finish()?;
    let exif = reader.info().exif_metadata.as_deref().and_then(Orientation::from_exif_chunk);
    Ok(Some((reduced, exif.unwrap_or(Orientation::NoTransforms))))
}

/// The color of a pixel without its transparency, rounded to 8 bits.
fn rgb(pixel: &[u8], color: ColorType, depth: BitDepth) -> [u8; 3] {
    let sample = |index: usize| match depth {
        BitDepth::Sixteen => {
            let byte = |at: usize| u32::from(pixel.get(at).copied().unwrap_or_default());
            let wide = byte(2 * index) << 8 | byte(2 * index + 1);
            ((wide + 128) / 257) as u8
        }
        _ => pixel.get(index).copied().unwrap_or_default(),
    };
    match color {
        ColorType::Grayscale | ColorType::GrayscaleAlpha => [sample(0); 3],
        _ => [sample(0), sample(1), sample(2)],
    }
}
