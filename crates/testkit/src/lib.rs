//! What the tests of several crates share: a real broker, video files from a real ffmpeg, the bundled portraits, also
//! printed on sheets that are turned before a camera, models with a calibration, the values of a decision, the count of
//! allocations, and waiting.
//!
//! A function that fails panics, and the message names what is missing on this machine. Only tests depend on this crate.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "it is used in tests only, which report failures by panics"
)]

mod allocations;
mod broker;
mod evidence;
mod ffmpeg;
mod liveness;
mod models;
mod photo;
mod repository;
mod sheet;
mod wait;

pub use allocations::allocations;
pub use broker::Broker;
pub use evidence::evidence;
pub use ffmpeg::{ffmpeg, person_video};
pub use liveness::{moment, test_conditions};
pub use models::{calibration, models_with};
pub use photo::{PORTRAITS, Photo};
pub use repository::{portrait, repository_file};
pub use sheet::{Line, Pose, Random, SHEET_SIDE, Shape, Sheet};
pub use wait::{TIMEOUT, free_port, wait_for};
