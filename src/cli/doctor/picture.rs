//! Checks the brightness and sharpness of a frame of the camera.

use ostiary_core::Frame;

use super::finding::Finding;

/// The mean luma, 0 to 1, below which a frame is almost black.
const MIN_BRIGHTNESS: f32 = 0.05;
/// The mean luma, 0 to 1, from which a frame is almost white.
const MAX_BRIGHTNESS: f32 = 0.95;
/// The number of tiles per row and column. Sharpness is measured per tile, because not everything is in focus.
const TILES_PER_SIDE: usize = 8;

/// The finding for a frame. `min_sharpness` is `quality.min_sharpness`, the least sharpness of a face.
pub fn evaluate(name: &str, frame: &Frame, min_sharpness: f32) -> Finding {
    let (brightness, sharpness) = (brightness(frame), sharpness(frame));
    let found = format!(
        "{name}: a frame of {}x{}, brightness {brightness:.2}, sharpness {sharpness:.0}",
        frame.width(),
        frame.height()
    );
    match brightness {
        ..MIN_BRIGHTNESS => Finding::warning(found, "it is almost black: remove the lens cap, or add light"),
        MAX_BRIGHTNESS.. => {
            Finding::warning(found, "it is almost white: turn the camera away from the light")
        }
        _ if sharpness < min_sharpness => Finding::warning(
            found,
            format!(
                "nothing in it is as sharp as a face must be (quality.min_sharpness = {min_sharpness}): focus the lens, \
                 clean it, and point the camera at a scene with details"
            ),
        ),
        _ => Finding::ok(found),
    }
}

/// Luma (BT.601), 0 to 255.
fn luma(pixel: &[u8; 3]) -> f32 {
    let [r, g, b] = pixel.map(f32::from);
    0.299 * r + 0.587 * g + 0.114 * b
}

/// Mean luma, 0 to 1.
fn brightness(frame: &Frame) -> f32 {
    let pixels = frame.rgb().as_chunks::<3>().0;
    let sum: f64 = pixels.iter().map(|pixel| f64::from(luma(pixel))).sum();
    (sum / (pixels.len().max(1) as f64 * 255.0)) as f32
}

/// The variance of the Laplacian of the luma (Pech-Pacheco et al. 2000) in the sharpest tile. This is the measure of
/// `quality.min_sharpness`, for a frame instead of a face.
fn sharpness(frame: &Frame) -> f32 {
    let pixels = frame.rgb().as_chunks::<3>().0;
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let at = |x: usize, y: usize| pixels.get(y * width + x).map_or(0.0, luma);
    // The pixels of a tile, without those at the border of the frame, which have not all neighbors.
    let range = |tile: usize, side: usize| {
        (tile * side / TILES_PER_SIDE).max(1)
            ..((tile + 1) * side / TILES_PER_SIDE).min(side.saturating_sub(1))
    };
    let tile = |column: usize, row: usize| {
        let (mut sum, mut squares, mut count) = (0.0_f64, 0.0_f64, 0.0_f64);
        for y in range(row, height) {
            for x in range(column, width) {
                let laplacian = at(x - 1, y) + at(x + 1, y) + at(x, y - 1) + at(x, y + 1) - 4.0 * at(x, y);
                sum += f64::from(laplacian);
                squares += f64::from(laplacian).powi(2);
                count += 1.0;
            }
        }
        if count > 0.0 { squares / count - (sum / count).powi(2) } else { 0.0 }
    };
    let tiles = (0..TILES_PER_SIDE * TILES_PER_SIDE)
        .map(|number| tile(number % TILES_PER_SIDE, number / TILES_PER_SIDE));
    tiles.fold(0.0, f64::max) as f32
}

#[cfg(test)]
mod tests {
    use super::super::finding::Status;
    use super::*;

    fn gray(width: u32, height: u32, level: impl Fn(u32, u32) -> u8) -> Frame {
        let pixels = (0..width * height).flat_map(|n| [level(n % width, n / width); 3]).collect();
        Frame::from_rgb(width, height, pixels).unwrap()
    }

    #[test]
    fn almost_black_and_almost_white_frames_are_warnings() {
        assert_eq!(brightness(&gray(4, 2, |_, _| 0)), 0.0);
        assert!((brightness(&gray(4, 2, |_, _| 255)) - 1.0).abs() < 1e-6);
        assert!((brightness(&Frame::from_rgb(1, 1, vec![0, 255, 0]).unwrap()) - 0.587).abs() < 1e-6);
        let stripes = |low: u8, high: u8| gray(64, 48, move |x, _| if x % 8 < 4 { low } else { high });
        for (frame, status) in [
            (stripes(0, 0), Status::Warning),
            (stripes(40, 200), Status::Ok),
            (stripes(250, 255), Status::Warning),
        ] {
            assert_eq!(evaluate("camera", &frame, 20.0).status, status);
        }
    }

    #[test]
    fn the_sharpest_tile_counts() {
        let sharp = |x: u32| if x.is_multiple_of(2) { 40 } else { 200 };
        assert!(sharpness(&gray(64, 48, |x, _| if x < 8 { sharp(x) } else { 128 })) > 1000.0);
        let soft = gray(64, 48, |x, y| (60 + 2 * x + y) as u8);
        assert!(sharpness(&soft) < 1.0);
        let blurred = evaluate("camera", &soft, 20.0);
        assert_eq!(blurred.status, Status::Warning);
        assert!(blurred.fix.unwrap().contains("focus the lens"));
        // Too small for tiles.
        assert_eq!(sharpness(&gray(2, 2, |_, _| 9)), 0.0);
    }
}
