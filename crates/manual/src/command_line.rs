//! The command line of `ostiary`, in which `console` has the commands of the program that it starts.

use clap::{Command, CommandFactory};

/// The whole command line.
pub(crate) fn command_line() -> Command {
    ostiary::cli::Cli::command().mut_subcommand("console", |verb| {
        let program = ostiary_console::Cli::command();
        let console = Command::new("console").subcommand_required(true);
        let console = console.args(program.get_arguments()).subcommands(program.get_subcommands().cloned());
        let console = match verb.get_about() {
            Some(about) => console.about(about.clone()),
            None => console,
        };
        match verb.get_after_help() {
            Some(examples) => console.after_help(examples.clone()),
            None => console,
        }
    })
}
