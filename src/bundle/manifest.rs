//! `manifest.toml`: what each model file is, where it came from, and how it is fed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The manifest of a folder of models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this layout, 1.
    pub format: u32,
    /// By role: `pnet`, `rnet`, `onet`, `mobilefacenet`.
    pub models: BTreeMap<String, ModelEntry>,
}

/// One model file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelEntry {
    /// File name beside the manifest.
    pub file: String,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub sha256: String,
    /// SPDX expression.
    pub licence: String,
    pub copyright: String,
    pub source: Source,
    pub input: Input,
    /// In the file's order.
    pub outputs: Vec<Output>,
    /// For embedders: the cosine threshold that holds each false accept rate, from high FAR to low.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub far: Vec<FarPoint>,
}

/// The published package that a model was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// `PyPI` or `npm`.
    pub registry: String,
    pub package: String,
    pub version: String,
    /// SHA-256 of the package's archive.
    pub sha256: String,
    /// The file inside the archive.
    pub path: String,
}

/// The network's input. A pixel `p` (0 to 255) becomes `(p - mean) / divisor`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    pub name: String,
    /// Batch, channels, height, width; 0 where any size goes.
    pub shape: [usize; 4],
    /// `RGB` or `BGR`.
    pub channels: String,
    pub mean: f32,
    pub divisor: f32,
}

/// One output of the network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    pub name: String,
    /// What the numbers mean, in a sentence.
    pub meaning: String,
}

/// One row of the table from target FAR to threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FarPoint {
    pub far: f64,
    /// Cosine; a pair at or above it is called the same person.
    pub threshold: f32,
}
