//! `ostiary console`: starts the program of the web console, which is a file of its own beside this one.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use anyhow::{Context, anyhow};

use super::Globals;

/// The file of the program.
const PROGRAM: &str = "ostiary-console";

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  sudo ostiary console pair\n  sudo ostiary console pair --name Ada --role operator\n  \
                  sudo ostiary console accounts\n  sudo ostiary console accounts remove Ada\n\n\
                  The console is a service of its own: `sudo systemctl enable --now ostiary-console`. `ostiary console \
                  pair --help` explains each command.\n\
                  Exit code: 0 done, 1 refused, 2 an error."
)]
pub struct Args {
    /// `pair`, `accounts` or `serve`, with its own arguments.
    #[arg(value_name = "COMMAND", required = true, num_args = 1.., trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let mut command = command(globals)?;
    let error = command.args(args.arguments).exec();
    let program = command.get_program().display();
    Err(anyhow!(error).context(format!("{program}: the program of the console cannot be started")))
}

/// The program of the console, with the flags of this one.
pub(super) fn command(globals: &Globals) -> anyhow::Result<Command> {
    let own = std::env::current_exe().context("the path of this program is not known")?;
    let program = own.with_file_name(PROGRAM);
    let mut command = Command::new(&program);
    if let Some(door) = &globals.door {
        command.arg(format!("--door={door}"));
    }
    if let Some(config) = &globals.config {
        command.arg("--config").arg(config);
    }
    for set in &globals.set {
        command.arg(format!("--set={set}"));
    }
    if globals.json {
        command.arg("--json");
    }
    Ok(command)
}
