//! Output formats: folders of JPEGs, or MXNet's RecordIO.

mod folders;
mod records;

use std::path::Path;

use anyhow::Result;
use clap::ValueEnum;
use folders::Folders;
use records::RecordSet;
use serde::Serialize;

use super::journal::{Entry, Journal};
use super::split::Subset;

/// The output formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// `train/NAME/*.jpg` and `val/NAME/*.jpg`.
    Folders,
    /// `train/train.rec` and `val/train.rec`, each with its train.idx, train.lst and property.
    Recordio,
}

impl Format {
    /// The writer of this format.
    pub fn output(self, folder: &Path) -> Box<dyn Output> {
        match self {
            Self::Folders => Box::new(Folders::new(folder)),
            Self::Recordio => Box::new(RecordSet::new(folder)),
        }
    }
}

/// Writes crops, which come ordered by person.
pub trait Output: Send {
    /// Restores the state from an entry of an earlier run. All earlier entries come before the first crop, in order.
    fn resume(&mut self, entry: &Entry) -> Result<()>;

    /// Writes a crop. Returns the offset after its record; 0 if the format has no records.
    fn write_crop(&mut self, subset: Subset, person: &str, picture: &str, jpeg: &[u8]) -> Result<u64>;

    /// Waits until all written crops are on the disk.
    fn sync(&mut self) -> Result<()>;

    /// Writes the files that need all crops. A later run may call it again.
    fn finish(&mut self, journal: &Journal) -> Result<()>;
}
