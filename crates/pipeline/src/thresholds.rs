//! The thresholds of a door: those that keep `door.fpir` with the people who are enrolled.

use std::fmt;

use ostiary_core::{Embedding, ModelId, Similarity, mean_cosine};
use ostiary_facebank::{Facebank, FacebankError, Gallery};
use ostiary_models::{CalibratedThreshold, Calibration, ModelEntry, UnsupportedFpir};

/// The threshold of a model without a calibration, cosine: no two people of our test sets reach it.
const UNCALIBRATED_THRESHOLD: f32 = 0.7;
/// How far a threshold must be above the strictest one that an uncalibrated model's manifest names: these were measured on
/// pairs of pictures, and kept a rate of comparisons, not of visits.
const UNCALIBRATED_MARGIN: f32 = 0.1;

/// The thresholds of one embedding model at one false positive identification rate.
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds(Kind);

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    /// A model with a calibration, at a rate that it supports or allows by extrapolation.
    Calibrated { calibration: Calibration, fpir: f64 },
    /// A model whose calibration does not reach `door.fpir`: its strictest thresholds, for which no rate is promised.
    Strictest(Calibration),
    /// A model without a calibration has one threshold, of the cosine.
    Uncalibrated(Similarity),
}

impl Thresholds {
    /// The thresholds of a model for `door.fpir`; `None` is the model's default.
    ///
    /// # Errors
    /// The rate is smaller than the calibration of the model reaches.
    pub fn new(model: &ModelEntry, fpir: Option<f64>) -> Result<Self, UnsupportedFpir> {
        let Some(calibration) = &model.calibration else { return Ok(Self::uncalibrated(model)) };
        let fpir = fpir.unwrap_or(calibration.default_fpir());
        calibration.check_fpir(fpir)?;
        Ok(Self(Kind::Calibrated { calibration: calibration.clone(), fpir }))
    }

    /// The thresholds for `door.fpir`, and the error if the calibration does not reach so far. They are then those of the lowest rate
    /// of the table: stricter than those of every rate that can be set, but no rate is promised.
    pub fn nearest(model: &ModelEntry, fpir: Option<f64>) -> (Self, Option<UnsupportedFpir>) {
        match (Self::new(model, fpir), &model.calibration) {
            (Ok(thresholds), _) => (thresholds, None),
            (Err(error), Some(calibration)) => (Self(Kind::Strictest(calibration.clone())), Some(error)),
            (Err(error), None) => (Self::uncalibrated(model), Some(error)),
        }
    }

    /// The loosest and the strictest thresholds of a model, for tests of the model itself.
    pub fn extremes(model: &ModelEntry) -> [Self; 2] {
        match &model.calibration {
            Some(calibration) => {
                let highest = calibration.fpir.first().copied().unwrap_or(1.0);
                [highest, calibration.smallest_fpir()]
                    .map(|fpir| Self(Kind::Calibrated { calibration: calibration.clone(), fpir }))
            }
            None => {
                let loosest = model.far.first().map_or(UNCALIBRATED_THRESHOLD, |point| point.threshold);
                [Self(Kind::Uncalibrated(Similarity(loosest))), Self::uncalibrated(model)]
            }
        }
    }

    fn uncalibrated(model: &ModelEntry) -> Self {
        let strictest = model.far.last().map_or(0.0, |point| point.threshold + UNCALIBRATED_MARGIN);
        Self(Kind::Uncalibrated(Similarity(strictest.max(UNCALIBRATED_THRESHOLD))))
    }

    /// The rate that is kept; `None` if the model has no calibration, or one that does not reach `door.fpir`.
    pub fn fpir(&self) -> Option<f64> {
        match &self.0 {
            Kind::Calibrated { fpir, .. } => Some(*fpir),
            Kind::Strictest(_) | Kind::Uncalibrated(_) => None,
        }
    }

    /// The threshold of a person with a number of photos, in a door with a number of people.
    pub fn threshold(&self, people: usize, photos: usize) -> CalibratedThreshold {
        match &self.0 {
            Kind::Calibrated { calibration, fpir } => calibration.threshold(*fpir, people, photos),
            Kind::Strictest(calibration) => calibration.strictest_threshold(people, photos),
            Kind::Uncalibrated(similarity) => {
                CalibratedThreshold { similarity: *similarity, is_extrapolated: true }
            }
        }
    }

    /// Compares two faces, 1 to 1: one as the only photo of the only person of a door, the other as a visitor. Faces of another model
    /// do not match.
    pub fn compare(&self, enrolled: &Embedding, visitor: &Embedding) -> Comparison {
        let cosine = enrolled.similarity(visitor);
        let mean_cosines = [enrolled, visitor].map(|face| mean_cosine(face.values(), self.mean()));
        Comparison {
            similarity: Similarity::normalized(cosine, mean_cosines),
            cosine,
            threshold: self.threshold(1, 1).similarity,
        }
    }

    /// Loads the people of a facebank that have a template of this model, with their thresholds.
    ///
    /// # Errors
    /// The facebank cannot be read, or is not prepared for the model.
    pub fn load_gallery(&self, facebank: &Facebank, model: &ModelId) -> Result<Gallery, FacebankError> {
        let mut gallery = facebank.gallery(model)?;
        self.apply(&mut gallery);
        Ok(gallery)
    }

    /// Sets the thresholds of the people of a gallery.
    pub fn apply(&self, gallery: &mut Gallery) {
        let people = gallery.len();
        gallery.set_matching(self.mean(), |photos| self.threshold(people, photos).similarity);
    }

    /// The mean embedding of strangers; empty if similarities are not normalized.
    fn mean(&self) -> &[f32] {
        match &self.0 {
            Kind::Calibrated { calibration, .. } | Kind::Strictest(calibration) => &calibration.mean,
            Kind::Uncalibrated(_) => &[],
        }
    }

    /// A description for logs: the rate and what it rests on, and the thresholds of the people of this gallery.
    pub fn describe<'a>(&'a self, gallery: &'a Gallery) -> impl fmt::Display + use<'a> {
        Description { thresholds: self, gallery }
    }
}

/// How similar two faces are, and how similar they must be to be one person's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// Normalized similarity.
    pub similarity: Similarity,
    /// Cosine similarity, -1 to 1.
    pub cosine: Similarity,
    /// The least normalized similarity of a match.
    pub threshold: Similarity,
}

impl Comparison {
    /// Whether both faces are one person's.
    pub fn is_match(&self) -> bool {
        self.similarity.reaches(self.threshold)
    }
}

struct Description<'a> {
    thresholds: &'a Thresholds,
    gallery: &'a Gallery,
}

impl fmt::Display for Description<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.gallery.threshold_range() {
            None => f.write_str("no thresholds yet")?,
            Some((low, high)) if low == high => write!(f, "threshold {:.3}", low.0)?,
            Some((low, high)) => write!(f, "thresholds {:.3} to {:.3}", low.0, high.0)?,
        }
        match &self.thresholds.0 {
            Kind::Uncalibrated(_) => f.write_str(" (the model has no calibration: a strict cosine)"),
            Kind::Strictest(_) => {
                f.write_str(" (the strictest of the model, which does not support door.fpir)")
            }
            Kind::Calibrated { calibration, fpir } => {
                let people = self.gallery.len();
                let is_extrapolated = calibration.threshold(*fpir, people, 1).is_extrapolated;
                write!(f, " for door.fpir {fpir}")?;
                if is_extrapolated { f.write_str(" (extrapolated)") } else { Ok(()) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ostiary_core::{ModelRole, Person, PersonId, Precision};
    use ostiary_models::{FarPoint, Manifest, ThresholdRow};

    use super::*;

    fn model() -> ModelEntry {
        let text = std::fs::read_to_string(
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models").join(Manifest::FILE),
        );
        let manifest: Manifest = toml::from_str(&text.unwrap()).unwrap();
        let mut model = manifest.entry(ModelRole::Embedder, Precision::Int8).unwrap().clone();
        model.calibration = Some(Calibration {
            people: 1,
            mean: vec![0.5, 0.0],
            thresholds: vec![
                ThresholdRow { photos: 1, people: 1, similarity: vec![0.25, 0.5, 0.75] },
                ThresholdRow { photos: 2, people: 1, similarity: vec![0.25, 0.625, 0.75] },
            ],
            ..ostiary_testkit::calibration()
        });
        model
    }

    fn gallery(photos: &[usize]) -> Gallery {
        let person = |id| Person {
            id: PersonId(id),
            name: String::new(),
            enabled: true,
            group: None,
            created: Default::default(),
        };
        let unit = Embedding::normalized(&[1.0, 0.0]).unwrap();
        let people =
            photos.iter().zip(1..).map(|(count, id)| (person(id), vec![(unit.clone(), 1.0); *count]));
        Gallery::new(people).unwrap()
    }

    #[test]
    fn each_person_has_the_threshold_of_the_number_of_photos() {
        let thresholds = Thresholds::new(&model(), None).unwrap();
        assert_eq!(thresholds.fpir(), Some(1e-2));
        let mut one = gallery(&[2]);
        thresholds.apply(&mut one);
        assert_eq!(one.threshold(PersonId(1)), Some(Similarity(0.625)));
        assert_eq!(thresholds.describe(&one).to_string(), "threshold 0.625 for door.fpir 0.01");
        let candidate = one.best(&Embedding::normalized(&[1.0, 0.0]).unwrap()).unwrap();
        assert_eq!((candidate.cosine, candidate.similarity), (Similarity(1.0), Similarity(0.5)));

        let unit = Embedding::normalized(&[1.0, 0.0]).unwrap();
        let comparison = thresholds.compare(&unit, &unit);
        assert_eq!((comparison.similarity, comparison.cosine), (candidate.similarity, candidate.cosine));
        assert_eq!(comparison.threshold, Similarity(0.5));
        assert!(comparison.is_match());

        let text = thresholds.describe(&Gallery::default()).to_string();
        assert_eq!(text, "no thresholds yet for door.fpir 0.01");

        let mut many = gallery(&[1, 2]);
        thresholds.apply(&mut many);
        assert!(many.threshold(PersonId(1)) < many.threshold(PersonId(2)));
        let text = thresholds.describe(&many).to_string();
        assert!(text.starts_with("thresholds 0.5") && text.ends_with("(extrapolated)"), "{text}");
    }

    #[test]
    fn a_rate_below_the_calibration_is_an_error_and_has_the_strictest_thresholds() {
        assert!(Thresholds::new(&model(), Some(1e-4)).is_err());
        let (nearest, error) = Thresholds::nearest(&model(), Some(1e-4));
        assert!(error.is_some());
        assert_eq!(nearest.fpir(), None, "no rate is promised");
        assert_eq!(nearest.threshold(1, 1).similarity, Similarity(0.75));
        let text = nearest.describe(&Gallery::default()).to_string();
        assert!(text.ends_with("does not support door.fpir)"), "{text}");
        let extremes = Thresholds::extremes(&model()).map(|thresholds| thresholds.threshold(1, 1).similarity);
        assert_eq!(extremes, [Similarity(0.25), Similarity(0.75)]);
    }

    #[test]
    fn a_rate_between_the_table_and_the_smallest_allowed_has_the_strictest_thresholds_too() {
        let mut model = model();
        if let Some(calibration) = &mut model.calibration {
            // The smallest rate that can be set is 0.001, and the table goes down to 0.0001.
            calibration.fpir = vec![1e-1, 1e-2, 1e-4];
        }
        for fpir in [9e-4, 5e-4, 1e-4, 1e-5, 0.0, f64::NAN] {
            let (nearest, error) = Thresholds::nearest(&model, Some(fpir));
            assert!(error.is_some() && nearest.fpir().is_none(), "{fpir}");
            assert_eq!(nearest.threshold(1, 1).similarity, Similarity(0.75), "{fpir}");
        }
        let (smallest, error) = Thresholds::nearest(&model, Some(1e-3));
        assert!(error.is_none() && smallest.threshold(1, 1).similarity < Similarity(0.75));
    }

    #[test]
    fn faces_of_another_model_do_not_match() {
        let thresholds = Thresholds::new(&model(), None).unwrap();
        let short = Embedding::normalized(&[1.0]).unwrap();
        let long = Embedding::normalized(&[1.0, 0.0, 0.0]).unwrap();
        let unit = Embedding::normalized(&[1.0, 0.0]).unwrap();
        for (enrolled, visitor) in [(&short, &short), (&long, &long), (&unit, &long), (&short, &unit)] {
            assert!(!thresholds.compare(enrolled, visitor).is_match());
        }
        assert!(thresholds.compare(&unit, &unit).is_match());
    }

    #[test]
    fn without_a_calibration_the_threshold_is_strict() {
        let point = |threshold| FarPoint { far: 1e-3, threshold };
        for (far, wanted) in [(vec![], 0.7), (vec![point(0.5)], 0.7), (vec![point(0.65)], 0.75)] {
            let model = ModelEntry { calibration: None, far, ..model() };
            let (thresholds, error) = Thresholds::nearest(&model, Some(1e-9));
            assert!(error.is_none() && thresholds.fpir().is_none());
            let CalibratedThreshold { similarity, is_extrapolated } = thresholds.threshold(3, 3);
            assert!((similarity.0 - wanted).abs() < 1e-6 && is_extrapolated, "{similarity:?}");
        }
    }
}
