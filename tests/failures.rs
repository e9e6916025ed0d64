//! Commands that fail or are refused: their exit codes, and what they print with `--json`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A host with a configuration whose files do not exist yet, as on the first day.
struct FreshDoor {
    folder: tempfile::TempDir,
}

impl FreshDoor {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let door = Self { folder };
        let (people, events) = (door.path("facebank.sqlite"), door.path("events.sqlite"));
        let text = format!(
            "[facebank]\npath = {people:?}\n[events]\npath = {events:?}\n[models]\nstore = {:?}\n",
            door.path("models")
        );
        fs::write(door.path("ostiary.toml"), text).unwrap();
        fs::write(door.path("bad.toml"), "[door]\nfpri = 1\nfpir = 7\n").unwrap();
        fs::write(door.path("text.jpg"), "no picture").unwrap();
        door
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command in the folder; `{}` in an argument stands for it.
    fn run(&self, arguments: &str) -> Output {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("ostiary"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OSTIARY_")) {
            command.env_remove(name);
        }
        let folder = self.folder.path().display().to_string();
        let words = arguments.split(' ').filter(|word| !word.is_empty());
        command.args(words.map(|word| word.replace("{}", &folder)));
        if !arguments.contains("--config") {
            command.arg("--config").arg(self.path("ostiary.toml"));
        }
        command.stdin(Stdio::null()).output().unwrap()
    }
}

/// Standard output as JSON, which every line must be.
fn objects(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line:?}: {error}")))
        .collect()
}

#[test]
fn with_json_every_failure_is_one_object_at_the_end_of_the_output() {
    let door = FreshDoor::new();
    let models = concat!("--models ", env!("CARGO_MANIFEST_DIR"), "/models");
    for (arguments, reason) in [
        // What clap refuses: no command, an unknown one, an unknown flag, a value that is none, arguments that are missing.
        ("--json", "ostiary"),
        ("--json opne", "opne"),
        ("door --json", "door"),
        ("door opne --json", "opne"),
        ("door state --json --fast", "--fast"),
        ("door hold long --json", "90s, 15min or 2h"),
        ("events --limit 0 --json", "0"),
        ("--json people rename Ann", "<NEW>"),
        ("--json video in.mp4", "--output"),
        ("--json enroll", "NAME"),
        // Configurations that cannot be read or have errors, for every command.
        ("--json door state --config {}/none.toml", "none.toml: cannot be read"),
        ("--json config check --config {}/none.toml", "none.toml: cannot be read"),
        ("--json config show --config {}/bad.toml", "did you mean door.fpir?"),
        ("--json run --config {}/bad.toml", "door.fpir = 7 is not allowed"),
        ("--json --set door.margin=0.1 config show --set=door.frames=2", "put all on one side"),
        // Commands that cannot be carried out.
        ("--json door state", "no door runs with this configuration"),
        ("--json door open", "no door runs with this configuration"),
        ("--json people show Ann", "there is no facebank here yet"),
        ("--json people remove Ann", "there is no facebank here yet"),
        ("--json people import {}/none.jsonl", "none.jsonl"),
        ("--json people reembed", "there is no facebank here yet"),
        ("--json events", "the record begins with the first start"),
        ("--json events --csv", "exclude each other"),
        ("--json events --since soon", "--since soon"),
        ("--json events --reason none", "there is no such reason"),
        ("--json events verify", "the record begins with the first start"),
        ("--json events erase Ann", "the record begins with the first start"),
        ("--json explain 7", "the record begins with the first start"),
        ("--json report", "the record begins with the first start"),
        ("--json replay", "the record begins with the first start"),
        ("--json models pull", "models.keys"),
        ("--json models activate 7", "models.keys"),
        ("--json models rollback", "models.keys"),
        ("--json detect {}/empty", "empty"),
        ("--json verify {}/none.jpg {}/none.jpg MODELS", "none.jpg"),
        ("--json identify {}/none.jpg MODELS", "there is no facebank here yet"),
        ("--json identify {}/text.jpg --facebank {} MODELS", "text.jpg"),
        ("--json enroll Ann", "give photos, or --camera"),
        ("--json enroll Ann {}/none.jpg", "none.jpg"),
        ("--json enroll --from {}/none", "none"),
        ("--json video {}/none.mp4 -o {}/out.mp4", "none.mp4"),
        ("--json run --models {}/none", "none"),
        ("--json run --set camera.source={}/none.mp4 MODELS", "none.mp4"),
        ("--json rest --set relay.line=4 --set relay.chip={}/none", "there is no GPIO chip"),
        ("--json doctor --bundle {}/text.jpg", "already exists"),
        ("--json bench embed --models {}/none", "none"),
        ("--json config set door.margin 0.2 --set door.margin=x", "door.margin"),
    ] {
        let output = door.run(&arguments.replace("MODELS", models));
        let printed = objects(&output);
        let Some(Value::Object(last)) = printed.last() else { panic!("{arguments}: {output:?}") };
        assert_eq!(output.status.code(), Some(2), "{arguments}: {output:?}");
        let keys: Vec<_> = last.keys().map(String::as_str).collect();
        match arguments.contains("detect") {
            // Of many pictures each has its own object.
            true => assert_eq!(keys, ["error", "file"], "{arguments}: {last:?}"),
            false => assert_eq!(keys, ["causes", "error"], "{arguments}: {last:?}"),
        }
        let told = Value::Object(last.clone()).to_string();
        assert!(told.contains(reason), "{arguments}: {told}");
        assert!(!told.contains("Usage:") && !told.contains("error: "), "{arguments}: {told}");
        let words = String::from_utf8(output.stderr).unwrap();
        let is_told = words.contains("error: ") && words.contains(reason);
        assert!(is_told || arguments.contains("detect"), "{arguments}: {words}");
    }
}

#[test]
fn a_refusal_is_no_error() {
    let door = FreshDoor::new();
    let settings = "--settings {}/settings.toml";
    for (arguments, reason) in [
        ("config set door.cooldown_s -3", "is not allowed"),
        ("config set door.cooldown 3", "did you mean door.cooldown_s?"),
        ("config set relay.line 4", "only be set in the owner's own files"),
        ("config reset relay.line", "only be set in the owner's own files"),
        ("enroll a\tb {}/text.jpg", "control characters"),
    ] {
        let is_config = arguments.starts_with("config");
        let arguments = format!("{arguments} {}", if is_config { settings } else { "" });
        let output = door.run(&format!("--json {arguments}"));
        assert_eq!(output.status.code(), Some(1), "{arguments}: {output:?}");
        let printed = objects(&output);
        let refused = printed.last().unwrap()["refused"].as_str().unwrap();
        assert!(refused.contains(reason), "{arguments}: {refused}");
        let output = door.run(&arguments);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{arguments}: {output:?}");
        let words = String::from_utf8(output.stderr).unwrap();
        assert!(words.starts_with("refused: ") && words.contains(reason), "{arguments}: {words}");
    }
}

#[test]
fn a_fresh_door_has_nothing_to_list_which_is_no_error() {
    let door = FreshDoor::new();
    let key = "models.keys=[\"RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\"]";
    for arguments in ["people list", "models list", &format!("models list --set {key}")] {
        let output = door.run(&format!("--json {arguments}"));
        assert_eq!(output.status.code(), Some(0), "{arguments}: {output:?}");
        assert_eq!((output.stdout.len(), output.stderr.len()), (0, 0), "{arguments}: {output:?}");
        assert_eq!(door.run(arguments).status.code(), Some(0), "{arguments}");
    }
    for file in ["facebank.sqlite", "models"] {
        assert!(!door.path(file).exists(), "a list makes nothing: {file}");
    }
}

#[test]
fn help_and_version_are_no_failures() {
    let door = FreshDoor::new();
    for arguments in ["--json --help", "--json --version", "people --json --help"] {
        let output = door.run(arguments);
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{arguments}: {output:?}");
        assert!(output.stdout.starts_with(b"ostiary") || output.stdout.len() > 100, "{output:?}");
    }
    // What comes after `--` is no flag.
    let output = door.run("people show -- --json");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{output:?}");
}
