//! Tells faces whose eyes or mouth are covered, by dark glasses or a mask, on the aligned crop.
//!
//! The embeddings of covered faces resemble each other: what covers them is the same for everybody. A bare eye has dark and bright
//! parts beside each other, a bare mouth has lines, and its skin has the color of the rest of the face; a cover has neither.
//! Glasses that show the eyes are no cover.

use ostiary_core::{Crop, QualityFault};

use super::luma::luma;

/// Dark glasses: standard deviation of the luma in the eyes, and their mean luma, both relative to the mean luma of the skin.
const MAX_EYE_DEVIATION: f32 = 0.05;
const MAX_EYE_LUMA: f32 = 0.5;
/// A cloth without folds over the mouth: mean difference of the luma of two rows, relative to the mean luma.
const MAX_MOUTH_LINES: f32 = 0.015;
/// A mask of another color than skin: how much less red the mouth is than the bridge of the nose, relative to the luma of each.
const MAX_MOUTH_PALER: f32 = 0.22;
/// In darker regions differences are noise.
const MIN_LUMA: f32 = 20.0;

/// The centers of regions of the crop, pixels, by the template of the landmarks ([`ARCFACE_TEMPLATE`](crate::ARCFACE_TEMPLATE)).
const EYES: [(f32, f32); 2] = [(38.3, 51.7), (73.5, 51.5)];
const CHEEKS: [(f32, f32); 2] = [(36.0, 74.0), (76.0, 74.0)];
const NOSE_BRIDGE: (f32, f32) = (56.0, 52.0);
/// Radii of these regions, pixels.
const EYE_RADIUS: f32 = 7.0;
const GLASS_RADIUS: f32 = 9.0;
const CHEEK_RADIUS: f32 = 6.0;
const BRIDGE_RADIUS: f32 = 5.0;
/// Rectangles of the crop: left, top, right, bottom, without the last column and row.
const FOREHEAD: [usize; 4] = [40, 18, 72, 32];
const MOUTH: [usize; 4] = [42, 86, 70, 99];
const MOUTH_LINES: [usize; 4] = [44, 80, 68, 104];
const LOWER_FACE: [usize; 4] = [38, 80, 74, 108];

/// What covers the face of an aligned crop; `None` if eyes and mouth are bare.
pub fn cover(crop: &Crop) -> Option<QualityFault> {
    if are_eyes_covered(crop) {
        Some(QualityFault::EyesCovered)
    } else if is_mouth_covered(crop) {
        Some(QualityFault::MouthCovered)
    } else {
        None
    }
}

fn are_eyes_covered(crop: &Crop) -> bool {
    let [left, right] = CHEEKS.map(|center| disc(crop, center, CHEEK_RADIUS).luma());
    let skin = ((left + right + rectangle(crop, FOREHEAD).luma()) / 3.0).max(MIN_LUMA);
    let mean = |radius: f32, measure: fn(&Sums) -> f32| {
        EYES.iter().map(|center| measure(&disc(crop, *center, radius))).sum::<f32>() / EYES.len() as f32
    };
    let (deviation, luma) = (mean(EYE_RADIUS, Sums::deviation), mean(GLASS_RADIUS, Sums::luma));
    deviation < MAX_EYE_DEVIATION * skin && luma < MAX_EYE_LUMA * skin
}

fn is_mouth_covered(crop: &Crop) -> bool {
    let [left, top, right, bottom] = MOUTH_LINES;
    let luma = |x: usize, y: usize| pixel(crop, x, y).map_or(0.0, |[luma, _]| luma);
    let differences =
        (top..bottom).flat_map(|y| (left..right).map(move |x| (luma(x, y + 1) - luma(x, y)).abs()));
    let lines = differences.sum::<f32>() / ((right - left) * (bottom - top)) as f32;
    let redness = |sums: Sums| sums.redness() / sums.luma().max(MIN_LUMA);
    let paler = redness(disc(crop, NOSE_BRIDGE, BRIDGE_RADIUS)) - redness(rectangle(crop, MOUTH));
    lines < MAX_MOUTH_LINES * rectangle(crop, LOWER_FACE).luma().max(MIN_LUMA) || paler > MAX_MOUTH_PALER
}

/// Sums over a region of a crop.
#[derive(Default)]
struct Sums {
    pixels: f32,
    luma: f32,
    squared_luma: f32,
    redness: f32,
}

impl Sums {
    fn add(mut self, [luma, redness]: [f32; 2]) -> Self {
        self.pixels += 1.0;
        self.luma += luma;
        self.squared_luma += luma * luma;
        self.redness += redness;
        self
    }

    /// Mean luma, 0 to 255.
    fn luma(&self) -> f32 {
        self.luma / self.pixels
    }

    /// Standard deviation of the luma.
    fn deviation(&self) -> f32 {
        (self.squared_luma / self.pixels - self.luma().powi(2)).max(0.0).sqrt()
    }

    /// Mean of red minus luma.
    fn redness(&self) -> f32 {
        self.redness / self.pixels
    }
}

fn disc(crop: &Crop, (x, y): (f32, f32), radius: f32) -> Sums {
    let range = |center: f32| ((center - radius).ceil() as usize)..=((center + radius) as usize);
    let inside = range(y)
        .flat_map(|row| range(x).map(move |column| (column, row)))
        .filter(|(column, row)| (*column as f32 - x).powi(2) + (*row as f32 - y).powi(2) <= radius * radius);
    inside.filter_map(|(column, row)| pixel(crop, column, row)).fold(Sums::default(), Sums::add)
}

fn rectangle(crop: &Crop, [left, top, right, bottom]: [usize; 4]) -> Sums {
    let inside = (top..bottom).flat_map(|y| (left..right).map(move |x| (x, y)));
    inside.filter_map(|(x, y)| pixel(crop, x, y)).fold(Sums::default(), Sums::add)
}

/// Luma, 0 to 255, and red minus luma.
fn pixel(crop: &Crop, x: usize, y: usize) -> Option<[f32; 2]> {
    let pixel = *crop.rgb().as_chunks::<3>().0.get(y * Crop::SIDE + x)?;
    let [red, _, _] = pixel;
    let luma = luma(pixel);
    Some([luma, f32::from(red) - luma])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SKIN: [u8; 3] = [200, 150, 120];

    /// A face of skin with dark pupils in bright eyes, and red lips with a dark line between them.
    fn face(paint: impl Fn(usize, usize) -> Option<[u8; 3]>) -> Crop {
        let mut crop = Crop::default();
        for (index, pixel) in crop.rgb_mut().chunks_exact_mut(3).enumerate() {
            let (x, y) = (index % Crop::SIDE, index / Crop::SIDE);
            let distance = |(left, top): (f32, f32)| (x as f32 - left).hypot(y as f32 - top);
            let eye = EYES.iter().map(|eye| distance(*eye)).fold(f32::MAX, f32::min);
            let bare = match eye {
                ..3.0 => [30, 25, 20],
                3.0..5.0 => [230, 225, 220],
                _ if (42..70).contains(&x) && (91..93).contains(&y) => [80, 30, 30],
                _ if (42..70).contains(&x) && (87..97).contains(&y) => [190, 90, 90],
                _ => SKIN,
            };
            pixel.copy_from_slice(&paint(x, y).unwrap_or(bare));
        }
        crop
    }

    fn glasses(color: [u8; 3]) -> Crop {
        face(|x, y| {
            let is_glass = |(left, top): &(f32, f32)| (x as f32 - left).hypot(y as f32 - top) < 14.0;
            EYES.iter().any(is_glass).then_some(color)
        })
    }

    fn mask(color: [u8; 3]) -> Crop {
        face(|x, y| ((20..92).contains(&x) && y > 66).then_some(color))
    }

    #[test]
    fn a_bare_face_has_no_cover() {
        assert_eq!(cover(&face(|_, _| None)), None);
        let gray = |x: usize, y: usize| {
            let crop = face(|_, _| None);
            pixel(&crop, x, y).map(|[luma, _]| [luma as u8; 3])
        };
        assert_eq!(cover(&face(gray)), None, "the picture of an infrared camera");
    }

    #[test]
    fn dark_glasses_cover_the_eyes() {
        assert_eq!(cover(&glasses([20, 15, 25])), Some(QualityFault::EyesCovered));
        assert_eq!(cover(&glasses(SKIN)), None, "closed eyes");
    }

    #[test]
    fn a_mask_covers_the_mouth() {
        for color in [[230, 235, 240], [120, 170, 210], [20, 20, 20], SKIN] {
            assert_eq!(cover(&mask(color)), Some(QualityFault::MouthCovered), "{color:?}");
        }
    }
}
