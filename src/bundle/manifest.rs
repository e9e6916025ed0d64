//! `manifest.toml`: what each model file is, where it came from, and how it is fed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{BundleError, ModelId};
use crate::vision::Similarity;

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
    /// For embedders: the embedding of [`Crop::pattern`](crate::vision::Crop::pattern), which every machine must give.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub golden: Vec<f32>,
}

/// What a model was made from: a published package, or a file that its owner has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// `PyPI` or `npm`; `file` for a file, whose name is `package` and `path`.
    pub registry: String,
    pub package: String,
    /// Of the package; for a file, of the trainer that made the model.
    pub version: String,
    /// SHA-256 of the package's archive, or of the file.
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

impl Manifest {
    /// The file's name in a folder of models.
    pub const FILE: &str = "manifest.toml";

    /// The version of the layout that this program knows.
    pub const FORMAT: u32 = 1;

    /// Reads and checks the text of a manifest.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let manifest: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        if manifest.format != Self::FORMAT {
            return Err(format!("its format is {}; this program knows {}", manifest.format, Self::FORMAT));
        }
        for (role, entry) in &manifest.models {
            // The file is opened below the folder of models, and nowhere else.
            if entry.file.is_empty() || entry.file.contains('/') || entry.file == ".." {
                return Err(format!("the file of {role} is {:?}, not a plain name", entry.file));
            }
            if entry.sha256.len() != 64 || !entry.sha256.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(format!("the sha256 of {role} is not 64 hexadecimal digits"));
            }
            if !["RGB", "BGR"].contains(&entry.input.channels.as_str()) {
                return Err(format!(
                    "the channels of {role} are {:?}, neither \"RGB\" nor \"BGR\"",
                    entry.input.channels
                ));
            }
            if !(entry.input.mean.is_finite() && entry.input.divisor.is_normal()) {
                return Err(format!(
                    "the input of {role} cannot be normalised: mean {}, divisor {}",
                    entry.input.mean, entry.input.divisor
                ));
            }
            let sound = |point: &FarPoint| {
                point.far > 0.0 && point.far < 1.0 && (-1.0..=1.0).contains(&point.threshold)
            };
            let stricter =
                |pair: &[FarPoint]| pair[0].far > pair[1].far && pair[0].threshold <= pair[1].threshold;
            if !entry.far.iter().all(sound) || !entry.far.windows(2).all(stricter) {
                return Err(format!(
                    "the FAR table of {role} does not go from high FAR to low with rising thresholds"
                ));
            }
        }
        Ok(manifest)
    }
}

impl ModelEntry {
    /// The id of the model, as the manifest states it.
    pub fn id(&self) -> ModelId {
        ModelId(self.sha256.chars().take(16).collect())
    }

    /// The cosine threshold that holds a false accept rate: from the table, linear in the rate's logarithm
    /// between two rows. A rate outside the table is refused, not guessed.
    pub fn threshold(&self, far: f64) -> Result<Similarity, BundleError> {
        let (Some(first), Some(last)) = (self.far.first(), self.far.last()) else {
            return Err(BundleError::NoFarTable { role: self.file.clone() });
        };
        // NaN fails this comparison too.
        if !(far <= first.far && far >= last.far) {
            return Err(BundleError::FarOutOfRange { far, highest: first.far, lowest: last.far });
        }
        let between = self.far.windows(2).find(|pair| far >= pair[1].far);
        Ok(Similarity(match between {
            None => first.threshold,
            Some(pair) => {
                let share = (pair[0].far.ln() - far.ln()) / (pair[0].far.ln() - pair[1].far.ln());
                pair[0].threshold + share as f32 * (pair[1].threshold - pair[0].threshold)
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(far: &[(f64, f32)]) -> ModelEntry {
        ModelEntry {
            file: "m.onnx".into(),
            sha256: "0".repeat(64),
            licence: "MIT".into(),
            copyright: String::new(),
            source: Source {
                registry: String::new(),
                package: String::new(),
                version: String::new(),
                sha256: String::new(),
                path: String::new(),
            },
            input: Input {
                name: "input".into(),
                shape: [1, 3, 112, 112],
                channels: "RGB".into(),
                mean: 0.0,
                divisor: 1.0,
            },
            outputs: Vec::new(),
            far: far.iter().map(|&(far, threshold)| FarPoint { far, threshold }).collect(),
            golden: Vec::new(),
        }
    }

    #[test]
    fn thresholds_come_from_the_table() {
        let entry = entry(&[(1e-2, 0.4), (1e-3, 0.5), (1e-4, 0.7)]);
        let at = |far| entry.threshold(far).unwrap().0;
        assert_eq!((at(1e-2), at(1e-3), at(1e-4)), (0.4, 0.5, 0.7));
        assert!((at(1e-2_f64.powf(1.25)) - 0.45).abs() < 1e-6, "halfway in the logarithm");
        assert!((at(1e-3_f64 / 10f64.sqrt()) - 0.6).abs() < 1e-6);
    }

    #[test]
    fn no_threshold_is_guessed() {
        let entry_with_table = entry(&[(1e-2, 0.4), (1e-4, 0.7)]);
        for far in [0.5, 1e-5, 0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(
                matches!(entry_with_table.threshold(far), Err(BundleError::FarOutOfRange { .. })),
                "{far}"
            );
        }
        assert!(matches!(entry(&[]).threshold(1e-3), Err(BundleError::NoFarTable { .. })));
    }

    #[test]
    fn a_manifest_cannot_lead_out_of_its_folder() {
        let mut manifest = Manifest { format: 1, models: [("m".to_owned(), entry(&[]))].into() };
        assert!(Manifest::parse(&toml::to_string(&manifest).unwrap()).is_ok());
        for file in ["../secret", "/etc/passwd", "", ".."] {
            manifest.models.get_mut("m").unwrap().file = file.into();
            assert!(Manifest::parse(&toml::to_string(&manifest).unwrap()).is_err(), "{file:?}");
        }
    }

    #[test]
    fn a_table_that_loosens_as_it_should_tighten_is_refused() {
        let manifest =
            Manifest { format: 1, models: [("m".to_owned(), entry(&[(1e-2, 0.7), (1e-3, 0.5)]))].into() };
        assert!(Manifest::parse(&toml::to_string(&manifest).unwrap()).unwrap_err().contains("FAR table"));
    }
}
