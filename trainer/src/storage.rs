//! Writes files so that they are complete or absent, with a clear error if the disk is full.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, Result};

/// Adds context to an error of a write: the path, and how to fix a full disk.
pub fn write_error(path: &Path) -> impl FnOnce(io::Error) -> anyhow::Error {
    let path = path.display().to_string();
    move |error| {
        let is_full = matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
        let what = if is_full {
            format!("{path}: the disk is full; make room and give the same command again")
        } else {
            format!("cannot write {path}")
        };
        anyhow::Error::new(error).context(what)
    }
}

/// Writes a file under a temporary name in the same folder, syncs it, and renames it.
///
/// # Errors
/// If `write` fails, or the file cannot be written.
pub fn write_atomic(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let folder = path.parent().context("the path has no folder")?;
    let partial = folder.join(".partial");
    let mut file = io::BufWriter::new(fs::File::create(&partial).map_err(write_error(&partial))?);
    write(&mut file)?;
    let file = file.into_inner().map_err(|error| write_error(path)(error.into_error()))?;
    file.sync_all().map_err(write_error(path))?;
    fs::rename(&partial, path).map_err(write_error(path))
}
