//! The people whom the door knows: one SQLite file of people and templates, and the matching against them.
//!
//! What comes in: templates (an [`Embedding`](crate::vision::Embedding), the photo it came from, and its crop
//! where crops are kept) under a person's name; probes. What goes out: a [`Gallery`] in memory, which gives
//! the best [`Candidate`] for a probe. A [`Facebank`] is the file; every change of it is one transaction, so
//! that a crash at any moment leaves the old or the new state.

mod candidate;
mod enrolment;
mod error;
mod export;
mod folder;
mod gallery;
mod lock;
mod models;
mod person;
mod schema;
mod sitting;
mod store;
mod template;

pub use candidate::{Candidate, PersonId};
pub use enrolment::{Look, Refusal, aligned_crop, look, unlike};
pub use error::FacebankError;
pub use folder::{PersonFolder, person_folders};
pub use gallery::Gallery;
pub use lock::DaemonLock;
pub use person::{Listed, Person, check_name, fold_group};
pub use sitting::{Advice, Sitting, Step};
pub use store::{Enrolled, Facebank};
pub use template::{PhotoHash, Template};
