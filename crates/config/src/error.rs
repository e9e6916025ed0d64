//! What can be wrong with a configuration.

use std::fmt;
use std::path::PathBuf;

use crate::origin::Origin;

/// All that is wrong with a configuration, so that it can be fixed in one go. Never empty.
#[derive(Debug, thiserror::Error)]
pub struct ConfigError {
    /// One for each thing that is wrong, by kind of layer, then by file and line.
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
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        why: std::io::Error,
    },
    /// Text that is not TOML.
    #[error("{origin}: not valid TOML: {message}")]
    Syntax {
        /// Where it stands.
        origin: Origin,
        /// What the parser says.
        message: String,
    },
    /// A flag that is not `section.key=value`.
    #[error("--set {text}: wanted section.key=value, as in --set door.fpir=0.003")]
    Assignment {
        /// The flag's text.
        text: String,
    },
    /// A section or key that does not exist.
    #[error("{origin}: there is no {name}; {hint}")]
    Unknown {
        /// Where it was set.
        origin: Origin,
        /// The name that does not exist.
        name: String,
        /// What was probably meant.
        hint: String,
    },
    /// A value of another type than the key's.
    #[error("{origin}: {key} wants {expected}, found {found}")]
    WrongType {
        /// Where it was set.
        origin: Origin,
        /// The key.
        key: String,
        /// The type that it needs, and its range.
        expected: String,
        /// The type and the value that were found.
        found: String,
    },
    /// A value that the key does not allow.
    #[error("{origin}: {key} = {value} is not allowed; wanted {allowed}")]
    OutOfRange {
        /// Where it was set.
        origin: Origin,
        /// The key.
        key: String,
        /// The value that was found.
        value: String,
        /// The type and range that it needs.
        allowed: String,
    },
    /// A key that only the owner's own files may set.
    #[error(
        "{origin}: {key} can only be set in the owner's own files; write it into /etc/ostiary/ostiary.toml"
    )]
    NotSettable {
        /// Where it was set.
        origin: Origin,
        /// The key.
        key: String,
    },
    /// Values that are each allowed but contradict each other.
    #[error("{message} ({})", places(keys))]
    Conflict {
        /// The keys, with where each was set.
        keys: Vec<(String, Origin)>,
        /// The contradiction, and how to fix it.
        message: String,
    },
    /// A key's type, default and rule do not agree. A defect of the program, not of the configuration.
    #[error(
        "the declaration of the configuration contradicts itself, which is a defect of Ostiary: {message}"
    )]
    Declaration {
        /// The contradiction.
        message: String,
    },
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
            Self::NotSettable { .. } => "not_settable",
            Self::Conflict { .. } => "conflict",
            Self::Declaration { .. } => "declaration",
        }
    }

    /// The key of the problem; the first one of several.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Unknown { name: key, .. }
            | Self::WrongType { key, .. }
            | Self::OutOfRange { key, .. }
            | Self::NotSettable { key, .. } => Some(key),
            Self::Conflict { keys, .. } => keys.first().map(|(key, _)| key.as_str()),
            Self::Unreadable { .. }
            | Self::Syntax { .. }
            | Self::Assignment { .. }
            | Self::Declaration { .. } => None,
        }
    }

    /// Where it was set, the first place of several; `None` if there is no such place.
    pub fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Unreadable { .. } | Self::Assignment { .. } | Self::Declaration { .. } => None,
            Self::Syntax { origin, .. }
            | Self::Unknown { origin, .. }
            | Self::WrongType { origin, .. }
            | Self::OutOfRange { origin, .. }
            | Self::NotSettable { origin, .. } => Some(origin),
            Self::Conflict { keys, .. } => keys.first().map(|(_, origin)| origin),
        }
    }
}

fn places(keys: &[(String, Origin)]) -> String {
    let places: Vec<String> = keys.iter().map(|(key, origin)| format!("{key}: {origin}")).collect();
    places.join(", ")
}
