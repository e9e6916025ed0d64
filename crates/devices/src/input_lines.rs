//! Input lines: those of the configuration, and the interface to read them.

use std::time::Duration;

use ostiary_config as config;
use ostiary_config::{Bias, GpioBackend};

use super::{GpioError, LineSpec, OUTPUTS_CHIP_KEY};

/// The device on an input line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoorInput {
    /// The exit button.
    Exit,
    /// The door contact.
    Contact,
}

impl DoorInput {
    /// Its name, for the kernel's list of consumers and for messages.
    pub fn what(self) -> &'static str {
        match self {
            Self::Exit => "exit button",
            Self::Contact => "door contact",
        }
    }
}

/// A debounced change of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// The input that changed.
    pub input: DoorInput,
    /// Whether the button is pressed, or the door open, after the change.
    pub active: bool,
    /// Time since the change, from the kernel's monotonic time stamp.
    pub age: Duration,
}

/// The levels of the inputs; `None` for an input that is not configured, or not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InputLevels {
    /// Whether the exit button is pressed.
    pub exit: Option<bool>,
    /// Whether the door is open.
    pub contact: Option<bool>,
}

impl InputLevels {
    /// Sets the level of an input.
    pub fn set(&mut self, input: DoorInput, active: bool) {
        match input {
            DoorInput::Exit => self.exit = Some(active),
            DoorInput::Contact => self.contact = Some(active),
        }
    }
}

/// Requested input lines. After an error they are lost.
pub trait InputLines: Send {
    /// The next edge; `None` if there is none within `wait`.
    ///
    /// # Errors
    /// The lines cannot be read.
    fn edge(&mut self, wait: Duration) -> Result<Option<Edge>, GpioError>;

    /// The levels now.
    ///
    /// # Errors
    /// The lines cannot be read.
    fn levels(&mut self) -> Result<InputLevels, GpioError>;
}

/// An input line, and how it is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct InputSpec<'a> {
    pub input: DoorInput,
    pub line: LineSpec<'a>,
    pub bias: Bias,
    pub debounce: Duration,
}

/// The configured input lines.
pub(super) fn specs<'a>(config: &'a config::Inputs, relay: &'a config::Relay) -> Vec<InputSpec<'a>> {
    let exit = (DoorInput::Exit, config.exit_line, config.exit_active, config.exit_bias);
    let contact = (DoorInput::Contact, config.contact_line, config.contact_active, config.contact_bias);
    let key = if config.chip.is_some() { "inputs.chip" } else { OUTPUTS_CHIP_KEY };
    let (backend, chip) = (GpioBackend::Gpiocdev, config.chip(relay));
    let debounce = Duration::from_millis(config.debounce_ms);
    [exit, contact]
        .into_iter()
        .filter_map(|(input, line, active, bias)| {
            let line = LineSpec { what: input.what(), backend, chip, key, line: line?, active };
            Some(InputSpec { input, line, bias, debounce })
        })
        .collect()
}
