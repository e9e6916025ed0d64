//! A bundle of models: a folder, its `manifest.toml`, and the files that the manifest describes.
//!
//! What comes in: the folder that the configuration names, a signed bundle that was pulled from a [`Repository`] into the
//! store ([`ModelStore`]), or the models that were installed with the program. What goes out: a [`Bundle`], which returns
//! the content of a file only after its hash was checked.

mod bundle;
mod calibration;
mod configured_bundle;
mod http_client;
mod liveness_test;
mod manifest;
mod model_store;
mod model_store_error;
mod probation;
mod release;
mod repository;
mod signed_release;
mod upright_test;

use std::path::PathBuf;

pub use bundle::{Bundle, BundleOrigin};
pub use calibration::{CalibratedThreshold, Calibration, CalibrationError, ThresholdRow, UnsupportedFpir};
pub use liveness_test::{GoldenOutput, LivenessTest, LivenessTestError};
pub use manifest::{
    CompatibleModel, FarPoint, Manifest, ManifestError, ModelEntry, ModelEntryError, Output, Source,
};
pub use model_store::{ModelStore, PullLock, StoreLock, StoreState, StoredBundle};
pub use model_store_error::ModelStoreError;
use ostiary_core::{MAX_FILE, ModelRole};
pub use probation::{Probation, ProbationStatus};
pub use release::{Release, ReleaseFile, ReleaseFormatError};
pub use repository::Repository;
pub use signed_release::{SignedRelease, TrustedKeys};
pub use upright_test::UprightTest;

/// Why a bundle cannot be used. Each message names the file or key and how to fix it.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// No default folder has a manifest.
    #[error(
        "no models found: there is no manifest.toml in {}; set models.dir or pass --models",
        searched.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    NotFound {
        /// The folders that were searched.
        searched: Vec<PathBuf>,
    },
    /// A file is missing or cannot be read.
    #[error("{path}: {why}; install the models again")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        why: std::io::Error,
    },
    /// The manifest is not valid.
    #[error("{path}: is not a manifest that this program can read: {why}; install the models again")]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        why: Box<ManifestError>,
    },
    /// The manifest has no entry of a role.
    #[error("{path}: the manifest has no model \"{role}\"; install the models again")]
    NoRole {
        /// The manifest.
        path: PathBuf,
        /// The missing role.
        role: ModelRole,
    },
    /// The file is not the one of the manifest.
    #[error(
        "{path}: is not the file that the manifest names (its SHA-256 is {found}, not {expected}): \
         truncated or altered; install the models again"
    )]
    Altered {
        /// The file.
        path: PathBuf,
        /// SHA-256 in the manifest, lower-case hexadecimal.
        expected: String,
        /// SHA-256 of the file, lower-case hexadecimal.
        found: String,
    },
    /// The file is larger than any model may be.
    #[error("{path}: is larger than {MAX_FILE} bytes, the limit for a model; install the models again")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The activated bundle cannot be used.
    #[error("the bundle in use: {0}; or go back to the bundle before it with `ostiary models rollback`")]
    Active(Box<ModelStoreError>),
}
