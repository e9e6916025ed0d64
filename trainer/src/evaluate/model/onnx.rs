//! ONNX files as models, run by the door's own engine.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use ostiary_core::{Crop, Embedding, NetworkInput, Precision, sha256};
use ostiary_engine::{Backend, Network, Onnx};
use ostiary_models::{Bundle, Manifest};

use super::{Model, Preprocessing, embed};
use crate::pool::Pool;

/// A network for one crop, once for each thread that uses it.
pub struct OnnxModel {
    backend: String,
    onnx: Onnx,
    networks: Pool<Box<dyn Network>>,
}

impl OnnxModel {
    /// Reads the file. The preprocessing is that of the manifest beside it, if the manifest lists the file, otherwise
    /// `preprocessing`.
    ///
    /// # Errors
    /// If the file cannot be read, or is not an embedder.
    pub fn open(
        file: &Path,
        backend: &Backend,
        backend_name: &str,
        preprocessing: &Preprocessing,
    ) -> Result<Self> {
        let bytes = fs::read(file).with_context(|| format!("cannot read the model {}", file.display()))?;
        let input = manifest_input(file, &bytes)?.unwrap_or_else(|| preprocessing.input());
        let onnx = Onnx::parse(&file.display().to_string(), &bytes, &input, backend)?;
        let model = Self { backend: backend_name.to_owned(), onnx, networks: Pool::default() };
        model.with_network(|network| {
            let shapes = network.output_shapes();
            ensure!(
                matches!(shapes, [shape] if matches!(shape[..], [1, 1..=Embedding::MAX])),
                "{}: is not a model that embeds faces: for a crop of {side}x{side} its outputs have the shapes {shapes:?}, not one \
                 row of 1 to {} numbers",
                file.display(),
                Embedding::MAX,
                side = Crop::SIDE
            );
            Ok(())
        })?;
        embed(&model, &[Crop::pattern()], false).with_context(|| file.display().to_string())?;
        Ok(model)
    }

    fn with_network<R>(&self, work: impl FnOnce(&mut dyn Network) -> Result<R>) -> Result<R> {
        let prepare = || Ok(self.onnx.prepare(&[1, 3, Crop::SIDE, Crop::SIDE])?);
        self.networks.with(prepare, |network| work(network.as_mut()))
    }
}

/// The input in the manifest beside a file, if the manifest lists this file with the same hash.
fn manifest_input(file: &Path, bytes: &[u8]) -> Result<Option<NetworkInput>> {
    let folder = file.parent().context("the file has no folder")?;
    if !folder.join(Manifest::FILE).is_file() {
        return Ok(None);
    }
    let bundle = Bundle::open(folder, Precision::default())?;
    let hash = sha256(bytes);
    let entry = bundle.manifest().models.values().find(|entry| entry.sha256 == hash);
    Ok(entry.map(|entry| entry.input.clone()))
}

impl Model for OnnxModel {
    fn backend(&self) -> &str {
        &self.backend
    }

    fn rows(&self, crops: &[Crop]) -> Result<Vec<Vec<f32>>> {
        self.with_network(|network| {
            let row = |crop: &Crop| {
                let mut row = [Vec::new()];
                network.run(crop.rgb(), &mut row)?;
                let [row] = row;
                Ok(row)
            };
            crops.iter().map(row).collect()
        })
    }
}
