//! `ostiary doctor`: check all that the door depends on, and say how to mend it. Nothing is changed and no door opened;
//! no line is taken, but for an input that is free, to read its level.

mod access;
mod archive;
mod broker;
mod camera;
mod clock;
mod events;
mod facebank;
mod ffmpeg;
mod finding;
mod folder;
mod gpio;
mod host;
mod hours;
mod journal;
mod models;
mod permissions;
mod picture;
mod redact;
mod service;
mod storage;
mod support;
mod thermal;
mod watchdog;

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use finding::{Finding, Status};
use host::Host;
use ostiary_config as config;
use ostiary_config::{Config, Loaded, Problem};
use ostiary_facebank::{DaemonLock, FacebankError};
use serde::Serialize;
use serde_json::json;
use service::Unit;

use super::Globals;
use super::output::{json_line, line};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  ostiary doctor\n  ostiary doctor --json | jq 'select(.status != \"ok\")'\n  \
                        ostiary doctor --bundle support.tar.gz\n\n\
                        Every check is made, whatever the others find. The running daemon is not disturbed.\n\n\
                        Exit code 0: no fault, perhaps warnings. 1: a fault. 2: the checks could not be made, or the \
                        bundle not be written."
)]
pub struct Args {
    /// Also write what those who help need to know into a new archive, without faces, names and secrets.
    #[arg(long, value_name = "FILE.tar.gz")]
    bundle: Option<PathBuf>,
}

/// What is looked at.
struct Door {
    /// As far as the configuration is sound; the defaults where it is not.
    loaded: Loaded,
    problems: Vec<Problem>,
    host: Host,
    /// The daemon that keeps the door with this facebank.
    daemon: Option<Daemon>,
    /// The service; `None` without systemd.
    unit: Option<Unit>,
}

/// A running daemon.
struct Daemon {
    /// Its process, where that can be told.
    pid: Option<u32>,
}

impl fmt::Display for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "process {pid}"),
            None => f.write_str("a process unknown"),
        }
    }
}

impl Door {
    fn config(&self) -> &Config {
        &self.loaded.config
    }
}

/// A check looks at one thing and has at least one finding.
type Check = fn(&Door) -> Vec<Finding>;

/// In the order in which a fault of one explains those of the next. The names are stable.
const CHECKS: [(&str, Check); 19] = [
    ("config", configuration),
    ("service", service::check),
    ("permissions", permissions::check),
    ("disk", storage::check),
    ("clock", clock::check),
    ("temperature", thermal::check_temperature),
    ("throttling", thermal::check_throttling),
    ("models", models::check),
    ("facebank", facebank::check),
    ("hours", hours::check),
    ("events", events::check),
    ("ffmpeg", ffmpeg::check),
    ("camera", camera::check),
    ("relay", gpio::check_relay),
    ("signals", gpio::check_signals),
    ("inputs", gpio::check_inputs),
    ("broker", broker::check),
    ("watchdog", watchdog::check),
    ("liveness", liveness),
];

/// A finding as it is printed.
#[derive(Serialize)]
struct Line<'a> {
    check: &'a str,
    #[serde(flatten)]
    finding: Finding,
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    if let Some(path) = &args.bundle {
        // Now rather than after checks that take seconds.
        archive::refuse_taken(path)?;
    }
    let (loaded, problems) = config::examine(&globals.layers())?;
    let host = Host::this();
    let (daemon, unit) = (daemon(&loaded.config), Unit::ask(&host));
    let door = Door { loaded, problems, host, daemon, unit };
    let mut has_fault = false;
    let mut told = Vec::new();
    for (check, examine) in CHECKS {
        // Each is told before the next begins: some take seconds.
        for finding in examine(&door) {
            has_fault |= finding.status == Status::Fault;
            let text = format!("{:<7}  {check:<11}  {finding}", finding.status.name());
            let object = serde_json::to_value(Line { check, finding })?;
            if globals.json {
                json_line(&object)?;
            } else {
                line(&text)?;
            }
            told.push(object);
        }
    }
    if let Some(path) = &args.bundle {
        support::save(path, &door, told)?;
        if globals.json {
            json_line(&json!({ "bundle": path }))?;
        } else {
            line(&format!(
                "\nWrote {}. It holds no face, no name and no secret; read it before you send it.",
                path.display()
            ))?;
        }
    }
    Ok(ExitCode::from(u8::from(has_fault)))
}

fn daemon(config: &Config) -> Option<Daemon> {
    match DaemonLock::check(&config.facebank.path) {
        Err(FacebankError::DaemonRunning { pid, .. }) => Some(Daemon { pid }),
        // Where the lock cannot be read, the check of the facebank has the same to say.
        _ => None,
    }
}

fn configuration(door: &Door) -> Vec<Finding> {
    if door.problems.is_empty() {
        return vec![Finding::ok("good")];
    }
    let mend = "correct it; until then the daemon does not start, or keeps the configuration that it has \
                (the other checks look at what is sound of this one)";
    door.problems.iter().map(|problem| Finding::of_error(Status::Fault, problem, mend)).collect()
}

/// Said every time, for it is true of every door.
fn liveness(_door: &Door) -> Vec<Finding> {
    vec![Finding::warning(
        "there is no liveness check: a photo of an enrolled person can open this door",
        "use it where somebody holding up a photo is acceptable or seen, or beside a second factor",
    )]
}
