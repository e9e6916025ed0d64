//! The control API of a running door: through the commands, and as any other program calls it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use ostiary_control::Client;
use ostiary_control::interface::VarlinkClientInterface;
use ostiary_testkit::{TIMEOUT, ffmpeg, portrait, wait_for};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A running door with its files, before which nobody stands.
struct Door {
    folder: TempDir,
    daemon: Option<Child>,
}

impl Door {
    /// A door with two people, that does not run yet.
    fn new() -> Self {
        let door = Self { folder: tempfile::tempdir().unwrap(), daemon: None };
        door.configure("");
        for (name, photo) in [("Ann", "obama.jpg"), ("Ben", "biden.jpg")] {
            let output = door.ostiary(&["enroll", name]).arg(portrait(photo)).output().unwrap();
            assert!(output.status.success(), "{output:?}");
        }
        door
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn socket(&self) -> PathBuf {
        self.path("control")
    }

    fn configure(&self, more: &str) {
        let text = format!(
            "[facebank]\npath = {:?}\n[events]\npath = {:?}\n[control]\nsocket = {:?}\n{more}\n",
            self.path("facebank.sqlite"),
            self.path("events.sqlite"),
            self.socket()
        );
        fs::write(self.path("ostiary.toml"), text).unwrap();
    }

    fn ostiary(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("ostiary"));
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
        command.arg("--config").arg(self.path("ostiary.toml")).arg("--models").arg(models);
        command.args(arguments).stdin(Stdio::null()).env_remove("NOTIFY_SOCKET").env_remove("SUDO_UID");
        command.env("OSTIARY_LIVENESS__LEVEL", "off");
        command
    }

    /// Starts the door, and waits until it answers.
    fn start(&mut self) {
        let video = self.path("empty.mkv");
        if !video.exists() {
            ffmpeg(&["-f", "lavfi", "-i", "color=c=gray:s=320x240:r=5:d=600"], &video);
        }
        let source = format!("camera.source={}", video.display());
        let daemon = self
            .ostiary(&["run", "--json", "--set", &source, "--set", "camera.realtime=true"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.daemon = Some(daemon);
        wait_for("the door answers", || {
            let Ok(Some(mut client)) = Client::connect(&self.socket()) else { return false };
            client.door().get_state().call().is_ok_and(|reply| reply.state.camera)
        });
    }

    fn output(&self, arguments: &[&str]) -> Output {
        self.ostiary(arguments).output().unwrap()
    }

    /// The JSON lines that a command prints, which must succeed.
    fn lines(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.ostiary(&["--json"]).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The error of a command, which must fail.
    fn error(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn stop(&mut self) {
        let Some(mut daemon) = self.daemon.take() else { return };
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.stop();
    }
}

#[test]
fn commands_say_the_same_through_the_door_and_without_it() {
    let mut door = Door::new();
    let list = ["people", "list"];
    let (people, shown) = (door.lines(&list), door.lines(&["people", "show", "ann"]));
    let text = door.output(&list).stdout;
    let unknown = door.error(&["people", "show", "Anne"]);
    door.start();
    assert_eq!(door.lines(&list), people);
    assert_eq!(door.lines(&["people", "show", "ann"]), shown);
    assert_eq!(door.output(&list).stdout, text);
    assert_eq!(door.error(&["people", "show", "Anne"]), unknown);

    let renamed = door.lines(&["people", "rename", "Ann", "Ann Lee"]);
    assert_eq!(renamed[0]["name"], "Ann Lee");
    let disabled = door.lines(&["people", "disable", "ben"]);
    assert_eq!((&disabled[0]["name"], &disabled[0]["enabled"]), (&json!("Ben"), &json!(false)));
    let grouped = door.lines(&["people", "group", "Ben", "Staff"]);
    assert_eq!(grouped[0]["group"], "staff");
    assert_eq!(door.lines(&["people", "remove", "BEN"]), [json!({ "removed": "Ben" })]);
    wait_for("the door uses the change", || door.lines(&["door", "state"])[0]["people"] == 1);

    wait_for("the changes are recorded", || door.lines(&["events"]).len() >= 7);
    let events = door.lines(&["events"]);
    let changes: Vec<_> = events.iter().filter(|event| event["kind"] == "administered").collect();
    let actions: Vec<_> = changes.iter().map(|event| event["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["enrolled", "renamed", "disabled", "grouped", "removed"][1..], "{events:?}");
    let uid = rustix::process::getuid().as_raw();
    assert!(changes.iter().all(|event| event["uid"] == uid), "{changes:?}");
    let limited = door.lines(&["events", "--limit", "2"]);
    assert_eq!(limited, events[events.len() - 2..]);
    let csv = door.output(&["events", "--csv"]).stdout;
    door.stop();
    assert_eq!(door.lines(&["events", "--limit", "100"])[..events.len()], events, "the file says the same");
    let from_file = String::from_utf8(door.output(&["events", "--csv"]).stdout).unwrap();
    assert!(from_file.starts_with(&String::from_utf8(csv).unwrap()));
    assert_eq!(door.lines(&list).len(), 1);
}

#[test]
fn sudo_users_are_recorded() {
    let mut door = Door::new();
    door.start();
    let output = door.ostiary(&["people", "disable", "Ann"]).env("SUDO_UID", "1234").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    wait_for("the change is recorded", || {
        let events = door.lines(&["events", "--person", "Ann"]);
        events.iter().any(|event| event["action"] == "disabled" && event["sudo_uid"] == 1234)
    });
}

#[test]
fn the_state_tells_whether_the_door_can_open() {
    let mut door = Door::new();
    assert!(door.error(&["door", "state"]).contains("no door runs with this configuration"));
    door.start();
    let state = &door.lines(&["door", "state"])[0];
    let told = ["has_relay", "has_contact", "camera", "people", "liveness", "fault"].map(|key| &state[key]);
    assert_eq!(told, [&json!(false), &json!(false), &json!(true), &json!(2), &json!("off"), &Value::Null]);
    let text = String::from_utf8(door.output(&["door", "state"]).stdout).unwrap();
    assert!(text.contains("no relay is configured") && text.contains("gives frames"), "{text}");
}

#[test]
fn a_reload_says_what_became_of_it() {
    let mut door = Door::new();
    door.start();
    door.configure("[liveness]\nlanguage = \"de\"");
    let reloaded = &door.lines(&["door", "reload"])[0];
    assert_eq!(reloaded["reloaded"], true);
    // Valid, but not for a door that runs.
    door.configure("[door]\nname = \"back\"");
    assert!(door.error(&["door", "reload"]).contains("door.name can only change with a restart"));
    wait_for("both are recorded", || {
        let events = door.lines(&["events"]);
        let count = |kind: &str| events.iter().filter(|event| event["kind"] == kind).count();
        count("reloaded") == 1 && count("reload_refused") == 1
    });
}

#[test]
fn another_door_on_the_socket_is_not_mistaken_for_this_one() {
    let mut door = Door::new();
    door.start();
    let mut other = Door::new();
    let text = fs::read_to_string(other.path("ostiary.toml")).unwrap();
    let own = format!("socket = {:?}", other.socket());
    assert!(text.contains(&own));
    let text = text.replace(&own, &format!("socket = {:?}", door.socket()));
    fs::write(other.path("ostiary.toml"), text).unwrap();
    let removed = other.lines(&["people", "remove", "Ann"]);
    assert_eq!(removed, [json!({ "removed": "Ann" })]);
    assert_eq!(door.lines(&["people", "list"]).len(), 2);
    assert!(other.error(&["door", "state"]).contains("no door runs with this configuration"));
    other.stop();
}

#[test]
fn events_are_followed_over_a_restart_of_the_door() {
    let mut door = Door::new();
    door.start();
    let mut follower = door
        .ostiary(&["--json", "events", "--follow", "--limit", "1"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["kind"], "started");
    door.lines(&["people", "disable", "Ann"]);
    assert_eq!(next()["action"], "disabled");
    door.stop();
    door.start();
    assert_eq!(next()["kind"], "started");
    follower.kill().unwrap();
    follower.wait().unwrap();
}

/// The time that the door needs to answer, at most, over a second.
fn slowest_answer(door: &Door) -> Duration {
    let end = Instant::now() + Duration::from_secs(1);
    let mut slowest = Duration::ZERO;
    while Instant::now() < end {
        let start = Instant::now();
        let mut client = Client::connect(&door.socket()).unwrap().unwrap();
        if client.door().get_state().call().is_ok() {
            slowest = slowest.max(start.elapsed());
        }
        thread::sleep(Duration::from_millis(20));
    }
    slowest
}

#[test]
fn clients_that_flood_the_socket_or_never_read_do_not_stop_the_door() {
    let mut door = Door::new();
    door.start();
    let frames = |door: &Door| {
        let mut client = Client::connect(&door.socket()).unwrap().unwrap();
        client.door().get_state().call().map(|reply| reply.state.frames)
    };
    let before = frames(&door).unwrap();
    let socket = door.socket();
    let deadline = Instant::now() + Duration::from_secs(4);
    let clients: Vec<_> = (0..100)
        .map(|number| {
            let socket = socket.clone();
            thread::spawn(move || {
                let call = b"{\"method\":\"io.ostiary.Door.ListPeople\",\"parameters\":{}}\0";
                while Instant::now() < deadline {
                    let Ok(mut stream) = UnixStream::connect(&socket) else { continue };
                    stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
                    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
                    for _ in 0..200 {
                        if stream.write_all(call).is_err() {
                            break;
                        }
                    }
                    // Every other client never reads.
                    let mut answer = [0; 1 << 16];
                    while number % 2 == 0 && matches!(stream.read(&mut answer), Ok(1..)) {}
                }
            })
        })
        .collect();
    thread::sleep(Duration::from_secs(3));
    for client in clients {
        client.join().unwrap();
    }
    wait_for("an admin can connect again", || frames(&door).is_ok());
    assert!(frames(&door).unwrap() >= before + 10, "the door has processed frames all the time");
    assert!(slowest_answer(&door) < TIMEOUT);
    assert!(door.daemon.as_mut().unwrap().try_wait().unwrap().is_none(), "it runs");
}

#[test]
fn a_socket_that_cannot_be_made_does_not_keep_the_door_from_running() {
    let mut door = Door::new();
    fs::write(door.socket(), "mine").unwrap();
    let video = door.path("short.mkv");
    ffmpeg(&["-f", "lavfi", "-i", "color=c=gray:s=320x240:r=5:d=1"], &video);
    let output = door.output(&["run", "--set", &format!("camera.source={}", video.display())]);
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && log.contains("there is a file that is no socket"), "{log}");
    assert_eq!(fs::read_to_string(door.socket()).unwrap(), "mine");
    door.stop();
}
