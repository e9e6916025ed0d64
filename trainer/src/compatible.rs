//! Declares in a manifest that the templates of a network in 8 bits and in floats are valid for both.

use ostiary_core::{ModelRole, Precision};
use ostiary_models::{CompatibleModel, Manifest};

/// Declares the embedders of both precisions compatible. `cosine` is the mean cosine similarity of their embeddings of a picture.
/// Nothing is declared if it is too small, or if one of them is missing.
pub fn declare(manifest: &mut Manifest, cosine: f64) {
    let cosine = cosine as f32;
    let keys =
        [Precision::Fp32, Precision::Int8].map(|precision| precision.manifest_key(ModelRole::Embedder));
    let [Some(fp32), Some(int8)] =
        keys.each_ref().map(|key| manifest.models.get(key).map(|entry| entry.id()))
    else {
        return;
    };
    if cosine < CompatibleModel::MIN_COSINE {
        return;
    }
    for (key, model) in keys.iter().zip([int8, fp32]) {
        if let Some(entry) = manifest.models.get_mut(key) {
            entry.compatible = vec![CompatibleModel { model, cosine }];
        }
    }
}
