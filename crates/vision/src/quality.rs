//! Measures how well a face can be seen.

use ostiary_core::{Crop, Detection, Landmarks, Point, Quality};

/// How far the nose stands out before the plane of eyes and mouth, in shares of the distance between the eyes.
const NOSE_HEIGHT: f32 = 0.5;
/// Where a straight face's nose is on the way from eyes to mouth.
const NOSE_PLACE: f32 = 0.5;

/// Measures a face on its aligned crop and its landmarks.
pub fn measure_quality(detection: &Detection, crop: &Crop) -> Quality {
    let (exposure, sharpness) = light(crop);
    let [yaw, pitch, roll] = pose(&detection.landmarks);
    Quality { size: detection.bbox.width.min(detection.bbox.height), sharpness, exposure, yaw, pitch, roll }
}

/// Mean luma, 0 to 1, and the variance of the luma's Laplacian (Pech-Pacheco et al. 2000) over the face.
fn light(crop: &Crop) -> (f32, f32) {
    // The middle: the corners of the crop are background and hair.
    const FROM: usize = Crop::SIDE / 8;
    const TO: usize = Crop::SIDE - FROM;
    let luma = |x: usize, y: usize| {
        let pixel = &crop.rgb()[(y * Crop::SIDE + x) * 3..][..3];
        0.299 * f32::from(pixel[0]) + 0.587 * f32::from(pixel[1]) + 0.114 * f32::from(pixel[2])
    };
    let (mut sum, mut edges, mut squared_edges) = (0.0, 0.0, 0.0);
    for y in FROM..TO {
        for x in FROM..TO {
            let here = luma(x, y);
            let edge = luma(x - 1, y) + luma(x + 1, y) + luma(x, y - 1) + luma(x, y + 1) - 4.0 * here;
            sum += here;
            edges += edge;
            squared_edges += edge * edge;
        }
    }
    let count = ((TO - FROM) * (TO - FROM)) as f32;
    (sum / count / 255.0, squared_edges / count - (edges / count).powi(2))
}

/// Yaw, pitch and roll in degrees: where the nose stands between eyes and mouth tells how the head is turned,
/// because it stands out before their plane.
fn pose(landmarks: &Landmarks) -> [f32; 3] {
    let [left_eye, right_eye, nose, left_mouth, right_mouth] = *landmarks;
    let middle = |a: Point, b: Point| Point { x: (a.x + b.x) / 2.0, y: (a.y + b.y) / 2.0 };
    let (eyes, mouth) = (middle(left_eye, right_eye), middle(left_mouth, right_mouth));
    let roll = (right_eye.y - left_eye.y).atan2(right_eye.x - left_eye.x);
    // Along the eyes' line, and across it towards the mouth.
    let upright = |p: Point| {
        let (x, y) = (p.x - eyes.x, p.y - eyes.y);
        (x * roll.cos() + y * roll.sin(), y * roll.cos() - x * roll.sin())
    };
    let ((nose_x, nose_y), (mouth_x, mouth_y)) = (upright(nose), upright(mouth));
    let width = Point::distance(left_eye, right_eye);
    let straight_x = mouth_x * NOSE_PLACE;
    let yaw = ((nose_x - straight_x) / (width * NOSE_HEIGHT)).atan();
    let pitch = ((nose_y - mouth_y * NOSE_PLACE) / (width * NOSE_HEIGHT)).atan();
    [yaw.to_degrees(), pitch.to_degrees(), roll.to_degrees()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ARCFACE_TEMPLATE;

    fn detection(landmarks: Landmarks) -> Detection {
        Detection { bbox: [0.0, 0.0, 90.0, 112.0].into(), score: 1.0, landmarks }
    }

    fn grey(value: impl Fn(usize, usize) -> u8) -> Crop {
        let mut crop = Crop::default();
        for (index, pixel) in crop.rgb_mut().chunks_exact_mut(3).enumerate() {
            pixel.fill(value(index % Crop::SIDE, index / Crop::SIDE));
        }
        crop
    }

    #[test]
    fn a_straight_face_is_straight() {
        let quality = measure_quality(&detection(ARCFACE_TEMPLATE), &grey(|_, _| 128));
        assert_eq!(quality.size, 90.0);
        assert!((quality.exposure - 0.502).abs() < 0.001);
        assert!(quality.sharpness.abs() < 0.1);
        assert!(
            quality.yaw.abs() < 2.0 && quality.pitch.abs() < 2.0 && quality.roll.abs() < 1.0,
            "{quality:?}"
        );
    }

    #[test]
    fn turning_moves_the_nose() {
        let mut right = ARCFACE_TEMPLATE;
        right[2].x += 12.0;
        let mut down = ARCFACE_TEMPLATE;
        down[2].y += 12.0;
        let measure = |landmarks| measure_quality(&detection(landmarks), &grey(|_, _| 128));
        assert!(measure(right).yaw > 25.0);
        assert!(measure(down).pitch > 25.0);
        let turned = ARCFACE_TEMPLATE.map(|p| Point { x: 0.8 * p.x - 0.6 * p.y, y: 0.6 * p.x + 0.8 * p.y });
        let quality = measure(turned);
        assert!((quality.roll - 36.87).abs() < 1.0 && quality.yaw.abs() < 2.0, "{quality:?}");
    }

    #[test]
    fn edges_are_sharp() {
        let stripes = measure_quality(
            &detection(ARCFACE_TEMPLATE),
            &grey(|x, _| if x / 4 % 2 == 0 { 40 } else { 200 }),
        );
        assert!(stripes.sharpness > 1000.0);
    }
}
