//! Rotation and mirroring of frames, and the crop to the region of interest.

#![expect(
    clippy::indexing_slicing,
    reason = "`apply` checks the region, and computes all indices from the frame's size"
)]

use std::time::Duration;

use ostiary_config::Camera;
use ostiary_core::Frame;

use super::{CaptureError, FrameSource, Next};

/// The transformation of frames: rotated clockwise, then mirrored, then cropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orientation {
    /// Number of clockwise rotations by 90 degrees, 0 to 3.
    quarter_turns: u32,
    mirror: bool,
    /// Left, top, width, height in the rotated and mirrored picture, pixels.
    region: Option<[u32; 4]>,
}

impl Orientation {
    /// The transformation that the configuration asks for.
    ///
    /// # Errors
    /// The rotation is not 0, 90, 180 or 270 degrees, or the region is empty.
    pub fn new(camera: &Camera) -> Result<Self, CaptureError> {
        if !matches!(camera.rotate, 0 | 90 | 180 | 270) {
            return Err(CaptureError::Setting {
                key: "camera.rotate",
                value: camera.rotate.to_string(),
                why: "must be 0, 90, 180 or 270".into(),
            });
        }
        if let Some(region @ ([_, _, 0, _] | [_, _, _, 0])) = camera.region {
            return Err(wrong_region(region, "is empty: its width and height must be at least 1".into()));
        }
        Ok(Self { quarter_turns: camera.rotate / 90, mirror: camera.mirror, region: camera.region })
    }

    /// Whether frames do not change.
    pub fn is_identity(&self) -> bool {
        self.quarter_turns == 0 && !self.mirror && self.region.is_none()
    }

    /// Writes the transformed `from` into `to`, with its time and its number.
    ///
    /// # Errors
    /// The region is not inside the picture.
    pub fn apply(&self, from: &Frame, to: &mut Frame) -> Result<(), CaptureError> {
        let (width, height) = (from.width() as isize, from.height() as isize);
        // Pixel (x, y) of the rotated picture is pixel `origin + x * right + y * down` of `from`.
        let (rotated, mut origin, mut right, down) = match self.quarter_turns {
            0 => ((width, height), 0, 1, width),
            1 => ((height, width), (height - 1) * width, -width, 1),
            2 => ((width, height), height * width - 1, -1, -width),
            _ => ((height, width), width - 1, width, -1),
        };
        if self.mirror {
            origin += (rotated.0 - 1) * right;
            right = -right;
        }
        let [x, y, crop_width, crop_height] =
            self.region.unwrap_or([0, 0, rotated.0 as u32, rotated.1 as u32]);
        let inside = |begin: u32, length: u32, size: isize| begin as u64 + length as u64 <= size as u64;
        if !inside(x, crop_width, rotated.0) || !inside(y, crop_height, rotated.1) {
            let why =
                format!("reaches beyond the rotated picture, which is {}x{} pixels", rotated.0, rotated.1);
            return Err(wrong_region([x, y, crop_width, crop_height], why));
        }
        origin += x as isize * right + y as isize * down;

        to.reshape(crop_width, crop_height);
        to.time = from.time;
        to.sequence = from.sequence;
        let source = from.rgb();
        for (row, line) in to.rgb_mut().chunks_exact_mut(crop_width as usize * 3).enumerate() {
            let begin = origin + row as isize * down;
            if right == 1 {
                let begin = begin as usize * 3;
                line.copy_from_slice(&source[begin..begin + line.len()]);
                continue;
            }
            let mut at = begin;
            for pixel in line.chunks_exact_mut(3) {
                let byte = at as usize * 3;
                pixel.copy_from_slice(&source[byte..byte + 3]);
                at += right;
            }
        }
        Ok(())
    }
}

fn wrong_region(region: [u32; 4], why: String) -> CaptureError {
    CaptureError::Setting { key: "camera.region", value: format!("{region:?}"), why }
}

/// A source with transformed frames.
pub struct Oriented {
    source: Box<dyn FrameSource>,
    orientation: Orientation,
    /// Buffer for the frames of `source`.
    frame: Frame,
}

impl Oriented {
    /// The source with this transformation; `source` itself if frames do not change.
    pub fn wrap(source: Box<dyn FrameSource>, orientation: Orientation) -> Box<dyn FrameSource> {
        if orientation.is_identity() {
            return source;
        }
        Box::new(Self { source, orientation, frame: Frame::default() })
    }
}

impl FrameSource for Oriented {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        let next = self.source.next(&mut self.frame)?;
        if next == Next::Frame {
            self.orientation.apply(&self.frame, frame)?;
        }
        Ok(next)
    }

    fn set_interval(&mut self, interval: Duration) {
        self.source.set_interval(interval);
    }

    fn is_live(&self) -> bool {
        self.source.is_live()
    }

    fn frozen_after(&self) -> Option<Duration> {
        self.source.frozen_after()
    }

    fn describe(&self) -> String {
        let mut text = self.source.describe();
        if self.orientation.quarter_turns != 0 {
            text += &format!(", rotated {} degrees", self.orientation.quarter_turns * 90);
        }
        if self.orientation.mirror {
            text += ", mirrored";
        }
        if let Some([x, y, width, height]) = self.orientation.region {
            text += &format!(", cut to {width}x{height} at {x},{y}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A frame whose pixels are different: column, row, 0.
    fn grid(width: u32, height: u32) -> Frame {
        let pixels = (0..height).flat_map(|y| (0..width).flat_map(move |x| [x as u8, y as u8, 0]));
        Frame::from_rgb(width, height, pixels.collect()).unwrap()
    }

    fn oriented(rotate: u32, mirror: bool, region: Option<[u32; 4]>) -> Orientation {
        Orientation::new(&Camera { rotate, mirror, region, ..Camera::default() }).unwrap()
    }

    fn transform(from: &Frame, orientation: Orientation) -> Frame {
        let mut to = Frame::default();
        orientation.apply(from, &mut to).unwrap();
        to
    }

    fn pixel(frame: &Frame, x: u32, y: u32) -> [u8; 2] {
        let byte = (y * frame.width() + x) as usize * 3;
        [frame.rgb()[byte], frame.rgb()[byte + 1]]
    }

    #[test]
    fn a_rotation_by_90_degrees_moves_the_bottom_left_corner_to_the_top_left() {
        let rotated = transform(&grid(4, 3), oriented(90, false, None));
        assert_eq!((rotated.width(), rotated.height()), (3, 4));
        assert_eq!(pixel(&rotated, 0, 0), [0, 2]);
        assert_eq!(pixel(&rotated, 2, 0), [0, 0]);
        assert_eq!(pixel(&rotated, 2, 3), [3, 0]);
    }

    #[test]
    fn the_mirror_comes_after_the_rotation() {
        let rotated = transform(&grid(4, 3), oriented(90, true, None));
        assert_eq!(pixel(&rotated, 0, 0), [0, 0]);
        assert_eq!(pixel(&rotated, 2, 0), [0, 2]);
    }

    #[test]
    fn errors_name_the_setting() {
        let wrong = |camera: Camera| Orientation::new(&camera).unwrap_err().to_string();
        assert!(wrong(Camera { rotate: 45, ..Camera::default() }).contains("camera.rotate = 45"));
        let empty = Camera { region: Some([0, 0, 0, 5]), ..Camera::default() };
        assert!(wrong(empty).contains("camera.region = [0, 0, 0, 5]"));
        let outside = oriented(0, false, Some([2, 0, 3, 3]));
        let error = outside.apply(&grid(4, 3), &mut Frame::default()).unwrap_err();
        assert!(error.to_string().contains("4x3"), "{error}");
        let huge = oriented(0, false, Some([u32::MAX, 0, u32::MAX, 1]));
        assert!(huge.apply(&grid(4, 3), &mut Frame::default()).is_err());
    }

    proptest! {
        #[test]
        fn every_pixel_moves_to_its_computed_place(
            width in 1u32..20, height in 1u32..20, quarters in 0u32..4, mirror: bool,
            cut in prop::array::uniform4(0u32..1000),
        ) {
            let from = grid(width, height);
            let (w, h) = if quarters % 2 == 0 { (width, height) } else { (height, width) };
            let (x0, y0) = (cut[0] % w, cut[1] % h);
            let region = [x0, y0, 1 + cut[2] % (w - x0), 1 + cut[3] % (h - y0)];
            let to = transform(&from, oriented(quarters * 90, mirror, Some(region)));
            prop_assert_eq!([to.width(), to.height()], [region[2], region[3]]);
            for y in 0..region[3] {
                for x in 0..region[2] {
                    let (tx, ty) = (x + x0, y + y0);
                    let tx = if mirror { w - 1 - tx } else { tx };
                    let (sx, sy) = match quarters {
                        0 => (tx, ty),
                        1 => (ty, height - 1 - tx),
                        2 => (width - 1 - tx, height - 1 - ty),
                        _ => (width - 1 - ty, tx),
                    };
                    prop_assert_eq!(pixel(&to, x, y), [sx as u8, sy as u8]);
                }
            }
        }

        #[test]
        fn four_rotations_by_90_degrees_change_nothing(width in 1u32..20, height in 1u32..20) {
            let from = grid(width, height);
            let quarter = oriented(90, false, None);
            let rotated = (0..4).fold(from.clone(), |frame, _| transform(&frame, quarter));
            prop_assert_eq!(rotated, from);
        }
    }
}
