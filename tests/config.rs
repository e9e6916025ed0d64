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
    assert_eq!((code, out.as_str()), (1, ""));
    let expected = format!(
        "error: {file}:2: there is no door.fpri; did you mean door.fpir?\n\
         error: {file}:5: camera.fps = 1000 is not allowed; wanted a whole number from 1 to 240\n\
         error: environment OSTIARY_RELAY__LINE: relay.line wants a whole number from 0 to 1023, found string \
         (\"seventeen\")\n"
    );
    assert_eq!(err, expected);

    let (code, out, err) = run(&mut setup.config(&["check", "--json"]));
    assert_eq!((code, err.as_str()), (1, ""));
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
    assert_eq!((code, err.as_str()), (1, ""));
    let problem = &objects(&out)[0];
    assert_eq!((&problem["ok"], &problem["problem"]), (&false.into(), &"unsupported_fpir".into()));
    assert_eq!(problem["key"], "door.fpir");
    let message = problem["message"].as_str().unwrap();
    assert!(
        message.contains("door.fpir = 0.0001") && message.ends_with("set door.fpir to 0.001 or more"),
        "{message}"
    );

    let uncalibrated = models_with(None);
    for (fpir, models) in [("1e-3", models.path()), ("1e-4", uncalibrated.path())] {
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
        assert_eq!(code, 1, "{out}{err}");
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

/// `run` and `config check` with the same configuration: both refuse it for the same reason.
#[test]
fn check_refuses_what_run_refuses() {
    let models = models_with(Some(&calibration()));
    let setup = Setup::new("");
    let folder = setup.folder.path();
    for (file, text) in
        [("text.sqlite", "no database at all, and longer than a header of SQLite has to be"), ("a.pem", "no")]
    {
        std::fs::write(folder.join(file), text.repeat(40)).unwrap();
    }
    std::fs::write(folder.join("open"), "password").unwrap();
    std::fs::set_permissions(folder.join("open"), std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .unwrap();
    std::fs::create_dir(folder.join("none")).unwrap();
    let rtsps = "[camera]\nsource = 'rtsps://192.0.2.1/x'\n";
    for (text, kind, reason) in [
        ("[models]\ndir = '{}/none'\n".to_owned(), "models", "none"),
        ("[door]\nfpir = 1e-4\n".to_owned(), "unsupported_fpir", "door.fpir = 0.0001"),
        ("[engine]\nbackend = 'ort'\n[ort]\nlibrary = '{}/none.so'\n".to_owned(), "engine", "none.so"),
        ("[camera]\nsource = '{}/none.mp4'\n".to_owned(), "camera", "none.mp4: no such file"),
        ("[camera]\nsource = '{}/none'\n".to_owned(), "camera", "contains no picture"),
        ("[camera]\nsource = '{}/a.pem'\n".to_owned(), "camera", "cannot be read as a video"),
        (format!("{rtsps}ca_file = '{{}}/a.pem'\n"), "camera", "camera.ca_file"),
        (format!("{rtsps}user = 'a'\npassword_file = '{{}}/open'\n"), "camera", "chmod 600"),
        (format!("{rtsps}user = 'a'\npassword_file = '{{}}/none.txt'\n"), "camera", "none.txt"),
        ("[relay]\nline = 4\nchip = '{}/gpiochip0'\n".to_owned(), "gpio", "there is no GPIO chip"),
        ("[relay]\nline = 4\nchip = '/dev/null'\n".to_owned(), "gpio", "is not a GPIO chip"),
        (
            "[signals]\nyes_line = 4\n[relay]\nchip = '{}/gpiochip0'\n".to_owned(),
            "gpio",
            "there is no GPIO chip",
        ),
        ("[inputs]\nexit_line = 4\nchip = '{}/gpiochip1'\n".to_owned(), "gpio", "there is no GPIO chip"),
        ("[mqtt]\nenabled = true\ntls = true\nca_file = '{}/a.pem'\n".to_owned(), "mqtt", "a.pem"),
        ("[mqtt]\nenabled = true\ntls = true\nca_file = '{}/none.pem'\n".to_owned(), "mqtt", "none.pem"),
        (
            "[mqtt]\nenabled = true\nusername = 'a'\npassword_file = '{}/open'\n".to_owned(),
            "mqtt",
            "chmod 600",
        ),
        ("[facebank]\npath = '{}/no/people.sqlite'\n".to_owned(), "facebank", "people.sqlite"),
        ("[facebank]\npath = '{}/text.sqlite'\n".to_owned(), "facebank", "not a facebank"),
        ("[hours]\nstaff = ['always']\n".to_owned(), "time_zone", "[hours] need the local time"),
    ] {
        let mut text = text.replace("{}", &folder.display().to_string());
        let mut with = |section: &str, line: String| {
            let key = line.split(" = ").next().unwrap().to_owned();
            if let Some(begin) = text.find(&format!("[{section}]\n")) {
                let at = begin + section.len() + 3;
                let end = text[at..].find("\n[").map_or(text.len(), |end| at + end);
                if !text[at..end].lines().any(|line| line.starts_with(&format!("{key} = "))) {
                    text.insert_str(at, &format!("{line}\n"));
                }
            } else {
                text += &format!("[{section}]\n{line}\n");
            }
        };
        // Everything else is good, and in this folder.
        let own = tempfile::tempdir().unwrap();
        with("facebank", format!("path = {:?}", own.path().join("people.sqlite")));
        with("events", format!("path = {:?}", own.path().join("events.sqlite")));
        with("models", format!("dir = {:?}", models.path()));
        with("camera", format!("source = {:?}", ostiary_testkit::portrait("obama.jpg")));
        std::fs::write(setup.file(), &text).unwrap();
        let (code, out, err) = run(setup.config(&["check", "--json"]).env("TZ", "Nowhere/Land"));
        assert_eq!((code, err.as_str()), (1, ""), "{text}\n{out}");
        let problems = objects(&out);
        assert_eq!(problems.len(), 1, "{text}\n{out}");
        assert_eq!(
            (&problems[0]["ok"], &problems[0]["problem"]),
            (&false.into(), &kind.into()),
            "{text}\n{out}"
        );
        assert!(problems[0]["message"].as_str().unwrap().contains(reason), "{text}\n{out}");
        let mut door = Command::cargo_bin("ostiary").unwrap();
        let door = door.args(["run", "--config"]).arg(setup.file()).env("TZ", "Nowhere/Land");
        let output = door.timeout(std::time::Duration::from_secs(30)).output().unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && log.contains(reason), "{text}\n{log}");
    }
}
