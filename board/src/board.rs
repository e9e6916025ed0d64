//! The board under test, and what all tests do with it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::broker::Subscriber;
use crate::machine::Machine;
use crate::patience::{LONG, until};
use crate::ssh::{Ended, Ssh, quoted};
use crate::watcher::Watcher;

/// A board that runs, with the package installed.
pub struct Board {
    ssh: Ssh,
    /// `None` for a real board.
    machine: Option<Machine>,
    pub watcher: Watcher,
    pub subscriber: Subscriber,
    pub lines: Lines,
    pub camera: Camera,
}

/// What hangs on which line of the first GPIO chip.
#[derive(Debug, Clone, Copy)]
pub struct Lines {
    pub relay: u32,
    pub yes: u32,
    pub no: u32,
    /// Free, to be driven from outside.
    pub button: u32,
    pub contact: u32,
}

/// The camera of the tests.
pub struct Camera {
    /// Its node.
    pub node: String,
    /// The node to which frames are played that the camera then gives; `None` where it gives what is before it.
    pub player: Option<String>,
}

/// A place in the journal.
pub struct Mark(String);

/// What the door says by MQTT.
const TOPIC: &str = "ostiary/board/event";

impl Board {
    pub fn virtual_one(run: &Path) -> anyhow::Result<Self> {
        let machine = Machine::running(run)?;
        let watcher = Watcher::of_machine(machine.wires());
        let subscriber = Subscriber::start("127.0.0.1", machine.mqtt_port()?, TOPIC);
        // Line 3 is the power key.
        let lines = Lines { relay: 4, yes: 5, no: 6, button: 7, contact: 2 };
        let camera = Camera { node: "/dev/video0".into(), player: Some("/dev/video1".into()) };
        Ok(Self { ssh: Ssh::virtual_board(run), machine: Some(machine), watcher, subscriber, lines, camera })
    }

    /// A board at an address, whose relay line is wired to the line that is watched, and with mosquitto open to this
    /// machine.
    pub fn real(address: &str, lines: Lines, watched: u32, camera: Camera) -> anyhow::Result<Self> {
        let ssh = Ssh::real(address)?;
        let watcher = Watcher::of_wired_line(&ssh, "gpiochip0", watched, lines.relay)?;
        let host = address.rsplit_once('@').map_or(address, |(_, host)| host);
        let subscriber = Subscriber::start(host, 1883, TOPIC);
        Ok(Self { ssh, machine: None, watcher, subscriber, lines, camera })
    }

    pub fn is_virtual(&self) -> bool {
        self.machine.is_some()
    }

    /// Whether the tests say what the camera sees.
    pub fn plays(&self) -> bool {
        self.camera.player.is_some()
    }

    pub fn machine(&self) -> anyhow::Result<&Machine> {
        self.machine.as_ref().context("this needs the virtual board")
    }

    /// Starts a command of the shell, and does not wait for it.
    pub fn start(&self, command: &str) -> anyhow::Result<std::process::Child> {
        self.ssh.start(command)
    }

    /// Runs a command of the shell to its end.
    pub fn run(&self, command: &str, input: &[u8], limit: Duration) -> anyhow::Result<Ended> {
        self.ssh.run(command, input, limit)
    }

    /// Runs a command of the shell that must succeed; what it printed.
    pub fn sh(&self, command: &str) -> anyhow::Result<String> {
        let ended = self.run(command, b"", LONG)?;
        ensure!(ended.is_success(), "`{command}`: {}", ended.said());
        Ok(ended.out)
    }

    /// Writes a file.
    pub fn write(&self, path: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let ended = self.run(&format!("cat >{}", quoted(path)), bytes, LONG)?;
        ensure!(ended.is_success(), "{path}: {}", ended.said());
        Ok(())
    }

    /// A property of a unit, as `systemctl show` has it.
    pub fn property(&self, unit: &str, property: &str) -> anyhow::Result<String> {
        Ok(self.sh(&format!("systemctl show --value -p {property} {unit}"))?.trim().to_owned())
    }

    /// The end of the journal, to look at what comes after.
    pub fn mark(&self) -> anyhow::Result<Mark> {
        let said = self.sh("journalctl --sync; journalctl -n 1 -q -o json --output-fields=MESSAGE")?;
        let last: Value = serde_json::from_str(said.trim()).context("journalctl")?;
        Ok(Mark(last["__CURSOR"].as_str().context("no cursor in the journal")?.to_owned()))
    }

    /// What the service wrote to the journal since then, systemd's words about it included.
    pub fn journal(&self, since: &Mark) -> anyhow::Result<Vec<Value>> {
        let said = self.sh(&format!(
            "journalctl --sync; journalctl -u ostiary -q -o json --after-cursor={}",
            quoted(&since.0)
        ))?;
        said.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// The journal's messages since then, for errors.
    pub fn messages(&self, since: &Mark) -> anyhow::Result<String> {
        let entries = self.journal(since)?;
        let messages: Vec<_> = entries.iter().filter_map(|entry| entry["MESSAGE"].as_str()).collect();
        Ok(messages.join("\n"))
    }

    /// Waits for a message of the service that contains this.
    pub fn wait_for_message(&self, part: &str, since: &Mark) -> anyhow::Result<String> {
        let mut last = String::new();
        until(&format!("{part:?} in the journal"), LONG, || {
            last = self.messages(since)?;
            Ok(last.lines().find(|line| line.contains(part)).map(str::to_owned))
        })
        .with_context(|| format!("the journal says: {last}"))
    }

    /// That the relay did not move since then, and is at rest.
    pub fn relay_never_moved(&self, since: Instant) -> anyhow::Result<()> {
        let edges = self.watcher.edges(self.lines.relay, since)?;
        ensure!(edges.is_empty(), "the relay moved: {edges:?}");
        ensure!(!self.watcher.level(self.lines.relay)?, "the relay is on");
        Ok(())
    }

    /// The relay's next pulse since then: when it began, and how long it was. It must have ended.
    pub fn pulse(&self, since: Instant, limit: Duration) -> anyhow::Result<(Instant, Duration)> {
        let deadline = Instant::now() + limit;
        loop {
            let edges = self.watcher.edges(self.lines.relay, since)?;
            if let [on, off, ..] = edges.as_slice() {
                ensure!(on.level && !off.level, "{edges:?}");
                return Ok((on.at, off.at - on.at));
            }
            if Instant::now() > deadline {
                bail!("no pulse of the relay within {} s: {edges:?}", limit.as_secs());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// After a failure: the end of the service's journal.
    pub fn say_what_happened(&self) {
        match self.run("journalctl -u ostiary -q -n 15 -o short-monotonic --no-hostname", b"", LONG) {
            Ok(ended) => ended.said().lines().for_each(|line| println!("         | {line}")),
            Err(error) => println!("         | {error:#}"),
        }
    }
}
