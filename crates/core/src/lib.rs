//! The values that all crates share: frames, faces, embeddings, people, identifiers, and clocks.
//!
//! It depends on no other crate of the workspace. Its only I/O: reading clocks ([`clock`]), a regular file
//! ([`read_regular_file`]) and passwords in files ([`read_password_file`]), and writing files that are either complete or absent
//! ([`durable`], [`ownership`]).

#[expect(unsafe_code, reason = "clock::is_synchronized calls adjtimex")]
pub mod clock;
pub mod durable;
pub mod ownership;

mod candidate;
mod challenge_failure;
mod confidence_interval;
mod crop;
mod direction;
mod embedding;
mod face;
mod foreign_entry;
mod frame;
mod geometry;
mod hash;
mod host_port;
mod ids;
mod match_rule;
mod model_role;
mod network_input;
mod password_file;
mod person;
mod person_name;
mod precision;
mod prompt;
mod quality;
mod redact;
mod regular_file;
mod similarity;
mod stream_address;

pub use candidate::{Candidate, Score};
pub use challenge_failure::ChallengeFailure;
pub use confidence_interval::clopper_pearson;
pub use crop::Crop;
pub use direction::Direction;
pub use embedding::Embedding;
pub use face::{Detection, Detections, Face, MAX_FACES, primary_detection};
pub use foreign_entry::is_foreign_entry;
pub use frame::Frame;
pub use geometry::{BBox, Landmarks, Point};
pub use hash::{hex, is_sha256, sha256};
pub use host_port::HostPort;
pub use ids::{ModelId, PersonId, TrackId};
pub use match_rule::{MatchRule, Verdict};
pub use model_role::{ModelRole, UnknownModelRole};
pub use network_input::{ChannelOrder, InputError, MAX_FILE, NetworkInput, UnknownChannelOrder};
pub use password_file::{
    PasswordFileError, read_password_credential, read_password_file, read_service_password,
};
pub use person::Person;
pub use person_name::{LookAlikeKeys, NameError, PersonName, fold_group, fold_name, group_name};
pub use precision::{Precision, UnknownPrecision};
pub use prompt::Prompt;
pub use quality::{Quality, QualityFault};
pub use redact::{redact, redact_address};
pub use regular_file::{
    MAX_CERTIFICATES, RegularFileError, open_regular_file, read_at_most, read_regular_file,
};
pub use similarity::{Similarity, dot, mean_cosine};
pub use stream_address::{AddressError, Login, StreamAddress, UnencryptedWarning};
