//! A set of models as one unit: the folder, its `manifest.toml`, and files that are what the manifest says.
//!
//! What comes in: the folder that the configuration names, a signed bundle that was pulled from a [`Repository`] into
//! the store of bundles ([`ModelStore`]), or the models that ship. What goes out: a [`Bundle`], whose files are given out only after
//! their hash was checked.

mod find;
mod folder;
mod manifest;
mod model_store;
mod probation;
mod release;
mod release_error;
mod repository;
mod signed;
mod web;

use std::path::PathBuf;

pub use folder::Bundle;
pub use manifest::{FarPoint, Manifest, ModelEntry, Output, Source};
pub use model_store::{ModelStore, PullLock, StoreLock, StoreState, StoredBundle};
use ostiary_core::MAX_FILE;
pub use probation::{Probation, Standing};
pub use release::{Part, Release};
pub use release_error::ReleaseError;
pub use repository::Repository;
pub use signed::{SignedRelease, TrustedKeys};

/// Why a set of models cannot be used. Every message names the file and the mend.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error(
        "no models found: there is no manifest.toml in {}; set models.dir or pass --models",
        looked.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    NotFound { looked: Vec<PathBuf> },
    #[error("{path}: {why}; install the models again")]
    Unreadable { path: PathBuf, why: std::io::Error },
    #[error("{path}: is not a manifest of models that this program knows: {why}; install the models again")]
    Manifest { path: PathBuf, why: String },
    #[error("{path}: the manifest has no model {role:?}; install the models again")]
    NoRole { path: PathBuf, role: String },
    #[error(
        "{path}: is not the file that the manifest names (its SHA-256 is {found}, not {expected}): \
         truncated or altered; install the models again"
    )]
    Altered { path: PathBuf, expected: String, found: String },
    #[error("{path}: is larger than {MAX_FILE} bytes, which no model may be; install the models again")]
    TooLarge { path: PathBuf },
    #[error(
        "door.far = {far}: the model's table goes from {highest} down to {lowest}; set door.far to a value \
         within it"
    )]
    FarOutOfRange { far: f64, highest: f64, lowest: f64 },
    #[error(
        "the manifest gives no FAR table for {role:?}, so no threshold can be set; install the models again"
    )]
    NoFarTable { role: String },
    #[error("the bundle in use: {0}; or go back to the one before with `ostiary models rollback`")]
    Active(Box<ReleaseError>),
}
