//! How well an embedder tells people apart, and the thresholds that hold its error rates: as `evaluate` measures it, by the
//! door's own engine.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use ostiary_core::{ChannelOrder, Precision};
use ostiary_engine::Backend;
use ostiary_models::FarPoint;
use serde::Serialize;

use crate::aligner::Aligner;
use crate::evaluate::data::Data;
use crate::evaluate::model::{self, Feed, Named};
use crate::evaluate::scores_of;
use crate::far_table;
use crate::net::{DIVISOR, MEAN};

/// The FAR at which figures are told.
const FAR: f64 = 1e-3;
/// Draws pairs, where a set has more than are compared.
const SEED: u64 = 1;

/// An embedder's figures.
#[derive(Debug, Serialize)]
pub struct Measured {
    pub precision: Precision,
    pub sets: Vec<Figures>,
    #[serde(skip)]
    pub far: Vec<FarPoint>,
}

/// The figures of one set; rates in percent.
#[derive(Debug, Serialize)]
pub struct Figures {
    pub set: String,
    /// Of the set, whether a face was found in their pictures or not.
    pub people: usize,
    /// In which a face was found.
    pub pictures: usize,
    pub eer: f64,
    /// At FAR 0.1 %.
    pub tar: f64,
    pub threshold: f32,
}

impl Measured {
    /// Measures an embedder's file, which computes at this precision.
    pub fn of(file: &Path, precision: Precision, sets: &[Data], aligner: &Aligner) -> Result<Self> {
        let feed = Feed { mean: MEAN, divisor: DIVISOR, channels: ChannelOrder::Rgb };
        let model = model::open(file, &Backend::tract(1), "tract", &feed)?;
        let model = Named { name: file.display().to_string(), file: PathBuf::from(file), model };
        let (mut figures, mut all) = (Vec::new(), Vec::new());
        for data in sets {
            let (faces, scores) = scores_of(data, &model, aligner, SEED)?;
            let of_set = || data.path.display().to_string();
            ensure!(scores.genuine_pairs() > 0, "{}: there are no two pictures of one person", of_set());
            let threshold =
                scores.threshold_at_far(FAR).context("there are no two people").with_context(of_set)?;
            figures.push(Figures {
                set: data.path.file_name().unwrap_or(data.path.as_os_str()).to_string_lossy().into_owned(),
                people: data.names().len(),
                pictures: (0..data.pictures.len()).filter(|picture| faces.has(*picture)).count(),
                eer: 100.0 * scores.eer(),
                tar: 100.0 * (1.0 - scores.frr(threshold)),
                threshold,
            });
            all.push(scores);
        }
        Ok(Self { precision, sets: figures, far: far_table::points(&all)? })
    }
}
