//! The systemd service of the door.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use ostiary_config::SourceKind;
use ostiary_core::durable;

/// The drop-ins of the package.
const DROP_INS: &str = "/usr/share/ostiary/systemd";

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
        systemctl(&["enable", &self.0])?;
        systemctl(&["restart", &self.0]).with_context(|| {
            format!(
                "the door does not start: `journalctl -u {} -n 20` and `sudo ostiary doctor` say why",
                self.0
            )
        })
    }

    /// Allows the service the devices of a ribbon camera, which it may not use otherwise. Returns whether that was new.
    ///
    /// # Errors
    /// The drop-in of the package is missing, or cannot be installed.
    pub fn allow_camera(&self, source: &SourceKind) -> anyhow::Result<bool> {
        let drop_in = match source {
            SourceKind::Rpicam(_) => "rpicam.conf",
            SourceKind::Argus(_) => "argus.conf",
            SourceKind::Device(_) | SourceKind::Path(_) | SourceKind::Stream(_) => return Ok(false),
        };
        let folder = Path::new("/etc/systemd/system").join(format!("{}.service.d", self.0));
        let (from, to) = (Path::new(DROP_INS).join(drop_in), folder.join(drop_in));
        if to.exists() {
            return Ok(false);
        }
        let text = fs::read(&from).with_context(|| format!("{}: the package has it", from.display()))?;
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        durable::write(&to, &text, 0o644).with_context(|| to.display().to_string())?;
        systemctl(&["daemon-reload"])?;
        Ok(true)
    }
}

fn systemctl(arguments: &[&str]) -> anyhow::Result<()> {
    let output =
        Command::new("systemctl").arg("--quiet").args(arguments).stdin(Stdio::null()).output().context(
            "systemctl cannot be run: setup needs a system with systemd and the installed package",
        )?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        bail!("`systemctl {}` has failed: {}", arguments.join(" "), why.trim());
    }
    Ok(())
}
