//! Checks that a bundle works on this host: all networks load, and the embedder reproduces
//! the golden embedding.

use ostiary_config as config;
use ostiary_config::Config;
use ostiary_core::{Crop, Embedding, ModelRole};
use ostiary_engine::{ARITHMETIC, Backend};
use ostiary_models::{Bundle, BundleError};
use ostiary_vision::{Embedder, VisionError};

use super::FaceEncoder;

/// Smallest cosine similarity to the golden embedding with 32-bit floats on tract, whose sums depend on the processor.
const MIN_COSINE_TRACT: f32 = 0.9999;
/// Smallest cosine similarity to the golden embedding on onnxruntime, which rounds in another way; TensorRT computes with
/// 16 bits.
const MIN_COSINE_ORT: f32 = 0.99;
/// Smallest cosine similarity to a golden embedding that kernels of another version of the arithmetic gave. They round in other
/// places; that of an 8-bit embedding to the one of floats is 0.9975 on average, and at least 0.985.
const MIN_COSINE_ARITHMETIC: f32 = 0.985;

/// Why a bundle does not work on this host.
#[derive(Debug, thiserror::Error)]
pub enum BundleCheckError {
    /// A network cannot be loaded or run.
    #[error(transparent)]
    Vision(#[from] VisionError),
    /// The manifest has no golden embedding.
    #[error(
        "the manifest has no golden embedding, so the arithmetic of this processor cannot be checked; publish the models again"
    )]
    NoGolden,
    /// The embedder does not reproduce the golden embedding.
    #[error(
        "this processor does not give the golden embedding (cosine {cosine:.6}); do not use the models on it"
    )]
    NotGolden {
        /// Cosine similarity of the computed embedding and the golden one.
        cosine: f32,
    },
}

impl From<BundleError> for BundleCheckError {
    fn from(error: BundleError) -> Self {
        Self::Vision(error.into())
    }
}

/// How closely two embeddings of the same picture agree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Agreement {
    /// All values are equal: quantized networks give the same result on every processor.
    Exact,
    /// At least this cosine similarity: floats are summed in another order on another processor, and kernels of another version
    /// round in other places.
    Cosine(f32),
}

impl Agreement {
    /// The agreement that a backend must reach with the embedder of this bundle.
    ///
    /// # Errors
    /// The bundle has no embedder.
    pub fn of(backend: config::Backend, bundle: &Bundle) -> Result<Self, BundleError> {
        let arithmetic = bundle.entry(ModelRole::Embedder)?.arithmetic;
        Ok(match (backend, bundle.is_quantized(ModelRole::Embedder)) {
            (config::Backend::Tract, true) if arithmetic == ARITHMETIC => Self::Exact,
            (config::Backend::Tract, true) => Self::Cosine(MIN_COSINE_ARITHMETIC),
            (config::Backend::Tract, false) => Self::Cosine(MIN_COSINE_TRACT),
            (config::Backend::Ort, _) => Self::Cosine(MIN_COSINE_ORT),
        })
    }

    /// Compares an embedding with the values of the expected one. Returns the agreement that was found.
    ///
    /// # Errors
    /// The embeddings do not agree closely enough, or `expected` is empty.
    pub fn check(self, embedding: &Embedding, expected: &[f32]) -> Result<Self, BundleCheckError> {
        let unit = Embedding::normalized(expected).ok_or(BundleCheckError::NoGolden)?;
        let cosine = embedding.similarity(&unit).0;
        match self {
            Self::Exact if embedding.values() == expected => Ok(self),
            Self::Cosine(minimum) if cosine >= minimum => Ok(Self::Cosine(cosine)),
            _ => Err(BundleCheckError::NotGolden { cosine }),
        }
    }
}

/// Compares the embedding of the test pattern with the golden embedding of the bundle. Returns the agreement that was found.
///
/// # Errors
/// The embedder cannot be loaded or run, or does not reproduce the golden embedding.
pub fn check_golden(
    bundle: &Bundle,
    config: &Config,
    backend: &Backend,
) -> Result<Agreement, BundleCheckError> {
    let mut embedder = Embedder::load(bundle, &config::Embedder::default(), backend)?;
    let embedding = embedder.embed(&Crop::pattern())?;
    Agreement::of(config.engine.backend, bundle)?
        .check(&embedding, &bundle.entry(ModelRole::Embedder)?.golden)
}

/// Loads all models of a bundle and checks them. Returns the loaded models.
///
/// # Errors
/// A model cannot be loaded, or the golden embedding is not reproduced.
pub fn check_bundle(bundle: &Bundle, config: &Config) -> Result<FaceEncoder, BundleCheckError> {
    let backend = Backend::new(&config.engine, &config.ort).map_err(VisionError::from)?;
    let encoder = FaceEncoder::from_bundle(bundle, config, &backend)?;
    check_golden(bundle, config, &backend)?;
    Ok(encoder)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use ostiary_core::Precision;
    use ostiary_models::{Manifest, ModelEntry};

    use super::*;

    #[test]
    fn agreement_is_checked_exactly_or_by_cosine() {
        let expected = Embedding::normalized(&[3.0, 4.0, 0.0]).unwrap();
        let near = Embedding::normalized(&[3.0, 4.0, 0.01]).unwrap();
        let far = Embedding::normalized(&[4.0, 3.0, 0.0]).unwrap();
        let agrees = |embedding, agreement: Agreement| agreement.check(embedding, expected.values()).is_ok();
        assert!(agrees(&expected, Agreement::Exact));
        assert!(!agrees(&near, Agreement::Exact));
        assert!(agrees(&near, Agreement::Cosine(0.9999)));
        assert!(!agrees(&far, Agreement::Cosine(0.9999)));
        assert!(matches!(Agreement::Exact.check(&near, &[]), Err(BundleCheckError::NoGolden)));
    }

    #[test]
    fn exact_agreement_needs_a_quantized_embedder() {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
        let text = fs::read_to_string(shipped.join(Manifest::FILE)).unwrap();
        let mut manifest: Manifest = toml::from_str(&text).unwrap();
        manifest.models.remove(&Precision::Int8.manifest_key(ModelRole::Embedder)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(Manifest::FILE), toml::to_string(&manifest).unwrap()).unwrap();
        let agreement = |folder: &Path, precision| {
            Agreement::of(config::Backend::Tract, &Bundle::open(folder, precision).unwrap()).unwrap()
        };
        assert_eq!(agreement(&shipped, Precision::Int8), Agreement::Exact);
        assert_eq!(agreement(&shipped, Precision::Fp32), Agreement::Cosine(MIN_COSINE_TRACT));
        assert_eq!(agreement(folder.path(), Precision::Int8), Agreement::Cosine(MIN_COSINE_TRACT));
    }

    #[test]
    fn a_bundle_of_another_arithmetic_is_proven_by_cosine() {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
        let text = fs::read_to_string(shipped.join(Manifest::FILE)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for file in fs::read_dir(&shipped).unwrap().map(|entry| entry.unwrap().path()) {
            if file.is_file() {
                fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
            }
        }
        let config = Config::default();
        let check = |change: &dyn Fn(&mut ModelEntry)| {
            let mut manifest: Manifest = toml::from_str(&text).unwrap();
            let entry = manifest.models.get_mut(&Precision::Int8.manifest_key(ModelRole::Embedder)).unwrap();
            change(entry);
            fs::write(folder.path().join(Manifest::FILE), toml::to_string(&manifest).unwrap()).unwrap();
            let bundle = Bundle::open(folder.path(), Precision::Int8).unwrap();
            check_golden(&bundle, &config, &Backend::tract(1))
        };
        let moved = |entry: &mut ModelEntry, by: f32| {
            // Embeddings are unit vectors: this is the sine of an angle.
            entry.golden[0] += by;
            let unit = Embedding::normalized(&entry.golden).unwrap();
            entry.golden = unit.values().to_vec();
        };
        assert!(matches!(check(&|_| ()), Ok(Agreement::Exact)));
        assert!(check(&|entry| moved(entry, 0.1)).is_err(), "the same arithmetic gives the same bytes");
        let older = |by| {
            check(&|entry| {
                entry.arithmetic = 1;
                moved(entry, by)
            })
        };
        assert!(matches!(older(0.1), Ok(Agreement::Cosine(cosine)) if cosine > 0.985));
        assert!(matches!(older(0.3), Err(BundleCheckError::NotGolden { .. })));
    }
}
