//! A set of models as one unit: the folder, its `manifest.toml`, and files that are what the manifest says.

mod manifest;

pub use manifest::{FarPoint, Input, Manifest, ModelEntry, Output, Source};

/// Names the model that made an embedding: the first 16 hexadecimal digits of the file's SHA-256. Embeddings
/// of different models cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ModelId(pub String);

impl std::fmt::Display for ModelId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
