//! `[clock]`

use serde::{Deserialize, Serialize};

use crate::rule::one_of;

section! {
    /// When `[hours]` may use the system's clock. While it cannot be right, people whose group has hours are refused.
    [clock] Clock {
        /// `"plausible"`: it shows a time after this program was made and after the newest event. `"synchronized"`:
        /// `timedatectl` must also show "System clock synchronized: yes", by systemd-timesyncd, chrony or ntpd.
        trust: ClockTrust = ClockTrust::Plausible => one_of::<ClockTrust>();
    }
}

/// When opening hours may use the system's clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClockTrust {
    /// It shows a time after the program was made and after the newest event.
    #[default]
    Plausible,
    /// That, and the system says that the clock is synchronized.
    Synchronized,
}
