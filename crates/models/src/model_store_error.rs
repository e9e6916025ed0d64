//! Errors of a bundle on its way from the publisher to the door.

use std::io;
use std::path::PathBuf;

use jiff::Timestamp;

use super::BundleError;

/// Why a bundle is not installed or activated. Each message names the bundle, file or place and how to fix it.
#[derive(Debug, thiserror::Error)]
pub enum ModelStoreError {
    /// No public key is configured.
    #[error("models.keys is not set, so that no bundle is trusted; set it to your publisher's public key")]
    NoKeys,
    /// No repository is configured or named.
    #[error("there is no repository to pull from; set models.source, or name a URL or a folder")]
    NoSource,
    /// A configured key is malformed.
    #[error("{key:?} is not a public key; copy it from what `ostiary-trainer keys` printed")]
    BadKey {
        /// The configured text.
        key: String,
    },
    /// No trusted key has made the signature.
    #[error(
        "{place}: the signature is of none of models.keys: altered, or of another publisher; do not use it"
    )]
    Untrusted {
        /// File or address.
        place: String,
    },
    /// The text or the signature is not one of a release.
    #[error("{place}: is not a release of models that this program can read: {why}; ask its publisher")]
    NotARelease {
        /// File or address.
        place: String,
        /// What is wrong with it.
        why: String,
    },
    /// The offered release is older than one that was stored before.
    #[error(
        "version {offered} is offered, and version {newest} was there before: an attacker could be offering an old bundle; \
         check the source. `ostiary models rollback` returns to a stored bundle"
    )]
    Older {
        /// Version of the offered release.
        offered: u64,
        /// Newest version that was ever stored.
        newest: u64,
    },
    /// The offered release has the version of a stored one, and another content.
    #[error(
        "version {version} is offered with other files than the stored version {version}; ask its publisher"
    )]
    Conflicting {
        /// The version.
        version: u64,
    },
    /// The release has expired.
    #[error(
        "version {version} has expired on {expires}; publish it again, or check whether the source withholds a newer one"
    )]
    Expired {
        /// Version of the release.
        version: u64,
        /// Time of expiry.
        expires: Timestamp,
    },
    /// The clock is before a time that it must have passed.
    #[error(
        "the clock says {now}, and it is at least {earliest}: the expiry of the bundle cannot be checked; turn on time \
         synchronization (`timedatectl set-ntp true`) and wait for it"
    )]
    Clock {
        /// Time of the clock.
        now: Timestamp,
        /// Time that a correct clock has passed.
        earliest: Timestamp,
    },
    /// A file is not the one that was signed.
    #[error(
        "{place}: is not the file that was signed (SHA-256 or size): truncated or altered; pull it again"
    )]
    Altered {
        /// File or address.
        place: String,
    },
    /// The transfer of a file failed.
    #[error("{place}: {why}; check the source and the network, and try again")]
    Fetch {
        /// File or address.
        place: String,
        /// What failed.
        why: String,
        /// Whether the same request can succeed a few seconds later.
        retryable: bool,
    },
    /// The store does not have this version.
    #[error("version {version} is not stored here; `ostiary models list` shows the stored versions")]
    NotStored {
        /// The version.
        version: u64,
    },
    /// A file of the store cannot be read or written.
    #[error("{path}: {why}; check the disk and the permissions of the folder")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        why: io::Error,
    },
    /// A state file of the store cannot be parsed.
    #[error("{path}: cannot be parsed ({why}); move it away, and activate a bundle again")]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Another process holds the lock.
    #[error("{path}: another `ostiary models` is running; try again when it has finished")]
    Busy {
        /// The lock file.
        path: PathBuf,
    },
    /// The bundle itself cannot be used.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

impl ModelStoreError {
    /// Whether the bundle is refused or not stored; `false` if that could not be found out.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Untrusted { .. }
                | Self::NotARelease { .. }
                | Self::Older { .. }
                | Self::Conflicting { .. }
                | Self::Expired { .. }
                | Self::Clock { .. }
                | Self::Altered { .. }
                | Self::Bundle(_)
                | Self::NotStored { .. }
        )
    }
}
