//! What a run goes on from: all numbers, and how far it is, in one file.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::optimiser::Optimiser;
use crate::head::Classifier;
use crate::net::Network;
use crate::storage;

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
    let tensors = network.state().into_iter().chain(optimiser.state()).chain(classifier.state());
    let mut bytes = Vec::new();
    for (name, tensor) in NAMES.into_iter().zip(tensors) {
        let flat = tensor.f_detach()?.f_to_device(Device::Cpu)?.f_contiguous()?.f_flatten(0, -1)?;
        let numbers = Vec::<f32>::try_from(&flat).with_context(|| format!("{name} cannot be read"))?;
        let shape: Vec<usize> = tensor.size().into_iter().map(|d| d as usize).collect();
        bytes.push((name, shape, numbers.into_iter().flat_map(f32::to_le_bytes).collect::<Vec<u8>>()));
    }
    let views = bytes
        .iter()
        .map(|(name, shape, bytes)| Ok((*name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>>>()?;
    let metadata = HashMap::from([(PROGRESS.to_owned(), serde_json::to_string(progress)?)]);
    let file = safetensors::serialize(views, Some(metadata))?;
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
    let damaged = || format!("{}: damaged; delete it to begin the run anew", path.display());
    let (_, metadata) = SafeTensors::read_metadata(&bytes).with_context(damaged)?;
    let progress =
        metadata.metadata().as_ref().and_then(|entries| entries.get(PROGRESS)).with_context(damaged)?;
    let progress = serde_json::from_str(progress).with_context(damaged)?;
    let file = SafeTensors::deserialize(&bytes).with_context(damaged)?;
    let mut tensors = Vec::new();
    for name in NAMES {
        let view = file.tensor(name).with_context(damaged)?;
        ensure!(view.dtype() == Dtype::F32, "{}", damaged());
        let shape: Vec<i64> = view.shape().iter().map(|d| *d as i64).collect();
        tensors.push(Tensor::f_from_data_size(view.data(), &shape, Kind::Float)?);
    }
    let Ok([weights, rest, measured, first, second, centres, momentum, quality]) =
        <[Tensor; 8]>::try_from(tensors)
    else {
        bail!("{}", damaged())
    };
    network.restore([weights, rest, measured]).with_context(damaged)?;
    optimiser.restore([first, second]).with_context(damaged)?;
    classifier.restore([centres, momentum, quality]).with_context(damaged)?;
    Ok(progress)
}
