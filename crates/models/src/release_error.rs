//! What can go wrong with a bundle between its publisher and the door.

use std::io;
use std::path::PathBuf;

use jiff::Timestamp;

use super::BundleError;

/// Why a bundle is not taken up. Every message names the bundle, file or place, and the mend.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    #[error("models.keys is not set, so that no bundle is trusted; set it to your publisher's public key")]
    NoKeys,
    #[error("there is nowhere to pull from; set models.source, or name a URL or a folder")]
    NoSource,
    #[error("{key:?} is not a public key; copy it from what `ostiary-trainer keys` printed")]
    BadKey { key: String },
    #[error(
        "{place}: the signature is of none of models.keys: altered, or of another publisher; do not use it"
    )]
    Untrusted { place: String },
    #[error("{place}: is not a release of models that this program knows: {why}; ask its publisher")]
    NotARelease { place: String, why: String },
    #[error(
        "version {offered} is offered, and version {newest} was there before: somebody may be bringing back an old bundle; \
         look at the source. `ostiary models rollback` goes back to a bundle that is kept"
    )]
    Older { offered: u64, newest: u64 },
    #[error(
        "version {version} is offered with other files than the version {version} that is kept; ask its publisher"
    )]
    Twice { version: u64 },
    #[error(
        "version {version} has expired on {expires}; publish anew, or look whether the source is held back"
    )]
    Expired { version: u64, expires: Timestamp },
    #[error(
        "the clock says {now}, and it is at least {earliest}: whether the bundle has expired cannot be told; turn on time \
         synchronization (`timedatectl set-ntp true`) and wait for it"
    )]
    Clock { now: Timestamp, earliest: Timestamp },
    #[error(
        "{place}: is not the file that was signed (SHA-256 or size): truncated or altered; pull it again"
    )]
    Altered { place: String },
    #[error("{place}: {why}; check the source and the network, and try again")]
    Fetch { place: String, why: String, again: bool },
    #[error("version {version} is not kept here; `ostiary models list` shows those that are")]
    NotKept { version: u64 },
    #[error("{path}: {why}; check the disk and who may write there")]
    Io { path: PathBuf, why: io::Error },
    #[error("{path}: cannot be understood ({why}); move it away, and activate a bundle anew")]
    State { path: PathBuf, why: String },
    #[error("{path}: another `ostiary models` is at work; try again when it has finished")]
    Busy { path: PathBuf },
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

impl ReleaseError {
    /// Whether a check said no, rather than that something could not be done.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Untrusted { .. }
                | Self::NotARelease { .. }
                | Self::Older { .. }
                | Self::Twice { .. }
                | Self::Expired { .. }
                | Self::Clock { .. }
                | Self::Altered { .. }
                | Self::Bundle(_)
        )
    }
}
