//! The relay's guard as a door sees it: a real daemon, a real guard, and signals. Only the line is printed: there is
//! no GPIO here.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use std::{fs, thread};

use ostiary::demo::DEMO_VISITORS;
use ostiary_core::BBox;
use serde_json::Value;
use tempfile::TempDir;

/// Far longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(90);
/// So long that no test waits for its end.
const LONG: &str = "60000";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn ostiary() -> Command {
    Command::new(assert_cmd::cargo::cargo_bin!("ostiary"))
}

/// A daemon before whose camera a person stands who is known, and what it and its guard say.
struct Door {
    folder: TempDir,
    daemon: Child,
    said: Receiver<String>,
    events: Receiver<Value>,
}

impl Door {
    /// Kept with a printed relay and this pulse, until the relay is on.
    fn open(pulse_ms: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let text = format!(
            "[facebank]\npath = {:?}\n[events]\npath = {:?}\n[camera]\nrealtime = true\nsource = {:?}\n\
             [relay]\nbackend = \"printed\"\nline = 4\npulse_ms = {pulse_ms}\n[door]\ncooldown_s = 0.0\n",
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
        let enrolled =
            command(&["enroll", "Ann"]).arg(root().join("demo/portraits/obama.jpg")).output().unwrap();
        assert!(enrolled.status.success(), "{enrolled:?}");
        let mut daemon =
            command(&["run", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said = lines(daemon.stderr.take().unwrap(), |line| line);
        let events = lines(daemon.stdout.take().unwrap(), |line| serde_json::from_str(&line).unwrap());
        let door = Self { folder, daemon, said, events };
        door.hear("relay off");
        door.hear("relay on");
        door
    }

    /// Waits until the daemon or its guard says this line.
    fn hear(&self, wanted: &str) {
        let deadline = Instant::now() + LIMIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.said.recv_timeout(left).unwrap_or_else(|_| panic!("nobody says {wanted:?}"));
            if line == wanted {
                return;
            }
        }
    }

    /// What is still said, until daemon and guard have both ended.
    fn rest(&self) -> Vec<String> {
        let mut rest = Vec::new();
        loop {
            match self.said.recv_timeout(LIMIT) {
                Ok(line) => rest.push(line),
                Err(RecvTimeoutError::Disconnected) => return rest,
                Err(RecvTimeoutError::Timeout) => panic!("they do not end: {rest:?}"),
            }
        }
    }

    fn event(&self, kind: &str) -> Value {
        loop {
            let event = self.events.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("no event {kind}"));
            if event["kind"] == kind {
                return event;
            }
        }
    }

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

/// Lines as they are said, until the last that could say any has ended.
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

/// A clip of somebody who comes to the door every three seconds, for a minute.
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
            .args(["-loop", "1", "-t", "60", "-i"])
            .arg(root().join("demo/portraits").join(who.file))
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

fn count(said: &[String], line: &str) -> usize {
    said.iter().filter(|said| *said == line).count()
}

#[test]
fn a_daemon_that_is_killed_leaves_the_relay_at_rest() {
    let mut door = Door::open(LONG);
    door.signal(libc::SIGKILL);
    assert_eq!(door.daemon.wait().unwrap().signal(), Some(libc::SIGKILL));
    let said = door.rest();
    assert_eq!(said.last().map(String::as_str), Some("relay off"), "the guard rests it and ends: {said:?}");
}

#[test]
fn a_daemon_that_is_stopped_in_a_pulse_does_not_hold_the_door_open() {
    let door = Door::open("1000");
    door.signal(libc::SIGSTOP);
    // It is still stopped when the guard ends the pulse; nobody else could.
    door.hear("relay off");
    let state = fs::read_to_string(format!("/proc/{}/stat", door.daemon.id())).unwrap();
    assert!(state.contains(") T "), "{state}");
    // Woken, it goes on: the door opens at the next visit.
    door.signal(libc::SIGCONT);
    door.hear("relay on");
}

#[test]
fn a_grant_at_an_open_door_keeps_it_open_over_the_first_bound() {
    let door = Door::open("5000");
    for _ in 0..3 {
        // The last comes six seconds after the first.
        door.event("granted");
    }
    door.signal(libc::SIGTERM);
    let said = door.rest();
    let stays =
        said.iter().take_while(|line| *line != "relay off").filter(|line| *line == "relay on").count();
    assert_eq!(stays, 2, "every grant renews the bound: {said:?}");
}

#[test]
fn a_stop_ends_the_pulse_and_the_guard() {
    let mut door = Door::open(LONG);
    door.signal(libc::SIGTERM);
    door.event("relay_off");
    door.event("stopped");
    assert!(door.daemon.wait().unwrap().success());
    let said = door.rest();
    assert!(count(&said, "relay off") > 0 && count(&said, "relay on") == 0, "{said:?}");
}

#[test]
fn signals_for_the_whole_group_put_the_relay_to_rest_and_are_no_fault() {
    let door = Door::open(LONG);
    send(door.guard(), libc::SIGTERM);
    door.hear("relay off");
    door.signal(libc::SIGTERM);
    door.event("stopped");
}

#[test]
fn a_guard_that_is_killed_is_a_fault_and_the_daemon_rests_the_relay() {
    let mut door = Door::open(LONG);
    send(door.guard(), libc::SIGKILL);
    door.hear("relay off");
    let locked = door.event("locked");
    assert!(locked["detail"].as_str().unwrap().contains("the relay guard was lost"), "{locked}");
    assert_eq!(door.daemon.wait().unwrap().code(), Some(2));
    assert_eq!(count(&door.rest(), "relay on"), 0, "a locked door opens for nobody");
}

#[test]
fn a_guard_that_hangs_is_killed_for_the_line() {
    let mut door = Door::open("1000");
    send(door.guard(), libc::SIGSTOP);
    // The pulse's end is where it is missed.
    door.hear("relay off");
    let locked = door.event("locked");
    assert!(locked["detail"].as_str().unwrap().contains("does not answer"), "{locked}");
    assert_eq!(door.daemon.wait().unwrap().code(), Some(2));
}

#[test]
fn what_the_daemon_drove_is_put_to_rest_whatever_the_configuration_says_by_now() {
    let mut door = Door::open(LONG);
    // All at once, as when the whole control group is killed: nobody is left.
    let guard = door.guard();
    send(guard, libc::SIGSTOP);
    door.signal(libc::SIGKILL);
    send(guard, libc::SIGKILL);
    door.daemon.wait().unwrap();
    assert_eq!(count(&door.rest(), "relay off"), 0);
    fs::write(door.folder.path().join("ostiary.toml"), "[relay\n").unwrap();
    let mut command = ostiary();
    command.args(["rest", "--config"]).arg(door.folder.path().join("ostiary.toml"));
    let output = command.env("RUNTIME_DIRECTORY", door.folder.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "relay off\n");
    assert!(String::from_utf8_lossy(&output.stdout).contains("at rest: line 4"), "{output:?}");

    let output = command.env_remove("RUNTIME_DIRECTORY").output().unwrap();
    assert_eq!(output.status.code(), Some(2), "without the note the configuration is asked");
    assert!(String::from_utf8_lossy(&output.stderr).contains("ostiary.toml"), "{output:?}");
}

#[test]
fn rest_says_so_where_there_is_no_relay_or_no_line() {
    let rest = |arguments: &[&str]| {
        let mut command = ostiary();
        command.args(["rest", "--config", "/dev/null"]).args(arguments).env_remove("RUNTIME_DIRECTORY");
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    };
    let (code, said) = rest(&[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("No relay is configured"), "{said}");
    let (code, said) = rest(&["--json"]);
    assert_eq!((code, said.contains("\"rested\":false")), (Some(0), true), "{said}");
    let (code, said) = rest(&["--set", "relay.line=4", "--set", "relay.chip=/dev/gpiochip987"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("no GPIO chip /dev/gpiochip987"), "{said}");
}

#[test]
fn the_guard_is_not_started_by_hand() {
    let output = ostiary().args(["relay-guard", "{\"line\":4}"]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("the daemon's own"), "{output:?}");
    let output = ostiary().args(["relay-guard", "{\"lane\":4}"]).output().unwrap();
    assert!(!output.status.success());
}

/// What a guard says to whoever stands in for the daemon.
#[test]
fn a_line_that_cannot_be_had_is_told_in_the_words_of_the_line() {
    let (mut daemon, theirs) = UnixStream::pair().unwrap();
    let relay = r#"{"backend":"gpiocdev","chip":"/dev/null","line":4}"#;
    let mut command = ostiary();
    command.args(["relay-guard", relay]).stdin(std::os::fd::OwnedFd::from(theirs));
    let mut guard = command.spawn().unwrap();
    drop(command);
    assert!(guard.wait().unwrap().success());
    let mut said = Vec::new();
    daemon.read_to_end(&mut said).unwrap();
    let said = String::from_utf8_lossy(&said[3..]);
    assert!(said.contains("/dev/null is not a GPIO chip"), "{said}");
}
