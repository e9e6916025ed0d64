//! What became of each picture, a line of JSON for each, in the set's order; before them a line with all that the
//! output depends on.
//!
//! A line is written when what it says is on the disk. So a run that was ended, however, goes on after the last whole
//! line, and gives what one run would have given.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::copies::Fingerprint;
use super::look::Reason;
use super::split::Side;
use crate::prepared::JOURNAL;
use crate::storage::failed;

/// A picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub person: String,
    pub picture: String,
    #[serde(flatten)]
    pub fate: Fate,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Fate {
    Kept {
        side: Side,
        fingerprint: Fingerprint,
        /// Byte after it, in a file of records.
        end: u64,
    },
    Rejected {
        rejected: Reason,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
}

/// The open journal. Nobody else can have it open to write.
pub struct Journal {
    folder: PathBuf,
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Goes on with the journal in a folder, or begins one; what was torn at its end is cut off.
    pub fn open(folder: &Path, settings: &str) -> Result<Self> {
        let path = folder.join(JOURNAL);
        fs::create_dir_all(folder).map_err(failed(folder))?;
        if !path.exists() && folder.read_dir().with_context(|| folder.display().to_string())?.next().is_some()
        {
            bail!("{}: is not empty, and not what prepare wrote; choose another --output", folder.display());
        }
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(failed(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("{}: another prepare is writing there; wait for it", folder.display())
            }
            Err(TryLockError::Error(error)) => return Err(failed(&path)(error)),
        }
        let (begun, whole) = whole_lines(&file).with_context(|| format!("cannot read {}", path.display()))?;
        file.set_len(whole).map_err(failed(&path))?;
        match begun {
            None => {
                writeln!(file, "{settings}").and_then(|()| file.sync_all()).map_err(failed(&path))?;
            }
            Some(begun) if begun != settings => bail!(
                "{}: was begun with other settings ({begun}); give the same again, or choose another --output",
                folder.display()
            ),
            Some(_) => {}
        }
        Ok(Self { folder: folder.to_owned(), path, file })
    }

    /// The folder that it lies in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The entries that were there when it was asked, one by one.
    pub fn entries(&self) -> Result<impl Iterator<Item = Result<Entry>> + use<>> {
        let path = self.path.clone();
        let file = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let length = file.metadata()?.len();
        let lines = BufReader::new(std::io::Read::take(file, length)).lines().skip(1);
        Ok(lines.map(move |line| {
            let line = line.with_context(|| format!("cannot read {}", path.display()))?;
            serde_json::from_str(&line)
                .with_context(|| format!("{}: damaged; choose another --output", path.display()))
        }))
    }

    /// Adds entries, and waits until they are on the disk.
    pub fn append(&self, entries: &[Entry]) -> Result<()> {
        let mut lines = Vec::new();
        for entry in entries {
            serde_json::to_writer(&mut lines, entry)?;
            lines.push(b'\n');
        }
        let mut file = &self.file;
        file.write_all(&lines).and_then(|()| file.sync_data()).map_err(failed(&self.path))
    }
}

/// The first line, and the length of all lines that are whole.
fn whole_lines(file: &File) -> std::io::Result<(Option<String>, u64)> {
    let (mut first, mut whole) = (None, 0);
    let mut reader = BufReader::new(file);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        if line.ends_with('\n') {
            whole += line.len() as u64;
            first.get_or_insert_with(|| line.trim_end().to_owned());
        }
        line.clear();
    }
    Ok((first, whole))
}
