//! GPIO lines: outputs for the relay, the lamps and the buzzer; inputs for the exit button and the door contact.
//!
//! Input: the configuration sections `[relay]`, `[signals]` and `[inputs]`, then commands and the time. Output: levels on GPIO
//! lines, and events of the inputs ([`InputEvent`]). An output is inactive from the request of its line until its release,
//! unless a command switches it on. A separate process holds the relay's line, the [`guard`].

mod blinker;
mod cdev;
mod cdev_inputs;
mod error;
pub mod guard;
mod input_lines;
mod inputs;
mod printed_line;
mod prompt_pattern;
mod relay;
#[cfg(feature = "rpi")]
mod rpi;
mod signals;
pub mod state_file;

use std::path::{Path, PathBuf};

pub use error::GpioError;
pub use input_lines::{DoorInput, Edge, InputLevels, InputLines};
pub use inputs::{InputEvent, Inputs, Opener};
use ostiary_config as config;
use ostiary_config::{ActiveLevel, GpioBackend};
pub use printed_line::PrintedLine;
pub use relay::Relay;
pub use signals::Signals;

/// A digital output.
pub trait OutputLine: Send {
    /// Switches the output. The line has the new level when this returns.
    ///
    /// # Errors
    /// The line could not be switched. Its level is unknown.
    fn set(&mut self, on: bool) -> Result<(), GpioError>;
}

/// A line, and how it is driven.
#[derive(Debug, Clone, Copy)]
struct LineSpec<'a> {
    /// The device on the line, for the kernel's list of consumers and for errors: `relay`, `yes lamp`.
    what: &'static str,
    backend: GpioBackend,
    chip: &'a Path,
    /// The configuration key that names the chip, for errors.
    key: &'static str,
    line: u32,
    active: ActiveLevel,
}

/// The configuration key that names the chip of the outputs.
const OUTPUTS_CHIP_KEY: &str = "relay.chip";

/// Requests a line as an output that is off.
fn open(spec: LineSpec<'_>) -> Result<Box<dyn OutputLine>, GpioError> {
    match spec.backend {
        GpioBackend::Gpiocdev => Ok(Box::new(cdev::CdevLine::open(spec)?)),
        #[cfg(feature = "rpi")]
        GpioBackend::Rppal => Ok(Box::new(rpi::RpiLine::open(spec)?)),
        #[cfg(not(feature = "rpi"))]
        GpioBackend::Rppal => Err(GpioError::NoRppal),
        GpioBackend::Printed => {
            let mut line = PrintedLine::new(spec.what, std::io::stderr());
            line.set(false)?;
            Ok(Box::new(line))
        }
    }
}

/// Requests the relay's line as an output at rest.
///
/// # Errors
/// No line is configured, or the line cannot be requested.
pub fn open_relay(relay: &config::Relay) -> Result<Box<dyn OutputLine>, GpioError> {
    let config::Relay { backend, chip, line, active, .. } = relay;
    let line = line.ok_or(GpioError::NoLine)?;
    open(LineSpec { what: "relay", backend: *backend, chip, key: OUTPUTS_CHIP_KEY, line, active: *active })
}

/// The state of a line, without requesting it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineState {
    /// The device that the configuration has on the line: `relay`, `yes lamp`.
    pub what: &'static str,
    /// The path of the chip.
    pub chip: PathBuf,
    /// The number of the line on the chip.
    pub line: u32,
    /// The board's name of the line; empty if it has none.
    pub name: String,
    /// The name that the user of the line gave to the kernel, which may be empty. `None` if the line is free or the
    /// backend does not know.
    pub consumer: Option<String>,
}

/// The state of every output line in the configuration, the relay's first. No line is requested, so that a running daemon
/// is not disturbed.
pub fn inspect(relay: &config::Relay, signals: &config::Signals) -> Vec<Result<LineState, GpioError>> {
    let outputs = [
        ("relay", relay.line, relay.active),
        ("yes lamp", signals.yes_line, signals.active),
        ("no lamp", signals.no_line, signals.active),
        ("buzzer", signals.buzzer_line, signals.active),
    ];
    let spec = |(what, line, active): (&'static str, Option<u32>, ActiveLevel)| {
        line.map(|line| {
            let (backend, chip) = (relay.backend, &relay.chip);
            LineSpec { what, backend, chip, key: OUTPUTS_CHIP_KEY, line, active }
        })
    };
    outputs.into_iter().filter_map(spec).map(line_state).collect()
}

/// The state of an input line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputState {
    /// The input on the line.
    pub input: DoorInput,
    /// The state of its line.
    pub line: LineState,
    /// Whether the button is pressed, or the door open; `None` if a program has the line.
    pub active: Option<bool>,
}

/// The state of every input line in the configuration. A free line is requested as an input for some milliseconds, to read
/// its level.
pub fn inspect_inputs(inputs: &config::Inputs, relay: &config::Relay) -> Vec<Result<InputState, GpioError>> {
    input_lines::specs(inputs, relay).into_iter().map(cdev_inputs::input_state).collect()
}

/// A GPIO chip of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChipState {
    /// The path of its device: `/dev/gpiochip0`.
    pub path: PathBuf,
    /// The driver's name of the chip: `pinctrl-bcm2711`.
    pub label: String,
    /// Number of its lines.
    pub lines: u32,
}

/// The chips that this user may open.
pub fn chips() -> Vec<ChipState> {
    cdev::chips()
}

fn line_state(spec: LineSpec<'_>) -> Result<LineState, GpioError> {
    match spec.backend {
        GpioBackend::Gpiocdev => cdev::line_state(spec),
        #[cfg(feature = "rpi")]
        GpioBackend::Rppal => rpi::line_state(spec),
        #[cfg(not(feature = "rpi"))]
        GpioBackend::Rppal => Err(GpioError::NoRppal),
        GpioBackend::Printed => {
            let LineSpec { what, line, .. } = spec;
            Ok(LineState { what, chip: "standard error".into(), line, name: String::new(), consumer: None })
        }
    }
}

#[cfg(all(test, not(feature = "rpi")))]
mod tests {
    use super::*;

    #[test]
    fn rppal_needs_its_feature() {
        let relay = config::Relay { backend: GpioBackend::Rppal, line: Some(17), ..config::Relay::default() };
        let message = open_relay(&relay).err().unwrap().to_string();
        assert!(message.contains("feature `rpi`"), "{message}");
    }
}

#[cfg(test)]
mod recorded_line {
    //! An output line for tests that records its levels.

    use std::sync::{Arc, Mutex};

    use super::{GpioError, OutputLine};

    #[derive(Clone, Default)]
    pub struct RecordedLine(Arc<Mutex<Vec<bool>>>);

    impl RecordedLine {
        /// The level of each call of `set`, in order.
        pub fn levels(&self) -> Vec<bool> {
            self.0.lock().unwrap().clone()
        }
    }

    impl OutputLine for RecordedLine {
        fn set(&mut self, on: bool) -> Result<(), GpioError> {
            self.0.lock().unwrap().push(on);
            Ok(())
        }
    }
}
