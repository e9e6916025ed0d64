//! `ostiary setup`: the whole dialog, with a real door, its camera from a video, and a real broker. A script stands for systemd.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use ostiary_testkit::{Broker, free_port, person_video};
use serde_json::Value;
use tempfile::TempDir;

/// Starts the door as systemd does: it stops the one that runs, and waits for the first picture.
const SYSTEMCTL: &str = r#"#!/bin/sh
cd "$(dirname "$0")"
stop() { [ ! -f pid ] || { kill "$(cat pid)"; tail --pid="$(cat pid)" -f /dev/null; }; rm -f pid; }
case $2 in
  enable) ;;
  restart)
    stop
    "$OSTIARY" --config setup.toml --models "$MODELS" run > run.log 2>&1 < /dev/null &
    echo $! > pid
    for _ in $(seq 100); do
      "$OSTIARY" --config setup.toml door state --json 2> /dev/null | grep -q '"camera":true' && exit 0
      sleep 0.1
    done
    echo "the first picture did not come" >&2
    exit 1
    ;;
esac
"#;

/// A board with the program, on which no door runs.
struct Board(TempDir);

impl Board {
    fn new() -> Self {
        let board = Self(tempfile::tempdir().unwrap());
        let systemctl = board.path("systemctl");
        fs::write(&systemctl, SYSTEMCTL).unwrap();
        fs::set_permissions(&systemctl, fs::Permissions::from_mode(0o755)).unwrap();
        board
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        let path = format!("{}:{}", self.0.path().display(), std::env::var("PATH").unwrap());
        command.env("PATH", path).env("OSTIARY", assert_cmd::cargo::cargo_bin!("ostiary"));
        command.env("MODELS", Path::new(env!("CARGO_MANIFEST_DIR")).join("models"));
        command.env("OSTIARY_FACEBANK__PATH", self.path("facebank.sqlite"));
        command.env("OSTIARY_EVENTS__PATH", self.path("events.sqlite"));
        command.env("OSTIARY_LIVENESS__LEVEL", "off").env("OSTIARY_CAMERA__REALTIME", "true");
        command.env("OSTIARY_RELAY__BACKEND", "printed").env("OSTIARY_RELAY__PULSE_MS", "200");
        command.env_remove("NOTIFY_SOCKET");
        command
    }

    fn ostiary(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(Path::new(assert_cmd::cargo::cargo_bin!("ostiary")));
        command.arg("--config").arg(self.path("setup.toml")).args(arguments);
        command
    }

    /// Runs the dialog with these answers.
    fn set_up(&self, mqtt_port: u16, answers: &[&str]) -> Output {
        let arguments = ["setup", "--any-pose", "--secrets", self.0.path().to_str().unwrap()];
        let mut command = self.ostiary(&arguments);
        command.env("OSTIARY_MQTT__PORT", mqtt_port.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut setup = command.spawn().unwrap();
        let text: String = answers.iter().map(|answer| format!("{answer}\n")).collect();
        setup.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        setup.wait_with_output().unwrap()
    }

    fn events(&self) -> Vec<Value> {
        let output = self.ostiary(&["events", "--json"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        if let Ok(pid) = fs::read_to_string(self.path("pid")) {
            let _ = Command::new("kill").arg(pid.trim()).status();
        }
    }
}

#[test]
fn a_new_board_becomes_a_door_that_knows_a_person() {
    let board = Board::new();
    let broker = Broker::open();
    let video = person_video(board.0.path());
    // Camera, name, aim, person: four answers to a recognized person. Then the relay's line and level, its test, the click, the
    // broker and the user. There is no camera 7 and no such file, an address has no password, and "front door" is no name.
    let video = video.to_str().unwrap();
    let wrong = ["rtsp://", "7", "/no/such/video.mkv", "rtsp://ada:secret@camera/1"];
    let answers = [video, "front door", "front", "", "Cy", "x", "17", "n", "front", "y", "127.0.0.1", ""];
    let output = board.set_up(broker.port(), &[&wrong[..], &answers[..]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}{errors}");
    for part in [
        "there is no camera 7",
        "/no/such/video.mkv: there is no such device or file",
        "Give the address without user and password",
        "The door has recognized Cy. ",
        "\"x\" is no number of a line",
        "The relay is on for 0.2 s.",
        "The broker accepts the connection.",
        "a photo of an enrolled person opens the door",
        "The door is set up.",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let recognized = text.find("The door has recognized").unwrap();
    let questions = text[..recognized].matches(": ").count();
    assert!(questions <= 8 + wrong.len() + 6, "at most 8 answers beside the wrong ones: {text}");
    let file = fs::read_to_string(board.path("setup.toml")).unwrap();
    let expected = format!(
        "# Written by `ostiary setup`, which can be run again.\n\n[camera]\nsource = \"{video}\"\n\n[door]\nname = \"front\"\n\n\
         [mqtt]\nenabled = true\nhost = \"127.0.0.1\"\n\n[relay]\nactive = \"high\"\nline = 17\n"
    );
    assert_eq!(file, expected);
    let events = board.events();
    let granted =
        |reason: &str| events.iter().any(|event| event["kind"] == "granted" && event["reason"] == reason);
    assert!(granted("granted") && granted("command"), "{events:?}");
    // Again: Enter keeps everything, and the input ends before the question about the broker.
    let again = board.set_up(broker.port(), &["", "", "", "", "", "", ""]);
    let text = String::from_utf8(again.stdout).unwrap();
    let errors = String::from_utf8(again.stderr).unwrap();
    assert!(again.status.code() == Some(2) && errors.contains("the input has ended"), "{text}{errors}");
    assert!(text.contains("[front]") && text.contains("[17]"), "{text}");
    assert_eq!(fs::read_to_string(board.path("setup.toml")).unwrap(), expected);
}

#[test]
fn a_broker_that_cannot_be_reached_and_a_wrong_confirmation_change_nothing() {
    let board = Board::new();
    let video = person_video(board.0.path());
    let answers =
        [video.to_str().unwrap(), "front", "", "", "17", "n", "back", "127.0.0.1", "ada", "secret", "", ""];
    let output = board.set_up(free_port(), &answers);
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}{errors}");
    assert!(text.contains("The relay was not tested: this would open the door front"), "{text}");
    assert!(text.contains("Connection refused"), "{text}");
    assert!(!text.contains("secret") && !errors.contains("secret"));
    let file = fs::read_to_string(board.path("setup.toml")).unwrap();
    assert!(!file.contains("mqtt") && !file.contains("secret"), "{file}");
    assert!(!board.path("mqtt-password").exists() && !board.path("mqtt-password.new").exists());
    assert!(!board.events().iter().any(|event| event["kind"] == "granted" && event["reason"] == "command"));
    // A service that does not start, and a dialog that cannot have an answer.
    fs::write(board.path("systemctl"), "#!/bin/sh\necho no such unit >&2\nexit 4\n").unwrap();
    let refused = board.set_up(free_port(), &["", ""]);
    let errors = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(2) && errors.contains("no such unit"), "{errors}");
    let json = board.ostiary(&["setup", "--json"]).output().unwrap();
    assert!(String::from_utf8(json.stderr).unwrap().contains("has no --json"));
}
