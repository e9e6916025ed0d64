//! What can be wrong with a configuration.

use std::fmt;
use std::path::PathBuf;

use super::Origin;

/// All that is wrong with a configuration, so that it can be mended in one go. Never empty.
#[derive(Debug, thiserror::Error)]
pub struct ConfigError {
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.problems.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

/// One thing that is wrong.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A file or folder could not be read.
    #[error("{}: cannot be read: {why}", path.display())]
    Unreadable { path: PathBuf, why: std::io::Error },
    /// Text that is not TOML.
    #[error("{origin}: not valid TOML: {message}")]
    Syntax { origin: Origin, message: String },
    /// A flag that is not `section.key=value`.
    #[error("--set {text}: wanted section.key=value, as in --set door.far=1e-5")]
    Assignment { text: String },
    /// A section or key that does not exist.
    #[error("{origin}: there is no {name}; {hint}")]
    Unknown { origin: Origin, name: String, hint: String },
    /// A value of another type than the key's.
    #[error("{origin}: {key} wants {expected}, found {found}")]
    WrongType { origin: Origin, key: String, expected: String, found: String },
    /// A value that the key does not allow.
    #[error("{origin}: {key} = {value} is not allowed; wanted {allowed}")]
    OutOfRange { origin: Origin, key: String, value: String, allowed: String },
    /// Keys that are each allowed but do not go together, with where each was set.
    #[error("{message} ({})", places(keys))]
    Conflict { keys: Vec<(String, Origin)>, message: String },
}

impl Problem {
    /// A stable name of the kind of problem, for scripts.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "unreadable",
            Self::Syntax { .. } => "syntax",
            Self::Assignment { .. } => "assignment",
            Self::Unknown { .. } => "unknown",
            Self::WrongType { .. } => "wrong_type",
            Self::OutOfRange { .. } => "out_of_range",
            Self::Conflict { .. } => "conflict",
        }
    }

    /// The key that it is about; the first of several.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Unknown { name: key, .. } | Self::WrongType { key, .. } | Self::OutOfRange { key, .. } => {
                Some(key)
            }
            Self::Conflict { keys, .. } => keys.first().map(|(key, _)| key.as_str()),
            Self::Unreadable { .. } | Self::Syntax { .. } | Self::Assignment { .. } => None,
        }
    }

    /// Where it was set, the first of several; `None` where there is no such place.
    pub fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Unreadable { .. } | Self::Assignment { .. } => None,
            Self::Syntax { origin, .. }
            | Self::Unknown { origin, .. }
            | Self::WrongType { origin, .. }
            | Self::OutOfRange { origin, .. } => Some(origin),
            Self::Conflict { keys, .. } => keys.first().map(|(_, origin)| origin),
        }
    }
}

fn places(keys: &[(String, Origin)]) -> String {
    let places: Vec<String> = keys.iter().map(|(key, origin)| format!("{key}: {origin}")).collect();
    places.join(", ")
}
