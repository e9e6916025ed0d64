//! The calibration of an embedder: the mean embedding of strangers, and the thresholds that keep a false positive
//! identification rate.

use ostiary_core::{Embedding, Similarity};
use serde::{Deserialize, Serialize};

use super::UprightTest;

/// The thresholds of a model, measured on visits of strangers to doors with enrolled people (`ostiary-trainer calibrate`).
///
/// FPIR, the false positive identification rate (ISO/IEC 19795-1), is the share of strangers' visits in which the stranger is
/// taken for anybody of all enrolled people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// The sets of people that it was measured on.
    pub sets: Vec<String>,
    /// Number of people who came as strangers.
    pub strangers: u32,
    /// Number of people who were enrolled. With more people, thresholds are extrapolated.
    pub people: u32,
    /// Number of visits of strangers, each to one enrolled person.
    pub visits: u64,
    /// The smallest FPIR that this number of strangers supports. Thresholds for smaller rates come from a fit of the tail.
    pub supported_fpir: f64,
    /// The FPIR of each threshold of a row, from high to low.
    pub fpir: Vec<f64>,
    /// The mean embedding of strangers, not of unit length. Empty if similarities are not normalized.
    pub mean: Vec<f32>,
    /// Whether a head is upright; `None` without such a test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upright: Option<UprightTest>,
    /// The thresholds of each number of photos and of people: a full grid, sorted by both.
    pub thresholds: Vec<ThresholdRow>,
}

/// The thresholds for a door with this number of people, of a person with this number of photos.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThresholdRow {
    /// Number of photos of the person.
    pub photos: u32,
    /// Number of enrolled people.
    pub people: u32,
    /// Normalized similarity for each of [`Calibration::fpir`].
    pub similarity: Vec<f32>,
}

/// A threshold for a rate, and whether the rate is supported by trials.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CalibratedThreshold {
    /// The least normalized similarity of a match.
    pub similarity: Similarity,
    /// Whether it comes from the fit of the tail.
    pub is_extrapolated: bool,
}

/// How far below the supported rate a rate may be.
const MAX_EXTRAPOLATION: f64 = 10.0;
/// The highest default of `door.fpir`.
const MAX_DEFAULT_FPIR: f64 = 1e-2;

/// Why a calibration is not valid.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CalibrationError {
    /// The rates are not between 0 and 1, or not sorted.
    #[error("its rates are not between 0 and 1 from high to low")]
    Rates,
    /// The supported rate is not one of the table's range.
    #[error("its supported_fpir is {0}, which is outside its rates")]
    Supported(f64),
    /// The rows are no full grid, or a row does not have one threshold for each rate.
    #[error(
        "its thresholds are no full grid of numbers of photos and people, with a threshold for each rate"
    )]
    Grid,
    /// A threshold is not plausible, or falls while the rate falls.
    #[error(
        "its thresholds for {photos} photos and {people} people do not rise between 0 and {} with a smaller rate and more people",
        Calibration::MAX_THRESHOLD
    )]
    Thresholds {
        /// Number of photos of the row.
        photos: u32,
        /// Number of people of the row.
        people: u32,
    },
    /// The mean embedding has values that no mean of unit vectors has.
    #[error("its mean embedding is not the mean of unit vectors")]
    Mean,
    /// The test of upright heads has numbers that are not finite.
    #[error("its test of upright heads has numbers that are not finite")]
    Upright,
}

/// `door.fpir` is smaller than the calibration reaches.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "door.fpir = {fpir}: the calibration of the model supports {supported}, and {smallest} by extrapolation; set door.fpir to \
     {smallest} or more"
)]
pub struct UnsupportedFpir {
    /// The rate.
    pub fpir: f64,
    /// The smallest rate that trials support.
    pub supported: f64,
    /// The smallest rate that is allowed.
    pub smallest: f64,
}

impl Calibration {
    /// A higher normalized similarity than any two faces have.
    const MAX_THRESHOLD: f32 = 1.5;

    /// Checks that the values can be a calibration.
    pub(super) fn check(&self) -> Result<(), CalibrationError> {
        // The comparisons are false for NaN.
        let rates_fall = self.fpir.array_windows().all(|[a, b]| a > b);
        let (Some(&highest), Some(&lowest)) = (self.fpir.first(), self.fpir.last()) else {
            return Err(CalibrationError::Rates);
        };
        if !(rates_fall && highest < 1.0 && lowest > 0.0) {
            return Err(CalibrationError::Rates);
        }
        if !(self.supported_fpir <= highest && self.smallest_fpir() >= lowest * 0.999) {
            return Err(CalibrationError::Supported(self.supported_fpir));
        }
        let photos = self.axis(|row| row.photos);
        let people = self.axis(|row| row.people);
        let grid = photos.iter().flat_map(|photos| people.iter().map(move |people| (*photos, *people)));
        let is_grid = grid.eq(self.thresholds.iter().map(|row| (row.photos, row.people)));
        let has_zero = photos.first() == Some(&0) || people.first() == Some(&0);
        if self.thresholds.is_empty() || !is_grid || has_zero {
            return Err(CalibrationError::Grid);
        }
        for ThresholdRow { photos, people, similarity } in &self.thresholds {
            if similarity.len() != self.fpir.len() {
                return Err(CalibrationError::Grid);
            }
            let in_range =
                similarity.iter().all(|similarity| *similarity > 0.0 && *similarity < Self::MAX_THRESHOLD);
            if !(in_range && similarity.is_sorted()) {
                return Err(CalibrationError::Thresholds { photos: *photos, people: *people });
            }
        }
        for [fewer, more] in self.thresholds.array_windows() {
            let falls = fewer.similarity.iter().zip(&more.similarity).any(|(fewer, more)| fewer > more);
            if fewer.photos == more.photos && falls {
                return Err(CalibrationError::Thresholds { photos: more.photos, people: more.people });
            }
        }
        let length = self.mean.iter().map(|value| value * value).sum::<f32>().sqrt();
        if self.mean.len() > Embedding::MAX || length.is_nan() || length >= 1.0 {
            return Err(CalibrationError::Mean);
        }
        if self.upright.as_ref().is_some_and(|test| !test.is_finite()) {
            return Err(CalibrationError::Upright);
        }
        Ok(())
    }

    /// The rate of a door whose configuration has no `door.fpir`: the smallest that trials support, at most 1e-2.
    pub fn default_fpir(&self) -> f64 {
        self.supported_fpir.min(MAX_DEFAULT_FPIR).max(self.smallest_fpir())
    }

    /// The smallest rate that can be set.
    pub fn smallest_fpir(&self) -> f64 {
        // Seven decimals, so that a message has a number that can be copied.
        (self.supported_fpir * 1e6).round().max(1.0) / (1e6 * MAX_EXTRAPOLATION)
    }

    /// Whether the thresholds for this rate and this number of people are extrapolated from the trials.
    fn is_extrapolated(&self, fpir: f64, people: usize) -> bool {
        fpir < self.supported_fpir || people > self.people as usize
    }

    /// Checks that there are thresholds for this rate.
    ///
    /// # Errors
    /// The rate is below the smallest one, or not a number.
    pub fn check_fpir(&self, fpir: f64) -> Result<(), UnsupportedFpir> {
        let smallest = self.smallest_fpir();
        // The comparison is false for NaN.
        if fpir >= smallest {
            Ok(())
        } else {
            Err(UnsupportedFpir { fpir, supported: self.supported_fpir, smallest })
        }
    }

    /// The threshold of a person with this number of photos, in a door with this number of people, at this FPIR. A rate
    /// outside the table has the threshold of the nearest stricter rate, or the strictest one if there is none.
    ///
    /// Between the rows and the rates of the table the threshold is interpolated, linear in the logarithms. With more people
    /// than the table has, each further person is as likely to be matched as the others.
    pub fn threshold(&self, fpir: f64, people: usize, photos: usize) -> CalibratedThreshold {
        let is_extrapolated = self.is_extrapolated(fpir, people);
        let (people, photos) = (people.max(1) as f64, photos.max(1) as f64);
        let most = self.axis(|row| row.people).last().copied().unwrap_or(1);
        let reached = fpir * (f64::from(most) / people).min(1.0);
        // A rate that is not a number has the strictest threshold.
        let reached = if reached > 0.0 { reached } else { 0.0 };
        let at = |row: &ThresholdRow| {
            interpolate(self.fpir.iter().map(|rate| -rate.ln()).zip(&row.similarity), -reached.ln())
        };
        let at_photos = |wanted: u32| {
            let rows = self.thresholds.iter().filter(|row| row.photos == wanted);
            let points: Vec<(f64, f32)> = rows.map(|row| (f64::from(row.people).ln(), at(row))).collect();
            interpolate(points.iter().map(|(x, y)| (*x, y)), people.ln())
        };
        let by_photos: Vec<(f64, f32)> = self
            .axis(|row| row.photos)
            .into_iter()
            .map(|photos| (f64::from(photos).ln(), at_photos(photos)))
            .collect();
        let similarity = interpolate(by_photos.iter().map(|(x, y)| (*x, y)), photos.ln());
        CalibratedThreshold { similarity: Similarity(similarity), is_extrapolated }
    }

    /// The threshold of a person with this number of photos, in a door with this number of people, at the lowest rate of the table:
    /// stricter than those of every rate that can be set.
    pub fn strictest_threshold(&self, people: usize, photos: usize) -> CalibratedThreshold {
        self.threshold(self.fpir.last().copied().unwrap_or(0.0), people, photos)
    }

    /// The different values of a column of the grid, ascending.
    fn axis(&self, column: impl Fn(&ThresholdRow) -> u32) -> Vec<u32> {
        let mut values: Vec<u32> = self.thresholds.iter().map(column).collect();
        values.sort_unstable();
        values.dedup();
        values
    }
}

/// The value at `x` of the line through points with ascending x; the value of the nearest end outside them.
fn interpolate<'a>(points: impl Iterator<Item = (f64, &'a f32)>, x: f64) -> f32 {
    let mut below: Option<(f64, f32)> = None;
    for (point, &value) in points {
        match below {
            _ if point < x => below = Some((point, value)),
            Some((before, value_before)) => {
                let fraction = ((x - before) / (point - before)) as f32;
                return value_before + fraction * (value - value_before);
            }
            None => return value,
        }
    }
    // A missing point is a threshold that nothing reaches.
    below.map_or(f32::INFINITY, |(_, value)| value)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A calibration that is valid, for 100 people.
    pub(crate) fn calibration() -> Calibration {
        let row = |photos, people, similarity: [f32; 3]| ThresholdRow {
            photos,
            people,
            similarity: similarity.to_vec(),
        };
        Calibration {
            sets: vec!["strangers".into()],
            strangers: 300,
            people: 100,
            visits: 3000,
            supported_fpir: 1e-2,
            fpir: vec![1e-1, 1e-2, 1e-3],
            mean: vec![0.25, -0.25],
            upright: None,
            thresholds: vec![
                row(1, 1, [0.25, 0.375, 0.5]),
                row(1, 100, [0.5, 0.625, 0.75]),
                row(4, 1, [0.25, 0.5, 0.75]),
                row(4, 100, [0.5, 0.75, 1.0]),
            ],
        }
    }

    fn threshold(fpir: f64, people: usize, photos: usize) -> f32 {
        calibration().threshold(fpir, people, photos).similarity.0
    }

    #[test]
    fn thresholds_are_those_of_the_table_and_between_them() {
        assert!(calibration().check().is_ok());
        assert_eq!(threshold(1e-1, 1, 1), 0.25);
        assert_eq!(threshold(1e-3, 100, 4), 1.0);
        assert!((threshold(1e-2, 10, 1) - 0.5).abs() < 1e-6, "halfway in the logarithm of people");
        assert!((threshold(1e-2, 1, 2) - 0.4375).abs() < 1e-6, "halfway in the logarithm of photos");
        assert!(
            (threshold(10f64.powf(-1.5), 1, 4) - 0.375).abs() < 1e-6,
            "halfway in the logarithm of rates"
        );
    }

    #[test]
    fn outside_the_table_the_nearest_or_a_stricter_threshold_holds() {
        assert_eq!(threshold(0.5, 1, 1), 0.25);
        assert_eq!(threshold(1e-9, 1, 1), 0.5);
        assert_eq!(threshold(1e-2, 0, 0), 0.375);
        assert_eq!(threshold(1e-2, 1, 40), 0.5);
        assert_eq!(threshold(1e-1, 1_000, 1), 0.625, "ten times as many people need a tenth of the rate");
        assert_eq!(threshold(f64::NAN, 1, 1), 0.5, "a rate that is not a number has the strictest threshold");
    }

    #[test]
    fn rates_below_the_supported_one_are_extrapolated_and_then_refused() {
        let calibration = calibration();
        assert_eq!(calibration.default_fpir(), 1e-2);
        assert!(!calibration.threshold(1e-2, 100, 1).is_extrapolated);
        assert!(calibration.threshold(9e-3, 100, 1).is_extrapolated);
        assert!(calibration.threshold(1e-2, 101, 1).is_extrapolated, "more people than were tried");
        assert!(calibration.check_fpir(1e-3).is_ok());
        for fpir in [9e-4, 0.0, f64::NAN] {
            let error = calibration.check_fpir(fpir).unwrap_err().to_string();
            assert!(error.contains("set door.fpir to 0.001 or more"), "{error}");
        }
        assert_eq!(Calibration { supported_fpir: 0.05, ..calibration }.default_fpir(), 1e-2);
    }

    #[test]
    fn an_invalid_calibration_is_refused() {
        let refused = |change: &dyn Fn(&mut Calibration)| {
            let mut calibration = calibration();
            change(&mut calibration);
            calibration.check().unwrap_err()
        };
        assert_eq!(refused(&|c| c.fpir = vec![]), CalibrationError::Rates);
        assert_eq!(refused(&|c| c.fpir[0] = 1.0), CalibrationError::Rates);
        assert_eq!(refused(&|c| c.fpir[1] = f64::NAN), CalibrationError::Rates);
        assert!(matches!(refused(&|c| c.supported_fpir = 1e-3), CalibrationError::Supported(_)));
        assert!(matches!(refused(&|c| c.supported_fpir = f64::NAN), CalibrationError::Supported(_)));
        assert_eq!(refused(&|c| c.thresholds.clear()), CalibrationError::Grid);
        assert_eq!(refused(&|c| c.thresholds.truncate(3)), CalibrationError::Grid);
        assert_eq!(refused(&|c| c.thresholds.swap(0, 1)), CalibrationError::Grid);
        assert_eq!(refused(&|c| c.thresholds[0].similarity.truncate(2)), CalibrationError::Grid);
        for value in [0.0, 2.0, f32::NAN, 0.9] {
            let error = refused(&|c| c.thresholds[0].similarity[0] = value);
            assert_eq!(error, CalibrationError::Thresholds { photos: 1, people: 1 }, "{value}");
        }
        let error = refused(&|c| c.thresholds[1].similarity = vec![0.2, 0.7, 0.8]);
        assert_eq!(error, CalibrationError::Thresholds { photos: 1, people: 100 });
        assert_eq!(refused(&|c| c.mean[0] = 1.0), CalibrationError::Mean);
        assert_eq!(refused(&|c| c.mean[0] = f32::NAN), CalibrationError::Mean);
        let test = UprightTest { weights: vec![f32::NAN], threshold: 0.0 };
        assert_eq!(refused(&|c| c.upright = Some(test.clone())), CalibrationError::Upright);
    }
}
