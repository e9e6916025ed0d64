//! The board's clock against this machine's.

use std::time::{Duration, Instant};

use anyhow::Context;

use crate::board::Board;

/// Maps the board's wall clock to this machine's time.
pub struct GuestClock {
    /// A moment here, not after the board's clock said `said`.
    host: Instant,
    said: f64,
}

impl Board {
    /// Compares the clocks.
    pub fn clock(&self) -> anyhow::Result<GuestClock> {
        let mut best: Option<(Duration, GuestClock)> = None;
        for _ in 0..4 {
            let host = Instant::now();
            let said = self.sh("bash -c 'echo $EPOCHREALTIME'")?.trim().parse()?;
            let took = host.elapsed();
            if best.as_ref().is_none_or(|(best, _)| took < *best) {
                best = Some((took, GuestClock { host, said }));
            }
        }
        best.map(|(_, clock)| clock).context("the clock was not read")
    }
}

impl GuestClock {
    /// The earliest moment here that this time of the board, in seconds, can have been.
    pub fn host_time(&self, said: &str) -> anyhow::Result<Instant> {
        let since = said.parse::<f64>().with_context(|| format!("no time: {said:?}"))? - self.said;
        let moved = Duration::try_from_secs_f64(since.abs())?;
        let time = if since < 0.0 { self.host.checked_sub(moved) } else { self.host.checked_add(moved) };
        time.context("a time that this machine does not have")
    }
}
