//! The service: whole in the package's eyes, started at boot, and the one that keeps the door.

use std::process::{Command, Stdio};

use super::Door;
use super::finding::Finding;
use super::host::Host;

const UNIT: &str = "ostiary.service";
/// What is asked of systemd. The times are printed as `20s`, `1min` or `infinity`.
const PROPERTIES: &str = "LoadState,ActiveState,SubState,UnitFileState,Result,NRestarts,MainPID,WatchdogUSec";

/// The unit as systemd shows it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Unit {
    load: String,
    active: String,
    sub: String,
    file: String,
    result: String,
    restarts: u32,
    /// 0 where it does not run.
    pid: u32,
    /// `None` where the unit has none.
    watchdog: Option<String>,
}

impl Unit {
    /// Asks systemd; `None` where it does not run or does not answer.
    pub fn ask(host: &Host) -> Option<Self> {
        // What `sd_booted` goes by.
        host.path("/run/systemd/system").is_dir().then_some(())?;
        let mut command = Command::new("systemctl");
        command.args(["show", UNIT, "--property", PROPERTIES]).stdin(Stdio::null()).stderr(Stdio::null());
        let output = command.output().ok().filter(|output| output.status.success())?;
        Some(Self::read(&String::from_utf8_lossy(&output.stdout)))
    }

    /// Reads `systemctl show`: a property a line. What is not there is empty.
    fn read(text: &str) -> Self {
        let mut unit = Self::default();
        for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
            let owned = || value.to_owned();
            match name {
                "LoadState" => unit.load = owned(),
                "ActiveState" => unit.active = owned(),
                "SubState" => unit.sub = owned(),
                "UnitFileState" => unit.file = owned(),
                "Result" => unit.result = owned(),
                "NRestarts" => unit.restarts = value.parse().unwrap_or(0),
                "MainPID" => unit.pid = value.parse().unwrap_or(0),
                "WatchdogUSec" => {
                    unit.watchdog =
                        Some(owned()).filter(|time| !["", "0", "infinity"].contains(&time.as_str()));
                }
                _ => {}
            }
        }
        unit
    }

    /// Whether there is such a unit.
    pub fn is_installed(&self) -> bool {
        self.load == "loaded"
    }

    /// The time within which the daemon has to show that it moves.
    pub fn watchdog(&self) -> Option<&str> {
        self.watchdog.as_deref()
    }
}

pub fn check(door: &Door) -> Vec<Finding> {
    let mut findings: Vec<Finding> = half_installed(&door.host).into_iter().collect();
    let daemon = door.daemon.as_ref().and_then(|daemon| daemon.pid);
    findings.push(match &door.unit {
        Some(unit) => judge(unit, daemon),
        None => Finding::ok("systemd does not run here"),
    });
    findings.extend(daemon.and_then(|pid| outdated(&door.host, pid)));
    findings
}

/// An upgrade that was cut off leaves the package between two versions.
fn half_installed(host: &Host) -> Option<Finding> {
    let packages = host.text("/var/lib/dpkg/status")?;
    let ours =
        packages.split("\n\n").find(|package| package.lines().any(|line| line == "Package: ostiary"))?;
    let status = ours.lines().find_map(|line| line.strip_prefix("Status: "))?;
    // `want error state`; a package that was removed leaves its configuration behind.
    let state = status.rsplit(' ').next().unwrap_or_default();
    if ["installed", "config-files", "not-installed"].contains(&state) {
        return None;
    }
    Some(Finding::fault(
        format!("the package ostiary is not installed whole ({status}): an upgrade was cut off"),
        "finish it with `dpkg --configure -a`, then `apt install --reinstall ostiary`",
    ))
}

/// `daemon` is the process that keeps the door, where one does and can be told.
fn judge(unit: &Unit, daemon: Option<u32>) -> Finding {
    const WHY: &str = "`journalctl -u ostiary` says why; then run `systemctl restart ostiary`";
    if !unit.is_installed() {
        return match unit.load.as_str() {
            "masked" => Finding::warning(
                format!("{UNIT} is masked: it cannot start"),
                "allow it with `systemctl unmask ostiary`",
            ),
            _ => Finding::warning(
                format!("there is no {UNIT}: nothing starts the door after a power cut"),
                "install the package ostiary",
            ),
        };
    }
    if let Some(pid) = daemon
        && pid != unit.pid
    {
        return Finding::warning(
            format!("process {pid} keeps the door, and {UNIT} cannot while it does"),
            format!("stop it with `kill {pid}`, then run `systemctl restart ostiary`"),
        );
    }
    let Unit { active, sub, result, restarts, pid, .. } = unit;
    match (active.as_str(), unit.file.as_str()) {
        ("active", _) if *restarts > 0 => Finding::warning(
            format!("{UNIT} runs as process {pid}, and was restarted {restarts} times by systemd"),
            "`journalctl -u ostiary -p warning` says why",
        ),
        ("active", "enabled" | "enabled-runtime" | "static") => {
            Finding::ok(format!("{UNIT} runs as process {pid}, and starts at boot"))
        }
        ("active", _) => Finding::warning(
            format!("{UNIT} runs as process {pid}, and does not start at boot"),
            "run `systemctl enable ostiary`",
        ),
        ("failed", _) => Finding::fault(format!("{UNIT} failed ({result})"), WHY),
        ("activating", _) if sub == "auto-restart" => {
            Finding::fault(format!("{UNIT} failed ({result}) and is tried again"), WHY)
        }
        ("activating" | "reloading", _) => Finding::ok(format!("{UNIT} is {active}")),
        _ => Finding::warning(
            format!("{UNIT} does not run"),
            "run `systemctl enable --now ostiary` when the door is to be kept",
        ),
    }
}

/// A daemon whose program was replaced under it.
fn outdated(host: &Host, pid: u32) -> Option<Finding> {
    let program = std::fs::read_link(host.path(format!("/proc/{pid}/exe"))).ok()?;
    program.to_string_lossy().ends_with(" (deleted)").then(|| {
        Finding::warning(
            format!("process {pid} still runs the program from before an upgrade"),
            "run `systemctl restart ostiary`",
        )
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::finding::Status;
    use super::super::host::tree;
    use super::*;

    const RUNNING: &str = "Result=success\nNRestarts=0\nMainPID=812\nWatchdogUSec=20s\nLoadState=loaded\n\
                           ActiveState=active\nSubState=running\nUnitFileState=enabled\n";

    fn unit(changes: &[(&str, &str)]) -> Unit {
        let changed = changes.iter().map(|(name, value)| format!("{name}={value}\n")).collect::<String>();
        Unit::read(&format!("{RUNNING}{changed}"))
    }

    #[test]
    fn a_unit_that_runs_and_starts_at_boot_is_good() {
        let good = Finding::ok("ostiary.service runs as process 812, and starts at boot");
        assert_eq!(judge(&unit(&[]), Some(812)), good);
        assert_eq!(judge(&unit(&[]), None), good);
        assert_eq!(unit(&[]).watchdog(), Some("20s"));
        for none in ["0", "infinity"] {
            assert_eq!(unit(&[("WatchdogUSec", none)]).watchdog(), None);
        }
    }

    #[test]
    fn what_is_wrong_with_the_unit_is_told() {
        let stopped = [("ActiveState", "inactive"), ("MainPID", "0"), ("UnitFileState", "disabled")];
        for (changes, daemon, status, said) in [
            (&[("LoadState", "not-found")][..], None, Status::Warning, "there is no ostiary.service"),
            (&[("LoadState", "masked")], None, Status::Warning, "masked"),
            (&[("ActiveState", "failed"), ("Result", "watchdog")], None, Status::Fault, "failed (watchdog)"),
            (
                &[("ActiveState", "activating"), ("SubState", "auto-restart"), ("Result", "exit-code")],
                None,
                Status::Fault,
                "failed (exit-code) and is tried again",
            ),
            (&[("ActiveState", "activating"), ("SubState", "start")], None, Status::Ok, "activating"),
            (&[("NRestarts", "3")], None, Status::Warning, "restarted 3 times"),
            (&[("UnitFileState", "disabled")], None, Status::Warning, "does not start at boot"),
            (&stopped, None, Status::Warning, "does not run"),
            (&stopped, Some(99), Status::Warning, "process 99 keeps the door"),
            (&[], Some(99), Status::Warning, "process 99 keeps the door"),
        ] {
            let finding = judge(&unit(changes), daemon);
            assert_eq!(finding.status, status, "{finding}");
            assert!(finding.found.contains(said), "{finding}");
        }
    }

    #[test]
    fn an_upgrade_that_was_cut_off_is_found() {
        let with = |status: &str| {
            let text = format!(
                "Package: adduser\nStatus: install ok installed\n\nPackage: ostiary\nStatus: {status}\n\
                 Version: 1.0\n\nPackage: zlib1g\nStatus: install ok installed\n"
            );
            half_installed(&tree(&[("/var/lib/dpkg/status", &text)]).1)
        };
        let fault = |status| with(status).is_some_and(|finding| finding.status == Status::Fault);
        assert!(
            ["install ok unpacked", "install ok half-configured", "install reinstreq half-installed"]
                .into_iter()
                .all(fault)
        );
        assert!(["install ok installed", "deinstall ok config-files"].into_iter().all(|s| with(s).is_none()));
        assert!(half_installed(&tree(&[]).1).is_none());
    }

    #[test]
    fn a_daemon_from_before_an_upgrade_is_found() {
        let (folder, host) = tree(&[("/proc/812/comm", "ostiary"), ("/proc/813/comm", "ostiary")]);
        symlink("/usr/bin/ostiary (deleted)", folder.path().join("proc/812/exe")).unwrap();
        symlink("/usr/bin/ostiary", folder.path().join("proc/813/exe")).unwrap();
        assert!(outdated(&host, 812).unwrap().found.contains("before an upgrade"));
        assert!(outdated(&host, 813).is_none() && outdated(&host, 1).is_none());
    }

    #[test]
    fn without_systemd_nothing_is_asked() {
        assert_eq!(Unit::ask(&tree(&[]).1), None);
    }
}
