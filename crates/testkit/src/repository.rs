//! Files of the repository.

use std::path::{Path, PathBuf};

/// A file or folder of the repository, by its path from the root.
pub fn repository_file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap().join(path)
}

/// A bundled portrait, by its file name.
pub fn portrait(name: &str) -> PathBuf {
    repository_file("crates/self-test/portraits").join(name)
}
