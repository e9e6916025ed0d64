//! `ostiary run` with real models, real ffmpeg, the bundled portraits, signals and the notifications of systemd.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]
#![expect(unsafe_code, reason = "processes under test get signals by the C library")]

use std::io::{BufRead, BufReader, Read};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};
use std::{fs, thread};

use ostiary_core::BBox;
use ostiary_self_test::{DEMO_VISITORS, Portrait};
use ostiary_testkit::{calibration, models_with, portrait};
use serde_json::Value;
use tempfile::TempDir;

/// The time after which a wait has failed. It is much longer than any step takes.
const TIMEOUT: Duration = Duration::from_secs(90);

/// An unknown person.
const UNKNOWN: Portrait = DEMO_VISITORS[0];
/// A person who is enrolled as Ann from another photo.
const KNOWN: Portrait = DEMO_VISITORS[1];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Makes a video of a person in front of the camera, with a plain background before and after.
fn clip(folder: &Path, name: &str, who: &Portrait, seconds: f32) -> PathBuf {
    let path = folder.join(name);
    let BBox { x, y, width, height } = who.face;
    let (across, down) = (2.0 * width, 1.5 * height);
    let (left, top) = (x - 0.5 * width, y - 0.25 * height);
    let filter = format!(
        "[1:v]crop={across}:{down}:{left}:{top},scale=-2:440[face];[0:v][face]overlay=x=100+10*t:y=20:enable='between(t,0.4,{})'",
        seconds - 0.6
    );
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i"])
        .arg(format!("color=c=gray:s=640x480:r=15:d={seconds}"))
        .arg("-i")
        .arg(portrait(who.file))
        .args(["-filter_complex", &filter, "-t", &seconds.to_string(), "-pix_fmt", "yuv420p"])
        .arg(&path)
        .output()
        .expect("these tests need ffmpeg: scripts/setup");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    path
}

/// A folder with the configuration, the facebank and the events of a door.
struct Setup(TempDir);

impl Setup {
    fn new() -> Self {
        let setup = Self(tempfile::tempdir().unwrap());
        setup.configure("");
        setup
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes the configuration: what all tests need, and these lines.
    fn configure(&self, more: &str) {
        let text = format!(
            "[facebank]\npath = {:?}\n[events]\npath = {:?}\n{more}\n",
            self.path("facebank.sqlite"),
            self.path("events.sqlite")
        );
        fs::write(self.path("ostiary.toml"), text).unwrap();
    }

    fn ostiary(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("ostiary"));
        command.arg("--config").arg(self.path("ostiary.toml")).arg("--models").arg(root().join("models"));
        command.args(arguments).stdin(Stdio::null()).env_remove("NOTIFY_SOCKET");
        // The people are portraits on a plain background: pictures, as the network for liveness says too.
        command.env("OSTIARY_LIVENESS__LEVEL", "off");
        command
    }

    fn enroll(&self, name: &str, photo: &str) {
        let output = self.ostiary(&["enroll", name]).arg(portrait(photo)).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    fn source(path: &Path) -> String {
        format!("camera.source={}", path.display())
    }

    /// Runs the daemon until the recording ends. Returns its output and events.
    fn run(&self, arguments: &[&str]) -> (Output, Vec<Value>) {
        let output = self.ostiary(&["run", "--json"]).args(arguments).output().unwrap();
        let lines = String::from_utf8(output.stdout.clone()).unwrap();
        (output, lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    /// Runs the daemon, which must refuse to start. Returns its error.
    fn refused(&self, arguments: &[&str]) -> String {
        let (output, events) = self.run(arguments);
        let log = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{log}");
        // Standard output has the reason, and no event.
        assert!(events.len() == 1 && events[0]["error"].is_string(), "{events:?}");
        assert!(!log.contains("panicked"), "{log}");
        assert!(log.lines().all(|line| line.matches("(os error").count() < 2), "an error is repeated: {log}");
        log
    }

    fn start(&self, arguments: &[&str]) -> Daemon {
        Daemon::start(self.ostiary(&["run", "--json"]).args(arguments))
    }
}

/// A running daemon.
struct Daemon {
    process: Child,
    events: Receiver<Value>,
    log: Option<thread::JoinHandle<String>>,
}

impl Daemon {
    fn start(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, mut err) = (process.stdout.take().unwrap(), process.stderr.take().unwrap());
        let (sender, events) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(out).lines() {
                let _ = sender.send(serde_json::from_str(&line.unwrap()).unwrap());
            }
        });
        let log = thread::spawn(move || {
            let mut log = String::new();
            err.read_to_string(&mut log).unwrap();
            log
        });
        Self { process, events, log: Some(log) }
    }

    /// Waits for the next event of this kind.
    fn event(&self, kind: &str) -> Value {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let event = self.events.recv_timeout(left).unwrap_or_else(|_| panic!("no event {kind}"));
            if event["kind"] == kind {
                return event;
            }
        }
    }

    fn signal(&self, signal: i32) {
        // SAFETY: kill(2) has no memory effects; the process is our child and not yet waited for.
        assert_eq!(unsafe { libc::kill(self.process.id() as i32, signal) }, 0);
    }

    /// Stops the daemon. Returns its exit code and its log.
    fn stop(&mut self) -> (Option<i32>, String) {
        self.signal(libc::SIGTERM);
        self.wait()
    }

    fn wait(&mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + TIMEOUT;
        while Instant::now() < deadline {
            if let Some(status) = self.process.try_wait().unwrap() {
                return (status.code(), self.log.take().unwrap().join().unwrap());
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("the daemon does not stop");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["kind"].as_str().unwrap()).collect()
}

#[test]
fn enrolled_people_are_let_in_and_others_are_not() {
    let setup = Setup::new();
    setup.enroll("Ann", "obama.jpg");
    let known = clip(setup.0.path(), "known.mp4", &KNOWN, 3.0);
    let (output, events) = setup.run(&["--set", &Setup::source(&known)]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let log = String::from_utf8_lossy(&output.stderr);
    let off = "liveness.level is \"off\": a photo of an enrolled person opens the door";
    assert!(log.contains(off) && log.contains("relay.line is not set"), "{log}");
    assert_eq!(kinds(&events), ["started", "granted", "stopped"]);
    let granted = &events[1];
    assert_eq!((&granted["person"], &granted["reason"]), (&"Ann".into(), &"granted".into()));
    assert!(granted["similarity"].as_f64() > granted["threshold"].as_f64(), "{granted}");
    assert_eq!(granted["frames"], 2);
    assert!(granted["cosine"].as_f64().is_some_and(|cosine| cosine > 0.0 && cosine <= 1.0), "{granted}");
    // Two moments at least 150 ms apart, by the time of the frames: the portrait is far above the threshold.
    assert!(granted["latency_ms"].as_f64().unwrap() >= 150.0 - 1.0, "{granted}");

    let unknown = clip(setup.0.path(), "unknown.mp4", &UNKNOWN, 3.0);
    let (output, events) = setup.run(&["--set", &Setup::source(&unknown)]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(kinds(&events), ["started", "denied", "stopped"]);
    assert_eq!(events[1]["reason"], "unknown");
    assert_eq!(events[1]["person"], Value::Null, "a denial does not name the best candidate");
    let ids: Vec<_> = events.iter().map(|event| event["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, [4, 5, 6], "ids continue after a restart");

    let (_, again) = setup.run(&["--set", &Setup::source(&unknown)]);
    let stable_fields =
        |event: &Value| (event["reason"].clone(), event["similarity"].clone(), event["track"].clone());
    assert_eq!(
        stable_fields(&again[1]),
        stable_fields(&events[1]),
        "a recording gives the same decisions each time"
    );
}

#[test]
fn a_portrait_that_does_not_turn_is_refused_at_the_level_active() {
    let setup = Setup::new();
    setup.enroll("Ann", "obama.jpg");
    let known = clip(setup.0.path(), "known.mp4", &KNOWN, 12.0);
    let (output, lines) = setup.run(&["--set", &Setup::source(&known), "--set", "liveness.level=active"]);
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(!log.contains("a photo of an enrolled person opens the door"), "{log}");
    let (events, prompts): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line["kind"].is_string());
    // The network takes the portrait for a person for a while: it is the challenge that refuses.
    assert!(prompts.iter().any(|prompt| prompt["prompt"] == "look_at_camera"), "{lines:?}");
    assert_eq!(prompts.last().unwrap()["prompt"], Value::Null, "nothing is asked in the end");
    let detail = events[0]["detail"].as_str().unwrap();
    assert!(detail.contains("liveness active"), "{detail}");
    assert!(events.iter().all(|event| event["kind"] != "granted"), "{events:?}");
    let denied = events.iter().find(|event| event["kind"] == "denied").unwrap();
    assert!(["not_live", "spoof"].contains(&denied["reason"].as_str().unwrap()), "{denied}");
    assert!(denied["detail"].is_string(), "{denied}");
}

#[test]
fn a_door_whose_level_is_not_set_is_passive_and_warns() {
    let setup = Setup::new();
    let background = clip(setup.0.path(), "background.mp4", &UNKNOWN, 1.0);
    let mut command = setup.ostiary(&["run", "--json", "--set", &Setup::source(&background)]);
    let output = command.env_remove("OSTIARY_LIVENESS__LEVEL").output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(log.contains("liveness.level is not set, so that the door uses \"passive\""), "{log}");
    let events = String::from_utf8(output.stdout).unwrap();
    assert!(events.contains("liveness passive, not tested against small print, large print"), "{events}");
}

#[test]
fn a_new_door_is_refused_if_the_models_do_not_support_its_rate() {
    let setup = Setup::new();
    let models = models_with(Some(&calibration()));
    let models = models.path().display().to_string();
    let background = clip(setup.0.path(), "background.mp4", &UNKNOWN, 1.0);
    let source = Setup::source(&background);
    let run = ["--models", &models, "--set", &source, "--set"];
    let log = setup.refused(&[&run[..], &["door.fpir=1e-4"]].concat());
    assert!(log.contains("door.fpir = 0.0001") && log.contains("set door.fpir to 0.001 or more"), "{log}");

    // A door that has run continues with the strictest thresholds: an update must not lock people out.
    let (output, events) = setup.run(&[&run[..], &["door.fpir=0.001"]].concat());
    assert_eq!((output.status.code(), kinds(&events)[0]), (Some(0), "started"), "{output:?}");
    let (output, events) = setup.run(&[&run[..], &["door.fpir=1e-4"]].concat());
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), kinds(&events)[0]), (Some(0), "started"), "{log}");
    assert!(
        log.contains("door.fpir = 0.0001") && log.contains("the door uses the strictest thresholds"),
        "{log}"
    );
    assert!(
        events[0]["detail"]
            .as_str()
            .unwrap()
            .contains("the strictest of the model, which does not support door.fpir"),
        "{}",
        events[0]
    );
}

#[test]
fn a_door_without_a_calibration_warns_and_has_a_strict_threshold() {
    let setup = Setup::new();
    let models = models_with(None);
    setup.enroll("Ann", "obama.jpg");
    let known = clip(setup.0.path(), "known.mp4", &KNOWN, 3.0);
    let models = models.path().display().to_string();
    // A rate that no calibration supports has no effect either.
    let (output, events) =
        setup.run(&["--models", &models, "--set", &Setup::source(&known), "--set", "door.fpir=1e-6"]);
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{log}");
    assert!(log.contains("the models have no calibration, so that no rate can be promised"), "{log}");
    let detail = events[0]["detail"].as_str().unwrap();
    assert!(detail.contains("(the model has no calibration: a strict cosine)"), "{detail}");
    let decided = &events[1];
    assert!(decided["threshold"].as_f64().unwrap() >= 0.7, "{decided}");
    assert_eq!(decided["cosine"], decided["similarity"], "{decided}");
}

#[test]
fn a_key_of_an_older_version_does_not_prevent_the_start() {
    let setup = Setup::new();
    setup.configure("[door]\nfar = 1e-5");
    let background = clip(setup.0.path(), "background.mp4", &UNKNOWN, 1.0);
    let (output, events) = setup.run(&["--set", &Setup::source(&background)]);
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), kinds(&events)[0]), (Some(0), "started"), "{log}");
    assert!(log.contains("ostiary.toml:6: door.far is ignored: door.fpir has replaced it"), "{log}");
}

#[test]
fn systemd_is_notified_of_start_reload_watchdog_and_stop() {
    let setup = Setup::new();
    let background = clip(setup.0.path(), "background.mp4", &UNKNOWN, 40.0);
    let socket = UnixDatagram::bind(setup.path("notify")).unwrap();
    socket.set_read_timeout(Some(TIMEOUT)).unwrap();
    let state = |expected: &str| {
        let mut buffer = [0; 4096];
        loop {
            let length = socket.recv(&mut buffer).unwrap_or_else(|_| panic!("no notification {expected}"));
            let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if message.lines().any(|line| line.starts_with(expected)) {
                return message;
            }
        }
    };
    let models = models_with(Some(&calibration()));
    let mut command = setup.ostiary(&["run", "--json", "--set", "camera.realtime=true"]);
    command
        .arg("--models")
        .arg(models.path())
        .args(["--set", &Setup::source(&background)])
        .env("NOTIFY_SOCKET", setup.path("notify"));
    command.env("WATCHDOG_USEC", "2000000");
    let mut daemon = Daemon::start(&mut command);
    assert!(state("READY=1").contains("STATUS=0 people are known"));
    daemon.event("started");
    state("WATCHDOG=1");
    state("WATCHDOG=1");

    // A refused reload changes nothing.
    setup.configure("[door]\nfpri = 1e-2");
    daemon.signal(libc::SIGHUP);
    state("RELOADING=1");
    state("READY=1");
    let refused = daemon.event("reload_refused");
    assert!(refused["detail"].as_str().unwrap().contains("did you mean"), "{refused}");
    setup.configure("[relay]\nline = 4");
    daemon.signal(libc::SIGHUP);
    let refused = daemon.event("reload_refused");
    assert!(
        refused["detail"].as_str().unwrap().contains("relay.line can only change with a restart"),
        "{refused}"
    );
    setup.configure("[door]\nfpir = 1e-3");
    daemon.signal(libc::SIGHUP);
    let reloaded = daemon.event("reloaded");
    // SAFETY: without conditions.
    assert_eq!(reloaded["uid"], unsafe { libc::getuid() }, "who asked for it");
    let detail = reloaded["detail"].as_str().unwrap();
    assert!(detail.contains("no thresholds yet for door.fpir 0.001 (extrapolated)"), "{detail}");
    // A running door continues with the strictest thresholds, and a key of an older version is ignored.
    setup.configure("[door]\nfpir = 1e-5\nfar = 1e-4");
    daemon.signal(libc::SIGHUP);
    let reloaded = daemon.event("reloaded");
    let detail = reloaded["detail"].as_str().unwrap();
    assert!(detail.contains("the strictest of the model, which does not support door.fpir"), "{detail}");

    // A second daemon with the same facebank is refused.
    let log = setup.refused(&["--set", &Setup::source(&background)]);
    assert!(log.contains("another daemon") && log.contains("stop it first"), "{log}");

    // A person who is enrolled now is recognized without a reload.
    setup.enroll("Joe", "biden.jpg");
    assert_eq!(daemon.event("granted")["person"], "Joe");

    // What a command changes is an event, and the daemon reports it.
    let output = setup.ostiary(&["people", "disable", "Joe"]).env("SUDO_UID", "4321").output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let change = loop {
        let change = daemon.event("administered");
        if change["action"] == "disabled" {
            break change;
        }
    };
    let uid = rustix::process::getuid();
    assert_eq!((&change["person"], &change["uid"]), (&"Joe".into(), &uid.as_raw().into()), "{change}");
    assert_eq!(change["sudo_uid"], 4321, "{change}");

    daemon.signal(libc::SIGTERM);
    state("STOPPING=1");
    daemon.event("stopped");
    let (code, log) = daemon.wait();
    assert_eq!(code, Some(0));
    for warning in [
        "ostiary.toml:7: door.far is ignored: door.fpir has replaced it",
        "door.fpir = 0.00001: the calibration of the model supports 0.01",
        "the door uses the strictest thresholds",
    ] {
        assert_eq!(log.matches(warning).count(), 1, "{warning}: {log}");
    }
}

#[test]
fn the_daemon_waits_for_a_missing_camera() {
    let setup = Setup::new();
    let mut daemon = setup.start(&["--set", "camera.source=/dev/video987"]);
    let lost = daemon.event("camera_lost");
    assert!(lost["detail"].as_str().unwrap().contains("/dev/video987: no such camera; plug it in"), "{lost}");
    let (code, log) = daemon.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn a_missing_broker_does_not_delay_decisions() {
    let setup = Setup::new();
    setup.enroll("Ann", "obama.jpg");
    let known = clip(setup.0.path(), "known.mp4", &KNOWN, 2.0);
    // No server listens on port 1.
    let (output, events) =
        setup.run(&["--set", &Setup::source(&known), "--set", "mqtt.enabled=true", "--set", "mqtt.port=1"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(kinds(&events), ["started", "granted", "stopped"]);
}

#[test]
fn a_door_whose_events_cannot_be_recorded_opens_and_reports_it_unless_the_record_is_required() {
    let setup = Setup::new();
    setup.enroll("Ann", "obama.jpg");
    // A folder in the place of the event store: it cannot be opened, also by root.
    fs::create_dir(setup.path("events.sqlite")).unwrap();
    let known = clip(setup.0.path(), "known.mp4", &KNOWN, 2.0);
    let source = Setup::source(&known);
    let (output, events) = setup.run(&["--set", &source]);
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{log}");
    assert_eq!(kinds(&events), ["store_lost", "started", "granted", "stopped"], "{log}");
    assert!(events.iter().all(|event| event["id"] == 0), "{events:?}");
    assert!(log.contains("ERROR Events are not recorded: event store"), "{log}");

    // Without the record the clock cannot be compared with it: people with hours are refused.
    setup.configure("[hours]\nstaff = [\"always\"]");
    let output = setup.ostiary(&["people", "group", "Ann", "staff"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let (_, events) = setup.run(&["--set", &source]);
    assert_eq!(kinds(&events), ["store_lost", "started", "denied", "stopped"]);
    assert_eq!(events[2]["reason"], "clock_implausible");

    let log = setup.refused(&["--set", &source, "--set", "events.required=true"]);
    assert!(log.contains("events.sqlite") && log.contains("set events.path"), "{log}");
}

#[test]
fn a_failed_start_names_the_cause_and_the_fix() {
    let setup = Setup::new();
    let background = clip(setup.0.path(), "background.mp4", &UNKNOWN, 1.0);
    let source = Setup::source(&background);
    let chip = setup.path("gpiochip9");
    let chip = format!("relay.chip={}", chip.display());
    let cases: [(&[&str], &[&str]); 8] = [
        (&["--set", "door.fpri=1"], &["there is no door.fpri", "did you mean door.fpir?"]),
        (&["--set", "door.fpir=2"], &["door.fpir = 2", "not allowed"]),
        (&["--set", &chip, "--set", "relay.line=4"], &["relay: there is no GPIO chip", "set relay.chip"]),
        (&["--set", "relay.line=4", "--set", "relay.chip=/dev/null"], &["/dev/null is not a GPIO chip"]),
        (
            &["--set", &chip, "--set", "inputs.exit_line=23"],
            &["exit button: there is no GPIO chip", "set relay.chip"],
        ),
        (
            &["--set", "inputs.contact_line=27", "--set", "inputs.chip=/dev/null"],
            &["door contact: /dev/null is not a GPIO chip", "set inputs.chip"],
        ),
        (
            &["--set", "events.path=/nowhere/at/all/events.sqlite", "--set", "events.required=true"],
            &["/nowhere/at/all", "set events.path"],
        ),
        (&["--set", "facebank.path=/nowhere/at/all/people.sqlite"], &["/nowhere/at/all"]),
    ];
    for (arguments, expected) in cases {
        let log = setup.refused(&[&["--set", &source], arguments].concat());
        assert!(expected.iter().all(|expected| log.contains(expected)), "{arguments:?}: {log}");
    }
    let log = setup.refused(&["--set", "camera.source=/nowhere/clip.mp4"]);
    assert!(log.contains("/nowhere/clip.mp4: no such file"), "{log}");

    fs::write(setup.path("torn.mp4"), &fs::read(&background).unwrap()[..2000]).unwrap();
    let log = setup.refused(&["--set", &Setup::source(&setup.path("torn.mp4"))]);
    assert!(log.contains("torn.mp4"), "{log}");

    fs::write(setup.path("facebank.sqlite"), "this is no database at all, whatever its name").unwrap();
    let log = setup.refused(&["--set", &source]);
    assert!(log.contains("facebank.sqlite: this is not a facebank"), "{log}");
}

#[test]
fn an_altered_model_is_refused() {
    let setup = Setup::new();
    let models = setup.path("models");
    fs::create_dir(&models).unwrap();
    for entry in fs::read_dir(root().join("models")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), models.join(entry.file_name())).unwrap();
        }
    }
    let onet = models.join("onet.onnx");
    let mut bytes = fs::read(&onet).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&onet, bytes).unwrap();
    let background = clip(setup.0.path(), "background.mp4", &UNKNOWN, 1.0);
    let models = models.display().to_string();
    let log = setup.refused(&["--models", &models, "--set", &Setup::source(&background)]);
    assert!(log.contains("onet.onnx: is not the file that the manifest names"), "{log}");
}
