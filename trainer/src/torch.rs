//! What stands in the place of `ostiary-trainer train` in a program without torch: a word on how to get one with it.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Result, bail};

#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub struct Args {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _all: Vec<OsString>,
}

pub fn run(_: &Args) -> Result<ExitCode> {
    bail!(
        "this program was built without torch, which trains; build one with it:\n  eval \"$(scripts/libtorch)\"\n  \
         cargo build --release --package ostiary-trainer --features torch"
    )
}
