//! Opening hours: groups without hours, and implausible clocks.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]
#![expect(unsafe_code, reason = "processes under test get signals by the C library")]

mod system_bus;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use ostiary_config as config;
use ostiary_events::{Event, EventKind, EventStore};
use ostiary_testkit::portrait;
use serde_json::Value;
use system_bus::SystemBus;

/// The time after which a wait has failed. It is much longer than any step takes.
const TIMEOUT: Duration = Duration::from_secs(90);

/// A door whose camera shows Ann, who is enrolled.
struct Door {
    folder: tempfile::TempDir,
    /// The address of the system bus; `None` if the environment names none.
    bus: Option<String>,
}

impl Door {
    fn new() -> Self {
        let door = Self { folder: tempfile::tempdir().unwrap(), bus: None };
        let portrait = portrait("obama.jpg");
        let status = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-i"])
            .arg(&portrait)
            .args(["-vf", "scale=-2:480,loop=-1:1,fps=10", "-t", "3", "-pix_fmt", "yuv420p"])
            .arg(door.path("ann.mp4"))
            .status();
        assert!(status.expect("these tests need ffmpeg: scripts/setup").success());
        door.set_hours("");
        door.succeeds(&["enroll", "Ann", portrait.to_str().unwrap()]);
        door
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the configuration with these lines in `[hours]`. They can also contain other sections.
    fn set_hours(&self, hours: &str) {
        let text = format!(
            "[camera]\nsource = {:?}\n[facebank]\npath = {:?}\n[events]\npath = {:?}\n[hours]\n{hours}\n",
            self.path("ann.mp4"),
            self.path("facebank.sqlite"),
            self.path("events.sqlite")
        );
        fs::write(self.path("ostiary.toml"), text).unwrap();
    }

    /// The program with this configuration, in UTC. `at` is the start time of its clock; `None` is the clock of the host.
    fn command(&self, at: Option<&str>, arguments: &[&str]) -> Command {
        let program = assert_cmd::cargo::cargo_bin!("ostiary");
        let mut command = match at {
            Some(time) => {
                let mut command = Command::new("faketime");
                command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").arg(time).arg(program);
                command
            }
            None => Command::new(program),
        };
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OSTIARY_")) {
            command.env_remove(name);
        }
        // The people are portraits: pictures, as the network for liveness says too.
        command.env("OSTIARY_LIVENESS__LEVEL", "off");
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
        command.arg("--config").arg(self.path("ostiary.toml")).arg("--models").arg(models);
        command.args(arguments).stdin(Stdio::null()).env("TZ", "UTC").env_remove("NOTIFY_SOCKET");
        match &self.bus {
            Some(address) => command.env("DBUS_SYSTEM_BUS_ADDRESS", address),
            None => command.env_remove("DBUS_SYSTEM_BUS_ADDRESS"),
        };
        command
    }

    fn output(&self, at: Option<&str>, arguments: &[&str]) -> Output {
        self.command(at, arguments).output().unwrap_or_else(|error| panic!("{error}: run scripts/setup"))
    }

    /// Runs a command that must succeed, and returns its output.
    fn succeeds(&self, arguments: &[&str]) -> String {
        let output = self.output(None, arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        text(&output.stdout)
    }

    /// Runs a command that must be refused, and returns why.
    fn refuses(&self, arguments: &[&str]) -> String {
        let output = self.output(None, arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        text(&output.stderr)
    }

    /// Runs the daemon. Returns the decision about Ann, and the log.
    fn run(&self, at: Option<&str>) -> (Value, String) {
        let output = self.output(at, &["run", "--json"]);
        let log = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{log}");
        let events = text(&output.stdout);
        let mut events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let decision = events.find(|event| event["kind"] == "granted" || event["kind"] == "denied");
        (decision.unwrap_or_else(|| panic!("there is no decision: {log}")), log)
    }

    /// The reason of the decision about Ann.
    fn reason(&self, at: Option<&str>) -> String {
        self.run(at).0["reason"].as_str().unwrap().to_owned()
    }

    /// The findings of one check of doctor: status and message.
    fn doctor(&self, at: Option<&str>, check: &str) -> Vec<(String, String)> {
        let output = self.output(at, &["doctor", "--json"]);
        let findings = text(&output.stdout);
        let findings = findings.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let status_and_message = |finding: Value| {
            let part = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
            (part("status"), format!("{}; {}", part("found"), part("mend")))
        };
        findings.filter(|finding| finding["check"] == check).map(status_and_message).collect()
    }

    /// Stores an event with a time in the future.
    fn record_future(&self) {
        let config =
            config::Events { path: self.path("events.sqlite"), keep: 100, ..config::Events::default() };
        let time = "2099-01-01T00:00:00Z".parse().unwrap();
        let mut store = EventStore::open(&config, false).unwrap();
        store.append(&mut Event::new(EventKind::Stopped, time, "door")).unwrap();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Asserts that a text contains all parts.
fn assert_contains(text: &str, parts: &[&str]) {
    assert!(parts.iter().all(|part| text.contains(part)), "{parts:?} is not all in {text}");
}

#[test]
fn a_misspelled_group_is_refused_and_reported_everywhere() {
    let door = Door::new();
    // Without hours a group is a label.
    door.succeeds(&["people", "group", "Ann", "Stff"]);
    assert_eq!(door.reason(None), "granted");
    assert_eq!(door.succeeds(&["config", "check", "--json"]), "{\"ok\":true}\n");

    door.set_hours("staff = ['always']\nnight = ['22:00-06:00']");
    let (denied, log) = door.run(None);
    assert_eq!((&denied["reason"], &denied["person"]), (&"no_hours".into(), &"Ann".into()));
    assert_contains(denied["detail"].as_str().unwrap(), &["\"stff\"", "[hours]"]);
    assert_contains(&log, &["WARN", "group \"stff\" has no hours", "Ann", "did you mean \"staff\"?"]);

    let output = door.output(None, &["config", "check"]);
    assert_eq!(
        (output.status.code(), text(&output.stdout).as_str()),
        (Some(0), "The configuration is good.\n")
    );
    assert_contains(&text(&output.stderr), &["warning: ", "\"stff\"", "Ann", "did you mean \"staff\"?"]);
    let checked: Value = serde_json::from_str(&door.succeeds(&["config", "check", "--json"])).unwrap();
    assert_eq!((&checked["ok"], &checked["warnings"][0]["group"]), (&true.into(), &"stff".into()));
    assert_eq!(checked["warnings"][0]["people"], serde_json::json!(["Ann"]));
    assert_eq!(checked["warnings"][0]["nearest"], "staff");

    let findings = door.doctor(None, "hours");
    assert_eq!(findings[0].0, "warning", "{findings:?}");
    assert_contains(&findings[0].1, &["\"stff\"", "Ann", "did you mean \"staff\"?"]);
    assert_eq!(findings[1], ("ok".into(), "set for the groups night, staff; ".into()));

    assert_contains(
        &door.refuses(&["people", "group", "Ann", "Staf"]),
        &["no group \"Staf\"", "did you mean \"staff\"?"],
    );
    assert_contains(
        &door.refuses(&["people", "group", "Ann", "gardeners"]),
        &["no group \"gardeners\"", "night, staff"],
    );
    let shown: Value = serde_json::from_str(&door.succeeds(&["people", "show", "Ann", "--json"])).unwrap();
    assert_eq!(shown["group"], "stff", "a refused change has no effect");

    // The case of the letters does not matter.
    assert_contains(&door.succeeds(&["people", "group", "Ann", "STAFF"]), &["group staff"]);
    assert_eq!(door.reason(None), "granted");
    assert_eq!(text(&door.output(None, &["config", "check"]).stderr), "");
}

#[test]
fn a_group_stored_in_another_case_has_its_hours() {
    let door = Door::new();
    let facebank = rusqlite::Connection::open(door.path("facebank.sqlite")).unwrap();
    assert_eq!(facebank.execute("UPDATE people SET grouped = 'Staff'", []).unwrap(), 1);
    drop(facebank);
    door.set_hours("sTAFF = ['never']");
    assert_eq!(door.reason(None), "outside_hours");
    assert_eq!(door.doctor(None, "hours")[0].0, "ok");
}

#[test]
fn people_without_a_group_are_let_in_at_any_time_and_named() {
    let door = Door::new();
    door.set_hours("staff = ['never']");
    assert_eq!(door.reason(Some("1970-01-05 10:00:00")), "granted");
    assert_contains(
        &door.doctor(None, "hours")[0].1,
        &["people without a group may come in at any time: Ann"],
    );
}

#[test]
fn an_import_names_the_people_without_hours() {
    let door = Door::new();
    door.succeeds(&["people", "group", "Ann", "stff"]);
    let (export, copy) = (door.path("export.jsonl"), door.path("copy.sqlite"));
    door.succeeds(&["people", "export", "-o", export.to_str().unwrap()]);
    door.set_hours("staff = ['always']");
    let import = ["people", "import", export.to_str().unwrap(), "--facebank", copy.to_str().unwrap()];
    let output = door.output(None, &import);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_contains(&text(&output.stderr), &["warning: ", "\"stff\"", "Ann"]);
}

#[test]
fn with_a_clock_that_was_never_set_people_with_hours_are_refused() {
    let door = Door::new();
    door.set_hours("staff = ['always']");
    door.succeeds(&["people", "group", "Ann", "staff"]);
    let never_set = Some("1970-01-05 10:00:00");
    let (denied, log) = door.run(never_set);
    assert_eq!((&denied["reason"], &denied["person"]), (&"clock_implausible".into(), &"Ann".into()));
    assert_contains(
        denied["detail"].as_str().unwrap(),
        &["the clock says 1970-01-05 10:00 UTC", "before this program was made"],
    );
    assert_contains(
        &log,
        &["WARN", "the clock says 1970", "people with hours are refused", "timedatectl set-ntp true"],
    );
    assert_eq!(log.matches("people with hours are refused").count(), 1, "{log}");
    let findings = door.doctor(never_set, "clock");
    assert_eq!(findings[0].0, "fault", "{findings:?}");
    assert_contains(&findings[0].1, &["1970", "people with hours are refused"]);

    let output = door.output(never_set, &["clock", "accept"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_contains(&text(&output.stderr), &["1970", "set the clock first"]);

    // The events with the wrong time do not make the clock implausible after it is set.
    assert_eq!(door.reason(None), "granted");
}

#[test]
fn with_a_clock_that_went_back_people_with_hours_are_refused_until_it_is_accepted() {
    let door = Door::new();
    door.set_hours("staff = ['always']");
    door.succeeds(&["people", "group", "Ann", "staff"]);
    let json = |arguments: &[&str]| serde_json::from_str::<Value>(&door.succeeds(arguments)).unwrap();
    let accept = ["clock", "accept", "--json"];
    assert_eq!(json(&accept)["accepted"], false);
    assert!(!door.path("events.sqlite").exists());

    assert_eq!(door.reason(Some("2031-05-05 10:00:00")), "granted");
    // One year back, but after the program was built. A second start gives the same result.
    for _ in 0..2 {
        let (denied, log) = door.run(Some("2030-05-05 10:00:00"));
        assert_eq!(denied["reason"], "clock_implausible");
        let parts =
            ["the clock says 2030-05-05 10:00 UTC", "the newest event", "recorded at 2031-05-05 10:00 UTC"];
        assert_contains(denied["detail"].as_str().unwrap(), &parts);
        assert_contains(&log, &["WARN", "ostiary clock accept"]);
    }
    let findings = door.doctor(Some("2030-05-05 10:00:00"), "clock");
    assert_eq!(findings[0].0, "fault", "{findings:?}");
    assert_contains(&findings[0].1, &["2031-05-05", "ostiary clock accept"]);

    let accepted = json(&accept);
    assert_eq!(accepted["accepted"], true);
    assert!(accepted["newest_event"].as_str().unwrap().starts_with("2031-05-05T10:00"), "{accepted}");
    assert_eq!(door.reason(None), "granted");
    assert_eq!(json(&accept)["accepted"], false);
    assert_contains(&door.succeeds(&["clock", "accept"]), &["Nothing to accept"]);
}

#[test]
fn an_unknown_time_zone_is_an_error_and_not_utc() {
    let door = Door::new();
    let with = |arguments: &[&str]| {
        let output = door.command(None, arguments).env("TZ", "Nowhere/Land").output().unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, _, log) = with(&["run"]);
    assert_eq!(code, Some(0), "no hours depend on it: {log}");

    door.set_hours("staff = ['always']");
    let parts =
        ["the local time zone is unknown", "TZ=Nowhere/Land", "[hours] need the local time", "set-timezone"];
    for (verb, expected) in [(&["run"][..], 2), (&["config", "check"], 1)] {
        let (code, out, error) = with(verb);
        assert_eq!((code, out.as_str()), (Some(expected), ""), "{error}");
        assert_contains(&error, &parts);
    }
    let (code, out, _) = with(&["config", "check", "--json"]);
    let checked: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &checked["ok"], &checked["problem"]), (Some(1), &false.into(), &"time_zone".into()));
    let (code, out, _) = with(&["doctor"]);
    assert_eq!(code, Some(1));
    let clock = out.lines().find(|line| line.contains("TZ=Nowhere/Land")).unwrap();
    assert!(clock.starts_with("fault    clock"), "{clock}");
}

/// A running daemon with its events and its log.
struct RunningDaemon {
    process: std::process::Child,
    events: std::sync::mpsc::Receiver<Value>,
    log: std::sync::mpsc::Receiver<String>,
}

impl RunningDaemon {
    fn start(door: &Door) -> Self {
        let mut command = door.command(None, &["run", "--json", "--set", "camera.realtime=true"]);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, err) = (process.stdout.take().unwrap(), process.stderr.take().unwrap());
        let (event_sender, events) = std::sync::mpsc::channel();
        let (line_sender, log) = std::sync::mpsc::channel();
        thread::spawn(move || {
            BufReader::new(out).lines().map_while(Result::ok).for_each(|line| {
                let _ = event_sender.send(serde_json::from_str(&line).unwrap());
            });
        });
        thread::spawn(move || {
            BufReader::new(err).lines().map_while(Result::ok).for_each(|line| {
                let _ = line_sender.send(line);
            });
        });
        Self { process, events, log }
    }

    /// Waits for the next event of this kind.
    fn event(&self, kind: &str) -> Value {
        let start = Instant::now();
        while start.elapsed() < TIMEOUT {
            let event = self.events.recv_timeout(TIMEOUT).unwrap_or_else(|_| panic!("no event {kind}"));
            if event["kind"] == kind {
                return event;
            }
        }
        panic!("no event {kind}");
    }

    /// Waits for the next line of the log that contains this.
    fn log_line(&self, part: &str) -> String {
        let start = Instant::now();
        while start.elapsed() < TIMEOUT {
            let line = self.log.recv_timeout(TIMEOUT).unwrap_or_else(|_| panic!("{part:?} is not logged"));
            if line.contains(part) {
                return line;
            }
        }
        panic!("{part:?} is not logged");
    }

    fn reload(&self) {
        // SAFETY: kill(2) has no memory effects; the process is our child and not yet waited for.
        assert_eq!(unsafe { libc::kill(self.process.id() as i32, libc::SIGHUP) }, 0);
    }
}

impl Drop for RunningDaemon {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { libc::kill(self.process.id() as i32, libc::SIGTERM) };
        let _ = self.process.wait();
    }
}

/// Makes the video of the camera long enough for a test.
fn extend_video(door: &Door) {
    let long = door.path("long.mp4");
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-stream_loop", "20", "-i"])
        .arg(door.path("ann.mp4"))
        .args(["-c", "copy"])
        .arg(&long)
        .status();
    assert!(status.unwrap().success());
    fs::rename(long, door.path("ann.mp4")).unwrap();
}

#[test]
fn a_running_daemon_applies_an_accepted_clock() {
    let door = Door::new();
    extend_video(&door);
    door.set_hours("staff = ['always']");
    door.succeeds(&["people", "group", "Ann", "staff"]);
    door.record_future();
    let running = RunningDaemon::start(&door);
    assert_contains(
        &running.log_line("WARN  the clock says"),
        &["recorded at 2099-01-01", "ostiary clock accept"],
    );
    assert_eq!(running.event("denied")["reason"], "clock_implausible");
    assert_contains(
        &door.succeeds(&["clock", "accept"]),
        &["Accepted", "2099-01-01 00:00 UTC", "stay as they are"],
    );
    running.log_line("the clock can be right again");
    assert_eq!(running.event("granted")["person"], "Ann");
}

#[test]
fn a_reload_names_the_people_without_hours() {
    let door = Door::new();
    extend_video(&door);
    door.succeeds(&["people", "group", "Ann", "stff"]);
    let running = RunningDaemon::start(&door);
    running.event("granted");
    door.set_hours("staff = ['always']");
    running.reload();
    running.event("reloaded");
    assert_contains(&running.log_line("has no hours"), &["\"stff\"", "Ann", "did you mean \"staff\"?"]);
    assert_eq!(running.event("denied")["reason"], "no_hours");
    // Reported again if a change of the facebank changes the people.
    door.succeeds(&["people", "rename", "Ann", "Anna"]);
    assert_contains(&running.log_line("has no hours"), &["\"stff\"", "Anna"]);
    // The hours of the running door count, and not those in a file that it has not read.
    door.set_hours("");
    assert_contains(
        &door.refuses(&["people", "group", "Anna", "gardeners"]),
        &["no group \"gardeners\"", "staff"],
    );
}

/// A door whose hours need a synchronized clock, with this system bus and a long video.
fn synchronized_door(bus: Option<&str>) -> Door {
    let mut door = Door::new();
    extend_video(&door);
    door.set_hours("staff = ['always']\n[clock]\ntrust = 'synchronized'");
    door.succeeds(&["people", "group", "Ann", "staff"]);
    door.bus = bus.map(str::to_owned);
    door
}

/// Checks that doctor, `config check` and the daemon take the clock as synchronized.
fn check_synchronized(door: &Door) {
    let (status, found) = door.doctor(None, "clock").remove(0);
    assert_eq!(status, "ok", "{found}");
    assert_contains(&found, &["synchronized"]);
    assert_eq!(door.succeeds(&["config", "check", "--json"]), "{\"ok\":true}\n");
    assert_eq!(RunningDaemon::start(door).event("granted")["person"], "Ann");
}

/// Checks that doctor, `config check` and the daemon report this reason why the clock is not, or is not known to be,
/// synchronized, and that Ann is refused.
fn check_not_synchronized(door: &Door, reason: &str) {
    let (status, found) = door.doctor(None, "clock").remove(0);
    assert_eq!(status, "fault", "{found}");
    assert_contains(&found, &["clock.trust", reason, "people with hours are refused"]);
    let checked: Value = serde_json::from_str(&door.succeeds(&["config", "check", "--json"])).unwrap();
    assert_eq!((&checked["ok"], &checked["warnings"][0]["warning"]), (&true.into(), &"clock".into()));
    assert_contains(checked["warnings"][0]["message"].as_str().unwrap(), &["clock.trust", reason]);

    let running = RunningDaemon::start(door);
    assert_contains(&running.log_line("people with hours are refused"), &["WARN", reason]);
    let denied = running.event("denied");
    assert_eq!((&denied["reason"], &denied["person"]), (&"clock_implausible".into(), &"Ann".into()));
}

#[test]
fn without_systemd_the_kernel_says_whether_the_clock_is_synchronized() {
    let door = synchronized_door(None);
    match ostiary_core::clock::is_synchronized() {
        Ok(true) => check_synchronized(&door),
        Ok(false) => check_not_synchronized(&door, "is not synchronized"),
        Err(_) => check_not_synchronized(&door, "the kernel does not say"),
    }
}

#[test]
fn systemd_timedated_says_whether_the_clock_is_synchronized() {
    let bus = SystemBus::with_systemd();
    let door = synchronized_door(Some(bus.address()));
    match ostiary_core::clock::is_synchronized() {
        Ok(true) => check_synchronized(&door),
        Ok(false) => check_not_synchronized(&door, "is not synchronized"),
        Err(error) => panic!("a sandbox forbids systemd-timedated to ask the kernel: {error}"),
    }
}

#[test]
fn the_door_follows_the_answers_of_systemd_timedated() {
    let bus = SystemBus::with_answers();
    let door = synchronized_door(Some(bus.address()));
    bus.answers("true");
    check_synchronized(&door);

    let running = RunningDaemon::start(&door);
    running.event("granted");
    bus.answers("false");
    assert_contains(
        &running.log_line("people with hours are refused"),
        &["WARN", "is not synchronized", "set-ntp"],
    );
    drop(running);
    check_not_synchronized(&door, "is not synchronized");

    let running = RunningDaemon::start(&door);
    assert_eq!(running.event("denied")["reason"], "clock_implausible");
    bus.answers("true");
    running.log_line("the clock can be right again");
    assert_eq!(running.event("granted")["person"], "Ann");
}

#[test]
fn an_answer_that_is_not_a_boolean_is_no_answer() {
    let bus = SystemBus::with_answers();
    let door = synchronized_door(Some(bus.address()));
    bus.answers("text");
    check_not_synchronized(&door, r#"answered "s \"yes\"""#);
    bus.answers("number");
    let (status, found) = door.doctor(None, "clock").remove(0);
    assert_eq!(status, "fault", "{found}");
    assert_contains(&found, &[r#"answered "i 1""#]);
}

#[test]
fn an_answer_that_never_comes_delays_nobody_and_lets_nobody_in() {
    let bus = SystemBus::with_answers();
    let door = synchronized_door(Some(bus.address()));
    bus.answers("never");
    let running = RunningDaemon::start(&door);
    let denied = running.event("denied");
    assert_eq!(denied["reason"], "clock_implausible");
    assert_contains(denied["detail"].as_str().unwrap(), &["is not known: "]);
    running.log_line("did not answer within 10 s");
    drop(running);
    check_not_synchronized(&door, "did not answer within 10 s");
}

#[test]
fn without_the_service_the_bus_or_busctl_nobody_with_hours_is_let_in() {
    let bus = SystemBus::empty();
    let mut door = synchronized_door(Some(bus.address()));
    check_not_synchronized(&door, "org.freedesktop.timedate1 was not provided");
    door.bus = Some(format!("unix:path={}", door.path("no-bus").display()));
    check_not_synchronized(&door, "No such file or directory");

    // A video would need ffprobe.
    let check = ["config", "check", "--set", "camera.source=/dev/video0"];
    let output = door.command(None, &check).env("PATH", door.path("empty")).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_contains(
        &text(&output.stderr),
        &["warning: ", "busctl, which asks systemd-timedated, cannot run"],
    );
}
