//! Whether a bundle is fit for the door on this machine: every network loads, thresholds can be set, and the embedder
//! gives its golden embedding.

use ostiary_config as config;
use ostiary_config::Config;
use ostiary_core::{Crop, Embedding};
use ostiary_engine::Backend;
use ostiary_models::{Bundle, BundleError};
use ostiary_vision::{Embedder, VisionError};

use super::Recognizer;

/// Why a bundle is not fit.
#[derive(Debug, thiserror::Error)]
pub enum BundleCheckError {
    #[error(transparent)]
    Vision(#[from] VisionError),
    #[error(
        "the manifest has no golden embedding: whether this processor computes right cannot be known; publish the models anew"
    )]
    NoGolden,
    #[error(
        "this processor does not give the golden embedding (cosine {cosine:.6}); do not use the models on it"
    )]
    NotGolden { cosine: f32 },
}

impl From<BundleError> for BundleCheckError {
    fn from(error: BundleError) -> Self {
        Self::Vision(error.into())
    }
}

/// How alike two embeddings of one picture must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Agreement {
    /// Bytes compute the same everywhere.
    Exact,
    /// Floats are summed in another order on another processor.
    Cosine(f32),
}

impl Agreement {
    /// What a backend must hold to, with the embedder of this bundle.
    pub fn of(backend: config::Backend, bundle: &Bundle) -> Self {
        match (backend, bundle.is_quantized(Embedder::ROLE)) {
            (config::Backend::Tract, true) => Self::Exact,
            (config::Backend::Tract, false) => Self::Cosine(0.9999),
            // It rounds in its own way, TensorRT to 16 bits.
            (config::Backend::Ort, _) => Self::Cosine(0.99),
        }
    }

    /// How alike an embedding is to the expected one, if that is enough.
    pub fn hold(self, made: &Embedding, expected: &[f32]) -> Result<Self, BundleCheckError> {
        let unit = Embedding::normalized(expected).ok_or(BundleCheckError::NoGolden)?;
        let cosine = made.similarity(&unit).0;
        match self {
            Self::Exact if made.values() == expected => Ok(self),
            Self::Cosine(least) if cosine >= least => Ok(Self::Cosine(cosine)),
            _ => Err(BundleCheckError::NotGolden { cosine }),
        }
    }
}

/// Holds the embedder of a bundle to its golden embedding; says how alike they are.
pub fn check_golden(
    bundle: &Bundle,
    config: &Config,
    backend: &Backend,
) -> Result<Agreement, BundleCheckError> {
    let mut embedder = Embedder::load(bundle, &config::Embedder::default(), backend)?;
    let made = embedder.embed(&Crop::pattern())?;
    Agreement::of(config.engine.backend, bundle).hold(&made, &bundle.entry(Embedder::ROLE)?.golden)
}

/// Loads everything of a bundle that the door needs, and gives it where all is right.
pub fn check_bundle(bundle: &Bundle, config: &Config) -> Result<Recognizer, BundleCheckError> {
    let backend = Backend::new(&config.engine, &config.ort).map_err(VisionError::from)?;
    let recognizer = Recognizer::of(bundle, config, &backend)?;
    recognizer.threshold(config.door.far)?;
    check_golden(bundle, config, &backend)?;
    Ok(recognizer)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use ostiary_core::Precision;
    use ostiary_models::Manifest;

    use super::*;

    #[test]
    fn an_embedding_is_held_to_the_expected_one() {
        let expected = Embedding::normalized(&[3.0, 4.0, 0.0]).unwrap();
        let near = Embedding::normalized(&[3.0, 4.0, 0.01]).unwrap();
        let far = Embedding::normalized(&[4.0, 3.0, 0.0]).unwrap();
        let holds = |made, least: Agreement| least.hold(made, expected.values()).is_ok();
        assert!(holds(&expected, Agreement::Exact));
        assert!(!holds(&near, Agreement::Exact));
        assert!(holds(&near, Agreement::Cosine(0.9999)));
        assert!(!holds(&far, Agreement::Cosine(0.9999)));
        assert!(matches!(Agreement::Exact.hold(&near, &[]), Err(BundleCheckError::NoGolden)));
    }

    #[test]
    fn floats_are_not_held_to_the_last_bit_where_bytes_were_asked_for() {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
        let text = fs::read_to_string(shipped.join(Manifest::FILE)).unwrap();
        let mut manifest: Manifest = toml::from_str(&text).unwrap();
        manifest.models.remove("mobilefacenet-int8").unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(Manifest::FILE), toml::to_string(&manifest).unwrap()).unwrap();
        let of = |folder: &Path, precision| {
            Agreement::of(config::Backend::Tract, &Bundle::open(folder, precision).unwrap())
        };
        assert_eq!(of(&shipped, Precision::Int8), Agreement::Exact);
        assert_eq!(of(&shipped, Precision::Fp32), Agreement::Cosine(0.9999));
        assert_eq!(of(folder.path(), Precision::Int8), Agreement::Cosine(0.9999));
    }
}
