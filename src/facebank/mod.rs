//! The people whom the door knows: one SQLite file of people and templates, and the matching against them.

mod candidate;

pub use candidate::{Candidate, PersonId};
