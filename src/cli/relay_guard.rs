//! `ostiary relay-guard`: the process that holds the relay's line. The daemon starts it; people do not.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use ostiary_config as config;
use ostiary_devices::guard;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The section `[relay]` of the configuration, as JSON.
    #[arg(value_parser = section)]
    relay: config::Relay,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let daemon = UnixStream::from(io::stdin().as_fd().try_clone_to_owned().context("standard input")?);
    let by_hand =
        "this verb is the daemon's own; `ostiary run` starts it, `ostiary rest` puts the relay to rest";
    ensure!(daemon.local_addr().is_ok(), by_hand);
    guard::serve_guard(&args.relay, daemon)?;
    Ok(ExitCode::SUCCESS)
}

fn section(text: &str) -> serde_json::Result<config::Relay> {
    serde_json::from_str(text)
}
