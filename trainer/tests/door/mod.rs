//! A door in a folder of its own, kept by the program that ships.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};
use std::{fs, thread};

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;
use tempfile::TempDir;

/// Far longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(120);

/// A file of the repository.
pub fn of_project(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(file)
}

pub fn portrait(name: &str) -> PathBuf {
    of_project("demo/portraits").join(name)
}

pub fn trainer(arguments: &[&str]) -> Output {
    Command::new(cargo_bin!("ostiary-trainer")).args(arguments).output().unwrap()
}

/// The door's program, which cargo builds beside the trainer's for the tests of the whole workspace.
pub fn ostiary() -> Command {
    let program = cargo_bin!("ostiary-trainer").with_file_name("ostiary");
    assert!(program.exists(), "there is no {}; run the tests with --workspace", program.display());
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).env_remove("NOTIFY_SOCKET");
    command
}

/// What a verb did.
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

    /// The reason of a refusal.
    pub fn refused(self) -> String {
        let rows = self.code(1);
        rows.last().unwrap()["refused"].as_str().unwrap().to_owned()
    }

    /// What an error says.
    pub fn error(self) -> String {
        assert_eq!(self.code, Some(2), "{:?} {}", self.rows, self.said);
        assert!(!self.said.contains("panicked"), "{}", self.said);
        self.said
    }
}

/// A folder with all that a door keeps.
pub struct House(TempDir);

impl House {
    /// A door with these lines in `[models]`.
    pub fn new(models: &str) -> Self {
        let house = Self(tempfile::tempdir().unwrap());
        let set = |text: &str| fs::write(house.path("ostiary.toml"), text).unwrap();
        set(&format!(
            "[events]\npath = {:?}\n[facebank]\npath = {:?}\n[models]\nstore = {:?}\n{models}",
            house.path("events.sqlite"),
            house.path("people.sqlite"),
            house.path("models"),
        ));
        house
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn configuration(&self) -> String {
        fs::read_to_string(self.path("ostiary.toml")).unwrap()
    }

    /// Adds lines to a section, or a section.
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

    /// The same while something else happens.
    pub fn models_meanwhile(&self, arguments: &[&str]) -> thread::JoinHandle<Done> {
        let mut command = self.ostiary(&["models", "--json"]);
        command.args(arguments);
        thread::spawn(move || Self::done(&mut command))
    }

    pub fn models(&self, arguments: &[&str]) -> Done {
        Self::done(self.ostiary(&["models", "--json"]).args(arguments))
    }

    /// The same on a system that trusts this certificate authority and no other.
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

    /// The version in use.
    pub fn active(&self) -> Option<u64> {
        let rows = self.models(&["list"]).good();
        rows.iter().find(|row| row["active"] == true)?["version"].as_u64()
    }

    pub fn enroll(&self, name: &str, photo: &str) {
        let output = self.ostiary(&["enroll", name]).arg(portrait(photo)).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    pub fn forget(&self, name: &str) {
        let output = self.ostiary(&["people", "remove", name]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    /// The only model that somebody has a template of.
    pub fn model_of(&self, name: &str) -> String {
        let output = self.ostiary(&["people", "show", name, "--json"]).output().unwrap();
        let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(shown["models"].as_array().unwrap().len(), 1, "{shown}");
        shown["models"][0].as_str().unwrap().to_owned()
    }

    /// What is said of whom a picture shows.
    pub fn identify(&self, photo: &str) -> String {
        let output = self.ostiary(&["identify"]).arg(portrait(photo)).output().unwrap();
        assert!(output.status.code().is_some_and(|code| code < 2), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What doctor finds in one of its checks.
    pub fn doctor(&self, check: &str) -> String {
        let output = self.ostiary(&["doctor"]).output().unwrap();
        let found = String::from_utf8(output.stdout).unwrap();
        found
            .lines()
            .filter(|line| line.split_whitespace().nth(1) == Some(check))
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Why no door can be kept.
    pub fn run_error(&self) -> String {
        let output = self.ostiary(&["run"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}

/// A door that is being kept.
pub struct Door {
    process: Child,
    events: Receiver<Value>,
    /// The file that it runs, a copy of the program's.
    program: PathBuf,
}

impl Door {
    /// Somebody stands before the camera, goes, and comes again, until the door is stopped.
    pub fn start(house: &House, who: &Path) -> Self {
        let clip = house.path("visit.mp4");
        let made = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", "color=c=gray:s=640x480:r=10:d=4"])
            .args(["-loop", "1", "-t", "4", "-i"])
            .arg(who)
            .args([
                "-filter_complex",
                "[1:v]scale=-2:440[face];[0:v][face]overlay=x=60:y=20:enable='between(t,1,3)'",
            ])
            .args(["-t", "4", "-pix_fmt", "yuv420p"])
            .arg(&clip)
            .output()
            .expect("these tests need ffmpeg: scripts/setup");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        // The same visit for as long as anybody could wait.
        let list = house.path("visits.txt");
        fs::write(&list, format!("file '{}'\n", clip.display()).repeat(100)).unwrap();
        let long = house.path("visits.mp4");
        let joined = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-y", "-f", "concat", "-safe", "0", "-i"])
            .arg(&list)
            .args(["-c", "copy"])
            .arg(&long)
            .output()
            .unwrap();
        assert!(joined.status.success(), "{}", String::from_utf8_lossy(&joined.stderr));
        let source = format!("camera.source={}", long.display());
        let keys = ["camera.realtime=true", "door.cooldown_s=0", &source];
        let sets = keys.iter().flat_map(|key| ["--set", key]);
        let ours = house.ostiary(&["run", "--json"]);
        // Beside the program, so that it finds the same models.
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

    /// Takes the program's file away from the running door, as an upgrade of the package does.
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

    /// The next grant by this model. What was decided before a change may still be told after it.
    pub fn granted_by(&self, model: &Value) -> Value {
        loop {
            let granted = self.event("granted");
            if granted["model"] == *model {
                return granted;
            }
        }
    }

    /// Ends it as a crash does.
    pub fn crash(&mut self) {
        assert!(self.process.try_wait().unwrap().is_none(), "the daemon has ended");
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Stops it; it must have lived until then.
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
