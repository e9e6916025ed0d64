//! Runs a door, the program `ostiary`, with all its files in a temporary folder.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};
use std::{fs, thread};

use assert_cmd::cargo::cargo_bin;
use jiff::Timestamp;
use ostiary_config::Layers;
use ostiary_models::{BundleOrigin, ModelStore};
pub use ostiary_testkit::{portrait, repository_file};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Much longer than any event takes.
const LIMIT: Duration = Duration::from_secs(120);

pub fn trainer(arguments: &[&str]) -> Output {
    Command::new(cargo_bin!("ostiary-trainer")).args(arguments).output().unwrap()
}

/// The program `ostiary`. Cargo builds it beside the trainer when it tests the whole workspace.
pub fn ostiary() -> Command {
    let program = cargo_bin!("ostiary-trainer").with_file_name("ostiary");
    assert!(program.exists(), "there is no {}; run the tests with --workspace", program.display());
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).env_remove("NOTIFY_SOCKET").env_remove("SUDO_UID");
    command
}

/// The result of a command.
pub struct Done {
    code: Option<i32>,
    rows: Vec<Value>,
    said: String,
}

impl Done {
    pub fn code(self, code: i32) -> Vec<Value> {
        assert_eq!(self.code, Some(code), "{:?} {}", self.rows, self.said);
        self.rows
    }

    pub fn good(self) -> Vec<Value> {
        self.code(0)
    }

    /// The reason in the output of a refusal (exit code 1).
    pub fn refused(self) -> String {
        let rows = self.code(1);
        rows.last().unwrap()["refused"].as_str().unwrap().to_owned()
    }

    /// The message of an error (exit code 2).
    pub fn error(self) -> String {
        assert_eq!(self.code, Some(2), "{:?} {}", self.rows, self.said);
        assert!(!self.said.contains("panicked"), "{}", self.said);
        self.said
    }
}

/// A folder with the configuration and the databases of a door.
pub struct DoorSetup(TempDir);

impl DoorSetup {
    /// A new door with these lines in `[models]`.
    pub fn new(models: &str) -> Self {
        let setup = Self(tempfile::tempdir().unwrap());
        let set = |text: &str| fs::write(setup.path("ostiary.toml"), text).unwrap();
        set(&format!(
            "[events]\npath = {:?}\n[facebank]\npath = {:?}\n[models]\nstore = {:?}\n{models}",
            setup.path("events.sqlite"),
            setup.path("people.sqlite"),
            setup.path("models"),
        ));
        setup
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// All replies to a call of the control API of the running door.
    pub fn call(&self, method: &str, parameters: &Value) -> Vec<Value> {
        let stream = UnixStream::connect(self.path("people.sqlite.control")).unwrap();
        let call =
            json!({ "method": format!("io.ostiary.Door.{method}"), "parameters": parameters, "more": true });
        (&stream).write_all(format!("{call}\0").as_bytes()).unwrap();
        let mut replies = Vec::new();
        for reply in BufReader::new(stream).split(0) {
            let reply: Value = serde_json::from_slice(&reply.unwrap()).unwrap();
            let has_more = reply["continues"] == true;
            replies.push(reply);
            if !has_more {
                break;
            }
        }
        replies
    }

    pub fn configuration(&self) -> String {
        fs::read_to_string(self.path("ostiary.toml")).unwrap()
    }

    /// Adds lines to a section of the configuration, or a new section.
    pub fn configure_more(&self, more: &str) {
        let (section, lines) = more.split_once('\n').unwrap();
        let text = self.configuration();
        let text = match text.contains(section) {
            true => text.replace(section, &format!("{section}\n{lines}")),
            false => format!("{text}\n{more}"),
        };
        fs::write(self.path("ostiary.toml"), text).unwrap();
    }

    fn ostiary(&self, arguments: &[&str]) -> Command {
        let mut command = ostiary();
        command.arg("--config").arg(self.path("ostiary.toml")).args(arguments);
        command
    }

    /// Runs `ostiary models` in a thread.
    pub fn models_meanwhile(&self, arguments: &[&str]) -> thread::JoinHandle<Done> {
        let mut command = self.ostiary(&["models", "--json"]);
        command.args(arguments);
        thread::spawn(move || Self::done(&mut command))
    }

    /// Runs `ostiary models`.
    pub fn models(&self, arguments: &[&str]) -> Done {
        Self::done(self.ostiary(&["models", "--json"]).args(arguments))
    }

    /// Runs `ostiary models` as user 1234 does with sudo, with a configuration that names the door, and not its models.
    pub fn models_by_sudo(&self, arguments: &[&str]) -> Done {
        let (config, facebank) = (self.path("client.toml"), self.path("people.sqlite"));
        fs::write(&config, format!("[facebank]\npath = {facebank:?}\n")).unwrap();
        let mut command = ostiary();
        command.arg("--config").arg(config).args(["models", "--json"]).args(arguments);
        Self::done(command.env("SUDO_UID", "1234"))
    }

    /// Runs `ostiary models` on a system that trusts only this certificate authority.
    pub fn models_trusting(&self, authority: &Path, arguments: &[&str]) -> Done {
        let mut command = self.ostiary(&["models", "--json"]);
        Self::done(command.args(arguments).env("SSL_CERT_FILE", authority).env_remove("SSL_CERT_DIR"))
    }

    fn done(command: &mut Command) -> Done {
        let output = command.output().unwrap();
        let rows = String::from_utf8(output.stdout).unwrap();
        Done {
            code: output.status.code(),
            rows: rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
            said: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The version of the active bundle.
    pub fn active(&self) -> Option<u64> {
        let rows = self.models(&["list"]).good();
        rows.iter().find(|row| row["active"] == true)?["version"].as_u64()
    }

    /// The newest bundle that may replace these models now.
    pub fn update_of(&self, in_use: BundleOrigin) -> Option<BundleOrigin> {
        let layers = Layers { file: Some(self.path("ostiary.toml")), settings: None, ..Layers::default() };
        let models = ostiary_config::load(&layers).unwrap().config.models;
        let now = Timestamp::now();
        ModelStore::open(&models).unwrap().newest_update(in_use, now, Timestamp::UNIX_EPOCH).unwrap()
    }

    pub fn enroll(&self, name: &str, photo: &str) {
        let output = self.ostiary(&["enroll", name]).arg(portrait(photo)).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    pub fn forget(&self, name: &str) {
        let output = self.ostiary(&["people", "remove", name]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    /// The only model for which a person has a template.
    pub fn model_of(&self, name: &str) -> String {
        let output = self.ostiary(&["people", "show", name, "--json"]).output().unwrap();
        let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(shown["models"].as_array().unwrap().len(), 1, "{shown}");
        shown["models"][0].as_str().unwrap().to_owned()
    }

    /// The output of `identify` for a photo.
    pub fn identify(&self, photo: &str) -> String {
        let output = self.ostiary(&["identify"]).arg(portrait(photo)).output().unwrap();
        assert!(output.status.code().is_some_and(|code| code < 2), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The findings of doctor in one check.
    pub fn doctor(&self, check: &str) -> String {
        let output = self.ostiary(&["doctor"]).output().unwrap();
        let found = String::from_utf8(output.stdout).unwrap();
        found
            .lines()
            .filter(|line| line.split_whitespace().nth(1) == Some(check))
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// The error of a door that cannot start.
    pub fn run_error(&self) -> String {
        let output = self.ostiary(&["run"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}

/// A running door.
pub struct Door {
    process: Child,
    events: Receiver<Value>,
    /// The file of the running program, a copy.
    program: PathBuf,
}

impl Door {
    /// Starts a door. A person is in front of the camera, leaves, and comes again, until the door is stopped.
    pub fn start(setup: &DoorSetup, who: &Path) -> Self {
        let clip = setup.path("visit.mp4");
        let made = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", "color=c=gray:s=640x480:r=10:d=4"])
            .arg("-i")
            .arg(who)
            .args([
                "-filter_complex",
                // Where the networks of both precisions take the portrait for a person, with a score of about 0.9.
                "[1:v]scale=-2:480[face];[0:v][face]overlay=x=150:y=0:enable='between(t,1,3)'",
            ])
            .args(["-t", "4", "-pix_fmt", "yuv420p"])
            .arg(&clip)
            .output()
            .expect("these tests need ffmpeg: scripts/setup");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        // The same visit repeated, for longer than any test.
        let list = setup.path("visits.txt");
        fs::write(&list, format!("file '{}'\n", clip.display()).repeat(100)).unwrap();
        let long = setup.path("visits.mp4");
        let joined = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-y", "-f", "concat", "-safe", "0", "-i"])
            .arg(&list)
            .args(["-c", "copy"])
            .arg(&long)
            .output()
            .unwrap();
        assert!(joined.status.success(), "{}", String::from_utf8_lossy(&joined.stderr));
        let source = format!("camera.source={}", long.display());
        // The same picture at the same place, for minutes.
        let door = ["door.cooldown_s=0", "door.away_s=0.5", "door.static_s=86400"];
        let keys = ["camera.realtime=true", door[0], door[1], door[2], &source];
        let sets = keys.iter().flat_map(|key| ["--set", key]);
        let ours = setup.ostiary(&["run", "--json"]);
        // In the same folder as the program, so that it finds the same models.
        let program =
            Path::new(ours.get_program()).with_file_name(format!("ostiary-of-a-test-{}", std::process::id()));
        fs::copy(ours.get_program(), &program).unwrap();
        let mut command = Command::new(&program);
        command.args(ours.get_args()).args(sets).env_remove("NOTIFY_SOCKET");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let out = process.stdout.take().unwrap();
        let (sender, events) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str(&line).unwrap());
            }
        });
        Self { process, events, program }
    }

    /// Removes the file of the running program, as an upgrade of the package does.
    pub fn remove_program(&self) {
        fs::remove_file(&self.program).unwrap();
    }

    /// The next event of this kind.
    pub fn event(&self, kind: &str) -> Value {
        let deadline = Instant::now() + LIMIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let event: Value = self.events.recv_timeout(left).unwrap_or_else(|_| panic!("no event {kind}"));
            if event["kind"] == kind {
                return event;
            }
        }
    }

    /// The next grant by this model. Decisions from before a change of models can be reported after it.
    pub fn granted_by(&self, model: &Value) -> Value {
        loop {
            let granted = self.event("granted");
            if granted["model"] == *model {
                return granted;
            }
        }
    }

    /// Kills the door, like a crash.
    pub fn crash(&mut self) {
        assert!(self.process.try_wait().unwrap().is_none(), "the daemon has ended");
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Stops the door, which must still run.
    pub fn stop(&mut self) {
        assert!(self.process.try_wait().unwrap().is_none(), "the daemon has ended");
        let ended = Command::new("kill").arg(self.process.id().to_string()).status().unwrap();
        assert!(ended.success());
        self.event("stopped");
        assert_eq!(self.process.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_file(&self.program);
    }
}
