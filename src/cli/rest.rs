//! `ostiary rest`: sets the relay to its rest state if no daemon runs.

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use ostiary_config as config;
use ostiary_devices::{GpioError, open_relay, state_file};

use super::{Globals, output};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary rest\n\n\
    Opens the relay's line, sets it to its rest state and releases it. The line of a running daemon is not changed. \
    systemd runs this after the service has ended for any reason. It then uses the line that the daemon used, even if \
    the configuration has changed since.\n\
    Exit code: 0 the relay is at rest, or none is configured, 2 the relay may not be at rest.")]
pub struct Args {}

/// How long to wait for a busy line. The guard of a killed daemon releases the line within this time.
const LINE_BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// The time between two attempts to open a busy line.
const RETRY_INTERVAL: Duration = Duration::from_millis(20);

pub fn run(globals: &Globals, _args: Args) -> anyhow::Result<ExitCode> {
    let relay = match state_file::load() {
        Some(relay) => relay,
        None => globals.config()?.relay,
    };
    let message = match relay.line {
        Some(line) => {
            set_to_rest(&relay)?;
            format!("The relay is at rest: line {line} of {}.", relay.chip.display())
        }
        None => "No relay is configured: no line is driven.".to_owned(),
    };
    if globals.json {
        output::json_line(
            &serde_json::json!({ "chip": relay.chip, "line": relay.line, "rested": relay.line.is_some() }),
        )?;
    } else {
        output::line(&message)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Opens the line, which sets it to its rest state, and closes it again.
fn set_to_rest(relay: &config::Relay) -> Result<(), GpioError> {
    let deadline = Instant::now() + LINE_BUSY_TIMEOUT;
    loop {
        match open_relay(relay) {
            Err(GpioError::LineBusy { .. }) if Instant::now() < deadline => {
                thread::sleep(RETRY_INTERVAL);
            }
            opened => return opened.map(drop),
        }
    }
}
