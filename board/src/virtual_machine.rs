//! The virtual board's hardware, controlled through QEMU: power and GPIO lines. `scripts/board.d/boot` starts QEMU.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

/// Address of the PL061's data register that covers all eight lines: bit n is line n.
const GPIO_DATA: u64 = 0x0903_03fc;

/// A QEMU process.
pub struct VirtualMachine {
    /// The folder with its disk, sockets and process id.
    run: PathBuf,
    /// `None` while the power is off.
    gpio: Arc<Mutex<Option<GpioPort>>>,
}

/// A connection to the GPIO controller, by QEMU's qtest protocol.
pub struct GpioPort {
    qtest: BufReader<UnixStream>,
    /// The controller's path in QEMU's object tree.
    chip: String,
}

impl VirtualMachine {
    /// Connects to the QEMU that runs in the folder `run`.
    ///
    /// # Errors
    /// None runs there.
    pub fn connect(run: &Path) -> anyhow::Result<Self> {
        let gpio =
            GpioPort::connect(run).context("no virtual board is running; start one with scripts/board up")?;
        Ok(Self { run: run.to_owned(), gpio: Arc::new(Mutex::new(Some(gpio))) })
    }

    /// The GPIO controller, shared with the line monitor.
    pub fn gpio(&self) -> Arc<Mutex<Option<GpioPort>>> {
        self.gpio.clone()
    }

    /// The TCP port of this machine that is forwarded to the board's broker.
    pub fn mqtt_port(&self) -> anyhow::Result<u16> {
        Ok(std::fs::read_to_string(self.run.join("mqtt_port"))?.trim().parse()?)
    }

    /// Sets the level of an input line: true is high.
    pub fn set_input(&self, line: u32, level: bool) -> anyhow::Result<()> {
        let mut gpio = self.gpio.lock().unwrap_or_else(PoisonError::into_inner);
        gpio.as_mut().context("the board has no power")?.set(line, level)
    }

    /// Kills QEMU, as a power cut does: the contents of the guest's memory are lost. Waits until the process has ended.
    pub fn cut_power(&self) -> anyhow::Result<()> {
        *self.gpio.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let pid = std::fs::read_to_string(self.run.join("pid"))?;
        let status = Command::new("kill").args(["-KILL", pid.trim()]).status()?;
        ensure!(status.success(), "QEMU could not be killed");
        // Otherwise ssh's control connection waits for an answer until its timeout.
        let config = self.run.join("ssh_config");
        let _ = Command::new("ssh")
            .arg("-F")
            .arg(config)
            .args(["-O", "exit", "board"])
            .stderr(Stdio::null())
            .status();
        let process = Path::new("/proc").join(pid.trim());
        // A zombie has ended once its other threads are gone; until then they keep the disk's file open.
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
        bail!("QEMU did not end")
    }

    /// Starts QEMU with the existing disk and the given extra arguments, and waits until ssh answers.
    pub fn power_on(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let boot = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/board.d/boot");
        let status = Command::new(boot)
            .arg(&self.run)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()?;
        ensure!(status.success(), "the board does not boot: {}", self.run.join("console.log").display());
        *self.gpio.lock().unwrap_or_else(PoisonError::into_inner) = Some(GpioPort::connect(&self.run)?);
        Ok(())
    }
}

impl GpioPort {
    fn connect(run: &Path) -> anyhow::Result<Self> {
        let chip = find_chip(&run.join("qmp.sock"))?;
        let stream = UnixStream::connect(run.join("qtest.sock")).context("qtest")?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        Ok(Self { qtest: BufReader::new(stream), chip })
    }

    /// The levels of all lines: bit n is line n.
    pub fn levels(&mut self) -> anyhow::Result<u64> {
        let answer = self.ask(&format!("readl {GPIO_DATA:#x}"))?;
        let number = answer.trim_start_matches("0x");
        u64::from_str_radix(number, 16).with_context(|| format!("qtest answered {answer:?}"))
    }

    fn set(&mut self, line: u32, level: bool) -> anyhow::Result<()> {
        let command = format!("set_irq_in {} unnamed-gpio-in {line} {}", self.chip, u8::from(level));
        self.ask(&command).map(drop)
    }

    /// Sends one qtest command, a line, and returns the text after OK in its answer.
    fn ask(&mut self, command: &str) -> anyhow::Result<String> {
        writeln!(self.qtest.get_mut(), "{command}")?;
        loop {
            let mut answer = String::new();
            ensure!(self.qtest.read_line(&mut answer)? > 0, "QEMU has ended");
            match answer.trim().split_once(' ').unwrap_or((answer.trim(), "")) {
                ("OK", rest) => return Ok(rest.to_owned()),
                // qtest also reports interrupts.
                ("IRQ", _) => {}
                _ => bail!("qtest answered `{command}` with {answer:?}"),
            }
        }
    }
}

/// The path of the GPIO controller in QEMU's object tree.
fn find_chip(qmp: &Path) -> anyhow::Result<String> {
    let stream = UnixStream::connect(qmp).context("qmp")?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut qmp = BufReader::new(stream);
    let mut ask = |question: Value| -> anyhow::Result<Value> {
        writeln!(qmp.get_mut(), "{question}")?;
        loop {
            let mut line = String::new();
            ensure!(qmp.read_line(&mut line)? > 0, "QEMU closed the QMP connection");
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
