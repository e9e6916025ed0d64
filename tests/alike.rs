//! People whom the model cannot tell apart, and photos that show two people: at enrollment, in the list, in doctor and at
//! the door. What enrollment records, and what the list counts.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use ostiary_config::Config;
use ostiary_core::{Embedding, ModelId, ModelRole};
use ostiary_facebank::{Facebank, PhotoHash, Template};
use ostiary_models::Bundle;
use ostiary_testkit::{ffmpeg, portrait};
use serde_json::Value;

/// A door whose camera shows a person for three seconds.
struct Door {
    folder: tempfile::TempDir,
}

impl Door {
    fn new() -> Self {
        let door = Self { folder: tempfile::tempdir().unwrap() };
        let (picture, video) = (portrait("obama.jpg"), door.path("camera.mp4"));
        let scale = ["-vf", "scale=-2:480,loop=-1:1,fps=10", "-t", "3", "-pix_fmt", "yuv420p"];
        let input = ["-i", picture.to_str().unwrap()];
        ffmpeg(&[&input[..], &scale].concat(), &video);
        door.configure("refuse");
        door
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn configure(&self, alike: &str) {
        let text = format!(
            "[camera]\nsource = {:?}\n[facebank]\npath = {:?}\n[events]\npath = {:?}\n[door]\nalike = {alike:?}\n",
            self.path("camera.mp4"),
            self.path("facebank.sqlite"),
            self.path("events.sqlite")
        );
        fs::write(self.path("ostiary.toml"), text).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("ostiary"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OSTIARY_")) {
            command.env_remove(name);
        }
        // The people are portraits: pictures, as the network for liveness says too.
        command.env("OSTIARY_LIVENESS__LEVEL", "off");
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
        command.arg("--config").arg(self.path("ostiary.toml")).arg("--models").arg(models);
        command.args(arguments).stdin(Stdio::null()).env_remove("NOTIFY_SOCKET").output().unwrap()
    }

    /// The JSON lines and the text on standard error of a command with this exit code.
    fn json(&self, code: i32, arguments: &[&str]) -> (Vec<Value>, String) {
        let output = self.run(&[arguments, &["--json"]].concat());
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
        let text = String::from_utf8(output.stdout).unwrap();
        (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), error)
    }

    /// The warnings of doctor about the facebank.
    fn warnings(&self) -> Vec<String> {
        let output = self.run(&["doctor", "--json"]);
        let text = String::from_utf8(output.stdout).unwrap();
        let findings = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        findings
            .filter(|finding| finding["check"] == "facebank" && finding["status"] == "warning")
            .map(|finding| finding["found"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The decision about the person before the camera, and the log.
    fn decision(&self) -> (Value, String) {
        let (events, log) = self.json(0, &["run"]);
        let decided = |event: &&Value| event["kind"] == "granted" || event["kind"] == "denied";
        (events.iter().find(decided).unwrap_or_else(|| panic!("no decision: {log}")).clone(), log)
    }
}

fn file(name: &str) -> String {
    portrait(name).display().to_string()
}

#[test]
fn people_who_are_alike_are_named_and_not_let_in_as_each_other() {
    let door = Door::new();
    door.json(0, &["enroll", "Ann", &file("obama.jpg")]);
    assert_eq!(door.decision().0["kind"], "granted");
    let (_, similar) = door.json(1, &["enroll", "Ben", &file("obama2.jpg")]);
    assert!(similar.contains("looks like Ann"), "{similar}");

    let (enrolled, warning) = door.json(0, &["enroll", "Ben", &file("obama2.jpg"), "--allow-similar"]);
    assert_eq!(enrolled[0]["alike"], "Ann");
    assert!(warning.contains("Ann and Ben are alike") && warning.contains("door.alike"), "{warning}");
    door.json(0, &["enroll", "Carl", &file("hopper.jpg")]);

    let listed = door.json(0, &["people", "list"]).0;
    assert_eq!(
        (&listed[0]["nearest"]["name"], &listed[0]["nearest"]["alike"]),
        (&"Ben".into(), &true.into())
    );
    assert_eq!(listed[2]["nearest"]["alike"], false);
    assert_eq!(listed[0]["photos"], 1);
    assert!(listed[0]["spread"].as_f64().unwrap() > 0.9999);
    let text = String::from_utf8(door.run(&["people", "list"]).stdout).unwrap();
    assert!(text.contains("alike Ben (similarity 0.") && text.contains(", nearest "), "{text}");
    let warnings = door.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("neither is let in"), "{warnings:?}");

    let (decision, log) = door.decision();
    assert_eq!((&decision["kind"], &decision["reason"]), (&"denied".into(), &"alike".into()), "{decision}");
    assert_eq!(decision["person"], "Ann");
    assert!(
        decision["detail"].as_str().unwrap().ends_with("cannot tell this person apart from Ben"),
        "{decision}"
    );
    assert!(log.contains("Ann and Ben are alike"), "{log}");
    let identified = door.json(1, &["identify", &file("obama.jpg")]).0;
    assert_eq!((&identified[0]["verdict"], &identified[0]["person"]), (&"alike".into(), &Value::Null));

    door.configure("allow");
    assert_eq!(door.decision().0["kind"], "granted");
    assert_eq!(door.json(0, &["identify", &file("obama.jpg")]).0[0]["person"], "Ann");
    assert!(door.warnings()[0].contains("each can be let in as the other"));
}

#[test]
fn a_photo_of_somebody_else_is_named_and_refused() {
    let door = Door::new();
    let photos = ["obama.jpg", "obama2.jpg", "hopper.jpg"].map(file);
    let enroll: Vec<&str> = ["enroll", "Ann"].into_iter().chain(photos.iter().map(String::as_str)).collect();
    let (refused, error) = door.json(1, &enroll);
    assert_eq!(refused[0]["problems"].as_array().unwrap().len(), 1);
    assert!(error.contains("hopper.jpg: does not look like the other photos of Ann"), "{error}");

    door.json(0, &[&enroll[..], &["--allow-unlike"]].concat());
    let listed = door.json(0, &["people", "list"]).0;
    assert_eq!((&listed[0]["photos"], &listed[0]["disagreement"]), (&3.into(), &true.into()));
    assert!(listed[0]["spread"].as_f64().unwrap() < 0.8);
    let warnings = door.warnings();
    assert!(warnings.len() == 1 && warnings[0].contains("the photos of Ann disagree"), "{warnings:?}");
    assert!(door.decision().1.contains("the photos of Ann disagree"));
}

#[test]
fn a_person_who_looks_like_one_of_the_same_folder_is_noticed() {
    let door = Door::new();
    for (name, photo) in [("Ann", "obama.jpg"), ("Ben", "obama2.jpg")] {
        let folder = door.path("people").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::copy(portrait(photo), folder.join(photo)).unwrap();
    }
    let (lines, error) = door.json(1, &["enroll", "--from", door.path("people").to_str().unwrap()]);
    assert!(error.contains("looks like Ann, who is enrolled"), "{error}");
    assert_eq!(lines.last().unwrap()["summary"]["enrolled"], 1);
}

#[test]
fn enrollment_gives_advice_about_the_number_of_photos() {
    let door = Door::new();
    let (enrolled, error) = door.json(0, &["enroll", "Ann", &file("obama.jpg")]);
    assert!(error.contains("advice: add two more photos"), "{error}");
    assert_eq!(enrolled[0]["advice"].as_array().unwrap().len(), 1);
}

#[test]
fn only_photos_that_are_added_are_recorded() {
    let door = Door::new();
    // The first start makes the record.
    door.json(0, &["run"]);
    for added in [1, 0] {
        let enrolled = door.json(0, &["enroll", "Ann", &file("obama.jpg")]).0;
        assert_eq!(enrolled[0]["added"], added);
    }
    let events = door.json(0, &["events"]).0;
    assert_eq!(events.iter().filter(|event| event["kind"] == "administered").count(), 1, "{events:?}");
}

#[test]
fn a_person_without_a_template_of_the_model_in_use_has_no_photo_that_is_compared() {
    let door = Door::new();
    let mut facebank = Facebank::open(&door.path("facebank.sqlite")).unwrap();
    let embedding = Embedding::normalized(&[1.0, 0.0]).unwrap();
    let template = Template { embedding, photo: PhotoHash::of(b"photo"), weight: 1.0, crop: None };
    facebank.enroll("Ann", &ModelId("0123456789abcdef".into()), &[template]).unwrap();
    let mut config = Config::default();
    config.models.dir = Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("models"));
    let bundle = Bundle::find(&config.models, config.engine.precision).unwrap();
    let in_use = bundle.entry(ModelRole::Embedder).unwrap().id();
    facebank.reembed(&in_use, &[], &["Ann".to_owned()], |_| panic!("there is no crop")).unwrap();
    drop(facebank);
    let listed = door.json(0, &["people", "list"]).0;
    assert_eq!((&listed[0]["templates"], &listed[0]["photos"]), (&1.into(), &0.into()), "{listed:?}");
}
