//! What happened at the door, as typed events.
//!
//! What comes in: [`Event`]s. What goes out: rows of the [`EventStore`], and reports in the journal and as JSON lines, each
//! an [`Output`].

mod event;
mod journal;
mod json_lines;
pub mod logging;
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
    fn tell(&mut self, event: &Event) -> Result<(), OutputError>;

    /// What this output is, for logs: `journal`, `mqtt localhost:1883`.
    fn describe(&self) -> String;
}

/// Why an output failed. Every message names the thing and how to fix it.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// Nobody reads any more.
    #[error("standard output: {0}; is the reader of the pipe gone?")]
    Stdout(std::io::Error),
    /// The event store could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}
