//! Why a picture cannot be read.

use std::path::PathBuf;

/// Why a picture cannot be read. Every message names the file and how to fix it.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// It is torn, damaged, too large or no picture at all.
    #[error("{path}: cannot be read as a picture: {why}", path = .path.display())]
    Unreadable { path: PathBuf, why: String },
    /// There is no such file.
    #[error("{path}: no such file or folder; check its name", path = .path.display())]
    Missing { path: PathBuf },
}
