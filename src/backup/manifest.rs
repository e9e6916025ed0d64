//! What a backup says of itself.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use jiff::Timestamp;
use ostiary_core::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The version of the format.
pub const FORMAT: u32 = 1;

/// The first file of a backup.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of the format, [`FORMAT`].
    pub ostiary_backup: u32,
    /// The version of the program that wrote it.
    pub program: String,
    /// When it was written.
    pub created: Timestamp,
    /// `door.name`.
    pub door: String,
    /// `facebank.path`, absolute: the backup is of the door whose people are there.
    pub facebank: String,
    /// The active bundle of models; `None` for the models that the program came with.
    pub bundle: Option<u64>,
    /// What is not in the backup, each as a sentence.
    pub left_out: Vec<String>,
    /// Every other file, by its name in the archive.
    pub files: BTreeMap<String, FileEntry>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its bytes.
    pub size: u64,
    /// Their SHA-256, lower-case hexadecimal.
    pub sha256: String,
}

impl FileEntry {
    /// The entry of a file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of(path: &Path) -> io::Result<Self> {
        let (mut file, mut hash, mut size) = (File::open(path)?, Sha256::new(), 0);
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                return Ok(Self { size, sha256: hex(&hash.finalize()) });
            }
            hash.update(buffer.get(..count).unwrap_or_default());
            size += count as u64;
        }
    }
}
