//! The backend that runs networks: the kernels of this project with tract, or onnxruntime.

use std::fmt;

use ostiary_config as config;
use ostiary_core::Precision;
use ostiary_kernels::Isa;
use tract_linalg::multithread::Executor;

use super::EngineError;
#[cfg(feature = "ort")]
use super::ort::Runtime;

/// The backend that runs networks. It is created once and shared by all networks. `Display` gives its name for users.
#[derive(Clone)]
pub struct Backend {
    pub(super) kind: Kind,
    threads: usize,
    precision: Precision,
}

#[derive(Clone)]
pub(super) enum Kind {
    /// Quantized files on the kernels of this project, all others on tract.
    Tract(Executor),
    /// All files on onnxruntime.
    #[cfg(feature = "ort")]
    Ort(Runtime),
}

impl Backend {
    /// Creates the backend of the configuration.
    ///
    /// # Errors
    /// onnxruntime cannot be loaded, or does not have the configured execution provider.
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
                    fix: "set engine.backend = \"tract\"".into(),
                });
            }
        };
        Ok(Self { kind, threads, precision: engine.precision })
    }

    /// Creates the backend of kernels and tract. A network uses up to `threads` threads.
    pub fn tract(threads: usize) -> Self {
        let executor = if threads > 1 { Executor::multithread(threads) } else { Executor::SingleThread };
        Self { kind: Kind::Tract(executor), threads, precision: Precision::default() }
    }

    /// Maximum number of threads of a network.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// The arithmetic of roles that have both a quantized file and one of floats.
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
