//! Accuracy and calibration of an embedder, measured with the door's own engine.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use ostiary_core::{ChannelOrder, ModelRole, Precision};
use ostiary_engine::Backend;
use ostiary_models::Bundle;
use serde::Serialize;

use crate::aligner::Aligner;
use crate::calibrate::{Calibrated, calibrate};
use crate::evaluate::evaluation_set::EvaluationSet;
use crate::evaluate::model::{self, NamedModel, Preprocessing};
use crate::evaluate::scores_of;
use crate::net::{DIVISOR, MEAN};

/// The FAR at which TAR is reported.
const FAR: f64 = 1e-3;
/// Seed of random pairs, if a set has more pairs than are compared.
const SEED: u64 = 1;

/// The accuracy of an embedder at one precision.
#[derive(Debug, Serialize)]
pub struct MeasuredAccuracy {
    pub precision: Precision,
    pub sets: Vec<SetAccuracy>,
    /// The thresholds, and their errors on held-out people.
    pub calibrated: Calibrated,
}

/// The accuracy on one set; rates in percent.
#[derive(Debug, Serialize)]
pub struct SetAccuracy {
    pub set: String,
    /// Number of people of the set, also of those without a detected face.
    pub people: usize,
    /// Number of pictures with a detected face.
    pub pictures: usize,
    pub eer: f64,
    /// At FAR 0.1 %.
    pub tar: f64,
    pub threshold: f32,
}

impl MeasuredAccuracy {
    /// Measures the embedder of a bundle. The accuracy of sets in which nobody has two pictures is left out.
    ///
    /// # Errors
    /// If a file or a picture cannot be read, or the sets have too few people for a calibration.
    pub fn of(
        bundle: &Bundle,
        precision: Precision,
        sets: &[EvaluationSet],
        aligner: &Aligner,
    ) -> Result<Self> {
        let calibrated = calibrate(sets, bundle, None, SEED)?;
        let file = &bundle.path(ModelRole::Embedder)?;
        let preprocessing = Preprocessing { mean: MEAN, divisor: DIVISOR, channels: ChannelOrder::Rgb };
        let model = model::open(file, &Backend::tract(1), "tract", &preprocessing)?;
        let model = NamedModel { name: file.display().to_string(), file: PathBuf::from(file), model };
        let mut figures = Vec::new();
        for data in sets.iter().filter(|data| data.pictures.len() > data.names().len()) {
            let (faces, scores) = scores_of(data, &model, aligner, SEED)?;
            let of_set = || data.path.display().to_string();
            ensure!(scores.genuine_pairs() > 0, "{}: no person has two pictures with a face", of_set());
            let threshold = scores
                .threshold_at_far(FAR)
                .context("the set must have two people with a face")
                .with_context(of_set)?;
            figures.push(SetAccuracy {
                set: data.path.file_name().unwrap_or(data.path.as_os_str()).to_string_lossy().into_owned(),
                people: data.names().len(),
                pictures: (0..data.pictures.len()).filter(|picture| faces.has(*picture)).count(),
                eer: 100.0 * scores.eer(),
                tar: 100.0 * (1.0 - scores.frr(threshold)),
                threshold,
            });
        }
        Ok(Self { precision, sets: figures, calibrated })
    }
}
