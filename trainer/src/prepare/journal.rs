//! The journal: one JSON line for each picture with its outcome, in the order of the set. The first line has all settings
//! that the output depends on.
//!
//! A line is written after its crop is on the disk. A run that was interrupted continues after the last complete line, and
//! gives the same output as an uninterrupted run.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::near_duplicates::Fingerprint;
use super::picture_check::RejectReason;
use super::split::Subset;
use crate::prepared::JOURNAL;
use crate::storage::write_error;

/// A picture and its outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub person: String,
    pub picture: String,
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Whether a picture was kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Outcome {
    Kept {
        #[serde(rename = "side")]
        subset: Subset,
        fingerprint: Fingerprint,
        /// Offset of the byte after its record; 0 if the output is folders.
        end: u64,
    },
    Rejected {
        rejected: RejectReason,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
}

/// The open journal, locked against other processes.
pub struct Journal {
    folder: PathBuf,
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Opens the journal of a folder, or creates it. An incomplete last line is removed.
    ///
    /// # Errors
    /// If the folder has other files, another process has the journal open, or it was written with other settings.
    pub fn open(folder: &Path, settings: &str) -> Result<Self> {
        let path = folder.join(JOURNAL);
        fs::create_dir_all(folder).map_err(write_error(folder))?;
        if !path.exists() && folder.read_dir().with_context(|| folder.display().to_string())?.next().is_some()
        {
            bail!(
                "{}: is not empty, and was not written by prepare; choose another --output",
                folder.display()
            );
        }
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(write_error(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("{}: another prepare is writing there; wait until it ends", folder.display())
            }
            Err(TryLockError::Error(error)) => return Err(write_error(&path)(error)),
        }
        let (begun, complete) =
            complete_lines(&file).with_context(|| format!("cannot read {}", path.display()))?;
        file.set_len(complete).map_err(write_error(&path))?;
        match begun {
            None => {
                writeln!(file, "{settings}").and_then(|()| file.sync_all()).map_err(write_error(&path))?;
            }
            Some(begun) if begun != settings => bail!(
                "{}: was begun with other settings ({begun}); give the same settings, or choose another --output",
                folder.display()
            ),
            Some(_) => {}
        }
        Ok(Self { folder: folder.to_owned(), path, file })
    }

    /// The folder of the journal.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The entries at the time of the call, one by one.
    pub fn entries(&self) -> Result<impl Iterator<Item = Result<Entry>> + use<>> {
        let path = self.path.clone();
        let file = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let length = file.metadata()?.len();
        let lines = BufReader::new(std::io::Read::take(file, length)).lines().skip(1);
        Ok(lines.map(move |line| {
            let line = line.with_context(|| format!("cannot read {}", path.display()))?;
            serde_json::from_str(&line)
                .with_context(|| format!("{}: is damaged; choose another --output", path.display()))
        }))
    }

    /// Appends entries, and waits until they are on the disk.
    pub fn append(&self, entries: &[Entry]) -> Result<()> {
        let mut lines = Vec::new();
        for entry in entries {
            serde_json::to_writer(&mut lines, entry)?;
            lines.push(b'\n');
        }
        let mut file = &self.file;
        file.write_all(&lines).and_then(|()| file.sync_data()).map_err(write_error(&self.path))
    }
}

/// The first line, and the length in bytes of all complete lines.
fn complete_lines(file: &File) -> std::io::Result<(Option<String>, u64)> {
    let (mut first, mut complete) = (None, 0);
    let mut reader = BufReader::new(file);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        if line.ends_with('\n') {
            complete += line.len() as u64;
            first.get_or_insert_with(|| line.trim_end().to_owned());
        }
        line.clear();
    }
    Ok((first, complete))
}
