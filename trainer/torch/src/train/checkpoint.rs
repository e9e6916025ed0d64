//! What a run goes on from: all numbers, and how far it is, in one file.

use std::path::Path;

use anyhow::{Context, Result};
use ostiary_trainer::{storage, tensors};
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use super::optimiser::Optimiser;
use crate::head::Classifier;
use crate::network::Network;

/// The key of the metadata whose value is [`Progress`] as JSON.
const PROGRESS: &str = "ostiary.progress";

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Epochs that are done.
    pub epoch: usize,
    /// Batches that are done of the next.
    pub batch: usize,
    /// Steps from the beginning.
    pub step: usize,
    /// The best figure so far; larger is better.
    pub best: Option<f64>,
    /// Sum of the losses of the epoch's batches so far, and how many they are.
    pub loss: (f64, usize),
    /// Steps that were left out since the beginning.
    pub skipped: usize,
}

impl Progress {
    pub fn begin() -> Self {
        Self { epoch: 0, batch: 0, step: 0, best: None, loss: (0.0, 0), skipped: 0 }
    }
}

/// The names of the tensors in the file.
const NAMES: [&str; 8] = [
    "network.weights",
    "network.rest",
    "network.measured",
    "momentum.weights",
    "momentum.rest",
    "classifier.centres",
    "classifier.momentum",
    "classifier.quality",
];

/// Writes a file that takes the place of the one before in a single step.
pub fn write(
    path: &Path,
    progress: &Progress,
    network: &Network,
    optimiser: &Optimiser,
    classifier: &Classifier,
) -> Result<()> {
    let state = network.state().into_iter().chain(optimiser.state()).chain(classifier.state());
    let tensors = NAMES.into_iter().zip(state).map(|(name, tensor)| {
        let flat = tensor.f_detach()?.f_to_device(Device::Cpu)?.f_contiguous()?.f_flatten(0, -1)?;
        let values = Vec::<f32>::try_from(&flat).with_context(|| format!("{name} cannot be read"))?;
        Ok((
            name.to_owned(),
            tensors::Tensor { shape: tensor.size().into_iter().map(|d| d as usize).collect(), values },
        ))
    });
    let file = tensors::encode(&tensors.collect::<Result<_>>()?, PROGRESS, serde_json::to_string(progress)?)?;
    storage::write_whole(path, |to| to.write_all(&file).map_err(storage::failed(path)))
}

/// Takes up what a file holds.
pub fn restore(
    path: &Path,
    network: &mut Network,
    optimiser: &mut Optimiser,
    classifier: &mut Classifier,
) -> Result<Progress> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut take_up = || {
        let (progress, mut tensors) = tensors::decode(&bytes, PROGRESS)?;
        let progress = serde_json::from_str(&progress.context("it does not say how far the run is")?)?;
        let mut next = |name: &str| {
            let tensor = tensors.remove(name).with_context(|| format!("{name} is missing"))?;
            let shape: Vec<i64> = tensor.shape.iter().map(|d| *d as i64).collect();
            anyhow::Ok(Tensor::f_from_slice(&tensor.values)?.f_view(&shape[..])?)
        };
        let [weights, rest, measured, first, second, centres, momentum, quality] = NAMES;
        network.restore([next(weights)?, next(rest)?, next(measured)?])?;
        optimiser.restore([next(first)?, next(second)?])?;
        classifier.restore([next(centres)?, next(momentum)?, next(quality)?])?;
        anyhow::Ok(progress)
    };
    take_up().with_context(|| format!("{}: damaged; delete it to begin the run anew", path.display()))
}
