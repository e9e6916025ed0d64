//! `manifest.toml`: the hash, license, source, input and thresholds of each model file.

use std::collections::BTreeMap;

use ostiary_core::{Embedding, ModelId, ModelRole, NetworkInput, Precision, is_sha256};
use serde::{Deserialize, Serialize};

use super::calibration::{Calibration, CalibrationError};
use super::liveness_test::{LivenessTest, LivenessTestError};

/// The manifest of a folder of models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the file format: [`Manifest::FORMAT`] or an older one.
    pub format: u32,
    /// The models by their key ([`Precision::manifest_key`]). Keys that this program does not know are kept: their files
    /// are checked, and not used.
    pub models: BTreeMap<String, ModelEntry>,
}

/// One model file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelEntry {
    /// File name, in the folder of the manifest.
    pub file: String,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub sha256: String,
    /// License as an SPDX expression.
    pub licence: String,
    /// Copyright notice.
    pub copyright: String,
    /// Origin of the model.
    pub source: Source,
    /// Input of the network and how pixels are normalized.
    pub input: NetworkInput,
    /// Outputs of the network, in the order of the file.
    pub outputs: Vec<Output>,
    /// For embedders of format 1: the threshold for each false accept rate (FAR), from high FAR to low. Format 2 has a
    /// calibration instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub far: Vec<FarPoint>,
    /// For embedders: the thresholds that keep a false positive identification rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// For embedders: the embedding of [`Crop::pattern`](ostiary_core::Crop::pattern), which every host must reproduce.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub golden: Vec<f32>,
    /// For 8-bit networks: the version of the kernels' arithmetic (`ostiary_kernels::ARITHMETIC`) that gave the golden embedding.
    /// Kernels of the same version give them bit for bit, others nearly. Manifests that do not name it have version 1.
    #[serde(default = "first_arithmetic", skip_serializing_if = "is_first_arithmetic")]
    pub arithmetic: u32,
    /// For embedders: other embedders whose templates stay valid with this one, most similar first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compatible: Vec<CompatibleModel>,
    /// For presentation attack detection: how its input is cut out, and what its scores mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liveness: Option<LivenessTest>,
}

/// An embedder whose embeddings nearly equal those of another one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompatibleModel {
    /// The id of the embedder.
    pub model: ModelId,
    /// Cosine similarity of the two embeddings of a picture, the mean over the calibration pictures: at least
    /// [`CompatibleModel::MIN_COSINE`].
    pub cosine: f32,
}

impl CompatibleModel {
    /// The smallest mean cosine of compatible models.
    pub const MIN_COSINE: f32 = 0.985;
}

/// The version of the arithmetic before manifests named it.
const FIRST_ARITHMETIC: u32 = 1;

fn first_arithmetic() -> u32 {
    FIRST_ARITHMETIC
}

fn is_first_arithmetic(version: &u32) -> bool {
    *version == FIRST_ARITHMETIC
}

/// Origin of a model: a published package, or a local file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// `PyPI`, `npm`, or `file` for a local file, whose name is then in `package` and `path`.
    pub registry: String,
    /// Name of the package.
    pub package: String,
    /// Version of the package; for a local file, version of the trainer that made the model.
    pub version: String,
    /// SHA-256 of the package's archive, or of the local file, lower-case hexadecimal.
    pub sha256: String,
    /// Path of the file inside the archive.
    pub path: String,
}

/// One output of the network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Name in the ONNX file.
    pub name: String,
    /// Meaning of the values, in one sentence.
    pub meaning: String,
}

/// One row of the table from false accept rate to threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FarPoint {
    /// False accept rate, between 0 and 1.
    pub far: f64,
    /// Cosine similarity from which a pair counts as the same person.
    pub threshold: f32,
}

/// Why a manifest is not valid.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The text is not TOML of this layout.
    #[error(transparent)]
    Toml(#[from] toml::de::Error),
    /// The format is of another version.
    #[error("its format is {found}; this program reads format 1 to {}", Manifest::FORMAT)]
    Format {
        /// The version in the file.
        found: u32,
    },
    /// The entry of a model is not valid.
    #[error("{key}: {why}")]
    Entry {
        /// Its key in the manifest.
        key: String,
        /// What is wrong with its entry.
        why: ModelEntryError,
    },
}

/// Why the entry of one model is not valid.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ModelEntryError {
    /// The file name has a folder in it.
    #[error("its file is {file:?}, not a plain file name")]
    FileName {
        /// The name in the manifest.
        file: String,
    },
    /// The hash is malformed.
    #[error("its sha256 is not 64 lower-case hexadecimal digits")]
    Hash,
    /// The input cannot be fed with pixels.
    #[error("{0}")]
    Input(String),
    /// A rate of the FAR table is out of range.
    #[error("its FAR table has a rate of {far}, which is not between 0 and 1")]
    FarRate {
        /// The rate.
        far: f64,
    },
    /// A threshold of the FAR table is out of range.
    #[error("its FAR table has a threshold of {threshold}, which is not from 0 to 1")]
    FarThreshold {
        /// The threshold.
        threshold: f32,
    },
    /// The FAR table is not sorted.
    #[error("its FAR table does not go from high FAR to low FAR with rising thresholds")]
    FarOrder,
    /// The calibration is not valid.
    #[error("its calibration cannot be used: {0}")]
    Calibration(#[from] CalibrationError),
    /// The golden embedding is not a unit vector.
    #[error("its golden embedding has values that are not from -1 to 1, so it is not a unit vector")]
    Golden,
    /// A model that is declared compatible is not.
    #[error(
        "it declares the model {model:?} compatible with a cosine of {cosine}; an id has {} hexadecimal digits, and the cosine must \
         be from {} to 1",
        ModelId::DIGITS,
        CompatibleModel::MIN_COSINE
    )]
    NotCompatible {
        /// The id in the manifest.
        model: String,
        /// The cosine in the manifest.
        cosine: f32,
    },
    /// The use of a network for presentation attack detection is not valid.
    #[error("its liveness test cannot be used: {0}")]
    Liveness(#[from] LivenessTestError),
}

impl Manifest {
    /// File name of the manifest.
    pub const FILE: &str = "manifest.toml";

    /// The version of the format that this program writes. It also reads the older ones.
    pub const FORMAT: u32 = 2;

    /// Parses and checks the text of a manifest.
    pub(super) fn parse(text: &str) -> Result<Self, ManifestError> {
        let manifest: Self = toml::from_str(text)?;
        if !(1..=Self::FORMAT).contains(&manifest.format) {
            return Err(ManifestError::Format { found: manifest.format });
        }
        for (key, entry) in &manifest.models {
            entry.check(key).map_err(|why| ManifestError::Entry { key: key.clone(), why })?;
        }
        Ok(manifest)
    }

    /// The entry of a role's network at one precision, if there is one.
    pub fn entry(&self, role: ModelRole, precision: Precision) -> Option<&ModelEntry> {
        self.models.get(&precision.manifest_key(role))
    }
}

impl ModelEntry {
    fn check(&self, key: &str) -> Result<(), ModelEntryError> {
        // The file must be in the folder of the manifest.
        if self.file.is_empty() || self.file.contains('/') || self.file == ".." {
            return Err(ModelEntryError::FileName { file: self.file.clone() });
        }
        if !is_sha256(&self.sha256) {
            return Err(ModelEntryError::Hash);
        }
        self.input.check().map_err(|why| ModelEntryError::Input(why.to_string()))?;
        for &FarPoint { far, threshold } in &self.far {
            // NaN is outside every range.
            if !(far > 0.0 && far < 1.0) {
                return Err(ModelEntryError::FarRate { far });
            }
            if !(0.0..=1.0).contains(&threshold) {
                return Err(ModelEntryError::FarThreshold { threshold });
            }
        }
        let is_stricter = |[a, b]: &[FarPoint; 2]| a.far > b.far && a.threshold <= b.threshold;
        if !self.far.array_windows().all(is_stricter) {
            return Err(ModelEntryError::FarOrder);
        }
        if let Some(calibration) = &self.calibration {
            calibration.check()?;
            // Without a golden embedding the length is not known here; a mean of another length makes a gallery match nobody.
            if ![0, self.golden.len()].contains(&calibration.mean.len()) && !self.golden.is_empty() {
                return Err(CalibrationError::Mean.into());
            }
        }
        if !self.golden.iter().all(|value| value.is_finite() && value.abs() <= 1.0) {
            return Err(ModelEntryError::Golden);
        }
        for CompatibleModel { model, cosine } in &self.compatible {
            let is_id =
                model.0.len() == ModelId::DIGITS && model.0.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !is_id || !(CompatibleModel::MIN_COSINE..=1.0).contains(cosine) {
                return Err(ModelEntryError::NotCompatible { model: model.0.clone(), cosine: *cosine });
            }
        }
        let is_liveness = [Precision::Fp32, Precision::Int8]
            .iter()
            .any(|precision| precision.manifest_key(ModelRole::Liveness) == key);
        match &self.liveness {
            Some(test) if is_liveness => test.check(&self.input)?,
            Some(_) => return Err(LivenessTestError::OtherRole.into()),
            None if is_liveness => return Err(LivenessTestError::Missing.into()),
            None => {}
        }
        Ok(())
    }

    /// Whether the embedding is that of an upright head; true if the model has no such test.
    pub fn is_upright(&self, embedding: &Embedding) -> bool {
        let test = self.calibration.as_ref().and_then(|calibration| calibration.upright.as_ref());
        test.is_none_or(|test| test.is_upright(embedding))
    }

    /// The ids of the models whose templates stay valid with this one, most similar first.
    pub fn compatible_models(&self) -> Vec<ModelId> {
        self.compatible.iter().map(|compatible| compatible.model.clone()).collect()
    }

    /// The id of the model, derived from the SHA-256 in the manifest.
    pub fn id(&self) -> ModelId {
        ModelId(self.sha256.chars().take(ModelId::DIGITS).collect())
    }
}

#[cfg(test)]
mod tests {
    use ostiary_core::ChannelOrder;

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
            input: NetworkInput {
                name: "input".into(),
                shape: [1, 3, 112, 112],
                channels: ChannelOrder::Rgb,
                mean: 0.0,
                divisor: 1.0,
            },
            outputs: Vec::new(),
            far: far.iter().map(|&(far, threshold)| FarPoint { far, threshold }).collect(),
            calibration: None,
            golden: Vec::new(),
            arithmetic: 1,
            compatible: Vec::new(),
            liveness: None,
        }
    }

    #[test]
    fn a_file_outside_the_folder_is_refused() {
        let mut manifest = Manifest { format: 1, models: [("m".to_owned(), entry(&[]))].into() };
        assert!(Manifest::parse(&toml::to_string(&manifest).unwrap()).is_ok());
        for file in ["../secret", "/etc/passwd", "", ".."] {
            manifest.models.get_mut("m").unwrap().file = file.into();
            assert!(Manifest::parse(&toml::to_string(&manifest).unwrap()).is_err(), "{file:?}");
        }
    }

    #[test]
    fn invalid_entries_are_refused_with_key_and_reason() {
        let refused = |change: &dyn Fn(&mut ModelEntry)| {
            let mut entry = entry(&[(1e-2, 0.4), (1e-3, 0.5)]);
            change(&mut entry);
            let manifest = Manifest { format: 1, models: [("m".to_owned(), entry)].into() };
            let why = Manifest::parse(&toml::to_string(&manifest).unwrap()).unwrap_err().to_string();
            assert!(why.starts_with("m: "), "{why}");
            why
        };
        for sha256 in [String::new(), "0".repeat(63), "0".repeat(65), "g".repeat(64), "A".repeat(64)] {
            let why = refused(&|entry| entry.sha256 = sha256.clone());
            assert!(why.contains("64 lower-case hexadecimal digits"), "{sha256:?}: {why}");
        }
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
        let calibration = Calibration { thresholds: vec![], ..crate::calibration::tests::calibration() };
        assert!(refused(&|entry| entry.calibration = Some(calibration.clone())).contains("calibration"));
        let good = Manifest { format: 1, models: [("m".to_owned(), entry(&[]))].into() };
        let text = toml::to_string(&good).unwrap();
        assert!(text.contains("channels = \"RGB\""), "{text}");
        let why = Manifest::parse(&text.replace("\"RGB\"", "\"CMYK\"")).unwrap_err();
        assert!(why.to_string().contains("`CMYK`, expected `RGB` or `BGR`"), "{why}");
        for divisor in [0.0, -128.0, f32::NAN, f32::INFINITY] {
            assert!(refused(&|entry| entry.input.divisor = divisor).contains("normalized"), "{divisor}");
        }
        assert!(refused(&|entry| entry.input.mean = f32::NAN).contains("normalized"));
        for value in [f32::NAN, 1.5] {
            assert!(refused(&|entry| entry.golden = vec![0.1, value]).contains("golden"), "{value}");
        }
    }

    #[test]
    fn a_liveness_test_belongs_to_the_role_and_is_checked() {
        let parsed = |key: &str, liveness: Option<LivenessTest>| {
            let mut entry = ModelEntry { liveness, ..entry(&[]) };
            entry.input.shape = [1, 3, 128, 128];
            let manifest = Manifest { format: Manifest::FORMAT, models: [(key.to_owned(), entry)].into() };
            Manifest::parse(&toml::to_string(&manifest).unwrap()).map_err(|error| error.to_string())
        };
        let test = crate::liveness_test::tests::liveness_test();
        for key in ["liveness", "liveness-int8"] {
            let manifest = parsed(key, Some(test.clone())).unwrap();
            assert_eq!(manifest.models[key].liveness, Some(test.clone()));
            assert!(parsed(key, None).unwrap_err().contains("has no table \"liveness\""));
            let other = LivenessTest { live_class: 7, ..test.clone() };
            assert!(parsed(key, Some(other)).unwrap_err().contains("live_class"));
        }
        assert!(parsed("mobilefacenet", Some(test)).unwrap_err().contains("only the roles"));
        assert!(parsed("mobilefacenet", None).is_ok());
    }

    #[test]
    fn a_table_with_falling_thresholds_is_refused() {
        let manifest =
            Manifest { format: 1, models: [("m".to_owned(), entry(&[(1e-2, 0.7), (1e-3, 0.5)]))].into() };
        let error = Manifest::parse(&toml::to_string(&manifest).unwrap()).unwrap_err();
        assert!(error.to_string().contains("FAR table"), "{error}");
    }
}
