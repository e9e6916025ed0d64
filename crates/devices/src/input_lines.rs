//! Input lines: which the configuration names, and what can be read from them.

use std::time::Duration;

use ostiary_config as config;
use ostiary_config::{Bias, GpioBackend};

use super::{GpioError, LineSpec, OUTPUTS_CHIP};

/// What hangs on an input line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// The button that asks to be let out.
    Exit,
    /// The contact of the door's leaf.
    Contact,
}

impl Input {
    /// Its name, for the kernel's list of consumers and for people.
    pub fn what(self) -> &'static str {
        match self {
            Self::Exit => "exit button",
            Self::Contact => "door contact",
        }
    }
}

/// A level that changed, and has stayed since for as long as it takes to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    pub input: Input,
    /// Whether the button is pressed now, or the door open.
    pub active: bool,
    /// How long ago that was, by the kernel's monotonic clock.
    pub age: Duration,
}

/// Input lines that are held. An error means that they are lost.
pub trait InputLines: Send {
    /// The next edge, waited for at most so long; `None` where none came.
    fn edge(&mut self, wait: Duration) -> Result<Option<Edge>, GpioError>;

    /// Whether the door is open now; `None` without a contact.
    fn contact(&mut self) -> Result<Option<bool>, GpioError>;
}

/// An input line, and how it is heard.
#[derive(Debug, Clone, Copy)]
pub(super) struct InputSpec<'a> {
    pub input: Input,
    pub line: LineSpec<'a>,
    pub bias: Bias,
    pub debounce: Duration,
}

/// The lines that the configuration names.
pub(super) fn specs<'a>(config: &'a config::Inputs, relay: &'a config::Relay) -> Vec<InputSpec<'a>> {
    let exit = (Input::Exit, config.exit_line, config.exit_active, config.exit_bias);
    let contact = (Input::Contact, config.contact_line, config.contact_active, config.contact_bias);
    let key = if config.chip.is_some() { "inputs.chip" } else { OUTPUTS_CHIP };
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
