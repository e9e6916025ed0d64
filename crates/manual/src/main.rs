//! `ostiary-manual pages FOLDER` writes the manual pages and the completions,
//! `ostiary-manual configuration config/ostiary.toml` the commented configuration.

use std::path::PathBuf;

use clap::Parser;
use ostiary_manual::{write_configuration, write_pages};

/// Writes Ostiary's manual pages, completions and commented configuration.
#[derive(Parser)]
enum Arguments {
    /// Write the manual pages and the completions into a folder.
    Pages { folder: PathBuf },
    /// Write the commented configuration file.
    Configuration { file: PathBuf },
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse() {
        Arguments::Pages { folder } => write_pages(&folder),
        Arguments::Configuration { file } => write_configuration(&file),
    }
}
