//! How a network for presentation attack detection is used: which part of a frame it gets, and what its scores mean.

use ostiary_core::{BBox, NetworkInput};
use serde::{Deserialize, Serialize};

/// How a network of the role [`Liveness`](ostiary_core::ModelRole::Liveness) is used. The side of its input, the order of its
/// color channels and the normalization are in the entry's [`NetworkInput`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LivenessTest {
    /// How many times the face's box is enlarged about its center before it is cut out: 1 to 8.
    pub crop_scale: f32,
    /// Number of classes that the network distinguishes: 2 to 64.
    pub classes: usize,
    /// Index of the class that means a live face.
    pub live_class: usize,
    /// A score of the live class below this means an attack; above 0.
    pub spoof_below: f32,
    /// A score of the live class from this on means a live face; from `spoof_below` to 1. A score between the two says nothing.
    pub pass_from: f32,
    /// Outputs for faces of the portraits that are built into the program: at least one. They hold the crop and the order of
    /// the channels, and every host must reproduce them.
    pub golden: Vec<GoldenOutput>,
}

/// The output of the network for one face.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenOutput {
    /// File name of the portrait.
    pub portrait: String,
    /// The face's box, pixels of the portrait.
    pub face: BBox,
    /// The output for each class, before the softmax.
    pub output: Vec<f32>,
}

/// Why a [`LivenessTest`] is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LivenessTestError {
    /// The entry of the role has no such table.
    #[error("it has no table \"liveness\", which says how its input is cut out and what its scores mean")]
    Missing,
    /// The entry of another role has such a table.
    #[error("it has a table \"liveness\", which only the roles liveness and liveness-int8 have")]
    OtherRole,
    /// The input is not one square picture of one size.
    #[error("its input shape {0:?} is not one square picture with 3 channels")]
    Input([usize; 4]),
    /// The scale of the crop is out of range.
    #[error("its crop_scale is {0}, which is not from 1 to 8")]
    CropScale(f32),
    /// The number of classes is out of range.
    #[error("its classes are {0}, which is not from 2 to 64")]
    Classes(usize),
    /// The live class is none of the classes.
    #[error("its live_class is {live_class}, which is not below the number of its classes, {classes}")]
    LiveClass {
        /// The index.
        live_class: usize,
        /// Number of classes.
        classes: usize,
    },
    /// The thresholds are out of range.
    #[error(
        "its thresholds are spoof_below = {spoof_below} and pass_from = {pass_from}; they must be above 0, at most 1, and \
         in this order"
    )]
    Thresholds {
        /// The threshold of attacks.
        spoof_below: f32,
        /// The threshold of live faces.
        pass_from: f32,
    },
    /// A golden output is missing or cannot be right.
    #[error(
        "its golden outputs are not at least one face of a portrait with one finite number for each of its classes"
    )]
    Golden,
}

impl LivenessTest {
    /// How many times the box of a face must fit into the frame. Such a network decides mostly by what surrounds a face: with less in
    /// view its score says nothing.
    pub const MIN_ROOM: f32 = 1.5;

    const CROP_SCALES: std::ops::RangeInclusive<f32> = 1.0..=8.0;
    const CLASSES: std::ops::RangeInclusive<usize> = 2..=64;

    /// Checks that the program can use the network in this way.
    ///
    /// # Errors
    /// Names the value that is out of range.
    pub fn check(&self, input: &NetworkInput) -> Result<(), LivenessTestError> {
        let Self { crop_scale, classes, live_class, spoof_below, pass_from, .. } = *self;
        match input.shape {
            [1, 3, height, width] if height == width && height > 0 => {}
            shape => return Err(LivenessTestError::Input(shape)),
        }
        if !Self::CROP_SCALES.contains(&crop_scale) {
            return Err(LivenessTestError::CropScale(crop_scale));
        }
        if !Self::CLASSES.contains(&classes) {
            return Err(LivenessTestError::Classes(classes));
        }
        if live_class >= classes {
            return Err(LivenessTestError::LiveClass { live_class, classes });
        }
        // NaN is not in order with any number.
        if !(spoof_below > 0.0 && spoof_below <= pass_from && pass_from <= 1.0) {
            return Err(LivenessTestError::Thresholds { spoof_below, pass_from });
        }
        let is_valid = |golden: &GoldenOutput| {
            let BBox { x, y, width, height } = golden.face;
            !golden.portrait.is_empty()
                && [x, y].iter().all(|value| value.is_finite())
                && [width, height].iter().all(|side| side.is_finite() && *side >= 1.0)
                && golden.output.len() == classes
                && golden.output.iter().all(|value| value.is_finite())
        };
        if self.golden.is_empty() || !self.golden.iter().all(is_valid) {
            return Err(LivenessTestError::Golden);
        }
        Ok(())
    }
}

#[cfg(test)]
pub mod tests {
    use ostiary_core::ChannelOrder;

    use super::*;

    /// A valid test of three classes.
    pub fn liveness_test() -> LivenessTest {
        LivenessTest {
            crop_scale: 2.7,
            classes: 3,
            live_class: 1,
            spoof_below: 0.1,
            pass_from: 0.5,
            golden: vec![GoldenOutput {
                portrait: "portrait.jpg".into(),
                face: [10.0, 20.0, 100.0, 120.0].into(),
                output: vec![-1.0, 2.0, -3.0],
            }],
        }
    }

    #[test]
    fn values_out_of_range_are_refused_by_name() {
        let input = NetworkInput {
            name: "input".into(),
            shape: [1, 3, 128, 128],
            channels: ChannelOrder::Bgr,
            mean: 0.0,
            divisor: 1.0,
        };
        let check = |change: &dyn Fn(&mut LivenessTest)| {
            let mut test = liveness_test();
            change(&mut test);
            test.check(&input).map_err(|why| why.to_string())
        };
        assert_eq!(check(&|_| ()), Ok(()));
        assert_eq!(check(&|test| (test.spoof_below, test.pass_from) = (1.0, 1.0)), Ok(()));
        let refused = |change: &dyn Fn(&mut LivenessTest), name: &str| {
            let why = check(change).unwrap_err();
            assert!(why.contains(name), "{why} does not name {name}");
        };
        for scale in [0.9, 8.1, f32::NAN, f32::INFINITY, -2.7] {
            refused(&|test| test.crop_scale = scale, "crop_scale");
        }
        for classes in [0, 1, 65] {
            refused(&|test| test.classes = classes, "classes");
        }
        refused(&|test| test.live_class = 3, "live_class");
        for thresholds in [(0.0, 0.5), (-0.1, 0.5), (0.5, 0.1), (0.1, 1.1), (f32::NAN, 0.5), (0.1, f32::NAN)]
        {
            refused(&|test| (test.spoof_below, test.pass_from) = thresholds, "thresholds");
        }
        refused(&|test| test.golden.clear(), "golden");
        refused(&|test| test.golden[0].output.truncate(2), "golden");
        refused(&|test| test.golden[0].output[1] = f32::NAN, "golden");
        refused(&|test| test.golden[0].face.width = 0.0, "golden");
        refused(&|test| test.golden[0].face.x = f32::NAN, "golden");
        refused(&|test| test.golden[0].portrait.clear(), "golden");
        for shape in [[0, 3, 128, 128], [1, 3, 0, 0], [1, 3, 128, 96], [2, 3, 128, 128]] {
            let why = liveness_test().check(&NetworkInput { shape, ..input.clone() }).unwrap_err();
            assert_eq!(why, LivenessTestError::Input(shape));
        }
    }
}
