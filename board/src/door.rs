//! The door as the tests configure it, start it and let people be known.

use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::board::Board;
use crate::patience::{LONG, until};

/// Whom the door knows.
pub const PERSON: &str = "Ada";
/// How long the relay is on.
pub const PULSE: Duration = Duration::from_millis(3000);
const CONFIG: &str = "/etc/ostiary/conf.d/board.toml";

/// What differs from the installed configuration: the board's lines, its broker, and an eye for a slow processor (small
/// frames, near faces, few of them to decide on).
pub fn config(board: &Board) -> String {
    let lines = board.lines;
    format!(
        "[camera]\nsource = \"{}\"\nwidth = 320\nheight = 240\nstall_s = 4.0\n\
         [detector]\nmin_face = 80\nevery = 4\n\
         [door]\nname = \"board\"\nframes = 2\nwithin_s = 30.0\ncooldown_s = 0.0\nunknown_after = 2\n\
         [relay]\nline = {}\npulse_ms = {}\n\
         [signals]\nyes_line = {}\nno_line = {}\n\
         [mqtt]\nenabled = true\nhost = \"127.0.0.1\"\n",
        board.camera.node,
        lines.relay,
        PULSE.as_millis(),
        lines.yes,
        lines.no
    )
}

impl Board {
    /// Writes the configuration, with one line in place of another where that is asked.
    pub fn configure(&self, changes: &[(&str, &str)]) -> anyhow::Result<()> {
        let mut text = config(self);
        for (old, new) in changes {
            ensure!(text.contains(old), "the configuration has no {old:?}");
            text = text.replace(old, new);
        }
        self.write(CONFIG, text.as_bytes())
    }

    /// Restarts the service with the present configuration and waits for READY. Returns how long that took.
    pub fn restart(&self) -> anyhow::Result<Duration> {
        let since = Instant::now();
        self.sh("systemctl reset-failed ostiary; systemctl restart ostiary")?;
        until("the service is active", LONG, || {
            Ok((self.property("ostiary", "ActiveState")? == "active").then_some(()))
        })?;
        Ok(since.elapsed())
    }

    /// The service with the usual configuration, READY, nobody before the camera, and the person known.
    pub fn keep_the_door(&self) -> anyhow::Result<()> {
        self.configure(&[])?;
        if self.plays() {
            self.play(crate::frames::Scene::Hall)?;
        }
        self.make_known()?;
        self.restart()?;
        Ok(())
    }

    /// Enrolls the person from a photo, where nobody did before.
    fn make_known(&self) -> anyhow::Result<()> {
        if self.people()?.contains(PERSON) {
            return Ok(());
        }
        let photo =
            std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/self-test/portraits/obama.jpg"))?;
        self.write("/var/tmp/person.jpg", &photo)?;
        self.sh(&as_daemon(&format!("ostiary enroll {PERSON} /var/tmp/person.jpg"))).map(drop)
    }

    /// The people of the facebank, as `people list` prints them; nobody where there is no facebank.
    pub fn people(&self) -> anyhow::Result<String> {
        Ok(self.run(&as_daemon("ostiary people list --json"), b"", LONG)?.out)
    }

    /// `ostiary doctor`: its exit code and its lines.
    pub fn doctor(&self) -> anyhow::Result<(Option<i32>, Vec<serde_json::Value>)> {
        let ended = self.run(&as_daemon("ostiary doctor --json"), b"", LONG)?;
        let lines = ended.out.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        Ok((ended.code, lines))
    }
}

/// A command as the daemon's own user, so that files get the right owner and permissions are the daemon's.
pub fn as_daemon(command: &str) -> String {
    format!("cd / && runuser -u ostiary -- {command}")
}
