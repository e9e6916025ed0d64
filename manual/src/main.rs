//! Writes the manual pages and the completions of the shells, from what the command line says of itself:
//! `cargo run --package ostiary-manual -- FOLDER`.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_complete::{Shell, generate_to};
use ostiary::cli::Cli;

fn main() -> anyhow::Result<()> {
    let folder: PathBuf = env::args_os().nth(1).context("usage: ostiary-manual FOLDER")?.into();
    write(&folder)
}

fn write(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
        generate_to(shell, &mut shown(&Cli::command()), "ostiary", folder)?;
    }
    clap_mangen::generate_to(Cli::command().disable_help_subcommand(true), folder)?;
    Ok(())
}

/// The command without what it hides, for `clap_complete` offers hidden verbs too.
fn shown(command: &Command) -> Command {
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    Command::new("ostiary")
        .version(env!("CARGO_PKG_VERSION"))
        .propagate_version(true)
        .args(command.get_arguments())
        .subcommands(verbs.cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_are_offered_and_hidden_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path()).unwrap();
        for name in ["ostiary.bash", "ostiary.fish", "_ostiary"] {
            let text = fs::read_to_string(folder.path().join(name)).unwrap();
            for offered in ["enroll", "reembed", "config", "version"] {
                assert!(text.contains(offered), "{name}: {offered}");
            }
            assert!(!text.contains("relay-guard"), "{name}");
        }
        assert!(folder.path().join("ostiary-people.1").exists());
        assert!(folder.path().join("ostiary-clock-accept.1").exists());
        assert!(!folder.path().join("ostiary-relay-guard.1").exists());
    }
}
