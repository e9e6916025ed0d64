//! Starts the program `ostiary-trainer-torch`, which does the work that needs libtorch: training, and running checkpoints. It
//! has the same command line as this program.

use std::env;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Error, Result, anyhow};
use ostiary_trainer::evaluate::model::Model;

const PROGRAM: &str = "ostiary-trainer-torch";

/// The arguments of `train`, which only the other program parses.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub struct Args {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _all: Vec<OsString>,
}

/// Replaces this process by the other program, with the same arguments. Signals and the exit code are then those of that
/// program. Looks for it beside this program, then on PATH. Returns only if it cannot be started.
pub fn start() -> Error {
    let own = env::current_exe().unwrap_or_default();
    let beside = Some(own.with_file_name(PROGRAM)).filter(|program| program.exists());
    let program = beside.clone().unwrap_or_else(|| PathBuf::from(PROGRAM));
    let error = Command::new(&program).args(env::args_os().skip(1)).exec();
    if beside.is_none() && error.kind() == ErrorKind::NotFound {
        return anyhow!(
            "training and checkpoints need the program {PROGRAM}, which is neither beside {} nor on PATH; build it in the \
             source of Ostiary:\n  eval \"$(scripts/libtorch)\"\n  cargo build --release --package {PROGRAM}",
            own.display()
        );
    }
    Error::new(error).context(format!("cannot start {}", program.display()))
}

/// Starts the other program with the whole command, because only that program can run a checkpoint.
///
/// # Errors
/// If that program cannot be started.
pub fn evaluate(checkpoint: &Path) -> Result<Box<dyn Model>> {
    Err(start().context(format!("{}: is a checkpoint", checkpoint.display())))
}
