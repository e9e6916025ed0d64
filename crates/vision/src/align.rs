//! Turning, scaling and moving a face onto the ArcFace template.

use ostiary_core::{Crop, Frame, Landmarks, Point};

/// Where the five landmarks are in a 112x112 crop, as ArcFace models are trained (Deng et al. 2019).
pub const ARCFACE_TEMPLATE: Landmarks = [
    Point { x: 38.2946, y: 51.6963 },
    Point { x: 73.5318, y: 51.5014 },
    Point { x: 56.0252, y: 71.7366 },
    Point { x: 41.5493, y: 92.3655 },
    Point { x: 70.7299, y: 92.2041 },
];

/// A map of the plane that keeps shapes: `x' = a x - b y + tx`, `y' = b x + a y + ty`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimilarityTransform {
    a: f32,
    b: f32,
    tx: f32,
    ty: f32,
}

impl SimilarityTransform {
    /// The map that brings `from` nearest to `to`, by least squares (Umeyama 1991; in the plane and without
    /// mirroring it has a closed form). `None` where the points do not tell: all in one place, or not finite.
    pub fn least_squares(from: &Landmarks, to: &Landmarks) -> Option<Self> {
        let (from_mean, to_mean) = (mean(from), mean(to));
        let (mut along, mut across, mut spread) = (0.0, 0.0, 0.0);
        for (p, q) in from.iter().zip(to) {
            let (px, py) = (p.x - from_mean.x, p.y - from_mean.y);
            let (qx, qy) = (q.x - to_mean.x, q.y - to_mean.y);
            along += px * qx + py * qy;
            across += px * qy - py * qx;
            spread += px * px + py * py;
        }
        let (a, b) = (along / spread, across / spread);
        let map = Self {
            a,
            b,
            tx: to_mean.x - a * from_mean.x + b * from_mean.y,
            ty: to_mean.y - b * from_mean.x - a * from_mean.y,
        };
        ([map.a, map.b, map.tx, map.ty].iter().all(|v| v.is_finite()) && a * a + b * b > f32::EPSILON)
            .then_some(map)
    }

    /// Maps a point.
    pub fn apply(&self, p: Point) -> Point {
        Point { x: self.a * p.x - self.b * p.y + self.tx, y: self.b * p.x + self.a * p.y + self.ty }
    }
}

fn mean(points: &Landmarks) -> Point {
    let sum = points.iter().fold(Point::default(), |sum, p| Point { x: sum.x + p.x, y: sum.y + p.y });
    Point { x: sum.x / points.len() as f32, y: sum.y / points.len() as f32 }
}

/// Cuts the aligned face out of the frame, bilinear; outside the frame it is black. `false` where the
/// landmarks cannot be aligned: the crop is then untouched.
pub fn align(frame: &Frame, landmarks: &Landmarks, crop: &mut Crop) -> bool {
    // From the crop back to the frame, so that every pixel of the crop is met once.
    let Some(map) = SimilarityTransform::least_squares(&ARCFACE_TEMPLATE, landmarks) else { return false };
    for (row, pixels) in crop.rgb_mut().chunks_exact_mut(Crop::SIDE * 3).enumerate() {
        let mut at = map.apply(Point { x: 0.0, y: row as f32 });
        for pixel in pixels.as_chunks_mut::<3>().0 {
            *pixel = bilinear(frame, at);
            at.x += map.a;
            at.y += map.b;
        }
    }
    true
}

/// The color at a point, whose whole numbers are pixel centers.
fn bilinear(frame: &Frame, at: Point) -> [u8; 3] {
    let (left, top) = (at.x.floor(), at.y.floor());
    let (right_share, bottom_share) = (at.x - left, at.y - top);
    let mut sums = [0.5f32; 3];
    for (dx, dy, share) in [
        (0, 0, (1.0 - right_share) * (1.0 - bottom_share)),
        (1, 0, right_share * (1.0 - bottom_share)),
        (0, 1, (1.0 - right_share) * bottom_share),
        (1, 1, right_share * bottom_share),
    ] {
        let (x, y) = (left as i64 + dx, top as i64 + dy);
        if x >= 0 && y >= 0 && x < i64::from(frame.width()) && y < i64::from(frame.height()) {
            let pixel = &frame.rgb()[(y as usize * frame.width() as usize + x as usize) * 3..][..3];
            for (sum, value) in sums.iter_mut().zip(pixel) {
                *sum += share * f32::from(*value);
            }
        }
    }
    sums.map(|sum| sum as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_similarity_is_found_again(angle in -3.1f32..3.1, scale in 0.1f32..20.0, tx in -500f32..500.0, ty in -500f32..500.0) {
            let map = SimilarityTransform { a: scale * angle.cos(), b: scale * angle.sin(), tx, ty };
            let moved = ARCFACE_TEMPLATE.map(|p| map.apply(p));
            let found = SimilarityTransform::least_squares(&ARCFACE_TEMPLATE, &moved).unwrap();
            for p in ARCFACE_TEMPLATE {
                let (expected, got) = (map.apply(p), found.apply(p));
                prop_assert!(Point::distance(expected, got) < 0.01 * scale.max(1.0), "{expected:?} {got:?}");
            }
        }

        #[test]
        fn no_landmarks_panic(x in -1e9f32..1e9, y in -1e9f32..1e9, spread in -1e6f32..1e6) {
            let frame = Frame::from_rgb(4, 4, vec![9; 48]).unwrap();
            let landmarks = std::array::from_fn(|i| Point { x: x + spread * i as f32, y: y - spread * (i % 2) as f32 });
            align(&frame, &landmarks, &mut Crop::default());
        }
    }

    #[test]
    fn landmarks_that_do_not_tell_are_refused() {
        let frame = Frame::from_rgb(4, 4, vec![9; 48]).unwrap();
        for landmarks in [[Point { x: 3.0, y: 3.0 }; 5], [Point { x: f32::NAN, y: 0.0 }; 5]] {
            assert!(!align(&frame, &landmarks, &mut Crop::default()));
        }
    }

    #[test]
    fn a_face_already_on_the_template_is_cut_as_it_is() {
        let rgb: Vec<u8> = (0..Crop::BYTES).map(|i| (i * 7 % 251) as u8).collect();
        let frame = Frame::from_rgb(112, 112, rgb.clone()).unwrap();
        let mut crop = Crop::default();
        assert!(align(&frame, &ARCFACE_TEMPLATE, &mut crop));
        let off = crop.rgb().iter().zip(&rgb).filter(|(a, b)| a.abs_diff(**b) > 1).count();
        assert!(off < Crop::BYTES / 50, "{off} values differ");
    }
}
