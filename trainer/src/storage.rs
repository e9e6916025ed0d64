//! Writing so that a file is whole or not there, and saying so when the disk is full.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, Result};

/// Says what could not be written, and for a full disk the mend.
pub fn failed(path: &Path) -> impl FnOnce(io::Error) -> anyhow::Error {
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

/// Writes a file under a passing name, then gives it its own.
pub fn write_whole(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let folder = path.parent().context("a file lies in a folder")?;
    let passing = folder.join(".partial");
    let mut file = io::BufWriter::new(fs::File::create(&passing).map_err(failed(&passing))?);
    write(&mut file)?;
    let file = file.into_inner().map_err(|error| failed(path)(error.into_error()))?;
    file.sync_all().map_err(failed(path))?;
    fs::rename(&passing, path).map_err(failed(path))
}
