//! The systemd service of the door.

use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// A service of this name.
pub(super) struct Service(String);

impl Service {
    pub fn new(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// Enables the service and starts it again. It has started when the camera has given its first frame.
    ///
    /// # Errors
    /// There is no systemd, or the service does not start.
    pub fn restart(&self) -> anyhow::Result<()> {
        self.systemctl("enable")?;
        self.systemctl("restart").with_context(|| {
            format!(
                "the door does not start: `journalctl -u {} -n 20` and `sudo ostiary doctor` say why",
                self.0
            )
        })
    }

    fn systemctl(&self, verb: &str) -> anyhow::Result<()> {
        let Self(name) = self;
        let output =
            Command::new("systemctl").args(["--quiet", verb, name]).stdin(Stdio::null()).output().context(
                "systemctl cannot be run: setup needs a system with systemd and the installed package",
            )?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr);
            bail!("`systemctl {verb} {name}` has failed: {}", why.trim());
        }
        Ok(())
    }
}
