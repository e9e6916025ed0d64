//! What the record of events says about the door itself: values with their JSON, and sentences about them.
//!
//! What comes in: decisions about faces, oldest first, for a [`Collector`]. What goes out: a [`Report`]. A door does not know who stood
//! before it: whom it takes for a stranger is stated at [`Collector`]. The results of a replay ([`Difference`], [`ReplaySummary`]) are
//! made elsewhere, with the models. Programs that show a report or a replay of the running door need no more than this crate.

mod collector;
mod histogram;
mod replayed;
mod report;

pub use collector::Collector;
pub use histogram::Histogram;
pub use replayed::{ChangedDecisions, Difference, ReplaySummary, reason_in_words};
pub use report::{Excess, Nearest, OtherFpir, PersonRates, Report, Strangers, Week, not_replayed, sentence};
