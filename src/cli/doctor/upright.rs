//! Checks that the heads in a frame of the camera are upright.

use ostiary_config::Config;
use ostiary_core::{Face, Frame};
use ostiary_pipeline::{FaceEncoder, MeasuredFace};
use ostiary_vision::VisionError;

use super::finding::Finding;

/// The least score of a face whose turn is reported: a pattern in the background is no head.
const MIN_SCORE: f32 = 0.95;

/// A warning if the frame has no upright head, but has one if it is turned. `None` also if it shows nobody, or if the models,
/// which have a check of their own, cannot be used.
pub fn check(config: &Config, frame: &Frame) -> Option<Finding> {
    let mut encoder = FaceEncoder::load(config).ok()?;
    let turns = upright_after(frame, |frame| has_upright_head(&mut encoder, config, frame)).ok()??;
    let (degrees, rotate) = (turns * 90, (config.camera.rotate + turns * 90) % 360);
    let how = if degrees == 180 { "upside down" } else { "sideways" };
    (turns > 0).then(|| {
        Finding::warning(
            format!("the camera sees a head {how}: such a face is not compared, and the door does not open"),
            format!("set camera.rotate = {rotate}, or turn the camera"),
        )
    })
}

/// The number of clockwise quarter turns after which the test is passed, the least first.
fn upright_after<E>(
    frame: &Frame,
    mut test: impl FnMut(&Frame) -> Result<bool, E>,
) -> Result<Option<u32>, E> {
    let mut turned = frame.clone();
    for turns in 0..4 {
        if test(&turned)? {
            return Ok(Some(turns));
        }
        turned = quarter_turn(&turned);
    }
    Ok(None)
}

fn has_upright_head(encoder: &mut FaceEncoder, config: &Config, frame: &Frame) -> Result<bool, VisionError> {
    for MeasuredFace { face: Face { detection, quality }, .. } in encoder.faces(frame)? {
        if detection.score >= MIN_SCORE
            && quality.size >= config.quality.min_size
            && quality.roll.abs() <= config.quality.max_roll
        {
            let encoded = encoder.encode(frame, &detection)?;
            if encoder.not_upright(&encoded.embedding).is_none() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The frame after a clockwise turn by 90 degrees.
fn quarter_turn(frame: &Frame) -> Frame {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let pixels = frame.rgb().as_chunks::<3>().0;
    // The top row of the result is the left column, from the bottom up.
    let column = |x: usize| pixels.iter().skip(x).step_by(width).take(height).rev();
    let rgb = (0..width).flat_map(column).flatten().copied().collect();
    Frame::from_rgb(frame.height(), frame.width(), rgb).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_turn_moves_the_left_column_to_the_top() {
        let pixel = |value: u8| [value; 3];
        let frame = Frame::from_rgb(3, 2, [1, 2, 3, 4, 5, 6].map(pixel).concat()).unwrap();
        let turned = quarter_turn(&frame);
        assert_eq!((turned.width(), turned.height()), (2, 3));
        assert_eq!(turned.rgb(), [4, 1, 5, 2, 6, 3].map(pixel).concat());
        let mut back = turned;
        for _ in 0..3 {
            back = quarter_turn(&back);
        }
        assert_eq!(back.rgb(), frame.rgb());
    }

    #[test]
    fn the_turn_that_makes_a_head_upright_is_found() {
        let frame = Frame::from_rgb(2, 1, vec![1, 1, 1, 2, 2, 2]).unwrap();
        let first = |wanted: [u8; 2]| {
            upright_after(&frame, |frame| -> Result<bool, ()> {
                Ok(frame.rgb().first() == Some(&wanted[0]) && frame.width() == u32::from(wanted[1]))
            })
        };
        assert_eq!(first([1, 2]), Ok(Some(0)));
        assert_eq!(first([1, 1]), Ok(Some(1)));
        assert_eq!(first([2, 2]), Ok(Some(2)));
        assert_eq!(first([2, 1]), Ok(Some(3)));
        assert_eq!(first([9, 9]), Ok(None));
    }
}
