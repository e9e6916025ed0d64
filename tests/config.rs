//! `ostiary config` through the program.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use ostiary_testkit::{calibration, models_with};
use serde_json::Value;

/// The program with this configuration file only.
struct Setup {
    folder: tempfile::TempDir,
}

impl Setup {
    fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ostiary.toml"), config).unwrap();
        Self { folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ostiary.toml")
    }

    fn config(&self, args: &[&str]) -> Command {
        let mut command = Command::cargo_bin("ostiary").unwrap();
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OSTIARY_")) {
            command.env_remove(name);
        }
        command.arg("config").args(args).arg("--config").arg(self.file());
        command
    }
}

/// Runs the program. Returns the exit code, standard output and standard error.
fn run(command: &mut Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn objects(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_good_configuration_passes() {
    let shipped = include_str!("../config/ostiary.toml");
    let (code, out, err) = run(&mut Setup::new(shipped).config(&["check"]));
    assert_eq!((code, out.as_str(), err.as_str()), (0, "The configuration is good.\n", ""));

    let (code, out, _) = run(&mut Setup::new("").config(&["check", "--json"]));
    assert_eq!((code, out.as_str()), (0, "{\"ok\":true}\n"));
}

#[test]
fn all_problems_are_reported_with_their_origins() {
    let setup = Setup::new("[door]\nfpri = 1e-2\n\n[camera]\nfps = 1000\n");
    let (code, out, err) = run(setup.config(&["check"]).env("OSTIARY_RELAY__LINE", "seventeen"));
    let file = setup.file().display().to_string();
    assert_eq!((code, out.as_str()), (2, ""));
    let expected = format!(
        "error: {file}:2: there is no door.fpri; did you mean door.fpir?\n\
         error: {file}:5: camera.fps = 1000 is not allowed; wanted a whole number from 1 to 240\n\
         error: environment OSTIARY_RELAY__LINE: relay.line wants a whole number from 0 to 1023, found string \
         (\"seventeen\")\n"
    );
    assert_eq!(err, expected);

    let (code, out, err) = run(&mut setup.config(&["check", "--json"]));
    assert_eq!((code, err.as_str()), (2, ""));
    let problems = objects(&out);
    assert_eq!(problems.len(), 2);
    assert_eq!(problems[0]["problem"], "unknown");
    assert_eq!(problems[0]["origin"], format!("{file}:2"));
    assert_eq!(problems[1]["problem"], "out_of_range");
    assert_eq!(problems[1]["key"], "camera.fps");
    assert_eq!(problems[1]["ok"], false);
}

#[test]
fn a_key_of_an_older_version_is_a_warning() {
    let setup = Setup::new("[door]\nframes = 4\nfar = 1e-5\n");
    let warning = format!(
        "{}:3: door.far is ignored: door.fpir has replaced it, the share of strangers' visits that may be let in; remove it",
        setup.file().display()
    );
    let (code, out, err) = run(&mut setup.config(&["check"]));
    assert_eq!((code, out.as_str()), (0, "The configuration is good.\n"));
    assert_eq!(err, format!("warning: {warning}\n"));

    let (code, out, err) = run(&mut setup.config(&["check", "--json"]));
    assert_eq!((code, err.as_str()), (0, ""));
    let object = &objects(&out)[0];
    assert_eq!(object["ok"], true);
    assert_eq!(object["warnings"][0]["warning"], "ignored");
    assert_eq!(object["warnings"][0]["key"], "door.far");
    assert_eq!(object["warnings"][0]["message"], warning);

    let (code, out, _) = run(&mut setup.config(&["show"]));
    assert_eq!(code, 0);
    assert!(!out.contains("far"), "{out}");
}

#[test]
fn a_rate_that_the_models_do_not_support_is_a_problem() {
    let models = models_with(Some(&calibration()));
    let check = |fpir: &str, models: &Path| {
        let setup = Setup::new(&format!("[door]\nfpir = {fpir}\n"));
        run(setup.config(&["check", "--json"]).arg("--models").arg(models))
    };
    let (code, out, err) = check("1e-4", models.path());
    assert_eq!((code, err.as_str()), (2, ""));
    let problem = &objects(&out)[0];
    assert_eq!((&problem["ok"], &problem["problem"]), (&false.into(), &"unsupported_fpir".into()));
    assert_eq!(problem["key"], "door.fpir");
    let message = problem["message"].as_str().unwrap();
    assert!(
        message.contains("door.fpir = 0.0001") && message.ends_with("set door.fpir to 0.001 or more"),
        "{message}"
    );

    let uncalibrated = models_with(None);
    for (fpir, models) in
        [("1e-3", models.path()), ("1e-4", uncalibrated.path()), ("1e-4", Path::new("/nowhere/models"))]
    {
        let (code, out, _) = check(fpir, models);
        assert_eq!((code, out.as_str()), (0, "{\"ok\":true}\n"), "{fpir} {models:?}");
    }
}

#[test]
fn other_commands_refuse_a_bad_configuration() {
    let setup = Setup::new("[door]\nfpir = 2\n");
    let (code, out, err) = run(&mut setup.config(&["show"]));
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("door.fpir = 2 is not allowed; wanted a number from 1e-6 to 0.1"), "{err}");
}

#[test]
fn a_missing_file_is_named() {
    let setup = Setup::new("");
    std::fs::remove_file(setup.file()).unwrap();
    let (code, _, err) = run(&mut setup.config(&["check"]));
    assert_eq!(code, 2);
    assert!(err.contains(&format!("{}: cannot be read: ", setup.file().display())), "{err}");
    assert_eq!(err.matches("No such file").count(), 1, "{err}");
}

#[test]
fn show_prints_values_and_their_origins() {
    let setup = Setup::new("[door]\nframes = 5\n[hours]\n'night shift' = [\"22:00-06:00\"]\n");
    let file = setup.file().display().to_string();
    let flags = ["--set", "door.fpir=0.003", "--models", "/srv/models", "--origin"];
    let mut command = setup.config(&["show"]);
    let (code, out, err) = run(command.args(flags).env("OSTIARY_CAMERA__FPS", "15"));
    assert_eq!((code, err.as_str()), (0, ""));
    for line in [
        "[door]",
        &format!("frames = 5  # {file}:2"),
        "fpir = 0.003  # --set",
        "fps = 15  # environment OSTIARY_CAMERA__FPS",
        "dir = \"/srv/models\"  # --models",
        "margin = 0.05  # default",
        "# region is not set",
        &format!("\"night shift\" = [\"22:00-06:00\"]  # {file}:4"),
    ] {
        assert!(out.lines().any(|shown| shown == line), "{line}\nis not in\n{out}");
    }

    let mut command = setup.config(&["show", "--json"]);
    let (_, out, _) = run(command.args(["--set", "door.fpir=0.003"]));
    let settings = objects(&out);
    let setting = |key: &str| settings.iter().find(|setting| setting["key"] == key).unwrap();
    assert_eq!(setting("door.fpir")["value"], 0.003);
    assert_eq!(setting("door.fpir")["origin"], "--set");
    assert_eq!(setting("door.frames")["origin"], format!("{file}:2"));
    assert_eq!(setting("relay.line")["value"], Value::Null);
    assert_eq!(setting("hours.night shift")["value"][0], "22:00-06:00");
}

#[test]
fn a_camera_password_with_a_quote_is_not_shown() {
    let setup = Setup::new("[camera]\nsource = \"rtsp://admin:S3c'ret word@127.0.0.1:9/ch1\"\n");
    for args in [&["show"][..], &["show", "--json"], &["show", "--origin"], &["check"]] {
        let (code, out, err) = run(&mut setup.config(args));
        let shown = out + &err;
        assert!(code == 0 && !shown.contains("S3c") && !shown.contains("ret word"), "{shown}");
        assert!(args[0] == "check" || shown.contains("\"rtsp://127.0.0.1:9/ch1\""), "{shown}");
    }
}

#[test]
fn a_camera_password_without_a_clear_end_is_refused_with_the_fix() {
    for (password, fix) in [("p#ss", "%23"), ("p/ss", "%2F"), ("p?ss", "%3F")] {
        let setup =
            Setup::new(&format!("[camera]\nsource = \"rtsp://admin:{password}@127.0.0.1:18554/ch1\"\n"));
        let (code, out, err) = run(&mut setup.config(&["check"]));
        assert_eq!(code, 2, "{out}{err}");
        assert!(err.contains(fix) && err.contains("camera.password_file"), "{err}");
        assert!(!err.contains("ss@") && !err.contains(password), "{err}");
    }
}

#[test]
fn a_camera_password_is_not_shown() {
    let setup = Setup::new("[camera]\nsource = \"rtsp://anna:s3cret@cam/main?token=t0ken\"\n");
    for flags in [&["--origin"][..], &["--json"]] {
        let (code, out, err) = run(setup.config(&["show"]).args(flags));
        assert_eq!((code, err.as_str()), (0, ""));
        assert!(out.contains("rtsp://cam/main?...\""), "{out}");
        assert!(!["anna", "s3cret", "t0ken"].iter().any(|secret| out.contains(secret)), "{out}");
    }
}

#[test]
fn the_output_of_show_can_be_used_as_configuration() {
    let setup =
        Setup::new("[door]\nfpir = 3e-3\n[relay]\nline = 4\n[hours]\n'a \"b\"' = ['never']\nc-d = []\n");
    let (_, first, _) = run(&mut setup.config(&["show"]));
    let (code, again, err) = run(&mut Setup::new(&first).config(&["show"]));
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(first, again);
}

#[test]
fn set_flags_on_both_sides_of_the_command_are_refused() {
    let mut command = Command::cargo_bin("ostiary").unwrap();
    let (code, out, err) =
        run(command.args(["--set", "door.fpir=1e-3", "config", "check", "--set", "door.frames=2"]));
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("put all on one side"), "{err}");
}
