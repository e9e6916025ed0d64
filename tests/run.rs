//! `ostiary run` as systemd and a house would see it: real models, real ffmpeg, bundled portraits, signals.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};
use std::{fs, thread};

use ostiary::demo::{DEMO_VISITORS, Portrait};
use ostiary_core::BBox;
use serde_json::Value;
use tempfile::TempDir;

/// Far longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(90);

/// Somebody unknown, and somebody who is enrolled as Ann from another photo.
const STRANGER: Portrait = DEMO_VISITORS[0];
const KNOWN: Portrait = DEMO_VISITORS[1];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn portrait(name: &str) -> PathBuf {
    root().join("demo/portraits").join(name)
}

/// A clip of somebody who stands before the camera, and of an empty wall before and after.
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
        .args(["-loop", "1", "-t", &seconds.to_string(), "-i"])
        .arg(portrait(who.file))
        .args(["-filter_complex", &filter, "-t", &seconds.to_string(), "-pix_fmt", "yuv420p"])
        .arg(&path)
        .output()
        .expect("these tests need ffmpeg: scripts/setup");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    path
}

/// A folder with all that a door keeps.
struct House(TempDir);

impl House {
    fn new() -> Self {
        let house = Self(tempfile::tempdir().unwrap());
        house.configure("");
        house
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes the configuration anew, with these lines after what every test needs.
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
        command
    }

    fn enroll(&self, name: &str, photo: &str) {
        let output = self.ostiary(&["enroll", name]).arg(portrait(photo)).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    fn source(path: &Path) -> String {
        format!("camera.source={}", path.display())
    }

    /// Keeps the door until the recording ends.
    fn run(&self, arguments: &[&str]) -> (Output, Vec<Value>) {
        let output = self.ostiary(&["run", "--json"]).args(arguments).output().unwrap();
        let lines = String::from_utf8(output.stdout.clone()).unwrap();
        (output, lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    /// Keeps the door no longer than it takes to say why that cannot be.
    fn refused(&self, arguments: &[&str]) -> String {
        let (output, events) = self.run(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(events.is_empty(), "{events:?}");
        assert!(!said.contains("panicked"), "{said}");
        assert!(said.lines().all(|line| line.matches("(os error").count() < 2), "said twice: {said}");
        said
    }

    fn start(&self, arguments: &[&str]) -> Door {
        Door::start(self.ostiary(&["run", "--json"]).args(arguments))
    }
}

/// A door that is being kept.
struct Door {
    process: Child,
    events: Receiver<Value>,
    said: Option<thread::JoinHandle<String>>,
}

impl Door {
    fn start(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, mut err) = (process.stdout.take().unwrap(), process.stderr.take().unwrap());
        let (sender, events) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(out).lines() {
                let _ = sender.send(serde_json::from_str(&line.unwrap()).unwrap());
            }
        });
        let said = thread::spawn(move || {
            let mut said = String::new();
            err.read_to_string(&mut said).unwrap();
            said
        });
        Self { process, events, said: Some(said) }
    }

    /// The next event of this kind.
    fn event(&self, kind: &str) -> Value {
        let deadline = Instant::now() + LIMIT;
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

    /// Stops it, and returns its exit code and what it said.
    fn stop(&mut self) -> (Option<i32>, String) {
        self.signal(libc::SIGTERM);
        self.wait()
    }

    fn wait(&mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + LIMIT;
        while Instant::now() < deadline {
            if let Some(status) = self.process.try_wait().unwrap() {
                return (status.code(), self.said.take().unwrap().join().unwrap());
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("it does not stop");
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["kind"].as_str().unwrap()).collect()
}

#[test]
fn the_family_is_let_in_and_a_stranger_is_not() {
    let house = House::new();
    house.enroll("Ann", "obama.jpg");
    let known = clip(house.0.path(), "known.mp4", &KNOWN, 3.0);
    let (output, events) = house.run(&["--set", &House::source(&known)]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("A PHOTO CAN OPEN THIS DOOR") && said.contains("relay.line is not set"), "{said}");
    assert_eq!(kinds(&events), ["started", "granted", "stopped"]);
    let granted = &events[1];
    assert_eq!((&granted["person"], &granted["reason"]), (&"Ann".into(), &"granted".into()));
    assert!(granted["similarity"].as_f64() > granted["threshold"].as_f64(), "{granted}");
    assert_eq!(granted["frames"], 3);
    // Three good frames of one face at 15 a second, by the time of the frames.
    assert!(granted["latency_ms"].as_f64().unwrap() >= 2.0 / 15.0 * 1000.0 - 1.0, "{granted}");

    let stranger = clip(house.0.path(), "stranger.mp4", &STRANGER, 3.0);
    let (output, events) = house.run(&["--set", &House::source(&stranger)]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(kinds(&events), ["started", "denied", "stopped"]);
    assert_eq!(events[1]["reason"], "unknown");
    assert_eq!(events[1]["person"], Value::Null, "whom a stranger is a little alike is not told");
    let ids: Vec<_> = events.iter().map(|event| event["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, [4, 5, 6], "ids go on over restarts");

    let (_, again) = house.run(&["--set", &House::source(&stranger)]);
    let without =
        |event: &Value| (event["reason"].clone(), event["similarity"].clone(), event["track"].clone());
    assert_eq!(without(&again[1]), without(&events[1]), "a recording gives the same decisions each time");
}

#[test]
fn the_house_is_told_of_a_door_that_is_kept() {
    let house = House::new();
    let wall = clip(house.0.path(), "wall.mp4", &STRANGER, 40.0);
    let socket = UnixDatagram::bind(house.path("notify")).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    let state = |wanted: &str| {
        let mut buffer = [0; 4096];
        loop {
            let length = socket.recv(&mut buffer).unwrap_or_else(|_| panic!("systemd is not told {wanted}"));
            let told = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if told.lines().any(|line| line.starts_with(wanted)) {
                return told;
            }
        }
    };
    let mut command = house.ostiary(&["run", "--json", "--set", "camera.realtime=true"]);
    command.args(["--set", &House::source(&wall)]).env("NOTIFY_SOCKET", house.path("notify"));
    command.env("WATCHDOG_USEC", "2000000");
    let mut door = Door::start(&mut command);
    assert!(state("READY=1").contains("STATUS=0 people are known"));
    door.event("started");
    state("WATCHDOG=1");
    state("WATCHDOG=1");

    // A reload that is not good leaves everything as it is.
    house.configure("[door]\nfarr = 1e-3");
    door.signal(libc::SIGHUP);
    state("RELOADING=1");
    state("READY=1");
    let refused = door.event("reload_refused");
    assert!(refused["detail"].as_str().unwrap().contains("did you mean"), "{refused}");
    house.configure("[relay]\nline = 4");
    door.signal(libc::SIGHUP);
    let refused = door.event("reload_refused");
    assert!(
        refused["detail"].as_str().unwrap().contains("relay.line can only change with a restart"),
        "{refused}"
    );
    house.configure("[door]\nfar = 1e-2");
    door.signal(libc::SIGHUP);
    let reloaded = door.event("reloaded");
    assert!(reloaded["detail"].as_str().unwrap().contains("similarity needed 0.5"), "{reloaded}");

    // A second daemon must not keep the same door.
    let said = house.refused(&["--set", &House::source(&wall)]);
    assert!(said.contains("another daemon") && said.contains("stop it first"), "{said}");

    // Whoever is enrolled now is known now.
    house.enroll("Joe", "biden.jpg");
    assert_eq!(door.event("granted")["person"], "Joe");

    door.signal(libc::SIGTERM);
    state("STOPPING=1");
    door.event("stopped");
    assert_eq!(door.wait().0, Some(0));
}

#[test]
fn a_camera_that_is_away_is_waited_for() {
    let house = House::new();
    let mut door = house.start(&["--set", "camera.source=/dev/video987"]);
    let lost = door.event("camera_lost");
    assert!(lost["detail"].as_str().unwrap().contains("/dev/video987: no such camera; plug it in"), "{lost}");
    let (code, said) = door.stop();
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn a_broker_that_is_away_holds_nothing_up() {
    let house = House::new();
    house.enroll("Ann", "obama.jpg");
    let known = clip(house.0.path(), "known.mp4", &KNOWN, 2.0);
    // Nobody listens on port 1.
    let (output, events) =
        house.run(&["--set", &House::source(&known), "--set", "mqtt.enabled=true", "--set", "mqtt.port=1"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(kinds(&events), ["started", "granted", "stopped"]);
}

#[test]
fn a_door_that_cannot_be_kept_says_why_and_how_to_mend_it() {
    let house = House::new();
    let wall = clip(house.0.path(), "wall.mp4", &STRANGER, 1.0);
    let source = House::source(&wall);
    let chip = house.path("gpiochip9");
    let chip = format!("relay.chip={}", chip.display());
    let cases: [(&[&str], &[&str]); 9] = [
        (&["--set", "door.farr=1"], &["there is no door.farr", "did you mean"]),
        (&["--set", "door.far=2"], &["door.far = 2", "not allowed"]),
        (&["--set", "door.far=1e-7"], &["door.far", "set door.far"]),
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
        (&["--set", "events.path=/nowhere/at/all/events.sqlite"], &["/nowhere/at/all", "set events.path"]),
        (&["--set", "facebank.path=/nowhere/at/all/people.sqlite"], &["/nowhere/at/all"]),
    ];
    for (arguments, wanted) in cases {
        let said = house.refused(&[&["--set", &source], arguments].concat());
        assert!(wanted.iter().all(|wanted| said.contains(wanted)), "{arguments:?}: {said}");
    }
    let said = house.refused(&["--set", "camera.source=/nowhere/clip.mp4"]);
    assert!(said.contains("/nowhere/clip.mp4: no such file"), "{said}");

    fs::write(house.path("torn.mp4"), &fs::read(&wall).unwrap()[..2000]).unwrap();
    let said = house.refused(&["--set", &House::source(&house.path("torn.mp4"))]);
    assert!(said.contains("torn.mp4"), "{said}");

    fs::write(house.path("facebank.sqlite"), "this is no database at all, whatever its name").unwrap();
    let said = house.refused(&["--set", &source]);
    assert!(said.contains("facebank.sqlite: this is not a facebank"), "{said}");
}

#[test]
fn an_altered_model_keeps_no_door() {
    let house = House::new();
    let models = house.path("models");
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
    let wall = clip(house.0.path(), "wall.mp4", &STRANGER, 1.0);
    let models = models.display().to_string();
    let said = house.refused(&["--models", &models, "--set", &House::source(&wall)]);
    assert!(said.contains("onet.onnx: is not the file that the manifest names"), "{said}");
}
