//! Decisions become acts: the relay and the lamps, and the outputs that tell of it (MQTT, journal, JSON
//! lines), each an [`Output`].

mod event;
pub mod gpio;
mod journal;
mod json_lines;
pub mod logging;
pub mod mqtt;
mod sentence;
mod store;

pub use event::{Event, EventKind};
pub use journal::Journal;
pub use json_lines::JsonLines;
pub use sentence::sentence;
pub use store::{EventStore, NewestTime, SPOOL, StoreError};

/// Somewhere that events are told to. Outputs run on threads that the door never waits for.
pub trait Output: Send {
    /// Tells one event.
    fn tell(&mut self, event: &Event) -> Result<(), ActError>;

    /// What this output is, for logs: `journal`, `mqtt localhost:1883`.
    fn describe(&self) -> String;
}

/// Why an act or an output failed. Every message names the thing and the mend.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    #[error("standard output: {0}; is the reader of the pipe gone?")]
    Stdout(std::io::Error),
    #[error(transparent)]
    Gpio(#[from] gpio::GpioError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Mqtt(#[from] mqtt::MqttError),
}
