//! `ostiary door`: the state of the running door, and commands for it.

use std::io::BufRead;
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use ostiary_control::CallError;
use ostiary_control::interface::{State, VarlinkClientInterface};
use serde_json::json;

use super::Globals;
use super::output::{json_line, line};
use super::running_door::required_door;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ostiary door state\n  ostiary door open\n  ostiary door hold 15min\n\n\
                        These commands ask the running door, through its socket (control.socket). Members of the group \
                        ostiary-viewer may ask, those of ostiary-operator may also open the door, hold it open and lock it \
                        down, those of ostiary-admin may do everything.\n\
                        Exit code: 0 done, 1 the door refuses it, 2 an error.")]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show the state of the door.
    #[command(after_help = "Example:\n  ostiary door state --json")]
    State,
    /// Open the door once, for the time of a pulse.
    #[command(after_help = "Example:\n  ostiary door open")]
    Open,
    /// Switch the relay for one pulse, to hear whether it clicks. The door opens: type its name to confirm it.
    ///
    /// Only while the door is closed, as far as a contact says so, and only by members of ostiary-admin.
    #[command(after_help = "Example:\n  ostiary door test-relay")]
    TestRelay,
    /// Hold the door open for a time, from 1 s to 12 h.
    ///
    /// The exit button and the record work on. `ostiary door normal` ends it. If the program ends for any reason, the relay
    /// goes to rest.
    #[command(after_help = "Examples:\n  ostiary door hold 15min\n  ostiary door hold 8h")]
    Hold {
        /// The time: 90s, 15min, 2h.
        #[arg(value_name = "TIME", value_parser = parse_hold)]
        time: Duration,
    },
    /// Lock the door down: faces do not open it until `ostiary door normal`, also after a restart. The exit button does.
    #[command(after_help = "Example:\n  ostiary door lockdown")]
    Lockdown,
    /// End a hold or a lockdown.
    #[command(after_help = "Example:\n  ostiary door normal")]
    Normal,
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
        Verb::Open => {
            door.open().call().map_err(CallError::from)?;
            done(globals, "open", "The door opens.")?;
        }
        Verb::TestRelay => {
            let state = door.get_state().call().map_err(CallError::from)?.state;
            eprint!("This opens the door. Type its name, {}, and Enter: ", state.name);
            let mut name = String::new();
            std::io::stdin().lock().read_line(&mut name)?;
            let pulse = door.test_relay(name.trim().to_owned()).call().map_err(CallError::from)?.pulse_s;
            let words = format!("The relay is on for {pulse:.1} s: it clicks now, and again at the end.");
            done(globals, "test_relay", &words)?;
        }
        Verb::Hold { time } => {
            door.hold_open(time.as_secs_f64()).call().map_err(CallError::from)?;
            let words = format!("The door is held open for {}.", duration(time.as_secs_f64()));
            done(globals, "hold", &words)?;
        }
        Verb::Lockdown => {
            door.lock_down().call().map_err(CallError::from)?;
            done(
                globals,
                "lockdown",
                "The door is locked down: faces do not open it, the exit button does.",
            )?;
        }
        Verb::Normal => {
            door.set_normal().call().map_err(CallError::from)?;
            done(globals, "normal", "The door opens for the people who may come in.")?;
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

/// Prints what was done.
fn done(globals: &Globals, command: &str, words: &str) -> anyhow::Result<()> {
    match globals.json {
        true => json_line(&json!({ "done": command })),
        false => line(words),
    }
}

/// A length of time with its unit.
fn parse_hold(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time: give for example 90s, 15min or 2h");
    let span: jiff::Span = text.parse().map_err(|_| wrong())?;
    let hold = jiff::SignedDuration::try_from(span).map_err(|_| wrong())?;
    Duration::try_from(hold).map_err(|_| wrong())
}

/// A sentence for each thing that matters.
fn in_words(state: &State) -> String {
    let State { name, version, people, model, liveness, .. } = state;
    let door = match (&state.fault, &*state.mode) {
        (Some(fault), _) => format!("locked by a fault ({fault}) until it is restarted"),
        (None, "locked_down") => "locked down: faces do not open it, the exit button does".to_owned(),
        (None, _) if !state.has_relay => "opens nothing, because no relay is configured".to_owned(),
        (None, "held_open") => {
            format!("held open for another {}", duration(state.mode_ends_s.unwrap_or_default()))
        }
        (None, _) => "opens for the people who may come in".to_owned(),
    };
    let inputs = [
        state
            .exit_pressed
            .map(|pressed| if pressed { "Exit button: pressed.\n" } else { "Exit button: not pressed.\n" }),
        state
            .door_open
            .map(|open| if open { "Contact: the door is open.\n" } else { "Contact: the door is closed.\n" }),
    ];
    let inputs: String = inputs.into_iter().flatten().collect();
    let camera = if state.camera { "gives frames" } else { "gives no frames" };
    format!(
        "{name}: {door}.\n{inputs}Camera: {camera}.\nPeople: {people}, model {model}.\nLiveness: {liveness}.\nProgram: {version}, \
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
