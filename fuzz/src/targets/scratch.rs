//! Files for what reads files.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

/// A folder that is gone with the value, with these files in it.
///
/// # Panics
/// Where it cannot be made: a target that reads no file finds nothing.
pub fn folder(files: &[(&str, &[u8])]) -> TempDir {
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

/// A file of the repository.
///
/// # Errors
/// It cannot be read.
pub fn repository_file(path: &str) -> anyhow::Result<Vec<u8>> {
    use anyhow::Context;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}
