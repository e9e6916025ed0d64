//! Watches the lines from outside the program, all along.

use std::io::{BufRead, BufReader};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::machine::Wires;
use crate::ssh::Ssh;

/// How often the virtual board's lines are looked at.
const INTERVAL: Duration = Duration::from_millis(10);

/// A line that changed.
#[derive(Debug, Clone, Copy)]
pub struct Edge {
    pub at: Instant,
    pub line: u32,
    pub level: bool,
}

#[derive(Default)]
struct Seen {
    levels: u64,
    edges: Vec<Edge>,
    /// When it was looked at last, and the longest time between two looks since it was asked.
    looked: Option<Instant>,
    gap: Duration,
    /// Why nothing is seen, while that is so.
    blind: Option<String>,
}

/// A thread that looks.
pub struct Watcher {
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
}

impl Watcher {
    /// Looks at the virtual board's lines. While it has no power all of them are low.
    pub fn of_machine(wires: Arc<Mutex<Option<Wires>>>) -> Self {
        let watcher = Self { seen: Arc::default(), stop: Arc::default() };
        let (seen, stop) = (watcher.seen.clone(), watcher.stop.clone());
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let levels = match wires.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                    Some(wires) => wires.levels(),
                    None => Ok(0),
                };
                let mut seen = lock(&seen);
                match levels {
                    Ok(levels) => seen.take(levels),
                    Err(error) => seen.blind = Some(error.to_string()),
                }
                drop(seen);
                thread::sleep(INTERVAL);
            }
        });
        watcher
    }

    /// Follows a line of a real board that is wired to the relay's line; it is told of as that one.
    pub fn of_wired_line(ssh: &Ssh, chip: &str, watched: u32, relay: u32) -> anyhow::Result<Self> {
        // One character an edge, as it comes; the first line says where it begins.
        let command = format!(
            "gpioget --chip {chip} --numeric {watched} && exec stdbuf -oL gpiomon --chip {chip} --format %E {watched}"
        );
        let mut child = ssh.start(&command)?;
        let out = child.stdout.take().context("no output of ssh")?;
        let watcher = Self { seen: Arc::default(), stop: Arc::default() };
        let (seen, watched) = (watcher.seen.clone(), format!("line {watched} of {chip}"));
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let level = match line.trim() {
                    "rising" | "1" => true,
                    "falling" | "0" => false,
                    _ => continue,
                };
                let mut seen = lock(&seen);
                seen.take(u64::from(level) << (relay % 64));
            }
            lock(&seen).blind = Some(format!("{watched} can no longer be watched"));
            let _ = child.wait();
        });
        Ok(watcher)
    }

    /// The edges of a line since then.
    pub fn edges(&self, line: u32, since: Instant) -> anyhow::Result<Vec<Edge>> {
        let seen = self.sighted()?;
        Ok(seen.edges.iter().filter(|edge| edge.line == line && edge.at >= since).copied().collect())
    }

    /// Whether a line is high now.
    pub fn level(&self, line: u32) -> anyhow::Result<bool> {
        Ok(self.sighted()?.levels >> (line % 64) & 1 == 1)
    }

    /// Waits for a line to have this level; returns since when it has.
    pub fn wait(&self, line: u32, level: bool, limit: Duration) -> anyhow::Result<Instant> {
        let since = Instant::now();
        while self.level(line)? != level {
            if since.elapsed() > limit {
                bail!("line {line} did not become {} within {:.1} s", u8::from(level), limit.as_secs_f64());
            }
            thread::sleep(Duration::from_millis(5));
        }
        let edges = self.sighted()?;
        Ok(edges.edges.iter().rev().find(|edge| edge.line == line).map_or(since, |edge| edge.at))
    }

    /// The longest time between two looks since this was last asked: how exact the figures are.
    pub fn gap(&self) -> Duration {
        std::mem::take(&mut lock(&self.seen).gap)
    }

    fn sighted(&self) -> anyhow::Result<MutexGuard<'_, Seen>> {
        let seen = lock(&self.seen);
        match &seen.blind {
            Some(why) => bail!("the lines cannot be seen: {why}"),
            None => Ok(seen),
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Seen {
    fn take(&mut self, levels: u64) {
        let now = Instant::now();
        for line in 0..64 {
            let level = levels >> line & 1 == 1;
            if level != (self.levels >> line & 1 == 1) {
                self.edges.push(Edge { at: now, line, level });
            }
        }
        self.levels = levels;
        if let Some(looked) = self.looked.replace(now) {
            self.gap = self.gap.max(now - looked);
        }
        self.blind = None;
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
