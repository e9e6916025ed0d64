//! Whether a bundle is fit for the door on this machine: every network loads, thresholds can be set, and the embedder
//! gives its golden embedding.

use super::{Crop, Embedder, Embedding, Recogniser, VisionError};
use crate::bundle::{Bundle, BundleError, Precision};
use crate::config::{self, Config};
use crate::engine::Backend;

/// Why a bundle is not fit.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
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

impl From<BundleError> for ProofError {
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
    /// What an engine must hold to.
    pub fn of(engine: &config::Engine) -> Self {
        match (engine.backend, engine.precision) {
            (config::Backend::Tract, Precision::Int8) => Self::Exact,
            (config::Backend::Tract, Precision::Fp32) => Self::Cosine(0.9999),
            // It rounds in its own way, TensorRT to 16 bits.
            (config::Backend::Ort, _) => Self::Cosine(0.99),
        }
    }

    /// How alike an embedding is to the expected one, if that is enough.
    pub fn hold(self, made: &Embedding, expected: &[f32]) -> Result<Self, ProofError> {
        let unit = Embedding::normalised(expected).ok_or(ProofError::NoGolden)?;
        let cosine = made.similarity(&unit).0;
        match self {
            Self::Exact if made.values() == expected => Ok(self),
            Self::Cosine(least) if cosine >= least => Ok(Self::Cosine(cosine)),
            _ => Err(ProofError::NotGolden { cosine }),
        }
    }
}

/// Holds the embedder of a bundle to its golden embedding; says how alike they are.
pub fn hold_to_golden(bundle: &Bundle, config: &Config, backend: &Backend) -> Result<Agreement, ProofError> {
    let mut embedder = Embedder::load(bundle, &config::Embedder::default(), backend)?;
    let made = embedder.embed(&Crop::pattern())?;
    Agreement::of(&config.engine).hold(&made, &bundle.entry(Embedder::ROLE)?.golden)
}

/// Loads everything of a bundle that the door needs, and gives it where all is right.
pub fn prove(bundle: &Bundle, config: &Config) -> Result<Recogniser, ProofError> {
    let backend = Backend::new(&config.engine, &config.ort).map_err(VisionError::from)?;
    let recogniser = Recogniser::of(bundle, config, &backend)?;
    recogniser.threshold(config.door.far)?;
    hold_to_golden(bundle, config, &backend)?;
    Ok(recogniser)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_embedding_is_held_to_the_expected_one() {
        let expected = Embedding::normalised(&[3.0, 4.0, 0.0]).unwrap();
        let near = Embedding::normalised(&[3.0, 4.0, 0.01]).unwrap();
        let far = Embedding::normalised(&[4.0, 3.0, 0.0]).unwrap();
        let holds = |made, least: Agreement| least.hold(made, expected.values()).is_ok();
        assert!(holds(&expected, Agreement::Exact));
        assert!(!holds(&near, Agreement::Exact));
        assert!(holds(&near, Agreement::Cosine(0.9999)));
        assert!(!holds(&far, Agreement::Cosine(0.9999)));
        assert!(matches!(Agreement::Exact.hold(&near, &[]), Err(ProofError::NoGolden)));
    }
}
