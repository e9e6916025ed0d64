//! A folder of JPEGs for each person.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Output;
use crate::jpeg::file_name;
use crate::prepare::journal::{Entry, Journal};
use crate::prepare::split::Side;
use crate::storage::failed;

pub struct Folders {
    folder: PathBuf,
}

impl Folders {
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }
}

impl Output for Folders {
    fn recall(&mut self, _: &Entry) -> Result<()> {
        Ok(())
    }

    fn put(&mut self, side: Side, person: &str, picture: &str, jpeg: &[u8]) -> Result<u64> {
        let folder = self.folder.join(side.name()).join(person);
        let path = folder.join(file_name(picture));
        // One passing name for all: a run that is ended leaves no more than this one, which the next one takes over.
        let passing = self.folder.join(".partial");
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&passing, jpeg))
            .and_then(|()| fs::rename(&passing, &path))
            .map_err(failed(&path))?;
        Ok(0)
    }

    fn sync(&mut self) -> Result<()> {
        // All files at once: waiting for each would take longer than looking at it.
        File::open(&self.folder)
            .and_then(|folder| Ok(rustix::fs::syncfs(folder)?))
            .map_err(failed(&self.folder))
    }

    fn finish(&mut self, _: &Journal) -> Result<()> {
        Ok(())
    }
}
