//! Variations of a picture: other light, another camera, another place of the face.

use ostiary_core::{BBox, Frame, Landmarks, Point};

/// The same numbers in every run (Knuth's 64-bit linear congruential generator).
pub struct Chance(u64);

impl Chance {
    /// Other numbers for each seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Between two numbers.
    pub fn between(&mut self, from: f32, to: f32) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        from + (to - from) * ((self.0 >> 40) as f32 / (1u64 << 24) as f32)
    }
}

/// The picture, every second time mirrored, in other light, of another camera: exposure, contrast, the colours'
/// balance down to grey, and sharpness differ. Turn 0 is the picture itself. Packed RGB.
pub fn varied(picture: &Frame, turn: u32, chance: &mut Chance) -> Vec<u8> {
    let width = picture.width() as usize;
    let mut pixels = picture.rgb().to_vec();
    if turn > 0 {
        let (gain, offset) = (chance.between(0.5, 1.4), chance.between(-40.0, 40.0));
        let balance = [chance.between(0.8, 1.2), 1.0, chance.between(0.8, 1.2)];
        let colour = chance.between(-0.5, 1.2).max(0.0);
        // Light from one side.
        let slope = chance.between(-0.6, 0.6);
        for (index, pixel) in pixels.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let side = (index % width) as f32 / width as f32 - 0.5;
            let lit = pixel.map(f32::from);
            let grey = lit.iter().sum::<f32>() / 3.0;
            for (channel, value) in pixel.iter_mut().enumerate() {
                let tinted =
                    (grey + (lit[channel] - grey) * colour) * balance[channel] * (1.0 + slope * side);
                *value = ((tinted - 127.5) * gain + 127.5 + offset).clamp(0.0, 255.0) as u8;
            }
        }
        if turn % 3 == 2 {
            blur(&mut pixels, width);
        }
    }
    if turn % 2 == 1 {
        for row in pixels.chunks_exact_mut(width * 3) {
            row.as_chunks_mut::<3>().0.reverse();
        }
    }
    pixels
}

/// Each pixel becomes the mean of itself and its neighbours, twice: out of focus, or moving.
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

/// A face's landmarks a little off, as a camera's are: turned, scaled and shifted about the middle of its box.
pub fn moved(landmarks: &Landmarks, bbox: &BBox, chance: &mut Chance) -> Landmarks {
    let center = bbox.center();
    let (scale, angle) = (chance.between(0.92, 1.08), chance.between(-0.12, 0.12));
    let [x, y] = [chance.between(-0.04, 0.04), chance.between(-0.04, 0.04)].map(|share| share * bbox.width);
    landmarks.map(|point| {
        let (dx, dy) = (point.x - center.x, point.y - center.y);
        Point {
            x: center.x + scale * (dx * angle.cos() - dy * angle.sin()) + x,
            y: center.y + scale * (dx * angle.sin() + dy * angle.cos()) + y,
        }
    })
}
