//! Writes a compressed archive, completely or not at all.

use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, bail};
use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::NamedTempFile;

use super::folder::folder_of;

/// The folder of the files in the archive.
const ARCHIVE_FOLDER: &str = "ostiary-support";

/// Refuses a path that exists.
pub fn check_absent(path: &Path) -> anyhow::Result<()> {
    if path.symlink_metadata().is_ok() {
        bail!("{} already exists; give another name", path.display());
    }
    Ok(())
}

/// Writes the files to a new archive that only its owner can read. If that fails, no file is left.
pub fn save(path: &Path, files: &[(&str, Vec<u8>)]) -> anyhow::Result<()> {
    check_absent(path)?;
    let failed =
        || format!("{} cannot be written; free some space, or give a file in another folder", path.display());
    // In the folder of the archive, with mode 0600, and deleted on drop.
    let mut temporary =
        NamedTempFile::with_prefix_in(".ostiary-support-", folder_of(path)).with_context(failed)?;
    write(temporary.as_file_mut(), files)
        .and_then(|()| temporary.as_file().sync_all())
        .with_context(failed)?;
    temporary.persist_noclobber(path).map_err(|error| error.error).with_context(failed)?;
    Ok(())
}

fn write(out: impl Write, files: &[(&str, Vec<u8>)]) -> io::Result<()> {
    let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0);
    let mut archive = tar::Builder::new(GzEncoder::new(out, Compression::default()));
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(now);
        archive.append_data(&mut header, format!("{ARCHIVE_FOLDER}/{name}"), content.as_slice())?;
    }
    archive.into_inner()?.finish()?.flush()
}
