//! What happened at the door, as typed events.
//!
//! What comes in: [`Event`]s. What goes out: rows of the [`EventStore`], and reports in the journal and as JSON lines, each
//! an [`EventSink`]. Some outputs also show what the person before the door is asked to do ([`PromptMessage`]), which is no event
//! and is not stored.

mod administration;
mod decision_details;
mod denial_windows;
mod event;
mod event_name;
mod event_table;
mod evidence;
mod journal;
mod json_lines;
mod liveness_report;
pub mod logging;
mod prompt_message;
mod record;
mod reopening_store;
mod sentence;
mod store;
#[cfg(test)]
mod testing;
pub mod trail;
mod visit;

pub use administration::{Action, Administration, User, Via};
pub use decision_details::DecisionDetails;
pub use denial_windows::DenialWindows;
pub use event::{Denial, Event, EventKind, Grant};
pub use event_name::EventName;
pub use event_table::{table_head, table_row};
pub use evidence::Evidence;
pub use journal::Journal;
pub use json_lines::JsonLines;
pub use liveness_report::{
    AttackCount, AttackKind, LivenessReport, TestCamera, TestConditions, TestPart, VisitCount, VisitTime,
};
pub use prompt_message::{PromptMessage, PromptText};
pub use reopening_store::ReopeningStore;
pub use sentence::sentence;
pub use store::{EventFilter, EventStore, NewestTime, SPOOL, StoreError, TrailFault, TrailReport, key_path};
pub use visit::Visit;

/// Where events are reported. Outputs run on threads that the door never waits for.
pub trait EventSink: Send {
    /// Reports one event.
    ///
    /// # Errors
    /// If the output cannot be written. The event is lost for this output only.
    fn report(&mut self, event: &Event) -> Result<(), OutputError>;

    /// Reports a new signed head of the event trail, which only some outputs pass on.
    fn head(&mut self, _head: &trail::SignedHead) {}

    /// Whether [`Self::prompt`] does something, so that a person can get to know what to do.
    fn shows_prompts(&self) -> bool {
        false
    }

    /// Shows what the person before the door is asked to do, until the next message, which only some outputs do.
    ///
    /// # Errors
    /// If the output cannot be written. The message is lost for this output only.
    fn prompt(&mut self, _prompt: &PromptMessage) -> Result<(), OutputError> {
        Ok(())
    }

    /// The output's name in logs: `journal`, `mqtt localhost:1883`.
    fn describe(&self) -> String;
}

/// Why an output failed. Every message names the thing and how to fix it.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// Standard output is closed.
    #[error("standard output: {0}; is the reader of the pipe gone?")]
    Stdout(std::io::Error),
}
