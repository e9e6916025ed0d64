//! What can go wrong with a facebank.

use std::io;
use std::path::{Path, PathBuf};

use ostiary_core::ModelId;
use rusqlite::ErrorCode;

/// Why the facebank cannot do what was asked. Every message names the file or the person, and the mend.
#[derive(Debug, thiserror::Error)]
pub enum FacebankError {
    #[error(
        "{path}: there is no facebank here yet; enroll someone with `ostiary enroll`, or set facebank.path"
    )]
    Missing { path: PathBuf },
    #[error(
        "{path}: this is not a facebank ({why}); set facebank.path to the right file, or restore a backup"
    )]
    NotAFacebank { path: PathBuf, why: String },
    #[error("{path}: the facebank is damaged ({why}); restore a backup, or enroll everyone anew")]
    Corrupt { path: PathBuf, why: String },
    #[error(
        "{path}: the facebank is of version {found}, this program knows up to {known}; update the program"
    )]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error(
        "{path}: the facebank is of an earlier program and cannot be brought up to this one here; run \
         `ostiary people list` as a user who may write the file and its folder"
    )]
    Older { path: PathBuf },
    #[error("{path}: the facebank cannot be written; run as a user who may write the file and its folder")]
    ReadOnly { path: PathBuf },
    #[error("{path}: another program is writing to the facebank; try again when it has finished")]
    Busy { path: PathBuf },
    #[error("{path}: the disk is full and nothing was changed; make room and try again")]
    DiskFull { path: PathBuf },
    #[error("{path}: cannot be opened ({why}); check that the folder exists and that this user may use it")]
    CannotOpen { path: PathBuf, why: String },
    #[error("{path}: {why}")]
    Io { path: PathBuf, why: io::Error },
    #[error("{path}: {why}: nothing was changed")]
    Sql { path: PathBuf, why: rusqlite::Error },
    #[error(
        "{path}: the templates were made by model {facebank}, the model in use is {program}, and the two \
         cannot be compared; run `ostiary people reembed`"
    )]
    OtherModel { path: PathBuf, facebank: ModelId, program: ModelId },
    #[error(
        "{path}: {} would not be known to the model {model}, for their crops were not kept; go on without them \
         (--without NAME, for each), and enroll them anew",
        people.join(", ")
    )]
    NoCrops { path: PathBuf, people: Vec<String>, model: ModelId },
    #[error("nobody is called {name:?}{}", nearest.as_deref().map(|n| format!(": did you mean {n:?}?"))
        .unwrap_or_else(|| ": `ostiary people list` shows everyone".into()))]
    NoSuchPerson { name: String, nearest: Option<String> },
    #[error("there is already a person called {name:?}: choose another name, or rename or remove that one")]
    NameTaken { name: String },
    #[error("{name:?} cannot be a name: {why}")]
    BadName { name: String, why: &'static str },
    #[error("{name:?} cannot be enrolled without a template: give a photo that shows the face")]
    NoTemplate { name: String },
    #[error("line {line} of the export: {why}: nothing was imported")]
    BadExport { line: usize, why: String },
    #[error("{path}: another daemon{} keeps the door with this facebank; stop it first", 
        pid.map(|p| format!(" (process {p})")).unwrap_or_default())]
    DaemonRunning { path: PathBuf, pid: Option<u32> },
    #[error(transparent)]
    Embed(EmbedError),
}

/// Why a crop could not be embedded, as the caller's embedder says it.
pub type EmbedError = Box<dyn std::error::Error + Send + Sync>;

impl FacebankError {
    /// What SQLite says, in terms of the file.
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
