//! The virtual board's hardware, from outside: power, the level of each line, and its end.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

/// The PL061's data register, all of its eight lines: bit n is line n.
const LINES: u64 = 0x0903_03fc;

/// A running QEMU.
pub struct Machine {
    run: PathBuf,
    /// `None` while the power is off.
    wires: Arc<Mutex<Option<Wires>>>,
}

/// The lines of the GPIO chip.
pub struct Wires {
    qtest: BufReader<UnixStream>,
    /// The chip's place among QEMU's objects.
    chip: String,
}

impl Machine {
    /// The one that was started in this folder.
    pub fn running(run: &Path) -> anyhow::Result<Self> {
        let wires = Wires::connect(run).context("no virtual board runs: scripts/board up")?;
        Ok(Self { run: run.to_owned(), wires: Arc::new(Mutex::new(Some(wires))) })
    }

    pub fn wires(&self) -> Arc<Mutex<Option<Wires>>> {
        self.wires.clone()
    }

    /// The port of this machine that the board's broker answers on.
    pub fn mqtt_port(&self) -> anyhow::Result<u16> {
        Ok(std::fs::read_to_string(self.run.join("mqtt_port"))?.trim().parse()?)
    }

    /// Sets the level of an input line, as a button or a contact does.
    pub fn set_input(&self, line: u32, level: bool) -> anyhow::Result<()> {
        let mut wires = self.wires.lock().unwrap_or_else(PoisonError::into_inner);
        wires.as_mut().context("the board has no power")?.set(line, level)
    }

    /// Ends the machine at once, as a power cut does: what is in the guest's memory is gone.
    pub fn cut_power(&self) -> anyhow::Result<()> {
        *self.wires.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let pid = std::fs::read_to_string(self.run.join("pid"))?;
        let status = Command::new("kill").args(["-KILL", pid.trim()]).status()?;
        ensure!(status.success(), "QEMU could not be killed");
        // The connection's master would wait for an answer until its patience ends.
        let config = self.run.join("ssh_config");
        let _ = Command::new("ssh")
            .arg("-F")
            .arg(config)
            .args(["-O", "exit", "board"])
            .stderr(Stdio::null())
            .status();
        let process = Path::new("/proc").join(pid.trim());
        // A zombie waits for nothing but to be counted, once its other threads are gone: they hold the disk's file too.
        let has_ended = || {
            let threads = std::fs::read_dir(process.join("task")).map_or(0, Iterator::count);
            let stat = std::fs::read_to_string(process.join("stat"));
            stat.map_or(true, |stat| stat.contains(") Z ") && threads <= 1)
        };
        for _ in 0..600 {
            if has_ended() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("QEMU does not end")
    }

    /// Boots again from the disk as it was left, and waits until the board can be reached.
    pub fn power_on(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let boot = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/board.d/boot");
        let status = Command::new(boot)
            .arg(&self.run)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()?;
        ensure!(status.success(), "the board does not boot: {}", self.run.join("console.log").display());
        *self.wires.lock().unwrap_or_else(PoisonError::into_inner) = Some(Wires::connect(&self.run)?);
        Ok(())
    }
}

impl Wires {
    fn connect(run: &Path) -> anyhow::Result<Self> {
        let chip = find_chip(&run.join("qmp.sock"))?;
        let stream = UnixStream::connect(run.join("qtest.sock")).context("qtest")?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        Ok(Self { qtest: BufReader::new(stream), chip })
    }

    /// The levels of all lines, a bit each.
    pub fn levels(&mut self) -> anyhow::Result<u64> {
        let answer = self.ask(&format!("readl {LINES:#x}"))?;
        let number = answer.trim_start_matches("0x");
        u64::from_str_radix(number, 16).with_context(|| format!("qtest said {answer:?}"))
    }

    fn set(&mut self, line: u32, level: bool) -> anyhow::Result<()> {
        let command = format!("set_irq_in {} unnamed-gpio-in {line} {}", self.chip, u8::from(level));
        self.ask(&command).map(drop)
    }

    /// One command of the qtest protocol: a line there, a line back that begins with OK.
    fn ask(&mut self, command: &str) -> anyhow::Result<String> {
        writeln!(self.qtest.get_mut(), "{command}")?;
        loop {
            let mut answer = String::new();
            ensure!(self.qtest.read_line(&mut answer)? > 0, "QEMU has ended");
            match answer.trim().split_once(' ').unwrap_or((answer.trim(), "")) {
                ("OK", rest) => return Ok(rest.to_owned()),
                // It tells of interrupts as well.
                ("IRQ", _) => {}
                _ => bail!("qtest: `{command}` gave {answer:?}"),
            }
        }
    }
}

/// The GPIO chip's place among QEMU's objects.
fn find_chip(qmp: &Path) -> anyhow::Result<String> {
    let stream = UnixStream::connect(qmp).context("qmp")?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut qmp = BufReader::new(stream);
    let mut ask = |question: Value| -> anyhow::Result<Value> {
        writeln!(qmp.get_mut(), "{question}")?;
        loop {
            let mut line = String::new();
            ensure!(qmp.read_line(&mut line)? > 0, "qmp has ended");
            let answer: Value = serde_json::from_str(&line)?;
            if let Some(answer) = answer.get("return") {
                return Ok(answer.clone());
            }
            ensure!(answer.get("error").is_none(), "qmp: {answer}");
        }
    };
    ask(json!({ "execute": "qmp_capabilities" }))?;
    let parent = "/machine/unattached";
    let devices = ask(json!({ "execute": "qom-list", "arguments": { "path": parent } }))?;
    devices
        .as_array()
        .into_iter()
        .flatten()
        .find(|device| device["type"] == "child<pl061>")
        .and_then(|device| device["name"].as_str())
        .map(|name| format!("{parent}/{name}"))
        .context("the board has no PL061")
}
