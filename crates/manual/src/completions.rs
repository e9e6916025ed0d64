//! Completions for bash, fish and zsh.

use std::path::Path;

use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_complete::{Shell, generate_to};
use ostiary::cli::Cli;

/// Writes a file for each shell.
pub(crate) fn write(folder: &Path) -> anyhow::Result<()> {
    for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
        generate_to(shell, &mut shown(&Cli::command()), "ostiary", folder)
            .with_context(|| folder.display().to_string())?;
    }
    Ok(())
}

/// The command without its hidden subcommands, which `clap_complete` would offer too.
fn shown(command: &Command) -> Command {
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    Command::new("ostiary")
        .version(env!("CARGO_PKG_VERSION"))
        .propagate_version(true)
        .args(command.get_arguments())
        .subcommands(verbs.cloned())
}
