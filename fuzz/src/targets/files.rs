//! Temporary files for targets that read files.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

/// A temporary folder with these files. It is removed when the value is dropped.
///
/// # Panics
/// The folder or a file cannot be written: otherwise the target would silently test nothing.
pub fn folder_with(files: &[(&str, &[u8])]) -> TempDir {
    let folder = match tempfile::tempdir() {
        Ok(folder) => folder,
        Err(error) => panic!("cannot make a folder: {error}"),
    };
    for (name, bytes) in files {
        write(&folder.path().join(name), bytes);
    }
    folder
}

fn write(path: &Path, bytes: &[u8]) {
    if let Err(error) = fs::write(path, bytes) {
        panic!("cannot write {}: {error}", path.display());
    }
}

/// The contents of a file of the repository.
///
/// # Errors
/// It cannot be read.
pub fn repository_file(path: &str) -> anyhow::Result<Vec<u8>> {
    use anyhow::Context;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}
