//! Augmentation of single pictures for `pairs` and `quantize`: brightness, contrast, color, sharpness, mirroring, and jitter
//! of landmarks. `trainer/torch/src/train/augment.rs` augments the batches of training.

use std::ops::Range;

use ostiary_core::{BBox, Frame, Landmarks, Point};

// Ranges of the random changes, chosen by hand: wide for light and color, which change at a door with the weather and the
// hour, and narrow for landmarks, which a detector misses by a few pixels.

/// Factor of the contrast.
const CONTRAST: Range<f32> = 0.5..1.4;
/// Change of the brightness, in levels of 255.
const BRIGHTNESS: Range<f32> = -40.0..40.0;
/// Factor of red and of blue, against green.
const WHITE_BALANCE: Range<f32> = 0.8..1.2;
/// Factor of the saturation. A negative number counts as 0: almost a third of the variants are gray.
const SATURATION: Range<f32> = -0.5..1.2;
/// Difference of the brightness between the right and the left edge, as a share.
const SIDE_LIGHT: Range<f32> = -0.6..0.6;
/// The level that a change of the contrast keeps.
const MIDDLE_GRAY: f32 = 127.5;

/// Factor of the size of a face's landmarks.
const LANDMARK_SCALE: Range<f32> = 0.92..1.08;
/// Rotation of a face's landmarks, in radians.
const LANDMARK_ROTATION: Range<f32> = -0.12..0.12;
/// Shift of a face's landmarks along each axis, as a share of the width of the face's box.
const LANDMARK_SHIFT: Range<f32> = -0.04..0.04;

/// Multiplier and increment of the random generator (Knuth, MMIX).
const MULTIPLIER: u64 = 6_364_136_223_846_793_005;
const INCREMENT: u64 = 1_442_695_040_888_963_407;

/// A random generator with the same numbers in every run (Knuth's 64-bit linear congruential generator).
pub struct SeededRng(u64);

impl SeededRng {
    /// Each seed gives another sequence.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A uniform number of `range`.
    pub fn uniform(&mut self, range: Range<f32>) -> f32 {
        self.0 = self.0.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT);
        // The high bits are the random ones. A 32-bit float holds 24 of them.
        range.start + (range.end - range.start) * ((self.0 >> 40) as f32 / (1u64 << 24) as f32)
    }
}

/// A random variant of a picture as packed RGB: exposure, contrast, white balance, saturation and side light differ. Odd
/// variants are mirrored, and each third one is blurred. Variant 0 is the picture itself.
pub fn augmented(picture: &Frame, variant: u32, rng: &mut SeededRng) -> Vec<u8> {
    let width = picture.width() as usize;
    let mut pixels = picture.rgb().to_vec();
    if variant > 0 {
        let (gain, offset) = (rng.uniform(CONTRAST), rng.uniform(BRIGHTNESS));
        let balance = [rng.uniform(WHITE_BALANCE), 1.0, rng.uniform(WHITE_BALANCE)];
        let color = rng.uniform(SATURATION).max(0.0);
        // A horizontal brightness gradient, as light from one side gives it.
        let slope = rng.uniform(SIDE_LIGHT);
        for (index, pixel) in pixels.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let side = (index % width) as f32 / width as f32 - 0.5;
            let lit = pixel.map(f32::from);
            let gray = lit.iter().sum::<f32>() / 3.0;
            for ((value, lit), balance) in pixel.iter_mut().zip(lit).zip(balance) {
                let tinted = (gray + (lit - gray) * color) * balance * (1.0 + slope * side);
                *value = ((tinted - MIDDLE_GRAY) * gain + MIDDLE_GRAY + offset).clamp(0.0, 255.0) as u8;
            }
        }
        if variant % 3 == 2 {
            blur(&mut pixels, width);
        }
    }
    if variant % 2 == 1 {
        for row in pixels.chunks_exact_mut(width * 3) {
            row.as_chunks_mut::<3>().0.reverse();
        }
    }
    pixels
}

/// Blurs in place: each value becomes (previous + 2 * itself + next) / 4, twice along rows and twice along columns.
#[expect(clippy::indexing_slicing, reason = "an index is at least step, and below the length without step")]
fn blur(pixels: &mut [u8], width: usize) {
    for step in [3, width * 3] {
        for _ in 0..2 {
            for index in step..pixels.len().saturating_sub(step) {
                let sum = u16::from(pixels[index - step])
                    + 2 * u16::from(pixels[index])
                    + u16::from(pixels[index + step]);
                pixels[index] = (sum / 4) as u8;
            }
        }
    }
}

/// Landmarks with a random rotation, scale and shift about the center of the face's box, as the errors of a detector.
pub fn jittered_landmarks(landmarks: &Landmarks, bbox: &BBox, rng: &mut SeededRng) -> Landmarks {
    let center = bbox.center();
    let (scale, angle) = (rng.uniform(LANDMARK_SCALE), rng.uniform(LANDMARK_ROTATION));
    let [x, y] = [rng.uniform(LANDMARK_SHIFT), rng.uniform(LANDMARK_SHIFT)].map(|share| share * bbox.width);
    landmarks.map(|point| {
        let (dx, dy) = (point.x - center.x, point.y - center.y);
        Point {
            x: center.x + scale * (dx * angle.cos() - dy * angle.sin()) + x,
            y: center.y + scale * (dx * angle.sin() + dy * angle.cos()) + y,
        }
    })
}
