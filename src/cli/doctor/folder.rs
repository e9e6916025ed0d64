//! The folders of the files that the checks look at.

use std::path::{Path, PathBuf};

/// The folder that holds a file.
pub fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}
