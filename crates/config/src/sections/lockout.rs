//! `[lockout]`

use std::time::Duration;

use crate::rule::{integer, number};

/// The highest value of `lockout.attempts`.
pub const MAX_LOCKOUT_ATTEMPTS: usize = 20;

section! {
    /// What follows repeated attempts to be taken for somebody: visits of unknown or ambiguous faces. An attempt counts
    /// for the door, and for the person that the face resembles most if it comes near that person's threshold. It
    /// cannot be turned off.
    [lockout] Lockout {
        /// After this number of attempts within `within_s` the person is not let in by face for `pause_s`. After this
        /// number of attempts at the door everybody must be a clear match.
        attempts: u32 = 5 => integer(1, MAX_LOCKOUT_ATTEMPTS as i64);
        /// How long an attempt counts, seconds.
        within_s: f64 = 300.0 => number(10.0, 86_400.0);
        /// The length of the first pause, seconds. Each further attempt after a pause begins one twice as long.
        pause_s: f64 = 60.0 => number(1.0, 3600.0);
        /// The longest pause, seconds. After this time without an attempt the next pause is a first one again.
        max_pause_s: f64 = 900.0 => number(1.0, 86_400.0);
    }
}

impl Lockout {
    /// How long an attempt counts.
    pub fn within(&self) -> Duration {
        duration(self.within_s)
    }

    /// The length of the first pause.
    pub fn pause(&self) -> Duration {
        duration(self.pause_s).min(self.max_pause())
    }

    /// The longest pause.
    pub fn max_pause(&self) -> Duration {
        duration(self.max_pause_s)
    }
}

/// A length of time. A number that is none, which a check of the configuration refuses, is a day: nobody is let in too early.
fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(86_400))
}
