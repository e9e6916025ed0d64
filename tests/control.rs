//! The control API of a running door: through the commands, and as any other program calls it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::fs::Permissions;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ostiary_control::interface::VarlinkClientInterface;
use ostiary_control::{CallError, Client};
use ostiary_testkit::{Broker, TIMEOUT, ffmpeg, person_video, portrait, wait_for};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A running door with its files, before which nobody stands.
struct Door {
    folder: TempDir,
    daemon: Option<Child>,
    /// The user of the door and its commands; `None` for that of the test.
    user: Option<u32>,
}

impl Door {
    /// A door with two people, that does not run yet.
    fn new() -> Self {
        let door = Self { folder: tempfile::tempdir().unwrap(), daemon: None, user: None };
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
        self.path("facebank.sqlite.control")
    }

    fn configure(&self, more: &str) {
        let text = format!(
            "[facebank]\npath = {:?}\n[events]\npath = {:?}\n{more}\n",
            self.path("facebank.sqlite"),
            self.path("events.sqlite"),
        );
        fs::write(self.path("ostiary.toml"), text).unwrap();
    }

    fn ostiary(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("ostiary"));
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
        command.arg("--config").arg(self.path("ostiary.toml")).arg("--models").arg(models);
        command.args(arguments).stdin(Stdio::null()).env_remove("NOTIFY_SOCKET").env_remove("SUDO_UID");
        command.env("OSTIARY_LIVENESS__LEVEL", "off");
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command
    }

    /// Starts the door before an empty place, and waits until it answers.
    fn start(&mut self) {
        let video = self.path("empty.mkv");
        if !video.exists() {
            ffmpeg(
                &["-f", "lavfi", "-i", "color=c=gray:s=320x240:r=5:d=600", "-preset", "ultrafast"],
                &video,
            );
        }
        self.start_before(&video);
    }

    /// Starts the door with this video as the camera, and waits until it answers.
    fn start_before(&mut self, video: &Path) {
        self.start_with(video, &[]);
    }

    /// As [`Self::start_before`], with these keys of the configuration.
    fn start_with(&mut self, video: &Path, keys: &[&str]) {
        let source = format!("camera.source={}", video.display());
        let daemon = self
            .ostiary(&["run", "--json", "--set", &source, "--set", "camera.realtime=true"])
            .args(keys.iter().flat_map(|key| ["--set", key]))
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
        self.fails(2, arguments)
    }

    /// Why a command is refused.
    fn refusal(&self, arguments: &[&str]) -> String {
        self.fails(1, arguments)
    }

    fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
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
    let unknown = door.refusal(&["people", "show", "Anne"]);
    door.start();
    assert_eq!(door.lines(&list), people);
    assert_eq!(door.lines(&["people", "show", "ann"]), shown);
    assert_eq!(door.output(&list).stdout, text);
    assert_eq!(door.refusal(&["people", "show", "Anne"]), unknown);

    let renamed = door.lines(&["people", "rename", "Ann", "Ann Lee"]);
    assert_eq!(renamed[0]["name"], "Ann Lee");
    let disabled = door.lines(&["people", "disable", "ben"]);
    assert_eq!((&disabled[0]["name"], &disabled[0]["enabled"]), (&json!("Ben"), &json!(false)));
    let grouped = door.lines(&["people", "group", "Ben", "Staff"]);
    assert_eq!(grouped[0]["group"], "staff");
    assert_eq!(door.lines(&["people", "remove", "BEN"]), [json!({ "removed": "Ben" })]);
    wait_for("the door uses the change", || door.lines(&["door", "state"])[0]["people"] == 1);

    let is_recorded =
        |door: &Door, action: &str| door.lines(&["events"]).iter().any(|event| event["action"] == action);
    wait_for("the changes are recorded", || is_recorded(&door, "removed"));
    let events = door.lines(&["events"]);
    let changes: Vec<_> = events.iter().filter(|event| event["kind"] == "administered").collect();
    let actions: Vec<_> = changes.iter().map(|event| event["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["renamed", "disabled", "grouped", "removed"], "{events:?}");
    let uid = rustix::process::getuid().as_raw();
    assert!(changes.iter().all(|event| event["uid"] == uid), "{changes:?}");
    let people: Vec<_> = changes.iter().map(|event| event["person"].as_str().unwrap()).collect();
    assert_eq!(people, ["Ann", "Ben", "Ben", "Ben"], "the names that are stored, not those that were typed");
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
fn people_are_enrolled_from_photos_by_the_running_door() {
    let mut door = Door::new();
    door.start();
    let hopper = portrait("hopper.jpg");
    let again = portrait("obama2.jpg");
    let photos = [hopper.to_str().unwrap(), again.to_str().unwrap()];
    let refused = door.ostiary(&["--json", "enroll", "Cy", photos[0], photos[1]]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let result: Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!((&result["person"], &result["enrolled"]), (&json!("Cy"), &json!(false)));
    assert!(result["problems"][0]["problem"].as_str().unwrap().contains("looks like Ann"), "{result}");

    let enrolled = &door.lines(&["enroll", "Cy", photos[0]])[0];
    assert_eq!(
        (&enrolled["enrolled"], &enrolled["new"], &enrolled["added"]),
        (&json!(true), &json!(true), &json!(1))
    );
    let known = &door.lines(&["enroll", "cy", photos[0]])[0];
    assert_eq!((&known["person"], &known["added"], &known["known"]), (&json!("Cy"), &json!(0), &json!(1)));
    let text = door.path("text.jpg");
    fs::write(&text, "no picture").unwrap();
    let output = door.output(&["enroll", "Cy", text.to_str().unwrap()]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && told.contains("nothing was stored"), "{told}");
    wait_for("the door knows the person", || door.lines(&["door", "state"])[0]["people"] == 3);
    wait_for("it is recorded once", || {
        let events = door.lines(&["events", "--person", "Cy"]);
        events.len() == 1 && events[0]["action"] == "enrolled" && events[0]["detail"] == "1 photo"
    });
}

#[test]
fn people_are_enrolled_before_the_camera_while_the_door_works_on() {
    let mut door = Door::new();
    door.lines(&["people", "remove", "Ben"]);
    door.start_before(&person_video(door.folder.path()));
    let frames = |door: &Door| door.lines(&["door", "state"])[0]["frames"].as_u64().unwrap();
    let before = frames(&door);
    let enrollment = door.ostiary(&["--json", "enroll", "Cy", "--camera", "--any-pose"]).output().unwrap();
    let told = String::from_utf8(enrollment.stderr).unwrap();
    assert!(enrollment.status.success(), "{told}");
    assert!(told.contains("taking pictures of Cy from the door's camera"), "{told}");
    assert!(told.contains("picture 3 of 3 taken of Cy"), "{told}");
    let result: Value = serde_json::from_slice(&enrollment.stdout).unwrap();
    assert_eq!((&result["enrolled"], &result["added"]), (&json!(true), &json!(3)), "{result}");
    assert!(frames(&door) > before, "the door has processed frames meanwhile");
    wait_for("the door recognizes the person", || {
        let events = door.lines(&["events", "--person", "Cy"]);
        events.iter().any(|event| event["kind"] == "granted")
    });
    // Nobody turns the head in this video.
    let output = door.output(&["enroll", "Dee", "--camera", "--timeout", "3"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && told.contains("nothing was stored"), "{told}");
    assert!(door.refusal(&["people", "show", "Dee"]).contains("nobody has the name"));
}

#[test]
fn the_live_view_shows_what_the_door_sees() {
    let mut door = Door::new();
    door.start_before(&person_video(door.folder.path()));
    let mut client = Client::connect(&door.socket()).unwrap().unwrap();
    let mut call = client.door().watch_live(5.0);
    let mut pictures = call.more().unwrap().map(|reply| reply.unwrap().picture);
    let start = Instant::now();
    let (first, second) = (pictures.next().unwrap(), pictures.next().unwrap());
    assert!(
        second.number > first.number
            && second.time_s > first.time_s
            && start.elapsed() > Duration::from_millis(190)
    );
    let jpeg = BASE64_STANDARD.decode(&second.jpeg).unwrap();
    let frame = ostiary_pictures::decode_picture(Path::new("live.jpg"), &jpeg).unwrap();
    assert_eq!((i64::from(frame.width()), i64::from(frame.height())), (second.width, second.height));
    let seen = pictures.find(|picture| picture.faces.iter().any(|face| face.looks_like.is_some())).unwrap();
    assert_eq!(seen.faces[0].looks_like.as_deref(), Some("Ben"));
    assert!(seen.faces[0].x >= 0.0 && seen.faces[0].width > 40.0);
    let mut other = Client::connect(&door.socket()).unwrap().unwrap();
    let mut call = other.door().watch_live(1000.0);
    let refused = call.more().unwrap().next().unwrap().map(drop).map_err(CallError::from);
    assert!(matches!(refused, Err(CallError::Refused { .. })), "{refused:?}");
}

#[test]
fn the_live_view_has_what_the_person_is_asked_to_do() {
    let mut door = Door::new();
    let video = person_video(door.folder.path());
    // Near infrared: the challenge does not depend on what the network says about a portrait.
    door.start_with(&video, &["liveness.level=active", "camera.kind=nir", "liveness.language=de"]);
    let mut client = Client::connect(&door.socket()).unwrap().unwrap();
    let mut call = client.door().watch_live(10.0);
    let mut pictures = call.more().unwrap().map(|reply| reply.unwrap().picture);
    let asked = pictures.find(|picture| picture.prompt.is_some()).unwrap();
    let prompt = asked.prompt.unwrap();
    let text = match prompt.prompt.as_str() {
        "look_at_camera" => "Schauen Sie in die Kamera.",
        "turn_left" => "Drehen Sie den Kopf nach links.",
        "turn_right" => "Drehen Sie den Kopf nach rechts.",
        "turn_up" => "Heben Sie das Kinn.",
        "turn_down" => "Senken Sie das Kinn.",
        other => panic!("{other}"),
    };
    assert_eq!((prompt.text.as_str(), prompt.track), (text, asked.faces[0].track));
    let ends_s = prompt.ends_s.unwrap();
    assert!((4.0..=8.0).contains(&ends_s), "{ends_s}");
    // Who is locked out is asked for nothing.
    Client::connect(&door.socket()).unwrap().unwrap().door().lock_down().call().unwrap();
    let ended = pictures.find(|picture| picture.prompt.is_none()).unwrap();
    assert!(ended.time_s - asked.time_s < ends_s, "before the time was over");
    assert_eq!(ended.faces[0].track, prompt.track, "the person is still there");
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

/// The names of the checks.
fn checks(findings: &[Value]) -> Vec<&str> {
    let mut checks: Vec<_> = findings.iter().map(|finding| finding["check"].as_str().unwrap()).collect();
    checks.dedup();
    checks
}

/// The findings that `ostiary doctor` prints.
fn doctor(command: &mut Command) -> (Vec<Value>, String) {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let findings = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (findings, String::from_utf8(output.stderr).unwrap())
}

#[test]
fn the_door_runs_the_checks_of_doctor_one_at_a_time() {
    let mut door = Door::new();
    door.start();
    let [mut client, mut other] = [(); 2].map(|()| Client::connect(&door.socket()).unwrap().unwrap());
    let mut call = client.door().doctor();
    let replies = call.more().unwrap();
    let mut findings = vec![replies.next().unwrap().unwrap().finding.unwrap()];
    // The other checks take longer than the first one.
    let refused = other.door().doctor().more().unwrap().next().unwrap().map_err(CallError::from);
    assert!(
        matches!(&refused, Err(CallError::Refused { message }) if message.contains("busy")),
        "{refused:?}"
    );
    findings.extend(replies.filter_map(|reply| reply.unwrap().finding));
    let (own, _) = doctor(&mut door.ostiary(&["--json", "doctor"]));
    assert_eq!(checks(&findings), checks(&own));
    // The configuration of the door, with its flags.
    let models = findings.iter().find(|finding| finding["check"] == "models");
    assert_eq!(models, own.iter().find(|finding| finding["check"] == "models"));
}

#[test]
fn a_user_who_cannot_read_the_files_has_the_door_run_the_checks() {
    let mut door = Door::new();
    // Only root can run a door of another user.
    if !rustix::process::getuid().is_root() {
        return;
    }
    let owned = Command::new("chown").args(["-R", "4321:4321"]).arg(door.folder.path()).status().unwrap();
    assert!(owned.success());
    door.user = Some(4321);
    door.start();
    fs::set_permissions(door.path("facebank.sqlite"), Permissions::from_mode(0o000)).unwrap();
    let doctor = |door: &Door| {
        // Another record than that of the door.
        doctor(&mut door.ostiary(&["--json", "doctor", "--set", "events.path=/nowhere/events.sqlite"]))
    };
    let (by_door, warnings) = doctor(&door);
    assert_eq!(warnings, "");
    let is_own = |findings: &[Value]| {
        findings.iter().any(|finding| finding["found"].as_str().unwrap().contains("/nowhere"))
    };
    assert!(checks(&by_door).len() > 20 && !is_own(&by_door), "{by_door:?}");
    door.stop();
    let (own, _) = doctor(&door);
    assert!(checks(&own) == checks(&by_door) && is_own(&own), "{own:?}");
}

#[test]
fn the_door_is_opened_held_open_and_locked_down_by_commands() {
    let mut door = Door::new();
    door.start();
    assert!(door.refusal(&["door", "open"]).contains("no relay is configured"));
    door.stop();
    door.configure("[relay]\nbackend = \"printed\"\nline = 17\npulse_ms = 500");
    door.start();
    let mode = |door: &Door| door.lines(&["door", "state"])[0]["mode"].clone();
    assert_eq!(door.lines(&["door", "open"]), [json!({ "done": "open" })]);
    door.lines(&["door", "hold", "90s"]);
    let state = &door.lines(&["door", "state"])[0];
    let left = state["mode_ends_s"].as_f64().unwrap();
    assert!(state["mode"] == "held_open" && left > 20.0 && left <= 90.0, "{state}");
    assert!(door.refusal(&["door", "hold", "13h"]).contains("12 h"));
    assert!(door.error(&["door", "hold", "long"]).contains("90s, 15min or 2h"));
    door.lines(&["door", "lockdown"]);
    assert!(door.refusal(&["door", "open"]).contains("locked down"));
    assert_eq!(mode(&door), "locked_down");
    let text = String::from_utf8(door.output(&["door", "state"]).stdout).unwrap();
    assert!(text.contains("faces do not open it"), "{text}");
    door.lines(&["door", "normal"]);
    assert_eq!(mode(&door), "normal");
    wait_for("all is recorded", || {
        let events = door.lines(&["events"]);
        let modes: Vec<_> = events.iter().filter(|event| event["kind"] == "mode_changed").collect();
        let opened = events.iter().any(|event| event["kind"] == "granted" && event["reason"] == "command");
        let uid = rustix::process::getuid().as_raw();
        opened && modes.len() == 3 && modes.iter().all(|event| event["uid"] == uid)
    });
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
    assert!(door.refusal(&["door", "reload"]).contains("door.name can only change with a restart"));
    wait_for("both are recorded", || {
        let events = door.lines(&["events"]);
        let count = |kind: &str| events.iter().filter(|event| event["kind"] == kind).count();
        count("reloaded") == 1 && count("reload_refused") == 1
    });
}

#[test]
fn keys_are_changed_for_the_running_door_and_kept() {
    let mut door = Door::new();
    let settings = door.path("settings.toml");
    let file = settings.to_str().unwrap();
    let set =
        |door: &Door, key: &str, value: &str| door.output(&["--settings", file, "config", "set", key, value]);
    assert!(set(&door, "door.cooldown_s", "20").status.success(), "without a door too");
    let video = door.path("empty.mkv");
    ffmpeg(&["-f", "lavfi", "-i", "color=c=gray:s=320x240:r=5:d=600", "-preset", "ultrafast"], &video);
    let source = format!("camera.source={}", video.display());
    let daemon =
        door.ostiary(&["--settings", file, "run", "--set", &source, "--set", "camera.realtime=true"]);
    door.daemon = Some({ daemon }.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let value = |key: &str| {
        let mut client = Client::connect(&door.socket()).ok()??;
        let settings = client.door().get_configuration().call().ok()?.settings;
        settings.into_iter().find(|setting| setting.key == key).and_then(|setting| setting.value)
    };
    wait_for("the door answers", || value("door.cooldown_s") == Some(json!(20.0)));
    let output = set(&door, "door.cooldown_s", "30");
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("the running door uses it"));
    assert_eq!(value("door.cooldown_s"), Some(json!(30.0)));
    for (key, text, why) in [
        ("relay.line", "4", "can only be set in the owner's own files"),
        ("liveness.level", "off", "can only be set in the owner's own files"),
        ("door.cooldown_s", "-3", "is not allowed"),
        ("door.cooldown", "3", "did you mean door.cooldown_s?"),
        ("camera.source", "/dev/video9", "can only be set in the owner's own files"),
    ] {
        let refused = set(&door, key, text);
        let told = String::from_utf8(refused.stderr).unwrap();
        assert!(refused.status.code() == Some(1) && told.contains(why), "{key}: {told}");
    }
    assert!(fs::read_to_string(&settings).unwrap().contains("cooldown_s = 30"));
    assert!(door.output(&["--settings", file, "config", "reset", "door.cooldown_s"]).status.success());
    assert_eq!(value("door.cooldown_s"), Some(json!(10.0)));
    // A running door does not go on without the keys that were changed: they may be stricter than the owner's.
    assert!(set(&door, "door.margin", "0.4").status.success());
    let good = fs::read(&settings).unwrap();
    fs::write(&settings, "[door").unwrap();
    let refused = door.refusal(&["door", "reload"]);
    assert!(refused.contains("settings.toml") && refused.contains("correct or remove the file"), "{refused}");
    assert_eq!(value("door.margin"), Some(json!(0.4)));
    fs::write(&settings, good).unwrap();
    assert!(door.output(&["door", "reload"]).status.success());
    // A door that cannot be asked would not use a change of its files.
    let hidden = door.path("hidden");
    fs::rename(door.socket(), &hidden).unwrap();
    let refused = set(&door, "door.margin", "0.1");
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(2) && told.contains("does not answer"), "{told}");
    fs::rename(&hidden, door.socket()).unwrap();
    assert_eq!(value("door.margin"), Some(json!(0.4)));
    wait_for("the changes are recorded", || {
        let events = door.lines(&["events"]);
        events.iter().filter(|event| event["action"] == "configured").count() == 3
    });
}

/// A client of the broker that gives the door `front` commands.
struct Commander {
    client: rumqttc::Client,
    given: u32,
}

impl Commander {
    fn new(broker: &Broker) -> Self {
        let address = rumqttc::Broker::tcp("127.0.0.1", broker.port());
        let (client, mut connection) =
            rumqttc::Client::builder(rumqttc::MqttOptions::new("commander", address)).capacity(16).build();
        // Until the test ends.
        thread::spawn(move || while connection.recv().is_ok_and(|notice| notice.is_ok()) {});
        Self { client, given: 0 }
    }

    fn give(&mut self, command: &str, fields: Value) {
        self.given += 1;
        let mut message =
            json!({ "command": command, "time": jiff::Timestamp::now(), "nonce": self.given.to_string() });
        message.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        self.publish(&message.to_string(), false);
    }

    fn publish(&self, message: &str, is_retained: bool) {
        let options = rumqttc::PublishOptions::at_least_once();
        let options = if is_retained { options.retained() } else { options };
        self.client.publish("ostiary/front/command", message.to_owned(), options).unwrap();
    }
}

#[test]
fn commands_by_mqtt_are_carried_out_or_refused_and_recorded() {
    let broker = Broker::open();
    let mut door = Door::new();
    let mqtt = format!("[mqtt]\nenabled = true\nhost = \"127.0.0.1\"\nport = {}", broker.port());
    door.configure(&format!(
        "[door]\nname = \"front\"\n{mqtt}\ncommands = [\"open\", \"lockdown\", \"people\"]"
    ));
    let mut commander = Commander::new(&broker);
    let old = json!({ "command": "lock_down", "time": "2026-01-01T00:00:00Z", "nonce": "old" });
    commander.publish(&old.to_string(), true);
    door.start();
    let events = |kind: &str| {
        let events = door.lines(&["events"]);
        events.into_iter().filter(|event| event["kind"] == kind).collect::<Vec<_>>()
    };
    let refusals = |count: usize| {
        wait_for("the refusal is recorded", || events("command_refused").len() == count);
        events("command_refused").pop().unwrap()
    };
    let refused = refusals(1);
    assert_eq!((&refused["command"], &refused["via"]), (&json!("lock_down"), &json!("mqtt")), "{refused}");
    assert!(refused["detail"].as_str().unwrap().contains("retained"), "{refused}");
    assert_eq!(refused.get("uid"), None);
    let mode = || door.lines(&["door", "state"])[0]["mode"].clone();
    assert_eq!(mode(), "normal");
    commander.give("lock_down", json!({}));
    wait_for("the door is locked down", || mode() == "locked_down");
    // It ends no lockdown.
    commander.give("lock", json!({}));
    commander.give("open", json!({}));
    let refused = refusals(2);
    assert!(refused["detail"].as_str().unwrap().contains("no relay"), "{refused}");
    assert_eq!(mode(), "locked_down");
    commander.give("end_lockdown", json!({}));
    wait_for("the lockdown ends", || mode() == "normal");
    assert!(events("mode_changed").iter().all(|event| event["via"] == "mqtt"));
    commander.give("disable_person", json!({ "person": "ann" }));
    wait_for("the person is disabled", || {
        door.lines(&["people", "list"])
            .iter()
            .any(|person| person["name"] == "Ann" && person["enabled"] == false)
    });
    let ann = || door.lines(&["people", "show", "Ann"])[0].clone();
    commander.give("enable_person", json!({ "person": ann()["id"] }));
    wait_for("the person is enabled", || ann()["enabled"] == true);
    commander.give("enable_person", json!({ "person": "Zoe" }));
    assert_eq!(refusals(3)["detail"], "nobody has this name; `ostiary people list` lists all people");
    let change = events("administered").pop().unwrap();
    assert_eq!((&change["person"], &change["action"]), (&json!("Ann"), &json!("enabled")));
    for garbage in ["", "{", "open", "\u{0}", "[1]", "{\"command\":\"open\"}"] {
        commander.publish(garbage, false);
    }
    assert_eq!(mode(), "normal");
    // A door whose owner allows none does not listen.
    door.stop();
    door.configure(&format!("[door]\nname = \"front\"\n{mqtt}"));
    door.start();
    commander.give("lock_down", json!({}));
    thread::sleep(Duration::from_millis(500));
    assert_eq!(door.lines(&["door", "state"])[0]["mode"], "normal");
}

#[test]
fn another_door_on_the_socket_is_not_mistaken_for_this_one() {
    let mut door = Door::new();
    door.start();
    let mut other = Door::new();
    other.configure(&format!("[control]\nsocket = {:?}", door.socket()));
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

/// A call of the door as a program makes it that passes a token; the parameters of the reply, or the error with its message.
fn call(door: &Door, method: &str, parameters: Value, token: &str) -> Result<Value, String> {
    let mut parameters = parameters;
    parameters["token"] = json!(token);
    let request = json!({ "method": format!("io.ostiary.Door.{method}"), "parameters": parameters });
    let mut stream = UnixStream::connect(door.socket()).unwrap();
    stream.write_all(format!("{request}\0").as_bytes()).unwrap();
    let mut answer = Vec::new();
    BufReader::new(stream).read_until(0, &mut answer).unwrap();
    let answer: Value = serde_json::from_slice(answer.strip_suffix(b"\0").unwrap()).unwrap();
    match answer.get("error") {
        None => Ok(answer["parameters"].clone()),
        Some(error) => Err(format!("{error} {}", answer["parameters"]["message"])),
    }
}

fn create_token(door: &Door, name: &str, role: &str) -> String {
    let created = &door.lines(&["tokens", "create", name, "--role", role])[0];
    assert_eq!((&created["name"], &created["role"]), (&json!(name), &json!(role)));
    created["token"].as_str().unwrap().to_owned()
}

#[test]
fn a_token_does_what_its_role_may_and_its_name_is_recorded() {
    let mut door = Door::new();
    assert!(door.error(&["tokens", "list"]).contains("no door runs with this configuration"));
    door.configure("[relay]\nbackend = \"printed\"\nline = 17\npulse_ms = 500");
    door.start();
    let [ada, zoe] =
        [("Ada", "operator"), ("Zo\u{eb}", "admin")].map(|(name, role)| create_token(&door, name, role));
    let none = || json!({});
    assert_eq!(call(&door, "GetRole", none(), &ada).unwrap(), json!({ "role": "operator", "token": "Ada" }));
    call(&door, "Open", none(), &ada).unwrap();
    let disable = json!({ "name": "ann", "enabled": false });
    let refused = call(&door, "EnablePerson", disable.clone(), &ada).unwrap_err();
    assert!(refused.contains("NotAllowed") && refused.contains("its role is operator"), "{refused}");
    for method in ["CreateToken", "ListTokens", "RevokeToken", "GetConfiguration", "Reload"] {
        assert!(call(&door, method, none(), &ada).unwrap_err().contains("NotAllowed"), "{method}");
    }
    // The user of this connection is an admin.
    let refused = call(&door, "GetState", none(), "guess").unwrap_err();
    assert!(refused.contains("NotAllowed") && refused.contains("the token is not valid"), "{refused}");
    assert_eq!(call(&door, "EnablePerson", disable, &zoe).unwrap()["person"]["enabled"], false);
    call(&door, "Reload", none(), &zoe).unwrap();
    call(&door, "LockDown", none(), &ada).unwrap();
    let uid = rustix::process::getuid().as_raw();
    let tokens = |door: &Door| {
        let events = door.lines(&["events"]).into_iter().filter(|event| event.get("token").is_some());
        let told = events.map(|event| {
            assert_eq!(event["uid"], uid, "{event}");
            format!("{} {}", event["kind"].as_str().unwrap(), event["token"].as_str().unwrap())
        });
        told.collect::<Vec<_>>()
    };
    let expected = ["granted Ada", "administered Zo\u{eb}", "reloaded Zo\u{eb}", "mode_changed Ada"];
    wait_for("all is recorded", || tokens(&door) == expected);
    let told = String::from_utf8(door.output(&["events"]).stdout).unwrap();
    assert!(told.contains("Opened once by a command of the holder of the token \"Ada\""), "{told}");
    assert!(told.contains("a token was created, operator: Ada."), "{told}");
    assert!(!told.contains(&ada) && !told.contains(&zoe), "no token is in the record");
    // It outlives a restart.
    door.stop();
    door.start();
    assert!(call(&door, "GetState", none(), &ada).is_ok());
}

#[test]
fn tokens_end_when_they_are_revoked_or_expire_and_with_a_damaged_file() {
    let mut door = Door::new();
    door.start();
    let [ada, zoe] = ["Ada", "Zo\u{eb}"].map(|name| create_token(&door, name, "admin"));
    assert!(door.refusal(&["tokens", "create", "ADA", "--role", "viewer"]).contains("revoke it first"));
    assert!(door.refusal(&["tokens", "create", "a\u{202e}b", "--role", "viewer"]).contains("U+202E"));
    // Of two admins one revokes the other, who then cannot do the same.
    assert_eq!(call(&door, "RevokeToken", json!({ "name": "ada" }), &zoe).unwrap()["revoked"], "Ada");
    let late = call(&door, "RevokeToken", json!({ "name": "Zo\u{eb}" }), &ada).unwrap_err();
    assert!(late.contains("NotAllowed") && late.contains("was revoked"), "{late}");
    let again = create_token(&door, "Ada", "admin");
    assert!(call(&door, "GetState", json!({}), &ada).is_err(), "a token of a removed name");
    assert!(call(&door, "GetState", json!({}), &again).is_ok());
    let created = json!({ "name": "short", "role": "viewer", "expires_s": 1 });
    let short = call(&door, "CreateToken", created, &zoe).unwrap()["token"].as_str().unwrap().to_owned();
    wait_for("the token expires", || {
        call(&door, "GetState", json!({}), &short)
            .is_err_and(|refused| refused.contains("\\\"short\\\" expired at"))
    });
    for wrong in
        [json!({ "name": "x", "role": "owner" }), json!({ "name": "x", "role": "viewer", "expires_s": -1 })]
    {
        assert!(call(&door, "CreateToken", wrong, &zoe).unwrap_err().contains("Refused"));
    }
    let listed = door.lines(&["tokens", "list"]);
    let names: Vec<_> = listed.iter().map(|token| token["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Zo\u{eb}", "Ada", "short"]);
    assert_eq!((&listed[2]["expired"], &listed[0]["expired"]), (&json!(true), &json!(false)));
    let text = String::from_utf8(door.output(&["tokens", "list"]).stdout).unwrap();
    assert!(text.contains("Ada: admin, created ") && text.contains("short: viewer"), "{text}");
    assert_eq!(door.lines(&["tokens", "revoke", "SHORT"]), [json!({ "revoked": "short" })]);
    let file = door.path("facebank.sqlite.tokens.json");
    let good = fs::read(&file).unwrap();
    fs::write(&file, &good[..good.len() / 2]).unwrap();
    let refused = call(&door, "GetState", json!({}), &zoe).unwrap_err();
    assert!(refused.contains("NotAllowed") && refused.contains("is damaged"), "{refused}");
    assert!(door.refusal(&["tokens", "create", "Ben", "--role", "viewer"]).contains("move the file away"));
    assert!(door.refusal(&["tokens", "list"]).contains("no token is valid"));
    fs::write(&file, &good).unwrap();
    assert!(call(&door, "GetState", json!({}), &zoe).is_ok());
}
