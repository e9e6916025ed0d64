//! The relay's guard, with a real daemon, a real guard process and signals. The line is printed instead of switched,
//! because the tests need no GPIO.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]
#![expect(unsafe_code, reason = "processes under test get signals by the C library")]

use std::io::{BufRead, BufReader, Read};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use std::{fs, thread};

use ostiary_core::BBox;
use ostiary_self_test::DEMO_VISITORS;
use serde_json::Value;
use tempfile::TempDir;

/// The time after which a wait has failed. It is much longer than any step takes.
const TIMEOUT: Duration = Duration::from_secs(90);
/// A pulse that does not end within a test, in milliseconds.
const LONG_PULSE_MS: &str = "60000";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn ostiary() -> Command {
    Command::new(assert_cmd::cargo::cargo_bin!("ostiary"))
}

/// A running daemon whose camera shows an enrolled person, with its events and the output of the daemon and its guard.
struct Door {
    folder: TempDir,
    daemon: Child,
    output: Receiver<String>,
    events: Receiver<Value>,
}

impl Door {
    /// Starts a daemon with a printed relay and this pulse, and waits until the relay is on.
    fn open(pulse_ms: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let text = format!(
            "[facebank]\npath = {:?}\n[events]\npath = {:?}\n[camera]\nrealtime = true\nsource = {:?}\n\
             [relay]\nbackend = \"printed\"\nline = 4\npulse_ms = {pulse_ms}\n[door]\ncooldown_s = 0.0\naway_s = 0.5\n\
             [liveness]\nlevel = \"off\"\n",
            path("facebank.sqlite"),
            path("events.sqlite"),
            visits(),
        );
        fs::write(path("ostiary.toml"), text).unwrap();
        let command = |verb: &[&str]| {
            let mut command = ostiary();
            command.arg("--config").arg(path("ostiary.toml")).arg("--models").arg(root().join("models"));
            command.args(verb).stdin(Stdio::null()).env_remove("NOTIFY_SOCKET");
            command.env("RUNTIME_DIRECTORY", folder.path());
            command
        };
        let enrolled = command(&["enroll", "Ann"])
            .arg(root().join("crates/self-test/portraits/obama.jpg"))
            .output()
            .unwrap();
        assert!(enrolled.status.success(), "{enrolled:?}");
        let mut daemon =
            command(&["run", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = lines(daemon.stderr.take().unwrap(), |line| line);
        let events = lines(daemon.stdout.take().unwrap(), |line| serde_json::from_str(&line).unwrap());
        let door = Self { folder, daemon, output, events };
        door.wait_for("relay off");
        door.wait_for("relay on");
        door
    }

    /// Waits until the daemon or its guard prints this line.
    fn wait_for(&self, expected: &str) {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line =
                self.output.recv_timeout(left).unwrap_or_else(|_| panic!("{expected:?} is not printed"));
            if line == expected {
                return;
            }
        }
    }

    /// The remaining lines, until the daemon and the guard have ended.
    fn remaining_output(&self) -> Vec<String> {
        let mut rest = Vec::new();
        loop {
            match self.output.recv_timeout(TIMEOUT) {
                Ok(line) => rest.push(line),
                Err(RecvTimeoutError::Disconnected) => return rest,
                Err(RecvTimeoutError::Timeout) => panic!("the daemon or the guard does not end: {rest:?}"),
            }
        }
    }

    /// Waits for the next event of this kind.
    fn event(&self, kind: &str) -> Value {
        loop {
            let event = self.events.recv_timeout(TIMEOUT).unwrap_or_else(|_| panic!("no event {kind}"));
            if event["kind"] == kind {
                return event;
            }
        }
    }

    /// The process id of the guard.
    fn guard(&self) -> i32 {
        child_named(self.daemon.id(), "relay-guard")
    }

    fn signal(&self, signal: i32) {
        send(self.daemon.id() as i32, signal);
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// Sends the lines of a pipe, until all processes that can write to it have ended.
fn lines<T: Send + 'static>(
    from: impl Read + Send + 'static,
    make: impl Fn(String) -> T + Send + 'static,
) -> Receiver<T> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines() {
            if sender.send(make(line.unwrap())).is_err() {
                return;
            }
        }
    });
    receiver
}

/// A video of one minute in which a person appears every three seconds.
fn visits() -> &'static Path {
    static CLIP: OnceLock<PathBuf> = OnceLock::new();
    CLIP.get_or_init(|| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("visits.mp4");
        let who = &DEMO_VISITORS[1];
        let BBox { x, y, width, height } = who.face;
        let (across, down, left, top) = (2.0 * width, 1.5 * height, x - 0.5 * width, y - 0.25 * height);
        let filter = format!(
            "[1:v]crop={across}:{down}:{left}:{top},scale=-2:440[face];\
             [0:v][face]overlay=x=100:y=20:enable='between(mod(t,3),0.4,1.6)'"
        );
        let output = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", "color=c=gray:s=640x480:r=10:d=60"])
            .arg("-i")
            .arg(root().join("crates/self-test/portraits").join(who.file))
            .args(["-filter_complex", &filter, "-t", "60", "-pix_fmt", "yuv420p", "-preset", "ultrafast"])
            .arg(&path)
            .output()
            .expect("these tests need ffmpeg: scripts/setup");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        path
    })
}

fn send(process: i32, signal: i32) {
    // SAFETY: kill(2) has no memory effects; the process is a descendant of ours that was not waited for.
    assert_eq!(unsafe { libc::kill(process, signal) }, 0);
}

fn child_named(parent: u32, name: &str) -> i32 {
    let tasks = fs::read_dir(format!("/proc/{parent}/task")).unwrap();
    let children =
        tasks.map(|task| fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default());
    let children: String = children.collect();
    let is_named = |pid: &&str| {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim_end() == name)
    };
    children.split_whitespace().find(is_named).expect("no such child").parse().unwrap()
}

fn count(output: &[String], line: &str) -> usize {
    output.iter().filter(|printed| *printed == line).count()
}

#[test]
fn a_daemon_that_is_killed_leaves_the_relay_at_rest() {
    let mut door = Door::open(LONG_PULSE_MS);
    door.signal(libc::SIGKILL);
    assert_eq!(door.daemon.wait().unwrap().signal(), Some(libc::SIGKILL));
    let output = door.remaining_output();
    assert_eq!(
        output.last().map(String::as_str),
        Some("relay off"),
        "the guard sets the relay to rest and ends: {output:?}"
    );
}

#[test]
fn the_guard_ends_the_pulse_of_a_stopped_daemon() {
    let door = Door::open("1000");
    door.signal(libc::SIGSTOP);
    // The daemon is still stopped when the guard ends the pulse.
    door.wait_for("relay off");
    let state = fs::read_to_string(format!("/proc/{}/stat", door.daemon.id())).unwrap();
    assert!(state.contains(") T "), "{state}");
    // After it continues, the door opens at the next visit.
    door.signal(libc::SIGCONT);
    door.wait_for("relay on");
}

#[test]
fn a_grant_during_a_pulse_extends_the_pulse() {
    let door = Door::open("5000");
    for _ in 0..3 {
        // The last grant is six seconds after the first.
        door.event("granted");
    }
    door.signal(libc::SIGTERM);
    let output = door.remaining_output();
    let count_before_off =
        output.iter().take_while(|line| *line != "relay off").filter(|line| *line == "relay on").count();
    assert_eq!(count_before_off, 2, "each grant extends the pulse: {output:?}");
}

#[test]
fn a_stop_ends_the_pulse_and_the_guard() {
    let mut door = Door::open(LONG_PULSE_MS);
    door.signal(libc::SIGTERM);
    door.event("relay_off");
    door.event("stopped");
    assert!(door.daemon.wait().unwrap().success());
    let output = door.remaining_output();
    assert!(count(&output, "relay off") > 0 && count(&output, "relay on") == 0, "{output:?}");
}

#[test]
fn signals_to_the_process_group_set_the_relay_to_rest_and_are_not_a_fault() {
    let door = Door::open(LONG_PULSE_MS);
    send(door.guard(), libc::SIGTERM);
    door.wait_for("relay off");
    door.signal(libc::SIGTERM);
    door.event("stopped");
}

#[test]
fn a_killed_guard_is_a_fault_and_the_daemon_sets_the_relay_to_rest() {
    let mut door = Door::open(LONG_PULSE_MS);
    send(door.guard(), libc::SIGKILL);
    door.wait_for("relay off");
    let locked = door.event("locked");
    assert!(locked["detail"].as_str().unwrap().contains("the relay guard was lost"), "{locked}");
    assert_eq!(door.daemon.wait().unwrap().code(), Some(2));
    assert_eq!(count(&door.remaining_output(), "relay on"), 0, "a locked door opens for nobody");
}

#[test]
fn a_guard_that_hangs_is_killed_to_release_the_line() {
    let mut door = Door::open("1000");
    send(door.guard(), libc::SIGSTOP);
    // The daemon notices it at the end of the pulse.
    door.wait_for("relay off");
    let locked = door.event("locked");
    assert!(locked["detail"].as_str().unwrap().contains("does not answer"), "{locked}");
    assert_eq!(door.daemon.wait().unwrap().code(), Some(2));
}

#[test]
fn rest_uses_the_line_of_the_daemon_and_not_the_current_configuration() {
    let mut door = Door::open(LONG_PULSE_MS);
    // Both processes are killed, as when the whole control group is killed.
    let guard = door.guard();
    send(guard, libc::SIGSTOP);
    door.signal(libc::SIGKILL);
    send(guard, libc::SIGKILL);
    door.daemon.wait().unwrap();
    assert_eq!(count(&door.remaining_output(), "relay off"), 0);
    fs::write(door.folder.path().join("ostiary.toml"), "[relay\n").unwrap();
    let mut command = ostiary();
    command.args(["rest", "--config"]).arg(door.folder.path().join("ostiary.toml"));
    let output = command.env("RUNTIME_DIRECTORY", door.folder.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "relay off\n");
    assert!(String::from_utf8_lossy(&output.stdout).contains("at rest: line 4"), "{output:?}");

    let output = command.env_remove("RUNTIME_DIRECTORY").output().unwrap();
    assert_eq!(output.status.code(), Some(2), "without the state file the configuration is used");
    assert!(String::from_utf8_lossy(&output.stderr).contains("ostiary.toml"), "{output:?}");
}

#[test]
fn rest_reports_a_missing_relay_and_a_missing_chip() {
    let rest = |arguments: &[&str]| {
        let mut command = ostiary();
        command.args(["rest", "--config", "/dev/null"]).args(arguments).env_remove("RUNTIME_DIRECTORY");
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    let (code, text) = rest(&[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("No relay is configured"), "{text}");
    let (code, text) = rest(&["--json"]);
    assert_eq!((code, text.contains("\"rested\":false")), (Some(0), true), "{text}");
    let (code, text) = rest(&["--set", "relay.line=4", "--set", "relay.chip=/dev/gpiochip987"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("no GPIO chip /dev/gpiochip987"), "{text}");
}

#[test]
fn the_guard_cannot_be_started_by_hand() {
    let output = ostiary().args(["relay-guard", "{\"line\":4}"]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("only the daemon starts this command"),
        "{output:?}"
    );
    let output = ostiary().args(["relay-guard", "{\"lane\":4}"]).output().unwrap();
    assert!(!output.status.success());
}

/// The test takes the place of the daemon.
#[test]
fn a_guard_reports_why_the_line_cannot_be_opened() {
    let (mut daemon, guard_end) = UnixStream::pair().unwrap();
    let relay = r#"{"backend":"gpiocdev","chip":"/dev/null","line":4}"#;
    let mut command = ostiary();
    command.args(["relay-guard", relay]).stdin(std::os::fd::OwnedFd::from(guard_end));
    let mut guard = command.spawn().unwrap();
    drop(command);
    assert!(guard.wait().unwrap().success());
    let mut reply = Vec::new();
    daemon.read_to_end(&mut reply).unwrap();
    // The message follows a header of three bytes.
    let message = String::from_utf8_lossy(&reply[3..]);
    assert!(message.contains("/dev/null is not a GPIO chip"), "{message}");
}
