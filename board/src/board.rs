//! The board under test: commands, files, journal and relay.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::line_monitor::LineMonitor;
use crate::ssh::{CommandOutput, Ssh, quoted};
use crate::subscriber::Subscriber;
use crate::timeouts::{TIMEOUT, wait_until};
use crate::virtual_machine::VirtualMachine;

/// A running board with the package installed.
pub struct Board {
    ssh: Ssh,
    /// `None` for a real board.
    machine: Option<VirtualMachine>,
    /// Records the levels of the GPIO lines from outside the board's software.
    pub monitor: LineMonitor,
    /// Receives the door's MQTT events.
    pub subscriber: Subscriber,
    /// The lines in use.
    pub lines: Lines,
    /// The camera in use.
    pub camera: Camera,
}

/// Offsets of the lines of `/dev/gpiochip0`.
#[derive(Debug, Clone, Copy)]
pub struct Lines {
    /// Output: the relay.
    pub relay: u32,
    /// Output: the lamp that is lit when a person is let in.
    pub yes: u32,
    /// Output: the lamp that is lit when a person is refused.
    pub no: u32,
    /// Input: the exit button. The tests set its level.
    pub button: u32,
    /// Input: the door contact. The tests set its level.
    pub contact: u32,
}

/// The camera of the board.
pub struct Camera {
    /// Device node that the daemon reads, for example `/dev/video0`.
    pub node: String,
    /// Output node of the vivid driver whose frames appear at `node`. `None` for a real camera, whose picture the tests do
    /// not control.
    pub player: Option<String>,
}

/// A position in the journal: the cursor of an entry.
pub struct Cursor(String);

/// MQTT topic of the door's events.
const TOPIC: &str = "ostiary/board/event";

impl Board {
    /// Connects to the virtual board that runs in the folder `run`.
    ///
    /// # Errors
    /// No virtual board runs there.
    pub fn virtual_board(run: &Path) -> anyhow::Result<Self> {
        let machine = VirtualMachine::connect(run)?;
        let monitor = LineMonitor::of_virtual_board(machine.gpio());
        let subscriber = Subscriber::start("127.0.0.1", machine.mqtt_port()?, TOPIC);
        // Line 3 is the power key.
        let lines = Lines { relay: 4, yes: 5, no: 6, button: 7, contact: 2 };
        let camera = Camera { node: "/dev/video0".into(), player: Some("/dev/video1".into()) };
        Ok(Self { ssh: Ssh::virtual_board(run), machine: Some(machine), monitor, subscriber, lines, camera })
    }

    /// Connects to a real board at `address` (`USER@HOST`). Its relay line must be wired to the input line `monitored`, and
    /// its mosquitto must accept connections from this machine.
    ///
    /// # Errors
    /// The board cannot be reached by ssh.
    pub fn real(address: &str, lines: Lines, monitored: u32, camera: Camera) -> anyhow::Result<Self> {
        let ssh = Ssh::real(address)?;
        let monitor = LineMonitor::of_wired_line(&ssh, "gpiochip0", monitored, lines.relay)?;
        let host = address.rsplit_once('@').map_or(address, |(_, host)| host);
        let subscriber = Subscriber::start(host, 1883, TOPIC);
        Ok(Self { ssh, machine: None, monitor, subscriber, lines, camera })
    }

    /// Whether this is the virtual board.
    pub fn is_virtual(&self) -> bool {
        self.machine.is_some()
    }

    /// Whether the tests can play frames to the camera.
    pub fn can_play_frames(&self) -> bool {
        self.camera.player.is_some()
    }

    /// The virtual machine; an error for a real board.
    pub fn machine(&self) -> anyhow::Result<&VirtualMachine> {
        self.machine.as_ref().context("this test needs the virtual board")
    }

    /// Starts a shell command as root and does not wait for it.
    pub fn start(&self, command: &str) -> anyhow::Result<std::process::Child> {
        self.ssh.start(command)
    }

    /// Runs a shell command as root and returns its output. Fails if it takes longer than `limit`.
    pub fn run(&self, command: &str, input: &[u8], limit: Duration) -> anyhow::Result<CommandOutput> {
        self.ssh.run(command, input, limit)
    }

    /// Runs a shell command as root and returns its standard output. Fails if its exit code is not 0.
    pub fn sh(&self, command: &str) -> anyhow::Result<String> {
        let output = self.run(command, b"", TIMEOUT)?;
        ensure!(output.is_success(), "`{command}`: {}", output.text());
        Ok(output.stdout)
    }

    /// Writes a file on the board.
    pub fn write(&self, path: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let output = self.run(&format!("cat >{}", quoted(path)), bytes, TIMEOUT)?;
        ensure!(output.is_success(), "{path}: {}", output.text());
        Ok(())
    }

    /// A property of a systemd unit, as `systemctl show` prints it.
    pub fn property(&self, unit: &str, property: &str) -> anyhow::Result<String> {
        Ok(self.sh(&format!("systemctl show --value -p {property} {unit}"))?.trim().to_owned())
    }

    /// The current end of the journal.
    pub fn journal_end(&self) -> anyhow::Result<Cursor> {
        let output = self.sh("journalctl --sync; journalctl -n 1 -q -o json --output-fields=MESSAGE")?;
        let last: Value = serde_json::from_str(output.trim()).context("journalctl")?;
        Ok(Cursor(last["__CURSOR"].as_str().context("no cursor in the journal")?.to_owned()))
    }

    /// The journal entries of the service after `since`, including systemd's messages about the service.
    pub fn journal(&self, since: &Cursor) -> anyhow::Result<Vec<Value>> {
        let output = self.sh(&format!(
            "journalctl --sync; journalctl -u ostiary -q -o json --after-cursor={}",
            quoted(&since.0)
        ))?;
        output.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// The messages of the service after `since`, one a line.
    pub fn messages(&self, since: &Cursor) -> anyhow::Result<String> {
        let entries = self.journal(since)?;
        let messages: Vec<_> = entries.iter().filter_map(|entry| entry["MESSAGE"].as_str()).collect();
        Ok(messages.join("\n"))
    }

    /// Waits for a message of the service after `since` that contains `part`, and returns it.
    pub fn wait_for_message(&self, part: &str, since: &Cursor) -> anyhow::Result<String> {
        let mut last = String::new();
        wait_until(&format!("{part:?} in the journal"), TIMEOUT, || {
            last = self.messages(since)?;
            Ok(last.lines().find(|line| line.contains(part)).map(str::to_owned))
        })
        .with_context(|| format!("the journal has: {last}"))
    }

    /// Checks that the relay's line has not changed since `since` and is at rest.
    pub fn check_relay_at_rest(&self, since: Instant) -> anyhow::Result<()> {
        let edges = self.monitor.edges(self.lines.relay, since)?;
        ensure!(edges.is_empty(), "the relay's line changed: {edges:?}");
        ensure!(!self.monitor.level(self.lines.relay)?, "the relay is on");
        Ok(())
    }

    /// Waits for the first complete pulse of the relay after `since`; returns its start and its length. Fails if the pulse
    /// has not ended within `limit`.
    pub fn pulse(&self, since: Instant, limit: Duration) -> anyhow::Result<(Instant, Duration)> {
        let deadline = Instant::now() + limit;
        loop {
            let edges = self.monitor.edges(self.lines.relay, since)?;
            if let [on, off, ..] = edges.as_slice() {
                ensure!(on.level && !off.level, "{edges:?}");
                return Ok((on.at, off.at - on.at));
            }
            if Instant::now() > deadline {
                bail!("no complete pulse of the relay within {} s: {edges:?}", limit.as_secs());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Prints the last messages of the service. For use after a failed test.
    pub fn print_journal(&self) {
        match self.run("journalctl -u ostiary -q -n 15 -o short-monotonic --no-hostname", b"", TIMEOUT) {
            Ok(output) => output.text().lines().for_each(|line| println!("         | {line}")),
            Err(error) => println!("         | {error:#}"),
        }
    }
}
