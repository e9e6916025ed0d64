//! The decision and the door's state machine: pure, with time given from outside.
//!
//! [`Observation`]s of tracked faces go into the [`Decider`], [`Decision`]s come out; grants and time go into
//! the [`Machine`], commands for the relay come out. [`Hours`] say who may come in when. What a [`Contact`] tells of the
//! leaf comes out as a [`Swing`]: forced, where the machine let nobody through.

mod contact;
mod decide;
mod decision;
mod hours;
mod machine;
mod reason;
mod track;
mod window;

pub use contact::{Contact, Swing};
pub use decide::{Decider, Decisions};
pub use decision::{Access, Decision, Observation};
pub use hours::{Hours, HoursError};
pub use machine::{Machine, RelayCommand, State};
pub use reason::Reason;
pub use window::MAX_FRAMES;
