//! What was measured, for people and for scripts.

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
    peak_rss_mb: f64,
    cpu: String,
    cores: usize,
    /// What the measurement was made on, in words.
    input: String,
}

impl Report {
    /// Everything but the times is asked of the machine now, after the measurement.
    pub fn new(what: &'static str, times: &Times, threads: usize, input: String) -> Self {
        Self {
            what,
            median_ms: rounded(times.percentile(50)),
            p95_ms: rounded(times.percentile(95)),
            p99_ms: rounded(times.percentile(99)),
            runs: times.runs(),
            threads,
            peak_rss_mb: rounded(machine::peak_rss_mb()),
            cpu: machine::cpu(),
            cores: machine::cores(),
            input,
        }
    }

    pub fn print(&self, json: bool) -> anyhow::Result<()> {
        if json {
            return json_line(self);
        }
        let Self { what, median_ms, p95_ms, p99_ms, runs, threads, peak_rss_mb, cpu, cores, input } = self;
        line(&format!(
            "{what} of {input}: median {median_ms:.2} ms, 95 % {p95_ms:.2} ms, 99 % {p99_ms:.2} ms ({runs} runs, \
             {threads} of {cores} cores, {peak_rss_mb:.0} MB) on {cpu}, ostiary {}",
            env!("CARGO_PKG_VERSION")
        ))
    }
}

/// To three places: microseconds are below what a clock and a scheduler are good for.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
