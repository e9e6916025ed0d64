//! Where crops go: folders of JPEGs, or MXNet's records.

mod folders;
mod records;

use std::path::Path;

use anyhow::Result;
use clap::ValueEnum;
use folders::Folders;
use records::RecordSet;
use serde::Serialize;

use super::journal::{Entry, Journal};
use super::split::Side;

/// The kinds of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// `train/NAME/*.jpg` and `val/NAME/*.jpg`.
    Folders,
    /// `train/train.rec` and `val/train.rec`, each with its train.idx, train.lst and property.
    Recordio,
}

impl Format {
    pub fn output(self, folder: &Path) -> Box<dyn Output> {
        match self {
            Self::Folders => Box::new(Folders::new(folder)),
            Self::Recordio => Box::new(RecordSet::new(folder)),
        }
    }
}

/// Takes crops, a person's together.
pub trait Output: Send {
    /// Takes note of a picture that an earlier run has dealt with. All of those come first, in their order.
    fn recall(&mut self, entry: &Entry) -> Result<()>;

    /// Writes a crop. Gives the byte after it, in a file of records.
    fn put(&mut self, side: Side, person: &str, picture: &str, jpeg: &[u8]) -> Result<u64>;

    /// Waits until all that was put is on the disk.
    fn sync(&mut self) -> Result<()>;

    /// Writes what can only be known at the end. May be called again by a later run.
    fn finish(&mut self, journal: &Journal) -> Result<()>;
}
