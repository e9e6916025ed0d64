//! The file of the tokens: `facebank.sqlite.tokens.json` beside the facebank, with the hashes of the tokens.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use ostiary_core::{PersonName, RegularFileError, durable, is_sha256, read_regular_file};
use serde_derive::{Deserialize, Serialize};

use super::MAX_TOKENS;
use crate::Role;

/// What the name of the file has after that of the facebank.
const SUFFIX: &str = ".tokens.json";
/// The version of the format.
const FORMAT: u32 = 1;
/// The largest file that is read.
const MAX_BYTES: u64 = 1 << 16;

/// What is kept of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredToken {
    /// The name, by which it is listed and revoked.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    pub(super) sha256: String,
    /// When it was created.
    pub created: Timestamp,
    /// When it expires; `None` for never.
    pub expires: Option<Timestamp>,
}

/// Why the file cannot be used. No token is valid then.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TokenFileError {
    /// It has not the format, or not all of it.
    #[error(
        "no token is valid: {} is damaged: {why}",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// It cannot be read.
    #[error(
        "no token is valid: {} cannot be read: {why}",
        path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        why: String,
    },
    /// It cannot be written. The tokens are as before.
    #[error("the tokens are not changed: {} cannot be written: {why}", path.display())]
    NotWritten {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        why: String,
    },
}

/// The file as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    format: u32,
    tokens: Vec<StoredToken>,
}

/// The file, with its tokens as they were read last.
pub(super) struct TokenFile {
    path: PathBuf,
    read: Option<(Version, Result<Vec<StoredToken>, TokenFileError>)>,
}

/// What changes with each change of a file; `None` if there is no file.
type Version = Option<(u64, u64, u64, [(i64, i64); 2])>;

impl TokenFileError {
    /// How to fix it.
    pub fn fix(&self) -> &'static str {
        match self {
            Self::Damaged { .. } => {
                "move the file away, which ends all tokens, and create them again with `ostiary tokens create`"
            }
            Self::Unreadable { .. } => "see that it is a file, and that the user of the service can read it",
            Self::NotWritten { .. } => {
                "see that the user of the service can write there, and that the disk has room"
            }
        }
    }
}

impl StoredToken {
    /// The path of the file beside this facebank.
    pub fn path_beside(facebank: &Path) -> PathBuf {
        durable::with_suffix(facebank, SUFFIX)
    }

    /// Reads the tokens of a file; none if there is no file.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn read_all(path: &Path) -> Result<Vec<Self>, TokenFileError> {
        let unreadable = |why: String| Err(TokenFileError::Unreadable { path: path.to_owned(), why });
        let damaged = |why: String| Err(TokenFileError::Damaged { path: path.to_owned(), why });
        let bytes = match read_regular_file(path, MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(RegularFileError::Io(error)) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error @ RegularFileError::TooLarge { .. }) => return damaged(error.to_string()),
            Err(error) => return unreadable(error.to_string()),
        };
        let Contents { format, tokens } = match serde_json::from_slice(&bytes) {
            Ok(contents) => contents,
            Err(error) => return damaged(error.to_string()),
        };
        if format != FORMAT {
            return damaged(format!("its format is {format}, and this program knows {FORMAT}"));
        }
        if tokens.len() > MAX_TOKENS {
            return damaged(format!("it has more than {MAX_TOKENS} tokens"));
        }
        let is_good = |token: &Self| {
            is_sha256(&token.sha256)
                && PersonName::new(&token.name).is_ok_and(|name| name.as_str() == token.name)
        };
        match tokens.iter().position(|token| !is_good(token)) {
            Some(index) => damaged(format!("token {} has no name or no hash", index + 1)),
            None => Ok(tokens),
        }
    }
}

impl TokenFile {
    pub fn new(path: PathBuf) -> Self {
        Self { path, read: None }
    }

    /// The tokens. The file is read again if it has changed.
    pub fn read(&mut self) -> Result<&[StoredToken], TokenFileError> {
        // Before the file is read: a later change is seen by the next call.
        let version = version(&self.path);
        if self.read.as_ref().is_none_or(|(read, _)| *read != version) {
            let tokens = StoredToken::read_all(&self.path);
            if let Err(error) = &tokens {
                log::error!("{error}; {}", error.fix());
            }
            self.read = Some((version, tokens));
        }
        match &self.read {
            Some((_, Ok(tokens))) => Ok(tokens),
            Some((_, Err(error))) => Err(error.clone()),
            None => Ok(&[]),
        }
    }

    /// Replaces the tokens. They are on the disk when this returns.
    pub fn write(&mut self, tokens: Vec<StoredToken>) -> Result<(), TokenFileError> {
        let written = serde_json::to_vec(&Contents { format: FORMAT, tokens })
            .map_err(io::Error::from)
            .and_then(|bytes| durable::write(&self.path, &bytes, 0o600));
        self.read = None;
        written
            .map_err(|error| TokenFileError::NotWritten { path: self.path.clone(), why: error.to_string() })
    }
}

fn version(path: &Path) -> Version {
    let version = |file: Metadata| {
        let times = [(file.mtime(), file.mtime_nsec()), (file.ctime(), file.ctime_nsec())];
        (file.dev(), file.ino(), file.len(), times)
    };
    fs::metadata(path).ok().map(version)
}
