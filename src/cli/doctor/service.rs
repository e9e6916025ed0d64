//! Checks the service: installed completely, started at boot, and running the daemon.

use std::process::{Command, Stdio};

use super::CheckContext;
use super::finding::Finding;
use super::host::Host;

/// The properties that are queried. systemd prints times as `20s`, `1min` or `infinity`.
const PROPERTIES: &str = "LoadState,ActiveState,SubState,UnitFileState,Result,NRestarts,MainPID,WatchdogUSec";

/// The state of the unit, as `systemctl show` prints it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ServiceUnit {
    /// The name, without `.service`.
    name: String,
    load: String,
    active: String,
    sub: String,
    file: String,
    result: String,
    restarts: u32,
    /// The process id of the daemon; 0 if it does not run.
    pid: u32,
    /// `WatchdogSec`; `None` if it is not set.
    watchdog: Option<String>,
}

impl ServiceUnit {
    /// Queries systemd for the unit with this name, without `.service`; `None` if it does not run or does not answer.
    pub fn query(host: &Host, name: &str) -> Option<Self> {
        // The same test as in `sd_booted(3)`.
        host.path("/run/systemd/system").is_dir().then_some(())?;
        let mut command = Command::new("systemctl");
        command
            .args(["show", &format!("{name}.service"), "--property", PROPERTIES])
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        let output = command.output().ok().filter(|output| output.status.success())?;
        Some(Self { name: name.to_owned(), ..Self::parse(&String::from_utf8_lossy(&output.stdout)) })
    }

    /// Parses the output of `systemctl show`, one property per line. Missing properties are empty.
    fn parse(text: &str) -> Self {
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

    /// Whether the unit is installed.
    pub fn is_installed(&self) -> bool {
        self.load == "loaded"
    }

    /// The time within which the daemon must notify the watchdog, for example `20s`.
    pub fn watchdog(&self) -> Option<&str> {
        self.watchdog.as_deref()
    }
}

pub fn check(context: &CheckContext) -> Vec<Finding> {
    let mut findings: Vec<Finding> = half_installed(&context.host).into_iter().collect();
    let daemon = context.daemon.as_ref().and_then(|daemon| daemon.pid);
    findings.push(match &context.unit {
        Some(unit) => evaluate(unit, daemon),
        None => Finding::ok("systemd does not run here"),
    });
    findings.extend(super::credentials::check(context));
    findings.extend(daemon.and_then(|pid| check_program(&context.host, pid, &context.unit_name)));
    findings
}

/// A fault if an interrupted upgrade left the package partly installed.
fn half_installed(host: &Host) -> Option<Finding> {
    let packages = host.read_text("/var/lib/dpkg/status")?;
    let ours =
        packages.split("\n\n").find(|package| package.lines().any(|line| line == "Package: ostiary"))?;
    let status = ours.lines().find_map(|line| line.strip_prefix("Status: "))?;
    // The fields are `want error state`. A removed package leaves its configuration.
    let state = status.rsplit(' ').next().unwrap_or_default();
    if ["installed", "config-files", "not-installed"].contains(&state) {
        return None;
    }
    Some(Finding::fault(
        format!("the package ostiary is not installed completely ({status}): an upgrade was interrupted"),
        "finish it with `dpkg --configure -a`, then `apt install --reinstall ostiary`",
    ))
}

/// The finding for the unit. `daemon` is the process id of the running daemon, if it is known.
fn evaluate(unit: &ServiceUnit, daemon: Option<u32>) -> Finding {
    let ServiceUnit { name, active, sub, result, restarts, pid, .. } = unit;
    let restart_fix =
        || format!("find the cause with `journalctl -u {name}`, then run `systemctl restart {name}`");
    if !unit.is_installed() {
        return match unit.load.as_str() {
            "masked" => Finding::warning(
                format!("{name}.service is masked: it cannot start"),
                format!("run `systemctl unmask {name}`"),
            ),
            _ => Finding::warning(
                format!("there is no {name}.service: nothing starts the daemon after a power cut"),
                "install the package ostiary",
            ),
        };
    }
    if let Some(pid) = daemon
        && pid != unit.pid
    {
        return Finding::warning(
            format!("process {pid} runs the door, so {name}.service cannot start"),
            format!("stop it with `kill {pid}`, then run `systemctl restart {name}`"),
        );
    }
    match (active.as_str(), unit.file.as_str()) {
        ("active", _) if *restarts > 0 => Finding::warning(
            format!("{name}.service runs as process {pid}, and was restarted {restarts} times by systemd"),
            format!("find the cause with `journalctl -u {name} -p warning`"),
        ),
        ("active", "enabled" | "enabled-runtime" | "static") => {
            Finding::ok(format!("{name}.service runs as process {pid}, and starts at boot"))
        }
        ("active", _) => Finding::warning(
            format!("{name}.service runs as process {pid}, and does not start at boot"),
            format!("run `systemctl enable {name}`"),
        ),
        ("failed", _) => Finding::fault(format!("{name}.service failed ({result})"), restart_fix()),
        ("activating", _) if sub == "auto-restart" => {
            Finding::fault(format!("{name}.service failed ({result}) and is restarted"), restart_fix())
        }
        ("activating" | "reloading", _) => Finding::ok(format!("{name}.service is {active}")),
        _ => Finding::warning(
            format!("{name}.service does not run"),
            format!("run `systemctl enable --now {name}` to start the door"),
        ),
    }
}

/// A warning if the program of the running daemon was replaced.
fn check_program(host: &Host, pid: u32, unit: &str) -> Option<Finding> {
    let program = std::fs::read_link(host.path(format!("/proc/{pid}/exe"))).ok()?;
    program.to_string_lossy().ends_with(" (deleted)").then(|| {
        Finding::warning(
            format!("process {pid} still runs the program from before an upgrade"),
            format!("run `systemctl restart {unit}`"),
        )
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::finding::Status;
    use super::super::host::host_with_files;
    use super::*;

    const RUNNING: &str = "Result=success\nNRestarts=0\nMainPID=812\nWatchdogUSec=20s\nLoadState=loaded\n\
                           ActiveState=active\nSubState=running\nUnitFileState=enabled\n";

    fn unit(changes: &[(&str, &str)]) -> ServiceUnit {
        let changed = changes.iter().map(|(name, value)| format!("{name}={value}\n")).collect::<String>();
        ServiceUnit { name: "ostiary".into(), ..ServiceUnit::parse(&format!("{RUNNING}{changed}")) }
    }

    #[test]
    fn a_unit_that_runs_and_starts_at_boot_is_ok() {
        let good = Finding::ok("ostiary.service runs as process 812, and starts at boot");
        assert_eq!(evaluate(&unit(&[]), Some(812)), good);
        assert_eq!(evaluate(&unit(&[]), None), good);
        assert_eq!(unit(&[]).watchdog(), Some("20s"));
        for none in ["0", "infinity"] {
            assert_eq!(unit(&[("WatchdogUSec", none)]).watchdog(), None);
        }
    }

    #[test]
    fn one_of_several_doors_has_a_unit_of_its_own() {
        let back = ServiceUnit { name: "ostiary@back".into(), ..unit(&[("ActiveState", "failed")]) };
        let finding = evaluate(&back, None);
        assert!(finding.found.starts_with("ostiary@back.service failed"), "{finding}");
        assert!(finding.fix.unwrap().ends_with("`systemctl restart ostiary@back`"));
    }

    #[test]
    fn faults_of_the_unit_are_reported() {
        let stopped = [("ActiveState", "inactive"), ("MainPID", "0"), ("UnitFileState", "disabled")];
        for (changes, daemon, status, expected) in [
            (&[("LoadState", "not-found")][..], None, Status::Warning, "there is no ostiary.service"),
            (&[("LoadState", "masked")], None, Status::Warning, "masked"),
            (&[("ActiveState", "failed"), ("Result", "watchdog")], None, Status::Fault, "failed (watchdog)"),
            (
                &[("ActiveState", "activating"), ("SubState", "auto-restart"), ("Result", "exit-code")],
                None,
                Status::Fault,
                "failed (exit-code) and is restarted",
            ),
            (&[("ActiveState", "activating"), ("SubState", "start")], None, Status::Ok, "activating"),
            (&[("NRestarts", "3")], None, Status::Warning, "restarted 3 times"),
            (&[("UnitFileState", "disabled")], None, Status::Warning, "does not start at boot"),
            (&stopped, None, Status::Warning, "does not run"),
            (&stopped, Some(99), Status::Warning, "process 99 runs the door"),
            (&[], Some(99), Status::Warning, "process 99 runs the door"),
        ] {
            let finding = evaluate(&unit(changes), daemon);
            assert_eq!(finding.status, status, "{finding}");
            assert!(finding.found.contains(expected), "{finding}");
        }
    }

    #[test]
    fn an_interrupted_upgrade_is_found() {
        let with = |status: &str| {
            let text = format!(
                "Package: adduser\nStatus: install ok installed\n\nPackage: ostiary\nStatus: {status}\n\
                 Version: 1.0\n\nPackage: zlib1g\nStatus: install ok installed\n"
            );
            half_installed(&host_with_files(&[("/var/lib/dpkg/status", &text)]).1)
        };
        let fault = |status| with(status).is_some_and(|finding| finding.status == Status::Fault);
        assert!(
            ["install ok unpacked", "install ok half-configured", "install reinstreq half-installed"]
                .into_iter()
                .all(fault)
        );
        assert!(["install ok installed", "deinstall ok config-files"].into_iter().all(|s| with(s).is_none()));
        assert!(half_installed(&host_with_files(&[]).1).is_none());
    }

    #[test]
    fn a_daemon_from_before_an_upgrade_is_found() {
        let (folder, host) = host_with_files(&[("/proc/812/comm", "ostiary"), ("/proc/813/comm", "ostiary")]);
        symlink("/usr/bin/ostiary (deleted)", folder.path().join("proc/812/exe")).unwrap();
        symlink("/usr/bin/ostiary", folder.path().join("proc/813/exe")).unwrap();
        assert!(check_program(&host, 812, "ostiary").unwrap().found.contains("before an upgrade"));
        assert!(
            check_program(&host, 813, "ostiary").is_none() && check_program(&host, 1, "ostiary").is_none()
        );
    }

    #[test]
    fn without_systemd_no_unit_is_queried() {
        assert_eq!(ServiceUnit::query(&host_with_files(&[]).1, "ostiary"), None);
    }
}
