//! Writes a compressed archive, completely or not at all.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use anyhow::{Context, bail};
use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::NamedTempFile;

/// An archive that is being written.
pub struct ArchiveWriter {
    archive: tar::Builder<GzEncoder<File>>,
    time: u64,
}

impl ArchiveWriter {
    /// Adds a file with this many bytes.
    ///
    /// # Errors
    /// The content cannot be read or written.
    pub fn add(&mut self, name: &str, size: u64, content: impl Read) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(size);
        header.set_mode(0o600);
        header.set_mtime(self.time);
        self.archive.append_data(&mut header, name, content.take(size))
    }
}

/// Refuses a path that exists.
///
/// # Errors
/// Something is there.
pub fn check_absent(path: &Path) -> anyhow::Result<()> {
    if path.symlink_metadata().is_ok() {
        bail!("{} already exists; give another name", path.display());
    }
    Ok(())
}

/// Writes a new archive that only its owner can read. If that fails, no file is left.
///
/// # Errors
/// The path exists, or `write` or the disk fails.
pub fn save(path: &Path, write: impl FnOnce(&mut ArchiveWriter) -> io::Result<()>) -> anyhow::Result<()> {
    check_absent(path)?;
    let failed =
        || format!("{} cannot be written; free some space, or give a file in another folder", path.display());
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    // In the folder of the archive, with mode 0600, and deleted on drop.
    let temporary = NamedTempFile::with_prefix_in(".ostiary-archive-", folder).with_context(failed)?;
    let time = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0);
    let file = temporary.as_file().try_clone().with_context(failed)?;
    let encoder = GzEncoder::new(file, Compression::default());
    let mut writer = ArchiveWriter { archive: tar::Builder::new(encoder), time };
    write(&mut writer)
        .and_then(|()| writer.archive.into_inner()?.finish()?.flush())
        .and_then(|()| temporary.as_file().sync_all())
        .with_context(failed)?;
    temporary.persist_noclobber(path).map_err(|error| error.error).with_context(failed)?;
    File::open(folder).and_then(|folder| folder.sync_all()).with_context(failed)
}
