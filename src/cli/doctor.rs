//! `ostiary doctor`: check all that the door depends on, and say how to mend it. Nothing is changed, no line is
//! taken and no door opened.

mod broker;
mod camera;
mod clock;
mod events;
mod facebank;
mod finding;
mod gpio;
mod models;
mod permissions;
mod storage;

use std::process::ExitCode;

use serde::Serialize;

use super::Globals;
use super::output::{json_line, line};
use crate::config::{self, Config, Loaded, Problem};
use crate::facebank::{DaemonLock, FacebankError};
use finding::{Finding, Status};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  ostiary doctor\n  ostiary doctor --json | jq 'select(.status != \"ok\")'\n\n\
                        Every check is made, whatever the others find. The running daemon is not disturbed.\n\n\
                        Exit code 0: no fault, perhaps warnings. 1: a fault. 2: the checks could not be made."
)]
pub struct Args {}

/// What is looked at.
struct Door {
    /// As far as the configuration is sound; the defaults where it is not.
    loaded: Loaded,
    problems: Vec<Problem>,
    /// The daemon that keeps the door with this facebank, as `process 123`.
    daemon: Option<String>,
}

impl Door {
    fn config(&self) -> &Config {
        &self.loaded.config
    }
}

/// A check looks at one thing and has at least one finding.
type Check = fn(&Door) -> Vec<Finding>;

/// In the order in which a fault of one explains those of the next. The names are stable.
const CHECKS: [(&str, Check); 13] = [
    ("config", configuration),
    ("permissions", permissions::check),
    ("disk", storage::check),
    ("clock", clock::check),
    ("models", models::check),
    ("facebank", facebank::check),
    ("events", events::check),
    ("ffmpeg", camera::check_ffmpeg),
    ("camera", camera::check),
    ("relay", gpio::check_relay),
    ("signals", gpio::check_signals),
    ("broker", broker::check),
    ("liveness", liveness),
];

/// A finding as it is printed.
#[derive(Serialize)]
struct Line<'a> {
    check: &'a str,
    #[serde(flatten)]
    finding: Finding,
}

pub fn run(globals: &Globals, _args: Args) -> anyhow::Result<ExitCode> {
    let (loaded, problems) = config::examine(&globals.layers())?;
    let daemon = daemon(&loaded.config);
    let door = Door { loaded, problems, daemon };
    let mut has_fault = false;
    for (check, examine) in CHECKS {
        // Each is told before the next begins: some take seconds.
        for finding in examine(&door) {
            has_fault |= finding.status == Status::Fault;
            if globals.json {
                json_line(&Line { check, finding })?;
            } else {
                line(&format!("{:<7}  {check:<11}  {finding}", finding.status.name()))?;
            }
        }
    }
    Ok(ExitCode::from(u8::from(has_fault)))
}

fn daemon(config: &Config) -> Option<String> {
    match DaemonLock::check(&config.facebank.path) {
        Err(FacebankError::DaemonRunning { pid, .. }) => {
            Some(pid.map_or("a process unknown".to_owned(), |pid| format!("process {pid}")))
        }
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
