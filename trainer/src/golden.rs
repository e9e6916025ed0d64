//! The golden embedding of a manifest: the embedding of a computed pattern, against which every machine is checked.

use std::path::Path;

use anyhow::Result;
use ostiary_config as config;
use ostiary_core::{Crop, ModelRole, Precision};
use ostiary_engine::Backend;
use ostiary_models::{Bundle, Manifest};
use ostiary_vision::Embedder;

/// Embeds the pattern with the embedder of a folder of models at this precision, and stores the result in the manifest.
pub fn set(manifest: &mut Manifest, folder: &Path, precision: Precision) -> Result<()> {
    let bundle = Bundle::open(folder, precision)?;
    let mut embedder = Embedder::load(&bundle, &config::Embedder::default(), &Backend::tract(1))?;
    let embedding = embedder.embed(&Crop::pattern())?;
    let file = &bundle.entry(ModelRole::Embedder)?.file;
    if let Some(entry) = manifest.models.values_mut().find(|entry| entry.file == *file) {
        entry.golden = embedding.values().to_vec();
    }
    Ok(())
}
