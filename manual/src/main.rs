//! Writes the manual pages and the completions of the shells, from what the command line says of itself:
//! `cargo run --package ostiary-manual -- FOLDER`.

use std::path::PathBuf;
use std::{env, fs};

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::{Shell, generate_to};
use ostiary::cli::Cli;

fn main() -> anyhow::Result<()> {
    let folder: PathBuf = env::args_os().nth(1).context("usage: ostiary-manual FOLDER")?.into();
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
        generate_to(shell, &mut Cli::command(), "ostiary", &folder)?;
    }
    clap_mangen::generate_to(Cli::command().disable_help_subcommand(true), &folder)?;
    Ok(())
}
