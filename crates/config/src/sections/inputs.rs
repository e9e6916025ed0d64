//! `[inputs]`

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{ActiveLevel, Relay};
use crate::rule::{gpio_line, integer, number, one_of, text};

// Both inputs close a switch to ground: a pressed button pulls its line low, an open door lets its line go high. A cut wire
// is a button that nobody presses, and a door that is open.
section! {
    /// An exit button, and a contact that says whether the door is open. Not set: there are none.
    [inputs] Inputs {
        /// The chip of both lines. Not set: the relay's chip.
        chip: Option<PathBuf> = None => text().example("/dev/gpiochip1").restart();
        /// The button's line. Each press is one pulse of the relay.
        exit_line: Option<u32> = None => gpio_line().example("25").restart();
        /// The level of the button's line while it is pressed.
        exit_active: ActiveLevel = ActiveLevel::Low => one_of::<ActiveLevel>().restart();
        /// The bias of the button's line.
        exit_bias: Bias = Bias::PullUp => one_of::<Bias>().restart();
        /// The contact's line.
        contact_line: Option<u32> = None => gpio_line().example("27").restart();
        /// The level of the contact's line while the door is open.
        contact_active: ActiveLevel = ActiveLevel::High => one_of::<ActiveLevel>().restart();
        /// The bias of the contact's line.
        contact_bias: Bias = Bias::PullUp => one_of::<Bias>().restart();
        /// A level counts when it has been stable for this time, milliseconds.
        debounce_ms: u64 = 30 => integer(1, 1000).restart();
        /// A door that opens was forced, unless the relay is on or went to rest within this number of seconds before.
        grace_s: f64 = 2.0 => number(0.0, 60.0).restart();
        /// A door that stays open for this number of seconds is reported as open for too long.
        held_open_s: f64 = 30.0 => number(1.0, 86_400.0).restart();
    }
}

/// What pulls an input line while nothing drives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bias {
    /// The chip's resistor to the supply voltage.
    PullUp,
    /// The chip's resistor to ground.
    PullDown,
    /// No resistor of the chip; there is one outside.
    None,
}

impl Inputs {
    /// Whether neither input has a line.
    pub fn is_empty(&self) -> bool {
        self.exit_line.is_none() && self.contact_line.is_none()
    }

    /// The chip of both lines.
    pub fn chip<'a>(&'a self, relay: &'a Relay) -> &'a Path {
        self.chip.as_ref().unwrap_or(&relay.chip)
    }
}
