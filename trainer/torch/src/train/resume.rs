//! The file from which a run continues: all state, and the progress of the run.

use std::path::Path;

use anyhow::{Context, Result};
use ostiary_trainer::{storage, tensors};
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use super::optimizer::Optimizer;
use crate::loss::Classifier;
use crate::network::Network;

/// Key of the metadata entry with [`Progress`] as JSON.
const PROGRESS: &str = "ostiary.progress";

/// The progress of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Number of finished epochs.
    pub epoch: usize,
    /// Number of finished batches of the current epoch.
    pub batch: usize,
    /// Number of steps since the beginning.
    pub step: usize,
    /// The best validation result so far; larger is better.
    pub best: Option<f64>,
    /// Sum of the losses of this epoch, and their number.
    pub loss: (f64, usize),
    /// Number of skipped steps since the beginning.
    pub skipped: usize,
}

impl Progress {
    /// The progress of a new run.
    pub fn begin() -> Self {
        Self { epoch: 0, batch: 0, step: 0, best: None, loss: (0.0, 0), skipped: 0 }
    }
}

/// Names of the tensors in the file. They are part of the file format.
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

/// Writes the file, which replaces the earlier one in one step.
///
/// # Errors
/// If it cannot be written, or those of torch.
pub fn write(
    path: &Path,
    progress: &Progress,
    network: &Network,
    optimizer: &Optimizer,
    classifier: &Classifier,
) -> Result<()> {
    let state = network.state().into_iter().chain(optimizer.state()).chain(classifier.state());
    let tensors = NAMES.into_iter().zip(state).map(|(name, tensor)| {
        let flat = tensor.f_detach()?.f_to_device(Device::Cpu)?.f_contiguous()?.f_flatten(0, -1)?;
        let values =
            Vec::<f32>::try_from(&flat).with_context(|| format!("{name} cannot be read from the device"))?;
        Ok((
            name.to_owned(),
            tensors::Tensor { shape: tensor.size().into_iter().map(|d| d as usize).collect(), values },
        ))
    });
    let file = tensors::encode(&tensors.collect::<Result<_>>()?, PROGRESS, serde_json::to_string(progress)?)?;
    storage::write_atomic(path, |to| to.write_all(&file).map_err(storage::write_error(path)))
}

/// Restores the state of a file; returns the progress.
///
/// # Errors
/// If the file is damaged, or is of another run.
pub fn restore(
    path: &Path,
    network: &mut Network,
    optimizer: &mut Optimizer,
    classifier: &mut Classifier,
) -> Result<Progress> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut read_state = || {
        let (progress, mut tensors) = tensors::decode(&bytes, PROGRESS)?;
        let progress = serde_json::from_str(&progress.context("the file has no progress")?)?;
        let mut next = |name: &str| {
            let tensor = tensors.remove(name).with_context(|| format!("{name} is missing"))?;
            let shape: Vec<i64> = tensor.shape.iter().map(|d| *d as i64).collect();
            anyhow::Ok(Tensor::f_from_slice(&tensor.values)?.f_view(&shape[..])?)
        };
        let [weights, rest, measured, first, second, centers, momentum, quality] = NAMES;
        network.restore([next(weights)?, next(rest)?, next(measured)?])?;
        optimizer.restore([next(first)?, next(second)?])?;
        classifier.restore([next(centers)?, next(momentum)?, next(quality)?])?;
        anyhow::Ok(progress)
    };
    read_state().with_context(|| {
        format!("{}: is damaged; delete it to start the run from the beginning", path.display())
    })
}
