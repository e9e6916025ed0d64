//! `ostiary door`: the state of the running door.

use std::process::ExitCode;

use clap::Subcommand;
use ostiary_control::CallError;
use ostiary_control::interface::{State, VarlinkClientInterface};
use serde_json::json;

use super::Globals;
use super::output::{json_line, line};
use super::running_door::required_door;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ostiary door state\n  ostiary door reload\n\n\
                        These commands ask the running door, through its socket (control.socket). Members of the group \
                        ostiary-viewer may ask, those of ostiary-admin may do everything.\n\
                        Exit code: 0 done, 2 an error.")]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show the state of the door.
    #[command(after_help = "Example:\n  ostiary door state --json")]
    State,
    /// Read the configuration again and apply it, as SIGHUP does, and say what became of it.
    #[command(after_help = "Example:\n  ostiary door reload")]
    Reload,
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    let mut client = required_door(&config)?;
    let door = client.door();
    match args.verb {
        Verb::State => {
            let state = door.get_state().call().map_err(CallError::from)?.state;
            match globals.json {
                true => json_line(&state)?,
                false => line(&in_words(&state))?,
            }
        }
        Verb::Reload => {
            let detail = door.reload().call().map_err(CallError::from)?.detail;
            match globals.json {
                true => json_line(&json!({ "reloaded": true, "detail": detail }))?,
                false => line(&format!("The door uses the configuration now: {detail}."))?,
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A sentence for each thing that matters.
fn in_words(state: &State) -> String {
    let State { name, version, people, model, liveness, .. } = state;
    let door = match (&state.fault, &*state.mode) {
        (Some(fault), _) => format!("locked by a fault ({fault}) until it is restarted"),
        (None, _) if !state.has_relay => "opens nothing, because no relay is configured".to_owned(),
        (None, _) => "opens for the people who may come in".to_owned(),
    };
    let camera = if state.camera { "gives frames" } else { "gives no frames" };
    format!(
        "{name}: {door}.\nCamera: {camera}.\nPeople: {people}, model {model}.\nLiveness: {liveness}.\nProgram: {version}, \
         running for {}.",
        duration(state.uptime_s)
    )
}

/// A length of time in its largest unit.
fn duration(seconds: f64) -> String {
    match seconds {
        0.0..120.0 => format!("{seconds:.0} s"),
        120.0..7200.0 => format!("{:.0} min", seconds / 60.0),
        7200.0..172_800.0 => format!("{:.0} h", seconds / 3600.0),
        _ => format!("{:.0} days", seconds / 86_400.0),
    }
}
