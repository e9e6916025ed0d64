//! The enrolled people and their templates in one SQLite file, and the search for the person of a probe.
//!
//! Input: templates under a person's name, and probes. A template is an [`Embedding`](ostiary_core::Embedding), the hash of
//! its photo, and optionally the crop. Output: a [`Gallery`] in memory, which returns the best
//! [`Candidate`](ostiary_core::Candidate) for a probe. A [`Facebank`] is the open file. Each change is one transaction, so
//! that after a crash the file has the old or the new state.

mod error;
mod export;
mod gallery;
mod lock;
mod look_alike;
mod model_templates;
mod name_problem;
mod neighbor;
mod person;
mod photo_agreement;
mod prepared_models;
mod schema;
mod store;
mod stored_name;
mod template;

pub use error::{EmbedError, FacebankError};
pub use gallery::{Gallery, TemplateError};
pub use lock::DaemonLock;
pub use name_problem::NameProblem;
pub use neighbor::Neighbor;
pub use person::{PersonSummary, is_frontal_aspect};
pub use photo_agreement::{PhotoAgreement, disagreeing_photos};
pub use store::{Enrolled, Facebank, Renamed};
pub use template::{PhotoHash, Template};
