//! Output as a folder of JPEGs for each person.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Output;
use crate::jpeg::file_name;
use crate::prepare::journal::{Entry, Journal};
use crate::prepare::split::Subset;
use crate::storage::write_error;

/// Writes `train/NAME/*.jpg` and `val/NAME/*.jpg`.
pub struct Folders {
    folder: PathBuf,
}

impl Folders {
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }
}

impl Output for Folders {
    fn resume(&mut self, _: &Entry) -> Result<()> {
        Ok(())
    }

    fn write_crop(&mut self, subset: Subset, person: &str, picture: &str, jpeg: &[u8]) -> Result<u64> {
        let folder = self.folder.join(subset.name()).join(person);
        let path = folder.join(file_name(picture));
        // One temporary name for all files: an interrupted run leaves at most this file, and the next run overwrites it.
        let partial = self.folder.join(".partial");
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&partial, jpeg))
            .and_then(|()| fs::rename(&partial, &path))
            .map_err(write_error(&path))?;
        Ok(0)
    }

    fn sync(&mut self) -> Result<()> {
        // One sync for all files: a sync of each file would take longer than checking its picture.
        File::open(&self.folder)
            .and_then(|folder| Ok(rustix::fs::syncfs(folder)?))
            .map_err(write_error(&self.folder))
    }

    fn finish(&mut self, _: &Journal) -> Result<()> {
        Ok(())
    }
}
