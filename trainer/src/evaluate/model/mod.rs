//! Models that embed faces. [`Model`] is the interface; [`open`] opens a file.

mod onnx;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use onnx::OnnxModel;
use ostiary_core::{ChannelOrder, Crop, Embedding, NetworkInput};
use ostiary_engine::Backend;

/// Embeds aligned crops. Several threads can use it at the same time.
pub trait Model: Send + Sync {
    /// Name of the engine in tables.
    fn backend(&self) -> &str;

    /// The network's output for each crop, not of unit length.
    ///
    /// # Errors
    /// If the network cannot run.
    fn rows(&self, crops: &[Crop]) -> Result<Vec<Vec<f32>>>;
}

/// The input of models without a manifest: a pixel `p` becomes `(p - mean) / divisor`.
#[derive(Debug, Clone)]
pub struct Preprocessing {
    /// Subtracted from each pixel.
    pub mean: f32,
    /// Divides the difference.
    pub divisor: f32,
    /// The order of the color channels.
    pub channels: ChannelOrder,
}

impl Preprocessing {
    /// The description of an input with this preprocessing.
    pub fn input(&self) -> NetworkInput {
        let Self { mean, divisor, channels } = *self;
        NetworkInput { name: String::new(), shape: [0; 4], channels, mean, divisor }
    }
}

/// A model with its name.
pub struct NamedModel {
    /// Name in tables.
    pub name: String,
    /// Its file.
    pub file: PathBuf,
    /// The model.
    pub model: Box<dyn Model>,
}

/// Opens an ONNX file as a model.
///
/// # Errors
/// If the file cannot be read, or is not an embedder.
pub fn open(
    file: &Path,
    backend: &Backend,
    backend_name: &str,
    preprocessing: &Preprocessing,
) -> Result<Box<dyn Model>> {
    Ok(Box::new(OnnxModel::open(file, backend, backend_name, preprocessing)?))
}

/// Embeds crops as the door does. With `flip` each embedding is the normalized sum of the outputs for a crop and its mirror
/// image.
///
/// # Errors
/// If the network cannot run, or gives zeros or values that are not finite.
pub fn embed(model: &dyn Model, crops: &[Crop], flip: bool) -> Result<Vec<Embedding>> {
    let mut rows = model.rows(crops)?;
    if flip {
        let mirrored: Vec<Crop> = crops.iter().map(mirrored).collect();
        for (row, other) in rows.iter_mut().zip(model.rows(&mirrored)?) {
            row.iter_mut().zip(other).for_each(|(value, other)| *value += other);
        }
    }
    let unit = |row: &Vec<f32>| {
        Embedding::normalized(row)
            .context("the network gave no embedding: its outputs are all zero, or not finite")
    };
    rows.iter().map(unit).collect()
}

fn mirrored(crop: &Crop) -> Crop {
    let mut mirrored = Crop::default();
    crop.mirror_into(mirrored.rgb_mut());
    mirrored
}
