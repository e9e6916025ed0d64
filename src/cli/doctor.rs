//! `ostiary doctor`: checks everything that the door depends on, and prints how to fix each fault. It changes nothing and
//! opens no door. It opens no GPIO line, except for an unused input, to read its level.

mod broker;
mod by_door;
mod camera;
mod clock;
mod control;
mod credentials;
mod daemon_access;
mod device_rules;
mod door_answer;
mod event_trail;
mod events;
mod facebank;
mod finding;
mod folder;
mod gpio;
mod host;
mod hours;
mod journal;
mod kernels;
mod liveness;
mod mode;
mod models;
mod permissions;
mod picture;
mod programs;
mod redact;
mod service;
mod snapshots;
mod storage;
mod strangers;
mod support;
mod thermal;
mod upright;
mod watchdog;

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use door_answer::DoorAnswer;
use finding::{Finding, Status};
use host::Host;
use ostiary_config as config;
use ostiary_config::{Config, Loaded, Problem};
use ostiary_facebank::{DaemonLock, FacebankError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::ServiceUnit;

use super::Globals;
use super::output::{json_line, line};
use crate::archive_file;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  ostiary doctor\n  ostiary doctor --json | jq 'select(.status != \"ok\")'\n  \
                        ostiary doctor --bundle support.tar.gz\n\n\
                        All checks run, even if some find faults. The running daemon is not disturbed. For a member of the group \
                        ostiary-admin who cannot read the door's files, the running door runs the checks.\n\n\
                        Exit code: 0 no fault, possibly warnings, 1 a fault, 2 the checks could not run, or the bundle \
                        could not be written."
)]
pub struct Args {
    /// Also write a support bundle to this new archive, without faces, names and secrets.
    #[arg(long, value_name = "FILE.tar.gz")]
    bundle: Option<PathBuf>,
}

/// What the checks examine.
struct CheckContext {
    /// The configuration. Keys that are not valid have their defaults.
    loaded: Loaded,
    /// What is wrong with the configuration.
    problems: Vec<Problem>,
    host: Host,
    /// The running daemon that uses this facebank.
    daemon: Option<Daemon>,
    /// The name of the service, without `.service`.
    unit_name: String,
    /// What the door on the socket of the configuration answered.
    door: DoorAnswer,
    /// The service; `None` without systemd.
    unit: Option<ServiceUnit>,
}

/// A running daemon.
struct Daemon {
    /// Its process id, if it is known.
    pid: Option<u32>,
}

impl fmt::Display for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "process {pid}"),
            None => f.write_str("unknown process"),
        }
    }
}

impl CheckContext {
    fn config(&self) -> &Config {
        &self.loaded.config
    }
}

/// A check of one subject. It returns at least one finding.
type Check = fn(&CheckContext) -> Vec<Finding>;

/// The checks with their names, which are stable. A fault of one can explain faults of later ones.
const CHECKS: [(&str, Check); 25] = [
    ("config", check_configuration),
    ("service", service::check),
    ("control", control::check),
    ("permissions", permissions::check),
    ("disk", storage::check),
    ("clock", clock::check),
    ("temperature", thermal::check_temperature),
    ("throttling", thermal::check_throttling),
    ("kernels", kernels::check),
    ("models", models::check),
    ("facebank", facebank::check),
    ("hours", hours::check),
    ("events", events::check),
    ("strangers", strangers::check),
    ("snapshots", snapshots::check),
    ("trail", event_trail::check),
    ("programs", programs::check),
    ("camera", camera::check),
    ("mode", mode::check),
    ("relay", gpio::check_relay),
    ("signals", gpio::check_signals),
    ("inputs", gpio::check_inputs),
    ("broker", broker::check),
    ("watchdog", watchdog::check),
    ("liveness", liveness::check),
];

/// A finding as it is printed as JSON.
#[derive(Serialize, Deserialize)]
struct Line {
    check: String,
    #[serde(flatten)]
    finding: Finding,
}

/// Prints findings.
struct Printer {
    json: bool,
    has_fault: bool,
}

impl Printer {
    /// Prints a finding, which is given as JSON.
    fn print(&mut self, object: Value) -> anyhow::Result<()> {
        if self.json {
            json_line(&object)?;
        }
        let Line { check, finding } = serde_json::from_value(object)
            .context("the running door describes its findings in another way than this program")?;
        self.has_fault |= finding.status == Status::Fault;
        if !self.json {
            line(&format!("{:<7}  {check:<11}  {finding}", finding.status.name()))?;
        }
        Ok(())
    }

    fn exit_code(&self) -> ExitCode {
        ExitCode::from(u8::from(self.has_fault))
    }
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    if let Some(path) = &args.bundle {
        // Before the checks, because they take seconds.
        archive_file::check_absent(path)?;
    }
    // A damaged file of changed keys is left out, as at the start of the door.
    let (loaded, problems) = match globals.loaded() {
        Ok(loaded) => (loaded, Vec::new()),
        Err(_) => config::examine(&globals.layers())?,
    };
    let mut printer = Printer { json: globals.json, has_fault: false };
    let door = DoorAnswer::of(&loaded.config);
    // The files of a bundle are read and written by this user.
    if args.bundle.is_none()
        && let Some(exit_code) = by_door::print_findings(globals, &loaded.config, &door, &mut printer)?
    {
        return Ok(exit_code);
    }
    let host = Host::local();
    let unit_name = globals.service();
    let (daemon, unit) = (running_daemon(&loaded.config), ServiceUnit::query(&host, &unit_name));
    let context = CheckContext { loaded, problems, host, daemon, unit_name, door, unit };
    let mut findings = Vec::new();
    for (check, examine) in CHECKS {
        // Each finding is printed before the next check, because some checks take seconds.
        for finding in examine(&context) {
            let fix = finding.fix.map(|fix| globals.addressed(&fix));
            let finding = Finding { found: globals.addressed(&finding.found), fix, ..finding };
            let object = serde_json::to_value(Line { check: check.to_owned(), finding })?;
            printer.print(object.clone())?;
            findings.push(object);
        }
    }
    if let Some(path) = &args.bundle {
        support::save(path, &context, findings)?;
        if globals.json {
            json_line(&json!({ "bundle": path }))?;
        } else {
            line(&format!(
                "\nWrote {}. It contains no face, no name and no secret; read it before you send it.",
                path.display()
            ))?;
        }
    }
    Ok(printer.exit_code())
}

fn running_daemon(config: &Config) -> Option<Daemon> {
    match DaemonLock::check(&config.facebank.path) {
        Err(FacebankError::DaemonRunning { pid, .. }) => Some(Daemon { pid }),
        // If the lock cannot be read, the check of the facebank reports that.
        _ => None,
    }
}

fn check_configuration(context: &CheckContext) -> Vec<Finding> {
    let ignored = context.loaded.ignored();
    let left_out = context.loaded.left_out();
    if context.problems.is_empty() && ignored.is_empty() && left_out.is_none() {
        return vec![Finding::ok("good")];
    }
    let fix = "correct it; until then the daemon does not start, or keeps its old configuration (the other checks use \
               the valid keys)";
    let faults = context.problems.iter().map(|problem| Finding::from_error(Status::Fault, problem, fix));
    let warnings = ignored.iter().map(|key| Finding::from_error(Status::Warning, key, fix));
    let left_out = left_out.map(|left_out| Finding::from_error(Status::Warning, left_out, fix));
    faults.chain(warnings).chain(left_out).collect()
}
