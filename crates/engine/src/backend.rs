//! What runs networks: our own kernels with tract, or onnxruntime.

use std::fmt;

use ostiary_config as config;
use ostiary_core::Precision;
use ostiary_kernels::Isa;
use tract_linalg::multithread::Executor;

use super::EngineError;
#[cfg(feature = "ort")]
use super::ort::Runtime;

/// What runs networks. Made once, and lent to whatever loads one. Prints itself as people should read of it.
#[derive(Clone)]
pub struct Backend {
    pub(super) kind: Kind,
    threads: usize,
    precision: Precision,
}

#[derive(Clone)]
pub(super) enum Kind {
    /// Quantized files on our own kernels, all others on tract.
    Tract(Executor),
    #[cfg(feature = "ort")]
    Ort(Runtime),
}

impl Backend {
    /// What the configuration asks for. An error where onnxruntime cannot be loaded, or has no such provider.
    pub fn new(engine: &config::Engine, ort: &config::Ort) -> Result<Self, EngineError> {
        let threads = engine.threads;
        let kind = match engine.backend {
            config::Backend::Tract => Self::tract(threads).kind,
            #[cfg(feature = "ort")]
            config::Backend::Ort => Kind::Ort(Runtime::load(ort, threads)?),
            #[cfg(not(feature = "ort"))]
            config::Backend::Ort => {
                let library = ort.library.clone().unwrap_or_default();
                return Err(EngineError::Library {
                    library,
                    why: "this program was built without the feature ort".into(),
                    mend: "set engine.backend = \"tract\"".into(),
                });
            }
        };
        Ok(Self { kind, threads, precision: engine.precision })
    }

    /// Our own kernels and tract; a network may use so many threads.
    pub fn tract(threads: usize) -> Self {
        let executor = if threads > 1 { Executor::multithread(threads) } else { Executor::SingleThread };
        Self { kind: Kind::Tract(executor), threads, precision: Precision::default() }
    }

    /// How many threads a network may use.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// In what numbers networks compute, where there is a choice of files.
    pub fn precision(&self) -> Precision {
        self.precision
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.kind, self.precision) {
            (Kind::Tract(_), Precision::Int8) => write!(f, "{} and tract", Isa::best()),
            (Kind::Tract(_), Precision::Fp32) => f.write_str("tract"),
            #[cfg(feature = "ort")]
            (Kind::Ort(runtime), _) => write!(f, "{runtime}"),
        }
    }
}
