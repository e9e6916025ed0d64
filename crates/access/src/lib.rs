//! Whether the door opens: the decision, who may come in when, and the state machine of the relay. Pure, with time given
//! from outside.
//!
//! What comes in: [`Observation`]s of tracked faces for the [`Decider`], grants and time for the [`RelayFsm`], the door
//! contact's levels for [`Contact`]. What goes out: [`Decision`]s, commands for the relay, and each [`DoorTransition`] of the door,
//! which is forced where the machine let nobody through. [`access`] applies [`Hours`](ostiary_config::Hours), by a
//! [`WallTime`] only while the clock can be right.

mod closed_group;
mod contact;
mod decide;
mod decision;
mod reason;
mod relay_fsm;
mod rules;
mod schedule;
mod track;
mod wall_time;
mod window;

pub use closed_group::{ClosedGroup, UnknownGroup, check_group, closed_groups};
pub use contact::{Contact, DoorTransition};
pub use decide::{Decider, Decisions};
pub use decision::{Access, Decision, Observation};
pub use reason::Reason;
pub use relay_fsm::{RelayCommand, RelayFsm, RelayState};
pub use schedule::access;
pub use wall_time::{ClockFault, Synchronization, WallTime, is_behind};
