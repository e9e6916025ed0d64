//! `manifest.toml`: what each model file is, where it came from, and how it is fed.

use std::collections::BTreeMap;

use ostiary_core::{Input, ModelId, Similarity};
use serde::{Deserialize, Serialize};

use super::BundleError;

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
    /// For embedders: the embedding of [`Crop::pattern`](ostiary_core::Crop::pattern), which every machine must give.
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
            entry.check().map_err(|why| format!("{role}: {why}"))?;
        }
        Ok(manifest)
    }
}

impl ModelEntry {
    /// Whether what is said of the model can be, or what cannot.
    fn check(&self) -> Result<(), String> {
        // The file is opened below the folder of models, and nowhere else.
        if self.file.is_empty() || self.file.contains('/') || self.file == ".." {
            return Err(format!("its file is {:?}, not a plain name", self.file));
        }
        if self.sha256.len() != 64 || !self.sha256.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err("its sha256 is not 64 hexadecimal digits".into());
        }
        self.input.check()?;
        for FarPoint { far, threshold } in &self.far {
            // NaN is in no range.
            if !(*far > 0.0 && *far < 1.0) {
                return Err(format!("its FAR table has a rate of {far}, which is not between 0 and 1"));
            }
            if !(0.0..=1.0).contains(threshold) {
                return Err(format!(
                    "its FAR table has a threshold of {threshold}, which is not from 0 to 1"
                ));
            }
        }
        let stricter =
            |pair: &[FarPoint]| pair[0].far > pair[1].far && pair[0].threshold <= pair[1].threshold;
        if !self.far.windows(2).all(stricter) {
            return Err("its FAR table does not go from high FAR to low with rising thresholds".into());
        }
        if !self.golden.iter().all(|value| value.is_finite() && value.abs() <= 1.0) {
            return Err("its golden embedding is no unit vector: it has numbers beyond -1 to 1".into());
        }
        Ok(())
    }

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
    fn what_cannot_be_is_refused_with_the_role_and_the_reason() {
        let refused = |change: &dyn Fn(&mut ModelEntry)| {
            let mut entry = entry(&[(1e-2, 0.4), (1e-3, 0.5)]);
            change(&mut entry);
            let manifest = Manifest { format: 1, models: [("m".to_owned(), entry)].into() };
            let why = Manifest::parse(&toml::to_string(&manifest).unwrap()).unwrap_err();
            assert!(why.starts_with("m: "), "{why}");
            why
        };
        for far in [0.0, 1.0, -1e-3, 2.0, f64::NAN, f64::INFINITY] {
            assert!(refused(&|entry| entry.far[0].far = far).contains("rate"), "{far}");
        }
        for threshold in [-0.1, 1.1, f32::NAN, f32::NEG_INFINITY] {
            assert!(
                refused(&|entry| entry.far[0].threshold = threshold).contains("threshold"),
                "{threshold}"
            );
        }
        assert!(refused(&|entry| entry.far[1].far = 1e-2).contains("FAR table"), "a rate twice");
        for shape in [[1, 0, 112, 112], [1, 1, 112, 112], [1, 3, 0, 112], [1, 3, 112, 0], [1, 3, 9999, 9999]]
        {
            assert!(refused(&|entry| entry.input.shape = shape).contains("input shape"), "{shape:?}");
        }
        for divisor in [0.0, -128.0, f32::NAN, f32::INFINITY] {
            assert!(refused(&|entry| entry.input.divisor = divisor).contains("normalized"), "{divisor}");
        }
        assert!(refused(&|entry| entry.input.mean = f32::NAN).contains("normalized"));
        for value in [f32::NAN, 1.5] {
            assert!(refused(&|entry| entry.golden = vec![0.1, value]).contains("golden"), "{value}");
        }
    }

    #[test]
    fn a_table_that_loosens_as_it_should_tighten_is_refused() {
        let manifest =
            Manifest { format: 1, models: [("m".to_owned(), entry(&[(1e-2, 0.7), (1e-3, 0.5)]))].into() };
        assert!(Manifest::parse(&toml::to_string(&manifest).unwrap()).unwrap_err().contains("FAR table"));
    }
}
