//! The decision and the door's state machine: pure, with time given from outside.
//!
//! [`Observation`]s of tracked faces come in, [`Decision`]s go out; decisions and time go into the door,
//! commands for the relay come out.

mod decision;
mod reason;

pub use decision::{Access, Decision, Observation};
pub use reason::Reason;
