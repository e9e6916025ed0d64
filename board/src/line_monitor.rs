//! Records the levels of GPIO lines from outside the board's software, for the whole test run.

use std::io::{BufRead, BufReader};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::ssh::Ssh;
use crate::virtual_machine::GpioPort;

/// Sampling interval for the virtual board's lines.
const INTERVAL: Duration = Duration::from_millis(10);

/// A change of a line's level.
#[derive(Debug, Clone, Copy)]
pub struct Edge {
    /// When it was sampled, by this machine's clock.
    pub at: Instant,
    /// Offset of the line.
    pub line: u32,
    /// The new level: true is high.
    pub level: bool,
}

/// What the monitor has recorded.
#[derive(Default)]
struct Recording {
    /// The current levels: bit n is line n.
    levels: u64,
    edges: Vec<Edge>,
    /// Time of the last sample.
    sampled: Option<Instant>,
    /// The longest time between two samples since [`LineMonitor::take_max_interval`] was called.
    max_interval: Duration,
    /// Why the lines cannot be read at present.
    error: Option<String>,
}

/// A thread that samples the lines.
pub struct LineMonitor {
    recording: Arc<Mutex<Recording>>,
    stop: Arc<AtomicBool>,
}

impl LineMonitor {
    /// Samples the virtual board's lines. While the board has no power all lines are low.
    pub fn of_virtual_board(gpio: Arc<Mutex<Option<GpioPort>>>) -> Self {
        let monitor = Self { recording: Arc::default(), stop: Arc::default() };
        let (recording, stop) = (monitor.recording.clone(), monitor.stop.clone());
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let levels = match gpio.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                    Some(gpio) => gpio.levels(),
                    None => Ok(0),
                };
                let mut recording = lock(&recording);
                match levels {
                    Ok(levels) => recording.add_sample(levels),
                    Err(error) => recording.error = Some(error.to_string()),
                }
                drop(recording);
                thread::sleep(INTERVAL);
            }
        });
        monitor
    }

    /// Follows the input line `monitored` of a real board, which is wired to the relay's line. Its edges are recorded as
    /// edges of the line `relay`.
    ///
    /// # Errors
    /// ssh cannot be started.
    pub fn of_wired_line(ssh: &Ssh, chip: &str, monitored: u32, relay: u32) -> anyhow::Result<Self> {
        // gpioget prints the initial level; gpiomon then prints a line for each edge.
        let command = format!(
            "gpioget --chip {chip} --numeric {monitored} && exec stdbuf -oL gpiomon --chip {chip} --format %E {monitored}"
        );
        let mut child = ssh.start(&command)?;
        let out = child.stdout.take().context("no output of ssh")?;
        let monitor = Self { recording: Arc::default(), stop: Arc::default() };
        let (recording, monitored) = (monitor.recording.clone(), format!("line {monitored} of {chip}"));
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let level = match line.trim() {
                    "rising" | "1" => true,
                    "falling" | "0" => false,
                    _ => continue,
                };
                lock(&recording).add_sample(u64::from(level) << (relay % 64));
            }
            lock(&recording).error = Some(format!("{monitored} can no longer be monitored"));
            let _ = child.wait();
        });
        Ok(monitor)
    }

    /// The edges of a line at or after `since`.
    ///
    /// # Errors
    /// The lines cannot be read.
    pub fn edges(&self, line: u32, since: Instant) -> anyhow::Result<Vec<Edge>> {
        let recording = self.recording()?;
        Ok(recording.edges.iter().filter(|edge| edge.line == line && edge.at >= since).copied().collect())
    }

    /// Whether a line is high.
    ///
    /// # Errors
    /// The lines cannot be read.
    pub fn level(&self, line: u32) -> anyhow::Result<bool> {
        Ok(self.recording()?.levels >> (line % 64) & 1 == 1)
    }

    /// Waits until a line has this level; returns the time of the edge.
    ///
    /// # Errors
    /// The line does not have this level within `limit`, or the lines cannot be read.
    pub fn wait_for_level(&self, line: u32, level: bool, limit: Duration) -> anyhow::Result<Instant> {
        let since = Instant::now();
        while self.level(line)? != level {
            if since.elapsed() > limit {
                bail!("line {line} did not become {} within {:.1} s", u8::from(level), limit.as_secs_f64());
            }
            thread::sleep(Duration::from_millis(5));
        }
        let recording = self.recording()?;
        Ok(recording.edges.iter().rev().find(|edge| edge.line == line).map_or(since, |edge| edge.at))
    }

    /// The longest time between two samples since the last call: the resolution of the recorded times.
    pub fn take_max_interval(&self) -> Duration {
        std::mem::take(&mut lock(&self.recording).max_interval)
    }

    fn recording(&self) -> anyhow::Result<MutexGuard<'_, Recording>> {
        let recording = lock(&self.recording);
        match &recording.error {
            Some(error) => bail!("the lines cannot be read: {error}"),
            None => Ok(recording),
        }
    }
}

impl Drop for LineMonitor {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Recording {
    fn add_sample(&mut self, levels: u64) {
        let now = Instant::now();
        for line in 0..64 {
            let level = levels >> line & 1 == 1;
            if level != (self.levels >> line & 1 == 1) {
                self.edges.push(Edge { at: now, line, level });
            }
        }
        self.levels = levels;
        if let Some(last) = self.sampled.replace(now) {
            self.max_interval = self.max_interval.max(now - last);
        }
        self.error = None;
    }
}

fn lock(recording: &Mutex<Recording>) -> MutexGuard<'_, Recording> {
    recording.lock().unwrap_or_else(PoisonError::into_inner)
}
