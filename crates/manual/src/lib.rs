//! What is generated for the package: the manual pages, the completions of the shells, and the commented configuration.
//! Commands come from the definition of the command line, keys from the declaration of the configuration.

#![warn(missing_docs)]

mod command_line;
mod command_pages;
mod completions;
mod configuration_page;
mod surroundings;

use std::fs;
use std::path::Path;

use anyhow::Context;

/// Writes every manual page and every completion into a folder, which is made if it does not exist.
///
/// # Errors
/// If the folder or a file cannot be written.
pub fn write_pages(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    completions::write(folder)?;
    command_pages::write(folder)?;
    let page = folder.join("ostiary.toml.5");
    fs::write(&page, configuration_page::text()?).with_context(|| page.display().to_string())
}

/// Writes the commented configuration file, `config/ostiary.toml`.
///
/// # Errors
/// If the file cannot be written.
pub fn write_configuration(file: &Path) -> anyhow::Result<()> {
    fs::write(file, ostiary_config::commented_file()?).with_context(|| file.display().to_string())
}
