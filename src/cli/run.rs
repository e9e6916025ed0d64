//! `ostiary run`: runs the daemon.

use std::process::ExitCode;

use anyhow::Context;
use ostiary_devices::{Inputs, Relay, Signals, state_file};
use ostiary_events::{EventSink, Journal, JsonLines, logging};
use ostiary_facebank::{DaemonLock, FacebankError};

use super::Globals;
use crate::daemon::{self, ConfigFiles, Setup, allow_oom_kill};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary run --config door.toml\n\n\
    SIGHUP reloads the configuration; if it is not valid, the daemon keeps the old one and logs why. SIGTERM and \
    SIGINT stop the daemon.\n\
    Exit code: 0 stopped, or the recording ended, 2 an error.")]
pub struct Args {}

pub fn run(globals: &Globals, _args: Args) -> anyhow::Result<ExitCode> {
    let loaded = globals.loaded()?;
    logging::init(loaded.config.log.level);
    loaded.ignored().iter().for_each(|ignored| log::warn!("{ignored}"));
    loaded.left_out().iter().for_each(|left_out| log::warn!("{left_out}"));
    let files = Some(ConfigFiles::new(globals.layers(), &loaded));
    let config = loaded.config;
    // A second daemon must report that a daemon is running, and not that the relay's line is in use.
    if let Err(running @ FacebankError::DaemonRunning { .. }) = DaemonLock::check(&config.facebank.path) {
        return Err(running.into());
    }
    // Before cameras and models are opened and threads are started: from here on the line is at rest and guarded.
    state_file::save(&config.relay)?;
    let relay = Relay::open(&config.relay)?;
    allow_oom_kill().context("/proc/self/oom_score_adj must be writable, as it is in the packaged unit")?;
    let signals = Signals::open(&config.signals, &config.relay)?;
    let inputs = Inputs::open(&config.inputs, &config.relay)?;
    if relay.is_none() {
        log::warn!("relay.line is not set: decisions are reported, but no door opens");
    }
    let mut outputs: Vec<Box<dyn EventSink>> = vec![Box::new(Journal)];
    if globals.json {
        outputs.push(Box::new(JsonLines::stdout()));
    }
    daemon::run(Setup {
        config,
        files,
        source: None,
        relay,
        signals,
        inputs,
        outputs,
        frame_observer: None,
    })?;
    Ok(ExitCode::SUCCESS)
}
