//! Errors of the facebank.

use std::io;
use std::path::{Path, PathBuf};

use ostiary_core::{ModelId, NameError};
use rusqlite::ErrorCode;

/// Why an operation of the facebank failed. Each message names the file or the person, and says how to fix it.
///
/// In all variants `path` is the facebank's file, `name` the name of a person or a group, and `why` the error of the system or
/// of SQLite.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the comment of the enum describes the fields, which recur in its variants")]
pub enum FacebankError {
    /// The file does not exist or is empty.
    #[error(
        "{path}: there is no facebank here yet; enroll someone with `ostiary enroll`, or set facebank.path"
    )]
    Missing { path: PathBuf },
    /// The file is no SQLite file, or that of another program.
    #[error(
        "{path}: this is not a facebank ({why}); set facebank.path to the right file, or restore a backup"
    )]
    NotAFacebank { path: PathBuf, why: String },
    /// The content of the file is damaged.
    #[error("{path}: the facebank is damaged ({why}); restore a backup, or enroll all people again")]
    Corrupt { path: PathBuf, why: String },
    /// The schema has version `found`, which is later than `known`.
    #[error(
        "{path}: the facebank has version {found}, this program supports versions up to {known}; update the \
         program"
    )]
    Newer { path: PathBuf, found: i64, known: i64 },
    /// The schema has an earlier version, and the file cannot be written.
    #[error(
        "{path}: the facebank has the version of an earlier program and cannot be converted here; run \
         `ostiary people list` as a user who may write the file and its folder"
    )]
    Older { path: PathBuf },
    /// The file cannot be written.
    #[error("{path}: the facebank cannot be written; run as a user who may write the file and its folder")]
    ReadOnly { path: PathBuf },
    /// Another process has held the lock for longer than the busy timeout.
    #[error("{path}: another program is writing to the facebank; try again when it has finished")]
    Busy { path: PathBuf },
    /// There is no space for the change.
    #[error("{path}: the disk is full and nothing was changed; free some space and try again")]
    DiskFull { path: PathBuf },
    /// The file or its folder cannot be opened or created.
    #[error(
        "{path}: cannot be opened ({why}); check that the folder exists and that this user has access to it"
    )]
    CannotOpen { path: PathBuf, why: String },
    /// Another I/O error.
    #[error("{path}: {why}")]
    Io { path: PathBuf, why: io::Error },
    /// Another error of SQLite.
    #[error("{path}: {why}: nothing was changed")]
    Sql { path: PathBuf, why: rusqlite::Error },
    /// The facebank was not prepared for the model `program`; it has templates of the model `facebank`.
    #[error(
        "{path}: the templates were made by model {facebank}, the model in use is {program}, and templates of \
         different models cannot be compared; run `ostiary people reembed`"
    )]
    OtherModel { path: PathBuf, facebank: ModelId, program: ModelId },
    /// These people have no crop, so that the model cannot make templates of them.
    #[error(
        "{path}: {} would not be known to the model {model}, because the facebank has no crops of their photos; \
         use --without NAME for each of them, and enroll them again",
        people.join(", ")
    )]
    NoCrops { path: PathBuf, people: Vec<String>, model: ModelId },
    /// There is no person with this name; `nearest` is the most similar name, if one is similar.
    #[error("nobody has the name {name:?}{}", nearest.as_deref().map(|n| format!(": did you mean {n:?}?"))
        .unwrap_or_else(|| ": `ostiary people list` lists all people".into()))]
    NoSuchPerson { name: String, nearest: Option<String> },
    /// Another person has the name.
    #[error(
        "there is already a person called {name:?}: choose another name, or rename or remove that person"
    )]
    NameTaken { name: String },
    /// The name is not allowed.
    #[error(transparent)]
    BadName(#[from] NameError),
    /// The name of another person looks like this one.
    #[error(
        "{name:?} looks like the name of {other:?}, so that people could take one for the other: choose a name that differs \
         visibly, or rename that person"
    )]
    LooksAlike { name: String, other: String },
    /// A new person needs at least one template.
    #[error("{name:?} cannot be enrolled without a template: give a photo that shows the face")]
    NoTemplate { name: String },
    /// The frontal aspect `aspect` is not that of a face.
    #[error(
        "{name:?} cannot have the frontal aspect {aspect}: that of a face is 0.5 to 2; take the pictures again, looking straight at \
         the camera"
    )]
    BadAspect { name: String, aspect: f32 },
    /// A line of an export is invalid. `line` counts from 1.
    #[error("line {line} of the export: {why}: nothing was imported")]
    BadExport { line: usize, why: String },
    /// Another daemon has the lock of this facebank; `pid` is its process, if known.
    #[error("{path}: another daemon{} uses this facebank; stop it first",
        pid.map(|p| format!(" (process {p})")).unwrap_or_default())]
    DaemonRunning { path: PathBuf, pid: Option<u32> },
    /// A crop could not be embedded.
    #[error(transparent)]
    Embed(EmbedError),
}

/// An error of the function that embeds crops.
pub type EmbedError = Box<dyn std::error::Error + Send + Sync>;

impl FacebankError {
    /// Whether a name or a rule of the facebank forbids it; `false` if the facebank cannot be used.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::NoCrops { .. }
                | Self::NoSuchPerson { .. }
                | Self::NameTaken { .. }
                | Self::BadName(_)
                | Self::LooksAlike { .. }
                | Self::NoTemplate { .. }
                | Self::BadAspect { .. }
        )
    }

    /// The error for an error of SQLite on this file.
    pub(super) fn sql(path: &Path, error: rusqlite::Error) -> Self {
        let path = path.to_owned();
        let why = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt) => Self::Corrupt { path, why },
            Some(ErrorCode::NotADatabase) => Self::NotAFacebank { path, why },
            Some(ErrorCode::ReadOnly) => Self::ReadOnly { path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path },
            Some(ErrorCode::DiskFull) => Self::DiskFull { path },
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => Self::CannotOpen { path, why },
            _ => Self::Sql { path, why: error },
        }
    }
}
