//! What embeds faces. The one seam is [`Model`]; [`open`] makes one of a file.

mod onnx;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use onnx::OnnxModel;
use ostiary_core::{Crop, Embedding, Input};
use ostiary_engine::Backend;

/// Aligned crops in, embeddings out; from as many threads as ask.
pub trait Model: Send + Sync {
    /// What runs it, as tables call it.
    fn backend(&self) -> &str;

    /// A row of numbers for each crop, not yet of unit length.
    fn rows(&self, crops: &[Crop]) -> Result<Vec<Vec<f32>>>;
}

/// How pixels are fed to models of which no manifest says it.
#[derive(Debug, Clone)]
pub struct Feed {
    pub mean: f32,
    pub divisor: f32,
    /// `RGB` or `BGR`.
    pub channels: String,
}

impl Feed {
    pub fn input(&self) -> Input {
        let Self { mean, divisor, channels } = self.clone();
        Input { name: String::new(), shape: [0; 4], channels, mean, divisor }
    }
}

/// A model with what it is called.
pub struct Named {
    pub name: String,
    pub file: PathBuf,
    pub model: Box<dyn Model>,
}

/// Opens an ONNX file as a model. Refuses what is no embedder.
pub fn open(file: &Path, backend: &Backend, backend_name: &str, feed: &Feed) -> Result<Box<dyn Model>> {
    Ok(Box::new(OnnxModel::open(file, backend, backend_name, feed)?))
}

/// Embeds crops as the door does: where `flip` is set, each as the sum with its mirror image.
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
            .context("the network gave no embedding: its numbers are all zero, or not finite")
    };
    rows.iter().map(unit).collect()
}

fn mirrored(crop: &Crop) -> Crop {
    let mut mirrored = Crop::default();
    crop.mirror_into(mirrored.rgb_mut());
    mirrored
}
