//! What was measured, for people and for scripts.

use std::fmt;

use ostiary_core::Precision;
use ostiary_engine::Backend;
use serde::Serialize;

use super::machine;
use super::times::Times;
use crate::cli::output::{json_line, line};

/// The names are stable.
#[derive(Debug, Serialize)]
pub struct Report {
    what: &'static str,
    median_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
    runs: usize,
    threads: usize,
    precision: Precision,
    /// What ran the networks.
    engine: String,
    peak_rss_mb: f64,
    cpu: String,
    cores: usize,
    /// What the measurement was made on, in words.
    input: String,
    #[serde(flatten)]
    looks: Option<Looks>,
}

/// Of the pipeline: frames that were fully detected and frames on which faces were merely followed. The median
/// is absent where there was no such frame.
#[derive(Debug, Serialize)]
pub struct Looks {
    detected_frames: usize,
    detected_median_ms: Option<f64>,
    tracked_frames: usize,
    tracked_median_ms: Option<f64>,
}

impl Looks {
    pub fn new(detected: Option<Times>, tracked: Option<Times>) -> Self {
        let frames = |times: &Option<Times>| times.as_ref().map_or(0, Times::runs);
        let median = |times: &Option<Times>| times.as_ref().map(|times| rounded(times.percentile(50)));
        Self {
            detected_frames: frames(&detected),
            detected_median_ms: median(&detected),
            tracked_frames: frames(&tracked),
            tracked_median_ms: median(&tracked),
        }
    }
}

/// ` (30 detected in 41.20 ms, 270 followed in 9.80 ms)`.
impl fmt::Display for Looks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            (self.detected_frames, "detected", self.detected_median_ms),
            (self.tracked_frames, "followed", self.tracked_median_ms),
        ];
        let told = |(frames, how, median): (usize, &str, Option<f64>)| {
            median.map(|median| format!("{frames} {how} in {median:.2} ms"))
        };
        write!(f, " ({})", kinds.into_iter().filter_map(told).collect::<Vec<_>>().join(", "))
    }
}

impl Report {
    /// Everything but the times is asked of the machine now, after the measurement.
    pub fn new(what: &'static str, times: &Times, backend: &Backend, input: String) -> Self {
        Self {
            what,
            median_ms: rounded(times.percentile(50)),
            p95_ms: rounded(times.percentile(95)),
            p99_ms: rounded(times.percentile(99)),
            runs: times.runs(),
            threads: backend.threads(),
            precision: backend.precision(),
            engine: backend.to_string(),
            peak_rss_mb: rounded(machine::peak_rss_mb()),
            cpu: machine::cpu(),
            cores: machine::cores(),
            input,
            looks: None,
        }
    }

    /// Tells detected and followed frames apart.
    pub fn with(self, looks: Looks) -> Self {
        Self { looks: Some(looks), ..self }
    }

    pub fn print(&self, json: bool) -> anyhow::Result<()> {
        if json {
            return json_line(self);
        }
        let Self {
            what,
            median_ms,
            p95_ms,
            p99_ms,
            runs,
            threads,
            precision,
            engine,
            peak_rss_mb,
            cpu,
            cores,
            input,
            ..
        } = self;
        let looks = self.looks.as_ref().map(Looks::to_string).unwrap_or_default();
        line(&format!(
            "{what} of {input}: median {median_ms:.2} ms, 95 % {p95_ms:.2} ms, 99 % {p99_ms:.2} ms{looks} ({runs} runs, \
             {precision} on {engine}, {threads} of {cores} cores, {peak_rss_mb:.0} MB) on {cpu}, ostiary {}",
            env!("CARGO_PKG_VERSION")
        ))
    }
}

/// To three places: microseconds are below what a clock and a scheduler are good for.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
