//! Converts times of the board's clock to times of this machine.

use std::time::{Duration, Instant};

use anyhow::Context;

use crate::board::Board;

/// The offset between the board's wall clock and this machine's monotonic clock.
pub struct GuestClock {
    /// A time of this machine, just before the board's clock showed `guest_s`.
    host: Instant,
    /// Time of the board's clock, seconds since 1970.
    guest_s: f64,
}

impl Board {
    /// Measures the offset: of four readings, the one with the shortest round trip.
    pub fn clock(&self) -> anyhow::Result<GuestClock> {
        let mut best: Option<(Duration, GuestClock)> = None;
        for _ in 0..4 {
            let host = Instant::now();
            let guest_s = self.sh("bash -c 'echo $EPOCHREALTIME'")?.trim().parse()?;
            let took = host.elapsed();
            if best.as_ref().is_none_or(|(best, _)| took < *best) {
                best = Some((took, GuestClock { host, guest_s }));
            }
        }
        best.map(|(_, clock)| clock).context("the clock was not read")
    }
}

impl GuestClock {
    /// The earliest time of this machine that corresponds to a time of the board's clock, in seconds since 1970.
    pub fn host_time(&self, guest_s: &str) -> anyhow::Result<Instant> {
        let since =
            guest_s.parse::<f64>().with_context(|| format!("not a time: {guest_s:?}"))? - self.guest_s;
        let moved = Duration::try_from_secs_f64(since.abs())?;
        let time = if since < 0.0 { self.host.checked_sub(moved) } else { self.host.checked_add(moved) };
        time.context("the time is out of range")
    }
}
