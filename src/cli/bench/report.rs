//! The result of a benchmark, as text and as JSON.

use std::fmt;

use ostiary_core::Precision;
use ostiary_engine::Backend;
use serde::Serialize;

use super::host;
use super::times::Times;
use crate::cli::output::{json_line, line};

/// The result of a benchmark. The names of its fields in JSON are stable.
#[derive(Debug, Serialize)]
pub struct Report {
    what: &'static str,
    min_ms: f64,
    median_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
    runs: usize,
    /// Processor cycles of a run on one thread, if the kernel counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    median_cycles: Option<u64>,
    #[serde(flatten)]
    networks: Option<Networks>,
    peak_rss_mb: f64,
    cpu: String,
    cores: usize,
    /// The input of the measurement, in words.
    input: String,
    #[serde(flatten)]
    frame_times: Option<FrameTimes>,
    /// For faces that are embedded together: the lowest cosine of their embeddings to that of the face alone. An engine may
    /// use other kernels for several faces.
    #[serde(skip_serializing_if = "Option::is_none")]
    cosine_to_alone: Option<f32>,
}

/// How the networks were run.
#[derive(Debug, Serialize)]
struct Networks {
    threads: usize,
    precision: Precision,
    /// The backend.
    engine: String,
}

/// For the pipeline: frames with a full detection, frames with tracking only, and frames without a face that were not searched,
/// because nothing has changed in them. A median is null if there was no such frame.
#[derive(Debug, Serialize)]
pub struct FrameTimes {
    detected_frames: usize,
    detected_median_ms: Option<f64>,
    tracked_frames: usize,
    tracked_median_ms: Option<f64>,
    unchanged_frames: usize,
    unchanged_median_ms: Option<f64>,
}

impl FrameTimes {
    pub fn new(detected: Option<Times>, tracked: Option<Times>, unchanged: Option<Times>) -> Self {
        let frames = |times: &Option<Times>| times.as_ref().map_or(0, Times::runs);
        let median = |times: &Option<Times>| times.as_ref().map(|times| rounded(times.percentile(50)));
        Self {
            detected_frames: frames(&detected),
            detected_median_ms: median(&detected),
            tracked_frames: frames(&tracked),
            tracked_median_ms: median(&tracked),
            unchanged_frames: frames(&unchanged),
            unchanged_median_ms: median(&unchanged),
        }
    }
}

/// ` (30 detected in 41.20 ms, 270 tracked in 9.80 ms)`.
impl fmt::Display for FrameTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            (self.detected_frames, "detected", self.detected_median_ms),
            (self.tracked_frames, "tracked", self.tracked_median_ms),
            (self.unchanged_frames, "unchanged", self.unchanged_median_ms),
        ];
        let describe = |(frames, how, median): (usize, &str, Option<f64>)| {
            median.map(|median| format!("{frames} {how} in {median:.2} ms"))
        };
        write!(f, " ({})", kinds.into_iter().filter_map(describe).collect::<Vec<_>>().join(", "))
    }
}

impl Report {
    /// Makes a report. The peak memory is read now, after the measurement.
    pub fn new(what: &'static str, times: &Times, backend: &Backend, input: String) -> Self {
        let (threads, precision, engine) = (backend.threads(), backend.precision(), backend.to_string());
        // Other threads are not counted.
        let median_cycles = times.median_cycles().filter(|_| threads == 1);
        let networks = Some(Networks { threads, precision, engine });
        Self { networks, median_cycles, ..Self::without_networks(what, times, input) }
    }

    /// The report of a measurement in which no network runs.
    pub fn without_networks(what: &'static str, times: &Times, input: String) -> Self {
        Self {
            what,
            min_ms: rounded(times.minimum()),
            median_ms: rounded(times.percentile(50)),
            p95_ms: rounded(times.percentile(95)),
            p99_ms: rounded(times.percentile(99)),
            runs: times.runs(),
            median_cycles: times.median_cycles(),
            networks: None,
            peak_rss_mb: rounded(host::peak_rss_mb()),
            cpu: host::cpu_name(),
            cores: host::core_count(),
            input,
            frame_times: None,
            cosine_to_alone: None,
        }
    }

    /// Adds the times of detected and tracked frames.
    pub fn with_frame_times(self, frame_times: FrameTimes) -> Self {
        Self { frame_times: Some(frame_times), ..self }
    }

    /// Adds the lowest cosine of embeddings of several faces to that of one.
    pub fn with_cosine_to_alone(self, cosine: f32) -> Self {
        Self { cosine_to_alone: Some(cosine), ..self }
    }

    /// Prints one line of text or JSON.
    pub fn print(&self, json: bool) -> anyhow::Result<()> {
        if json {
            return json_line(self);
        }
        let Self { what, median_ms, p95_ms, p99_ms, runs, networks, peak_rss_mb, cpu, cores, input, .. } =
            self;
        let frame_times = self.frame_times.as_ref().map(FrameTimes::to_string).unwrap_or_default();
        let cosine = self.cosine_to_alone.map(|cosine| format!(", cosine to one face alone {cosine:.6}"));
        let cosine = cosine.unwrap_or_default();
        let networks = networks.as_ref().map_or_else(
            || format!("1 of {cores} cores"),
            |Networks { threads, precision, engine }| {
                format!("{precision} on {engine}, {threads} of {cores} cores")
            },
        );
        let cycles = self.median_cycles.map(|cycles| format!(", {:.2} million cycles", cycles as f64 / 1e6));
        let cycles = cycles.unwrap_or_default();
        line(&format!(
            "{what} of {input}: median {median_ms:.2} ms, 95 % {p95_ms:.2} ms, 99 % {p99_ms:.2} ms{frame_times}{cycles}{cosine} ({runs} runs, \
             {networks}, {peak_rss_mb:.0} MB) on {cpu}, ostiary {}",
            env!("CARGO_PKG_VERSION")
        ))
    }
}

/// Rounds to three decimal places. Less than a microsecond is below the accuracy of the measurement.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
