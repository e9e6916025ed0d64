//! `[quality]`

use ostiary_core::{Quality, QualityFault};

use crate::rule::number;

section! {
    /// Limits that a face must meet to count for a decision, or to be enrolled.
    [quality] QualityLimits {
        /// Minimum size, pixels.
        min_size: f32 = 60.0 => number(0.0, 4096.0).settable();
        /// Minimum sharpness; about 20 is blurred, several hundred is sharp.
        min_sharpness: f32 = 20.0 => number(0.0, 100_000.0).settable();
        /// Minimum brightness of the face, from 0 (black) to 1 (white).
        min_exposure: f32 = 0.12 => number(0.0, 1.0).settable();
        /// Maximum brightness of the face.
        max_exposure: f32 = 0.92 => number(0.0, 1.0).settable();
        /// Maximum angle of a head that is turned to a side, degrees.
        max_yaw: f32 = 35.0 => number(0.0, 90.0).settable();
        /// Maximum angle of a head that is raised or lowered, degrees.
        max_pitch: f32 = 30.0 => number(0.0, 90.0).settable();
        /// Maximum angle of a head that is tilted, degrees.
        max_roll: f32 = 30.0 => number(0.0, 180.0).settable();
    }
}

impl QualityLimits {
    /// The first limit that a face does not meet; `None` if it is good enough. A measure that is not a number meets no
    /// limit.
    pub fn fault(&self, quality: &Quality) -> Option<QualityFault> {
        let checks = [
            (quality.size >= self.min_size, QualityFault::TooSmall),
            (quality.exposure >= self.min_exposure, QualityFault::TooDark),
            (quality.exposure <= self.max_exposure, QualityFault::TooBright),
            (quality.yaw.abs() <= self.max_yaw, QualityFault::TurnedAway),
            (quality.pitch.abs() <= self.max_pitch, QualityFault::TurnedAway),
            (quality.roll.abs() <= self.max_roll, QualityFault::Tilted),
            (quality.sharpness >= self.min_sharpness, QualityFault::Blurred),
        ];
        checks.into_iter().find(|(met, _)| !met).map(|(_, fault)| fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_has_its_fault() {
        let limits = QualityLimits::default();
        let good = Quality { size: 100.0, sharpness: 300.0, exposure: 0.5, yaw: 0.0, pitch: 0.0, roll: 0.0 };
        assert_eq!(limits.fault(&good), None);
        for (bad, fault) in [
            (Quality { size: 20.0, ..good }, QualityFault::TooSmall),
            (Quality { exposure: 0.01, ..good }, QualityFault::TooDark),
            (Quality { exposure: 0.99, ..good }, QualityFault::TooBright),
            (Quality { yaw: -60.0, ..good }, QualityFault::TurnedAway),
            (Quality { pitch: 60.0, ..good }, QualityFault::TurnedAway),
            (Quality { roll: 80.0, ..good }, QualityFault::Tilted),
            (Quality { sharpness: 1.0, ..good }, QualityFault::Blurred),
            (Quality { sharpness: f32::NAN, ..good }, QualityFault::Blurred),
        ] {
            assert_eq!(limits.fault(&bad), Some(fault));
        }
    }
}
