//! The service under test: its configuration, start and restart, the enrolled person, and `ostiary doctor`.

use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::board::Board;
use crate::timeouts::{TIMEOUT, wait_until};

/// Name of the enrolled person.
pub const PERSON: &str = "Ada";
/// Length of the relay's pulse (`relay.pulse_ms`).
pub const PULSE: Duration = Duration::from_millis(3000);
/// The configuration file that the tests write.
const CONFIG: &str = "/etc/ostiary/conf.d/board.toml";

/// The settings that differ from the installed configuration: the board's lines, its broker, and smaller frames, larger
/// faces and fewer frames for a decision, because an emulated processor is slow. Liveness is off: the camera shows portraits, and its
/// network takes five more frames.
pub fn config(board: &Board) -> String {
    let lines = board.lines;
    format!(
        "[camera]\nsource = \"{}\"\nwidth = 320\nheight = 240\nstall_s = 4.0\n\
         [detector]\nmin_face = 80\nevery = 4\n\
         [door]\nname = \"board\"\nframes = 2\nwithin_s = 30.0\ncooldown_s = 0.0\naway_s = 0.5\n\
         static_s = 86400.0\nunknown_after = 2\n\
         [liveness]\nlevel = \"off\"\n\
         [relay]\nline = {}\npulse_ms = {}\n\
         [signals]\nyes_line = {}\nno_line = {}\n\
         [mqtt]\nenabled = true\nhost = \"127.0.0.1\"\nscores = true\n",
        board.camera.node,
        lines.relay,
        PULSE.as_millis(),
        lines.yes,
        lines.no
    )
}

impl Board {
    /// Writes the tests' configuration, with the `(old, new)` replacements applied.
    pub fn configure(&self, changes: &[(&str, &str)]) -> anyhow::Result<()> {
        let mut text = config(self);
        for (old, new) in changes {
            ensure!(text.contains(old), "the configuration has no {old:?}");
            text = text.replace(old, new);
        }
        self.write(CONFIG, text.as_bytes())
    }

    /// Restarts the service and waits until it is READY. Returns the time that this took.
    pub fn restart(&self) -> anyhow::Result<Duration> {
        let since = Instant::now();
        self.sh("systemctl reset-failed ostiary; systemctl restart ostiary")?;
        wait_until("the service is active", TIMEOUT, || {
            Ok((self.property("ostiary", "ActiveState")? == "active").then_some(()))
        })?;
        Ok(since.elapsed())
    }

    /// Brings the board into the state in which most tests start: the tests' configuration, an empty scene before the
    /// camera, the person enrolled, and the service READY.
    pub fn set_up_door(&self) -> anyhow::Result<()> {
        self.configure(&[])?;
        if self.can_play_frames() {
            self.play(crate::frames::Scene::Empty)?;
        }
        self.enroll_person()?;
        self.restart()?;
        Ok(())
    }

    /// Enrolls [`PERSON`] from a photo, if not yet enrolled.
    fn enroll_person(&self) -> anyhow::Result<()> {
        if self.people()?.contains(PERSON) {
            return Ok(());
        }
        let photo =
            std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/self-test/portraits/obama.jpg"))?;
        self.write("/var/tmp/person.jpg", &photo)?;
        self.sh(&as_service_user(&format!("ostiary enroll {PERSON} /var/tmp/person.jpg"))).map(drop)
    }

    /// The output of `ostiary people list --json`; empty if there is no facebank.
    pub fn people(&self) -> anyhow::Result<String> {
        Ok(self.run(&as_service_user("ostiary people list --json"), b"", TIMEOUT)?.stdout)
    }

    /// Runs `ostiary doctor --json`; returns its exit code and its findings.
    pub fn doctor(&self) -> anyhow::Result<(Option<i32>, Vec<serde_json::Value>)> {
        let output = self.run(&as_service_user("ostiary doctor --json"), b"", TIMEOUT)?;
        let lines = output.stdout.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        Ok((output.code, lines))
    }
}

/// The shell command that runs `command` as the service's user, so that file ownership and permissions are the service's.
pub fn as_service_user(command: &str) -> String {
    format!("cd / && runuser -u ostiary -- {command}")
}
