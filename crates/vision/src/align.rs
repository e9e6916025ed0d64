//! Alignment: rotates, scales and moves a face onto the ArcFace template.

#![expect(
    clippy::indexing_slicing,
    reason = "the offset of a pixel is computed from coordinates that are checked against the frame"
)]

use ostiary_core::{Crop, Frame, Landmarks, Point};

/// Positions of the five landmarks in a 112x112 crop, pixels: the template of ArcFace models (Deng et al., "ArcFace:
/// Additive Angular Margin Loss for Deep Face Recognition", 2019).
pub const ARCFACE_TEMPLATE: Landmarks = [
    Point { x: 38.2946, y: 51.6963 },
    Point { x: 73.5318, y: 51.5014 },
    Point { x: 56.0252, y: 71.7366 },
    Point { x: 41.5493, y: 92.3655 },
    Point { x: 70.7299, y: 92.2041 },
];

/// A similarity transform of the plane: `x' = a x - b y + tx`, `y' = b x + a y + ty`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct SimilarityTransform {
    a: f32,
    b: f32,
    tx: f32,
    ty: f32,
}

impl SimilarityTransform {
    /// The transform that maps `from` to `to` with the least squared error (Umeyama, "Least-squares estimation of
    /// transformation parameters between two point patterns", 1991; the closed form in two dimensions, without
    /// reflection). `None` if the points do not determine one: all at one place, or not finite.
    fn least_squares(from: &Landmarks, to: &Landmarks) -> Option<Self> {
        let (from_mean, to_mean) = (mean(from), mean(to));
        let (mut dot, mut cross, mut variance) = (0.0, 0.0, 0.0);
        for (p, q) in from.iter().zip(to) {
            let (px, py) = (p.x - from_mean.x, p.y - from_mean.y);
            let (qx, qy) = (q.x - to_mean.x, q.y - to_mean.y);
            dot += px * qx + py * qy;
            cross += px * qy - py * qx;
            variance += px * px + py * py;
        }
        let (a, b) = (dot / variance, cross / variance);
        let transform = Self {
            a,
            b,
            tx: to_mean.x - a * from_mean.x + b * from_mean.y,
            ty: to_mean.y - b * from_mean.x - a * from_mean.y,
        };
        ([transform.a, transform.b, transform.tx, transform.ty].iter().all(|v| v.is_finite())
            && a * a + b * b > f32::EPSILON)
            .then_some(transform)
    }

    /// Transforms a point.
    fn apply(&self, p: Point) -> Point {
        Point { x: self.a * p.x - self.b * p.y + self.tx, y: self.b * p.x + self.a * p.y + self.ty }
    }
}

fn mean(points: &Landmarks) -> Point {
    let sum = points.iter().fold(Point::default(), |sum, p| Point { x: sum.x + p.x, y: sum.y + p.y });
    Point { x: sum.x / points.len() as f32, y: sum.y / points.len() as f32 }
}

/// Writes the aligned face into `crop`, with bilinear interpolation; pixels outside the frame are black. `landmarks` are in
/// pixels of the frame. Returns the share of the crop that lies outside the frame, 0 to 1. Returns `None` and leaves the crop unchanged
/// if the landmarks cannot be aligned.
pub fn align(frame: &Frame, landmarks: &Landmarks, crop: &mut Crop) -> Option<f32> {
    // The inverse mapping, from the crop to the frame: every pixel of the crop is written once.
    let transform = SimilarityTransform::least_squares(&ARCFACE_TEMPLATE, landmarks)?;
    for (row, pixels) in crop.rgb_mut().chunks_exact_mut(Crop::SIDE * 3).enumerate() {
        let mut position = transform.apply(Point { x: 0.0, y: row as f32 });
        for pixel in pixels.as_chunks_mut::<3>().0 {
            *pixel = bilinear(frame, position);
            position.x += transform.a;
            position.y += transform.b;
        }
    }
    Some(share_outside(frame, transform))
}

/// Steps per side of a crop in which [`share_outside`] samples it.
const SHARE_STEPS: u8 = 16;

/// The share of the crop that lies outside the frame, 0 to 1, sampled in a grid. The transform maps the crop to the frame.
fn share_outside(frame: &Frame, transform: SimilarityTransform) -> f32 {
    let step = Crop::SIDE as f32 / f32::from(SHARE_STEPS);
    let position = |index: u8| (f32::from(index) + 0.5) * step;
    let samples = (0..SHARE_STEPS).flat_map(|row| (0..SHARE_STEPS).map(move |column| (column, row)));
    let is_outside = |(column, row): &(u8, u8)| {
        let Point { x, y } = transform.apply(Point { x: position(*column), y: position(*row) });
        !((0.0..=frame.width() as f32).contains(&x) && (0.0..=frame.height() as f32).contains(&y))
    };
    samples.filter(is_outside).count() as f32 / f32::from(SHARE_STEPS).powi(2)
}

/// The interpolated color at a position, whose integers are the centers of pixels.
fn bilinear(frame: &Frame, position: Point) -> [u8; 3] {
    let (left, top) = (position.x.floor(), position.y.floor());
    let (right_weight, bottom_weight) = (position.x - left, position.y - top);
    // 0.5, so that the conversion to bytes rounds to the nearest.
    let mut sums = [0.5f32; 3];
    for (dx, dy, weight) in [
        (0, 0, (1.0 - right_weight) * (1.0 - bottom_weight)),
        (1, 0, right_weight * (1.0 - bottom_weight)),
        (0, 1, (1.0 - right_weight) * bottom_weight),
        (1, 1, right_weight * bottom_weight),
    ] {
        let (x, y) = (left as i64 + dx, top as i64 + dy);
        if x >= 0 && y >= 0 && x < i64::from(frame.width()) && y < i64::from(frame.height()) {
            let pixel = &frame.rgb()[(y as usize * frame.width() as usize + x as usize) * 3..][..3];
            for (sum, value) in sums.iter_mut().zip(pixel) {
                *sum += weight * f32::from(*value);
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
        fn least_squares_recovers_a_similarity_transform(angle in -3.1f32..3.1, scale in 0.1f32..20.0, tx in -500f32..500.0, ty in -500f32..500.0) {
            let transform = SimilarityTransform { a: scale * angle.cos(), b: scale * angle.sin(), tx, ty };
            let moved = ARCFACE_TEMPLATE.map(|p| transform.apply(p));
            let found = SimilarityTransform::least_squares(&ARCFACE_TEMPLATE, &moved).unwrap();
            for p in ARCFACE_TEMPLATE {
                let (expected, got) = (transform.apply(p), found.apply(p));
                prop_assert!(Point::distance(expected, got) < 0.01 * scale.max(1.0), "{expected:?} {got:?}");
            }
        }

        #[test]
        fn arbitrary_landmarks_do_not_panic(x in -1e9f32..1e9, y in -1e9f32..1e9, spread in -1e6f32..1e6) {
            let frame = Frame::from_rgb(4, 4, vec![9; 48]).unwrap();
            let landmarks = std::array::from_fn(|i| Point { x: x + spread * i as f32, y: y - spread * (i % 2) as f32 });
            if let Some(share) = align(&frame, &landmarks, &mut Crop::default()) {
                prop_assert!((0.0..=1.0).contains(&share));
            }
        }
    }

    #[test]
    fn degenerate_landmarks_are_refused() {
        let frame = Frame::from_rgb(4, 4, vec![9; 48]).unwrap();
        for landmarks in [[Point { x: 3.0, y: 3.0 }; 5], [Point { x: f32::NAN, y: 0.0 }; 5]] {
            assert_eq!(align(&frame, &landmarks, &mut Crop::default()), None);
        }
    }

    #[test]
    fn a_face_on_the_template_is_copied() {
        let rgb: Vec<u8> = (0..Crop::BYTES).map(|i| (i * 7 % 251) as u8).collect();
        let frame = Frame::from_rgb(112, 112, rgb.clone()).unwrap();
        let mut crop = Crop::default();
        assert_eq!(align(&frame, &ARCFACE_TEMPLATE, &mut crop), Some(0.0));
        let different = crop.rgb().iter().zip(&rgb).filter(|(a, b)| a.abs_diff(**b) > 1).count();
        assert!(different < Crop::BYTES / 50, "{different} values differ");
    }
}
