//! `[relay]`

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::rule::{gpio_line, integer, one_of, text};

section! {
    /// The strike or lock.
    [relay] Relay {
        /// `"gpiocdev"`, or `"rppal"` if the program was built with the feature rpi. `"printed"` switches nothing, and
        /// prints on standard error what it would switch: to try a door before it is wired.
        backend: GpioBackend = GpioBackend::Gpiocdev => one_of::<GpioBackend>().restart();
        /// The GPIO chip.
        chip: PathBuf = "/dev/gpiochip0".into() => text().restart();
        /// The line of the relay. Not set: there is no relay, and no door opens.
        line: Option<u32> = None => gpio_line().example("17").restart();
        /// The level at which the relay is on.
        active: ActiveLevel = ActiveLevel::High => one_of::<ActiveLevel>().restart();
        /// How long the relay is on to let somebody in, milliseconds.
        pulse_ms: u64 = 3000 => integer(10, 60_000);
    }
}

/// What drives the GPIO lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GpioBackend {
    /// The kernel's GPIO character device.
    Gpiocdev,
    /// `/dev/gpiomem` of a Raspberry Pi; for programs built with the feature `rpi`.
    Rppal,
    /// No device: levels are printed to standard error.
    Printed,
}

/// The level at which an output is on, or an input active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActiveLevel {
    /// Supply voltage.
    High,
    /// Ground.
    Low,
}
