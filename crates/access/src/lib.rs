//! The decision and the door's state machine: pure, with time given from outside.
//!
//! [`Observation`]s of tracked faces go into the [`Decider`], [`Decision`]s come out; grants and time go into
//! the [`Machine`], commands for the relay come out. [`Hours`](ostiary_config::Hours) say who may come in when, by a
//! [`WallTime`] that can be right. What a [`Contact`] tells of the
//! leaf comes out as a [`Swing`]: forced, where the machine let nobody through.

mod closed_group;
mod contact;
mod decide;
mod decision;
mod machine;
mod reason;
mod schedule;
mod track;
mod wall_time;
mod window;

pub use closed_group::{ClosedGroup, UnknownGroup, check_group, closed_groups};
pub use contact::{Contact, Swing};
pub use decide::{Decider, Decisions};
pub use decision::{Access, Decision, Observation};
pub use machine::{Machine, RelayCommand, State};
pub use reason::Reason;
pub use schedule::access;
pub use wall_time::{ClockFault, Synchronization, WallTime, is_behind};
