//! Pictures of strangers: kept only where the owner wants them, seen, enrolled from and deleted; with real models and ffmpeg, by the
//! running door and without it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use ostiary_control::{CallError, Client};
use ostiary_core::BBox;
use ostiary_pictures::decode_picture;
use ostiary_self_test::{DEMO_VISITORS, Portrait};
use ostiary_testkit::{ffmpeg, portrait, wait_for};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The longest side of a picture, pixels.
const MAX_SIDE: u32 = 360;
/// Who stands before the door, and is enrolled by nobody at first.
const STRANGER: Portrait = DEMO_VISITORS[0];

/// A door with one person, and a video of a visit of a stranger.
struct Door {
    folder: TempDir,
    daemon: Option<Child>,
}

impl Door {
    fn new() -> Self {
        let door = Self { folder: tempfile::tempdir().unwrap(), daemon: None };
        let ann = portrait("obama.jpg");
        door.lines(&["enroll", "Ann", ann.to_str().unwrap()]);
        let BBox { x, y, width, height } = STRANGER.face;
        let (across, down, left, top) = (2.0 * width, 1.5 * height, x - 0.5 * width, y - 0.25 * height);
        let filter = format!(
            "[1:v]crop={across}:{down}:{left}:{top},scale=-2:440[face];[0:v][face]overlay=x=100+10*t:y=20:enable='between(t,0.4,2.4)'"
        );
        let visitor = portrait(STRANGER.file);
        let arguments = [
            &["-f", "lavfi", "-i", "color=c=gray:s=640x480:r=15:d=3", "-i", visitor.to_str().unwrap()][..],
            &["-filter_complex", &filter, "-t", "3", "-pix_fmt", "yuv420p"],
        ];
        ffmpeg(&arguments.concat(), &door.path("visit.mkv"));
        door
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder of the pictures.
    fn pictures(&self) -> PathBuf {
        self.path("events.sqlite.snapshots")
    }

    fn ostiary(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("ostiary"));
        let configuration = self.path("ostiary.toml");
        if !configuration.exists() {
            let [facebank, events] = ["facebank.sqlite", "events.sqlite"].map(|name| self.path(name));
            let text = format!("[facebank]\npath = {facebank:?}\n[events]\npath = {events:?}\n");
            fs::write(&configuration, text).unwrap();
        }
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
        command.arg("--config").arg(configuration).arg("--models").arg(models).args(arguments);
        command.stdin(Stdio::null()).env_remove("NOTIFY_SOCKET").env_remove("SUDO_UID");
        command.env("OSTIARY_LIVENESS__LEVEL", "off");
        command
    }

    fn output(&self, arguments: &[&str]) -> Output {
        self.ostiary(&["--json"]).args(arguments).output().unwrap()
    }

    /// The JSON lines that a command prints, which must succeed.
    fn lines(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.output(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Why a command is refused.
    fn refusal(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// The visit, as a recording, with this value of snapshots.days. Returns its decisions.
    fn visit(&self, days: u32) -> Vec<Value> {
        let source = format!("camera.source={}", self.path("visit.mkv").display());
        let days = format!("snapshots.days={days}");
        let lines = self.lines(&["run", "--set", &source, "--set", &days]);
        lines.into_iter().filter(|line| line.get("track").is_some()).collect()
    }

    /// A visit of which there is a picture then: the number of its event.
    fn stranger(&self) -> u64 {
        let decisions = self.visit(7);
        assert_eq!(decisions[0]["reason"], "unknown", "{decisions:?}");
        decisions[0]["id"].as_u64().unwrap()
    }

    /// The numbers of the events of which there is a picture.
    fn list(&self) -> Vec<u64> {
        self.lines(&["snapshots", "list"]).iter().map(|line| line["event"].as_u64().unwrap()).collect()
    }

    /// Starts the door before an empty place.
    fn start(&mut self) {
        let empty = self.path("empty.mkv");
        ffmpeg(&["-f", "lavfi", "-i", "color=c=gray:s=320x240:r=5:d=600", "-preset", "ultrafast"], &empty);
        let source = format!("camera.source={}", empty.display());
        let mut command = self.ostiary(&["run", "--set", &source, "--set", "camera.realtime=true"]);
        command.args(["--set", "snapshots.days=7"]).stdout(Stdio::null()).stderr(Stdio::null());
        self.daemon = Some(command.spawn().unwrap());
        wait_for("the door answers", || {
            let client = Client::connect(&self.path("facebank.sqlite.control"));
            client.is_ok_and(|client| {
                client.is_some_and(|mut client| {
                    client
                        .call::<Value>("GetState", Value::Null, None)
                        .is_ok_and(|state| state["state"]["camera"] == true)
                })
            })
        });
    }

    /// A call of the running door with a token of this role.
    fn call(&self, role: &str, method: &str, parameters: Value) -> Result<Value, CallError> {
        let name = format!("{role} {method}");
        let token = &self.lines(&["tokens", "create", &name, "--role", role])[0]["token"];
        let mut client = Client::connect(&self.path("facebank.sqlite.control"))?.unwrap();
        client.call(method, parameters, token.as_str())
    }

    /// What doctor finds about pictures. It finds faults elsewhere: there is no camera.
    fn finding(&self) -> Value {
        let text = String::from_utf8(self.output(&["doctor"]).stdout).unwrap();
        let mut findings = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        findings.find(|finding| finding["check"] == "snapshots").unwrap()
    }

    /// The events of commands with this action.
    fn changes(&self, action: &str) -> Vec<Value> {
        self.lines(&["events"]).into_iter().filter(|event| event["action"] == action).collect()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill().unwrap();
            daemon.wait().unwrap();
        }
    }
}

#[test]
fn a_stranger_is_enrolled_from_the_picture_that_the_owner_has_asked_for() {
    let door = Door::new();
    assert_eq!(door.visit(0)[0]["reason"], "unknown");
    assert!(!door.pictures().exists(), "off unless the owner turns it on");

    let event = door.stranger();
    assert_eq!(door.list(), [event]);
    let file = door.path("visitor.jpg");
    let save = ["snapshots", "save", &event.to_string(), "-o", file.to_str().unwrap()];
    assert_eq!(door.lines(&save)[0]["event"], event);
    let picture = decode_picture(&file, &fs::read(&file).unwrap()).unwrap();
    assert_eq!(picture.width(), picture.height());
    assert!((200..=MAX_SIDE).contains(&picture.width()), "{picture:?}");
    assert!(
        door.refusal(&["snapshots", "save", "1", "-o", "x.jpg"]).contains("there is no picture of event 1")
    );
    assert!(door.finding()["found"].as_str().unwrap().starts_with("1 picture of strangers"));

    let enrolled = door.lines(&["enroll", "Cy", "--event", &event.to_string()]);
    assert_eq!((&enrolled[0]["enrolled"], &enrolled[0]["added"]), (&json!(true), &json!(1)));
    let change = &door.changes("enrolled")[0];
    assert_eq!(change["person"], "Cy");
    assert_eq!(change["detail"], format!("1 photo, from the picture of event {event}"));
    assert_eq!(door.list(), [] as [u64; 0], "it is no stranger's any longer");
    assert!(door.refusal(&["enroll", "Cy", "--event", &event.to_string()]).contains("no picture"));

    let decisions = door.visit(7);
    assert_eq!((&decisions[0]["reason"], &decisions[0]["person"]), (&json!("granted"), &json!("Cy")));
    assert_eq!(door.list(), [] as [u64; 0], "of enrolled people there are none");
}

#[test]
fn the_running_door_gives_pictures_by_role_enrolls_from_them_and_deletes_them() {
    let mut door = Door::new();
    let [one, other, last] = [door.stranger(), door.stranger(), door.stranger()];
    let listed = door.lines(&["snapshots", "list"]);
    door.start();
    assert_eq!(door.lines(&["snapshots", "list"]), listed, "as without the door");
    let file = door.path("by-door.jpg");
    door.lines(&["snapshots", "save", &one.to_string(), "-o", file.to_str().unwrap()]);
    let mut stored = fs::read_dir(door.pictures()).unwrap().map(|entry| entry.unwrap().path());
    let stored = stored.find(|path| path.to_str().unwrap().contains(&format!("/{one}-"))).unwrap();
    assert_eq!(fs::read(file).unwrap(), fs::read(stored).unwrap());

    let event = json!({ "event": one });
    let options = json!({ "aligned": false, "force": false, "allow_similar": false, "allow_unlike": false });
    let enroll = json!({ "name": "Cy", "event": one, "options": options });
    for (role, method, parameters) in [
        ("viewer", "ListSnapshots", json!({})),
        ("viewer", "GetSnapshot", event.clone()),
        ("operator", "DeleteSnapshot", event.clone()),
        ("operator", "EnrollSnapshot", enroll),
    ] {
        let refused = door.call(role, method, parameters).unwrap_err();
        assert!(matches!(refused, CallError::NotAllowed { .. }), "{role} {method}: {refused}");
    }
    assert!(door.call("operator", "GetSnapshot", event.clone()).is_ok());
    assert_eq!(door.call("operator", "ListSnapshots", json!({})).unwrap()["days"], 7);

    // The same checks as for a photo: it is not Ann.
    let [one, other, last] = [one, other, last].map(|event| event.to_string());
    let refused = door.output(&["enroll", "Ann", "--event", &one]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(String::from_utf8(refused.stderr).unwrap().contains("--allow-unlike"));
    assert_eq!(door.list().len(), 3, "it stays");

    door.lines(&["enroll", "Cy", "--event", &one]);
    // A second template of somebody who is enrolled, although it is Cy.
    let second = ["enroll", "Ann", "--event", &other, "--allow-unlike", "--allow-similar"];
    let second = door.lines(&second);
    let templates = [&second[0]["new"], &second[0]["added"], &second[0]["templates"]];
    assert_eq!(templates, [&json!(false), &json!(1), &json!(2)], "{second:?}");
    door.call("admin", "DeleteSnapshot", json!({ "event": last.parse::<u64>().unwrap() })).unwrap();
    assert!(door.refusal(&["snapshots", "delete", &last]).contains("there is no picture"));
    assert_eq!(door.list(), [] as [u64; 0]);
    wait_for("the changes are recorded", || door.changes("snapshot_deleted").len() == 1);
    let deleted = &door.changes("snapshot_deleted")[0];
    assert_eq!(deleted["detail"], format!("that of event {last}"));
    assert_eq!(deleted["token"], "admin DeleteSnapshot");
    assert_eq!(door.changes("enrolled").len(), 2);
}

#[test]
fn a_damaged_picture_or_folder_is_told_and_keeps_nothing_from_working() {
    let door = Door::new();
    let event = door.stranger();
    let picture = fs::read_dir(door.pictures()).unwrap().next().unwrap().unwrap().path();
    fs::write(&picture, "no picture").unwrap();
    assert!(
        door.refusal(&["enroll", "Cy", "--event", &event.to_string()]).contains("the picture is damaged")
    );
    door.lines(&["snapshots", "delete", &event.to_string()]);
    assert_eq!(door.changes("snapshot_deleted").len(), 1);

    fs::remove_dir_all(door.pictures()).unwrap();
    fs::write(door.pictures(), "no folder").unwrap();
    let decisions = door.visit(7);
    assert_eq!(decisions[0]["reason"], "unknown", "{decisions:?}");
    assert_eq!(door.finding()["status"], "warning");
}
