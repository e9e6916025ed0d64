//! `ostiary relay-guard`: the process that holds the relay's line. Only the daemon starts it.

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
    #[arg(value_parser = parse_relay)]
    relay: config::Relay,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let daemon = UnixStream::from(io::stdin().as_fd().try_clone_to_owned().context("standard input")?);
    ensure!(
        daemon.local_addr().is_ok(),
        "only the daemon starts this command; use `ostiary run`, or `ostiary rest` to set the relay to rest"
    );
    guard::serve_guard(&args.relay, daemon)?;
    Ok(ExitCode::SUCCESS)
}

fn parse_relay(text: &str) -> serde_json::Result<config::Relay> {
    serde_json::from_str(text)
}
