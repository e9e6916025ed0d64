//! `ostiary verify`

use std::process::ExitCode;

use super::Globals;

#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(_globals: &Globals, _args: Args) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
