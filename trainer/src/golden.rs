//! The golden embedding of a manifest, and the golden outputs of presentation attack detection: the results for a computed
//! pattern and for the bundled portraits, against which every machine is checked.

use std::path::Path;

use anyhow::{Context, Result};
use ostiary_config as config;
use ostiary_core::{Crop, ModelRole, NetworkInput, Precision};
use ostiary_engine::{ARITHMETIC, Backend, Onnx};
use ostiary_models::{Bundle, GoldenOutput, LivenessTest, Manifest};
use ostiary_self_test::{PORTRAITS, Portrait};
use ostiary_vision::{Embedder, LivenessNetwork};

/// Embeds the pattern with the embedder of a folder of models at this precision, and stores the result in the manifest.
pub fn set(manifest: &mut Manifest, folder: &Path, precision: Precision) -> Result<()> {
    let bundle = Bundle::open(folder, precision)?;
    let mut embedder = Embedder::load(&bundle, &config::Embedder::default(), &Backend::tract(1))?;
    let embedding = embedder.embed(&Crop::pattern())?;
    let file = &bundle.entry(ModelRole::Embedder)?.file;
    if let Some(entry) = manifest.models.values_mut().find(|entry| entry.file == *file) {
        entry.golden = embedding.values().to_vec();
        if precision == Precision::Int8 {
            entry.arithmetic = ARITHMETIC;
        }
    }
    Ok(())
}

/// The outputs of a network for presentation attack detection for the bundled portraits. `onnx` are the bytes of its file.
pub fn liveness(onnx: &[u8], input: &NetworkInput, test: &LivenessTest) -> Result<Vec<GoldenOutput>> {
    let onnx = Onnx::parse("the network", onnx, input, &Backend::tract(1))?;
    let [_, _, side, _] = input.shape;
    let mut network = LivenessNetwork::new(&onnx, side, test.clone())?;
    let golden = |portrait: Portrait| {
        let output =
            network.output(&portrait.picture()?, &portrait.face)?.context("a portrait has no face")?;
        Ok(GoldenOutput { portrait: portrait.file.into(), face: portrait.face, output: output.to_vec() })
    };
    PORTRAITS.into_iter().map(golden).collect()
}
