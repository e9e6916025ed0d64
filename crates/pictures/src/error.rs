//! Errors of reading a picture.

use std::path::PathBuf;

/// Why a picture cannot be read. Each message names the file and how to fix it.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The file is truncated, damaged, too large or not a picture.
    #[error("{path}: cannot be read as a picture: {why}", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// There is no such file.
    #[error("{path}: no such file or folder; check its name", path = .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
}
