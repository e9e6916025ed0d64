//! Measures the image quality of a face. The limits that it must meet are [`QualityLimits`](ostiary_config::QualityLimits).

#![expect(clippy::indexing_slicing, reason = "coordinates stay inside the crop, whose size is fixed")]

use ostiary_core::{Crop, Detection, Landmarks, Point, Quality};

use super::luma::luma;

/// Distance of the tip of the nose from the plane of eyes and mouth, as a fraction of the distance between the eyes.
const NOSE_DEPTH: f32 = 0.5;
/// Position of the nose of a frontal face between the eyes (0) and the mouth (1).
const FRONTAL_NOSE_POSITION: f32 = 0.5;
/// Border of the crop that shows background and hair, and is not measured, pixels.
const MARGIN: usize = Crop::SIDE / 8;

/// Measures a face: size by the box of the detection, exposure and sharpness on the aligned crop, pose by the landmarks.
pub fn measure_quality(detection: &Detection, crop: &Crop) -> Quality {
    let (exposure, sharpness) = measure_luma(crop);
    let [yaw, pitch, roll] = pose(&detection.landmarks);
    Quality { size: detection.bbox.width.min(detection.bbox.height), sharpness, exposure, yaw, pitch, roll }
}

/// Mean luma, 0 to 1, and variance of the Laplacian of the luma, gray levels squared, inside [`MARGIN`] (Pech-Pacheco et al.,
/// "Diatom autofocusing in brightfield microscopy: a comparative study", 2000).
fn measure_luma(crop: &Crop) -> (f32, f32) {
    const MEASURED: std::ops::Range<usize> = MARGIN..Crop::SIDE - MARGIN;
    let (pixels, _) = crop.rgb().as_chunks::<3>();
    let luma = |x: usize, y: usize| luma(pixels[y * Crop::SIDE + x]);
    let (mut sum, mut laplacian_sum, mut squared_sum) = (0.0, 0.0, 0.0);
    for y in MEASURED {
        for x in MEASURED {
            let center = luma(x, y);
            let laplacian = luma(x - 1, y) + luma(x + 1, y) + luma(x, y - 1) + luma(x, y + 1) - 4.0 * center;
            sum += center;
            laplacian_sum += laplacian;
            squared_sum += laplacian * laplacian;
        }
    }
    let count = (MEASURED.len() * MEASURED.len()) as f32;
    (sum / count / 255.0, squared_sum / count - (laplacian_sum / count).powi(2))
}

/// Yaw, pitch and roll in degrees. The tip of the nose is in front of the plane of eyes and mouth, so that a rotation of the
/// head moves it relative to them.
fn pose(landmarks: &Landmarks) -> [f32; 3] {
    let [left_eye, right_eye, nose, left_mouth, right_mouth] = *landmarks;
    let middle = |a: Point, b: Point| Point { x: (a.x + b.x) / 2.0, y: (a.y + b.y) / 2.0 };
    let (eyes, mouth) = (middle(left_eye, right_eye), middle(left_mouth, right_mouth));
    let roll = (right_eye.y - left_eye.y).atan2(right_eye.x - left_eye.x);
    // Coordinates along the line between the eyes, and perpendicular to it toward the mouth.
    let to_face = |p: Point| {
        let (x, y) = (p.x - eyes.x, p.y - eyes.y);
        (x * roll.cos() + y * roll.sin(), y * roll.cos() - x * roll.sin())
    };
    let ((nose_x, nose_y), (mouth_x, mouth_y)) = (to_face(nose), to_face(mouth));
    let width = Point::distance(left_eye, right_eye);
    let frontal_x = mouth_x * FRONTAL_NOSE_POSITION;
    let yaw = ((nose_x - frontal_x) / (width * NOSE_DEPTH)).atan();
    let pitch = ((nose_y - mouth_y * FRONTAL_NOSE_POSITION) / (width * NOSE_DEPTH)).atan();
    [yaw.to_degrees(), pitch.to_degrees(), roll.to_degrees()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ARCFACE_TEMPLATE;

    fn detection(landmarks: Landmarks) -> Detection {
        Detection { bbox: [0.0, 0.0, 90.0, 112.0].into(), score: 1.0, landmarks }
    }

    fn gray(value: impl Fn(usize, usize) -> u8) -> Crop {
        let mut crop = Crop::default();
        for (index, pixel) in crop.rgb_mut().chunks_exact_mut(3).enumerate() {
            pixel.fill(value(index % Crop::SIDE, index / Crop::SIDE));
        }
        crop
    }

    #[test]
    fn the_template_is_a_frontal_face() {
        let quality = measure_quality(&detection(ARCFACE_TEMPLATE), &gray(|_, _| 128));
        assert_eq!(quality.size, 90.0);
        assert!((quality.exposure - 0.502).abs() < 0.001);
        assert!(quality.sharpness.abs() < 0.1);
        assert!(
            quality.yaw.abs() < 2.0 && quality.pitch.abs() < 2.0 && quality.roll.abs() < 1.0,
            "{quality:?}"
        );
    }

    #[test]
    fn pose_follows_the_position_of_the_nose() {
        let mut right = ARCFACE_TEMPLATE;
        right[2].x += 12.0;
        let mut down = ARCFACE_TEMPLATE;
        down[2].y += 12.0;
        let measure = |landmarks| measure_quality(&detection(landmarks), &gray(|_, _| 128));
        assert!(measure(right).yaw > 25.0);
        assert!(measure(down).pitch > 25.0);
        let rotated = ARCFACE_TEMPLATE.map(|p| Point { x: 0.8 * p.x - 0.6 * p.y, y: 0.6 * p.x + 0.8 * p.y });
        let quality = measure(rotated);
        assert!((quality.roll - 36.87).abs() < 1.0 && quality.yaw.abs() < 2.0, "{quality:?}");
    }

    #[test]
    fn edges_are_sharp() {
        let stripes = measure_quality(
            &detection(ARCFACE_TEMPLATE),
            &gray(|x, _| if x / 4 % 2 == 0 { 40 } else { 200 }),
        );
        assert!(stripes.sharpness > 1000.0);
    }
}
