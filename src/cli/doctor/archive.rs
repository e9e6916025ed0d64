//! A compressed archive that is there whole, or not at all.

use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, bail};
use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::NamedTempFile;

use super::folder::folder_of;

/// The folder that the files lie in when the archive is unpacked.
const FOLDER: &str = "ostiary-support";

/// Refuses a path that something is at already.
pub fn refuse_taken(path: &Path) -> anyhow::Result<()> {
    if path.symlink_metadata().is_ok() {
        bail!("{} is there already; give another name", path.display());
    }
    Ok(())
}

/// Writes the files into a new archive that its owner alone may read. Where that fails nothing is left behind.
pub fn save(path: &Path, files: &[(&str, Vec<u8>)]) -> anyhow::Result<()> {
    refuse_taken(path)?;
    let failed =
        || format!("{} cannot be written; make room, or give a file in another folder", path.display());
    // Beside the file that it becomes, with mode 0600, and deleted when dropped.
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
        archive.append_data(&mut header, format!("{FOLDER}/{name}"), content.as_slice())?;
    }
    archive.into_inner()?.finish()?.flush()
}
