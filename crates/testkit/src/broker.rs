//! A real MQTT broker, mosquitto, on a free port of this machine.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{free_port, wait_for};

/// A broker that runs until the value is dropped.
pub struct Broker {
    process: Child,
    port: u16,
    folder: TempDir,
}

impl Broker {
    /// Starts a broker that accepts all clients.
    pub fn open() -> Self {
        Self::start(free_port(), "allow_anonymous true", tempfile::tempdir().unwrap())
    }

    /// Starts a broker with these lines of mosquitto.conf(5), and waits until it accepts connections. Files that the lines name
    /// can be in `folder`, which lives as long as the broker.
    pub fn start(port: u16, settings: &str, folder: TempDir) -> Self {
        let file = folder.path().join("mosquitto.conf");
        fs::write(&file, format!("user root\nlistener {port} 127.0.0.1\n{settings}\n")).unwrap();
        let program = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto", "/usr/local/sbin/mosquitto"]
            .into_iter()
            .find(|program| Path::new(program).exists())
            .unwrap_or("mosquitto");
        let process = Command::new(program)
            .arg("-c")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("mosquitto does not start ({error}): run scripts/setup"));
        let broker = Self { process, port, folder };
        wait_for("the broker", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        broker
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of the broker's files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Stops the broker and starts a new one without its state, on another port.
    pub fn replace(mut self) -> Self {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        Self::open()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
