//! A separate system bus for a test: a real dbus-daemon, which starts systemd-timedated or a substitute with chosen answers.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};

/// A running bus. It ends with the value, and so does the service, which is in its process group.
pub struct SystemBus {
    folder: tempfile::TempDir,
    daemon: Child,
    address: String,
}

impl SystemBus {
    /// A bus whose service has the answer that [`Self::answers`] set last.
    pub fn with_answers() -> Self {
        let service = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/system_bus/timedated.py");
        let command = |folder: &Path| {
            Some(format!("/usr/bin/python3 {} {}", service.display(), folder.join("answer").display()))
        };
        Self::start(command)
    }

    /// A bus with systemd's own service.
    pub fn with_systemd() -> Self {
        Self::start(|_| Some("/lib/systemd/systemd-timedated".to_owned()))
    }

    /// A bus without the service.
    pub fn empty() -> Self {
        Self::start(|_| None)
    }

    fn start(service: impl FnOnce(&Path) -> Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let config = format!(
            "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN\" \
             \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n\
             <busconfig><type>system</type><listen>unix:path={0}/socket</listen><auth>EXTERNAL</auth>\
             <servicedir>{0}/services</servicedir><policy context=\"default\"><allow user=\"*\"/><allow own=\"*\"/>\
             <allow send_destination=\"*\"/><allow receive_sender=\"*\"/></policy></busconfig>",
            path.display()
        );
        fs::write(path.join("bus.conf"), config).unwrap();
        fs::create_dir(path.join("services")).unwrap();
        if let Some(command) = service(path) {
            let name = "org.freedesktop.timedate1";
            let text = format!("[D-BUS Service]\nName={name}\nExec={command}\n");
            fs::write(path.join(format!("services/{name}.service")), text).unwrap();
        }
        let mut daemon = Command::new("dbus-daemon");
        daemon
            .args(["--nofork", "--nopidfile", "--print-address=1", "--config-file"])
            .arg(path.join("bus.conf"));
        let address = format!("unix:path={}/socket", path.display());
        // The services find the bus by it.
        daemon
            .env("DBUS_SYSTEM_BUS_ADDRESS", &address)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        daemon.process_group(0);
        let mut daemon = daemon.spawn().expect("these tests need dbus-daemon: scripts/setup");
        // It prints the address when it listens.
        let mut printed = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut printed).unwrap();
        assert!(printed.starts_with("unix:"), "dbus-daemon printed {printed:?}");
        Self { folder, daemon, address }
    }

    /// What the service answers from now on: `true`, `false`, `text`, `number`, or `never`.
    pub fn answers(&self, answer: &str) {
        fs::write(self.folder.path().join("answer"), answer).unwrap();
    }

    /// Where the bus listens.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for SystemBus {
    fn drop(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.daemon), Signal::KILL);
        let _ = self.daemon.wait();
    }
}
