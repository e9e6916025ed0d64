//! `ostiary rest`: puts the relay to rest where no daemon does.

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use ostiary_config as config;
use ostiary_devices::{GpioError, open_relay, state_file};

use super::{Globals, output};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary rest\n\n\
    Takes the relay's line, puts it to rest and gives it back; a running daemon's line is left to it. systemd calls \
    this after the service has ended, however it ended; it then takes the line that the daemon drove, whatever the \
    configuration says by now.\n\
    Exit code: 0 the relay is at rest, or none is configured; 2 it may not be, and why.")]
pub struct Args {}

/// How long a line may be busy: the guard of a daemon that was killed gives it back by itself.
const PATIENCE: Duration = Duration::from_secs(2);

pub fn run(globals: &Globals, _args: Args) -> anyhow::Result<ExitCode> {
    let relay = match state_file::load() {
        Some(relay) => relay,
        None => globals.config()?.relay,
    };
    let said = match relay.line {
        Some(line) => {
            rest(&relay)?;
            format!("The relay is at rest: line {line} of {}.", relay.chip.display())
        }
        None => "No relay is configured: nothing is driven.".to_owned(),
    };
    if globals.json {
        output::json_line(
            &serde_json::json!({ "chip": relay.chip, "line": relay.line, "rested": relay.line.is_some() }),
        )?;
    } else {
        output::line(&said)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A line is at rest once it was taken.
fn rest(relay: &config::Relay) -> Result<(), GpioError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match open_relay(relay) {
            Err(GpioError::LineBusy { .. }) if Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(20));
            }
            taken => return taken.map(drop),
        }
    }
}
