//! Why a graph is not converted to layers.

/// Why a graph is not converted to layers.
#[derive(Debug, PartialEq)]
pub enum ImportError {
    /// The kernels do not support something in it.
    Unsupported(String),
    /// It is invalid: tract cannot run it either.
    Invalid(String),
}

/// Refuses something that the kernels do not support.
pub fn unsupported<T>(why: impl Into<String>) -> Result<T, ImportError> {
    Err(ImportError::Unsupported(why.into()))
}

/// Refuses something that no runtime can run.
pub fn invalid<T>(why: impl Into<String>) -> Result<T, ImportError> {
    Err(ImportError::Invalid(why.into()))
}
