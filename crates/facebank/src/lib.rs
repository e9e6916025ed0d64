//! The enrolled people: one SQLite file of people and templates, and the matching against them.
//!
//! What comes in: templates (an [`Embedding`](ostiary_core::Embedding), the photo it came from, and its crop where crops
//! are kept) under a person's name; probes. What goes out: a [`Gallery`] in memory, which gives the best
//! [`Candidate`](ostiary_core::Candidate) for a probe. A [`Facebank`] is the file; every change of it is one transaction,
//! so that a crash at any moment leaves the old or the new state.

mod error;
mod export;
mod folder;
mod gallery;
mod lock;
mod models;
mod person;
mod readiness;
mod schema;
mod store;
mod template;

pub use error::{EmbedError, FacebankError};
pub use folder::{PersonFolder, person_folders};
pub use gallery::Gallery;
pub use lock::DaemonLock;
pub use person::{Listed, check_name};
pub use store::{Enrolled, Facebank};
pub use template::{PhotoHash, Template};
