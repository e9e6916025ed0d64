//! GPIO lines: outputs for the relay, the lamps and the buzzer; inputs for the exit button and the door contact.
//!
//! What comes in: the `[relay]`, `[signals]` and `[inputs]` sections, then "on" and "off" and the time. What goes out:
//! levels on GPIO lines, at rest from the moment that a line is taken until it is given back, and what the inputs report
//! ([`InputEvent`]). The relay's line is held by a separate process, the [`guard`].

mod cdev;
mod cdev_inputs;
pub mod guard;
mod input_lines;
mod inputs;
mod printed;
mod relay;
#[cfg(feature = "rpi")]
mod rpi;
mod signals;
pub mod state_file;

use std::path::{Path, PathBuf};

pub use input_lines::{Edge, Input, InputLines};
pub use inputs::{InputEvent, Inputs, Opener};
use ostiary_config as config;
use ostiary_config::{ActiveLevel, GpioBackend};
pub use printed::Printed;
pub use relay::Relay;
pub use signals::Signals;

/// One output that is on or off.
pub trait OutputLine: Send {
    /// Switches it. The line has the new level when this returns.
    fn set(&mut self, on: bool) -> Result<(), GpioError>;
}

/// Why a line could not be taken or switched.
#[derive(Debug, thiserror::Error)]
pub enum GpioError {
    #[error("{what}: there is no GPIO chip {}; `ls /dev/gpiochip*` shows those that are there: set {key}", chip.display())]
    ChipMissing { what: &'static str, chip: PathBuf, key: &'static str },
    #[error("{what}: {} is not a GPIO chip; `ls /dev/gpiochip*` shows those that are there: set {key}", chip.display())]
    NotAChip { what: &'static str, chip: PathBuf, key: &'static str },
    #[error("{what}: no permission for the GPIO chip {}; add the user to its group, mostly with `usermod --append --groups gpio USER`", chip.display())]
    PermissionDenied { what: &'static str, chip: PathBuf },
    #[error("{what}: {} has the lines 0 to {last}, not {line}; set the line to one of them", chip.display())]
    LineOutOfRange { what: &'static str, chip: PathBuf, line: u32, last: u32 },
    #[error("{what}: line {line} of {} is in use by {consumer}; stop that or set another line", chip.display())]
    LineBusy { what: &'static str, chip: PathBuf, line: u32, consumer: String },
    #[error("{what}: line {line} of {} could not be taken: {reason}; `ostiary doctor` looks closer", chip.display())]
    Refused { what: &'static str, chip: PathBuf, line: u32, reason: String },
    #[error("{what}: line {line} of {} could not be switched {}: {reason}; check that the chip is still there", chip.display(), if *on { "on" } else { "off" })]
    Switch { what: &'static str, chip: PathBuf, line: u32, on: bool, reason: String },
    #[error("{what}: line {line} of {} cannot be read: {reason}; check that the chip is still there", chip.display())]
    Read { what: &'static str, chip: PathBuf, line: u32, reason: String },
    #[error(
        "relay.backend = \"rppal\" needs a build with the feature `rpi`; set relay.backend = \"gpiocdev\""
    )]
    NoRppal,
    #[error("{what}: could not be printed: {why}; is the reader of the pipe gone?")]
    Print { what: &'static str, why: std::io::Error },
    #[error("relay: no line is set; set relay.line")]
    NoLine,
    #[error(
        "relay: the process that guards its line cannot be started: {0}; free some memory, or install ostiary again"
    )]
    GuardStart(std::io::Error),
    #[error(
        "relay: the process that guards its line was lost ({0}), and the line was taken from it; restart the daemon"
    )]
    GuardLost(String),
    #[error(
        "relay: the process that guards its line was asked to end and switches it on no more; restart the daemon"
    )]
    GuardDismissed,
    #[error("relay: {} cannot be written: {why}; free some space", path.display())]
    Note { path: PathBuf, why: std::io::Error },
    /// What the guard says of the line, a whole sentence already.
    #[error("{0}")]
    Told(String),
}

/// Which line, and how it is driven.
#[derive(Debug, Clone, Copy)]
struct LineSpec<'a> {
    /// What hangs on it, for the kernel's list of consumers and for errors: `relay`, `yes lamp`.
    what: &'static str,
    backend: GpioBackend,
    chip: &'a Path,
    /// The key that names the chip, for errors.
    key: &'static str,
    line: u32,
    active: ActiveLevel,
}

/// The key that names the chip of the outputs.
const OUTPUTS_CHIP: &str = "relay.chip";

/// Takes a line as an output, off from the first moment.
fn open(spec: LineSpec<'_>) -> Result<Box<dyn OutputLine>, GpioError> {
    match spec.backend {
        GpioBackend::Gpiocdev => Ok(Box::new(cdev::CdevLine::open(spec)?)),
        #[cfg(feature = "rpi")]
        GpioBackend::Rppal => Ok(Box::new(rpi::RpiLine::open(spec)?)),
        #[cfg(not(feature = "rpi"))]
        GpioBackend::Rppal => Err(GpioError::NoRppal),
        GpioBackend::Printed => {
            let mut line = Printed::new(spec.what, std::io::stderr());
            line.set(false)?;
            Ok(Box::new(line))
        }
    }
}

/// Takes the relay's line, off from the first moment.
pub fn open_relay(relay: &config::Relay) -> Result<Box<dyn OutputLine>, GpioError> {
    let config::Relay { backend, chip, line, active, .. } = relay;
    let line = line.ok_or(GpioError::NoLine)?;
    open(LineSpec { what: "relay", backend: *backend, chip, key: OUTPUTS_CHIP, line, active: *active })
}

/// How a line is found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineState {
    /// What the configuration hangs on it: `relay`, `yes lamp`.
    pub what: &'static str,
    pub chip: PathBuf,
    pub line: u32,
    /// The board's name for it; empty where it has none.
    pub name: String,
    /// The name that whoever holds the line gave, which may be empty; `None` where it is free, or where the
    /// backend cannot tell.
    pub consumer: Option<String>,
}

/// Looks at every output line that the configuration names, the relay's first. None is taken, so that a running door
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
            LineSpec { what, backend, chip, key: OUTPUTS_CHIP, line, active }
        })
    };
    outputs.into_iter().filter_map(spec).map(look).collect()
}

/// How an input's line is found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputState {
    pub input: Input,
    pub line: LineState,
    /// Whether the button is pressed, or the door open; `None` where somebody holds the line.
    pub active: Option<bool>,
}

/// Looks at every input line that the configuration names. One that is free is taken for a moment, as an input, to read
/// its level.
pub fn inspect_inputs(inputs: &config::Inputs, relay: &config::Relay) -> Vec<Result<InputState, GpioError>> {
    input_lines::specs(inputs, relay).into_iter().map(cdev_inputs::look).collect()
}

/// A GPIO chip of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChipState {
    pub path: PathBuf,
    /// The driver's name for it: `pinctrl-bcm2711`.
    pub label: String,
    pub lines: u32,
}

/// The chips that this user may open.
pub fn chips() -> Vec<ChipState> {
    cdev::chips()
}

fn look(spec: LineSpec<'_>) -> Result<LineState, GpioError> {
    match spec.backend {
        GpioBackend::Gpiocdev => cdev::look(spec),
        #[cfg(feature = "rpi")]
        GpioBackend::Rppal => rpi::look(spec),
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
mod recorder {
    //! An output line for tests that keeps what was done to it.

    use std::sync::{Arc, Mutex};

    use super::{GpioError, OutputLine};

    #[derive(Clone, Default)]
    pub struct Recorder(Arc<Mutex<Vec<bool>>>);

    impl Recorder {
        pub fn seen(&self) -> Vec<bool> {
            self.0.lock().unwrap().clone()
        }
    }

    impl OutputLine for Recorder {
        fn set(&mut self, on: bool) -> Result<(), GpioError> {
            self.0.lock().unwrap().push(on);
            Ok(())
        }
    }
}
