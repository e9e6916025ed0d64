//! The file in which attempts, pauses, visits and cool-downs survive a restart: `events.sqlite.visits.json` beside the event store.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use ostiary_access::{SavedLockout, SavedVisits};
use ostiary_core::clock::build_time;
use ostiary_core::{RegularFileError, durable, read_regular_file};
use serde::{Deserialize, Serialize};

/// What the name of the file has after that of the event store.
const SUFFIX: &str = ".visits.json";
/// The version of the format.
const FORMAT: u32 = 1;
/// The largest file that is read. A full one has less than 64 KiB.
const MAX_BYTES: u64 = 1 << 20;

/// The state that survives a restart. Its times count from `saved`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VisitState {
    format: u32,
    /// When it was saved, by the wall clock.
    saved: Timestamp,
    /// Attempts and pauses.
    pub lockout: SavedLockout,
    /// Visits and cool-downs of people who were let in.
    pub visits: SavedVisits,
}

/// The state that a daemon begins with.
#[derive(Debug, Clone, PartialEq)]
pub enum FirstState {
    /// There is none: a new door, or a recording.
    None,
    /// The state before the restart.
    Saved(VisitState),
    /// The state before the restart is not known.
    Unknown,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VisitFileError {
    /// The file cannot be read.
    #[error("{path} cannot be read: {why}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The error.
        why: RegularFileError,
    },
    /// The file is damaged, or of another version.
    #[error("{path} is damaged: {why}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

impl VisitState {
    /// The state at this moment.
    pub fn new(lockout: SavedLockout, visits: SavedVisits) -> Self {
        Self { format: FORMAT, saved: Timestamp::now(), lockout, visits }
    }

    /// The time since the state was saved. Zero if the clock has gone back, or cannot have been right then: it does not tell how
    /// long ago that was, and no pause may end early.
    pub fn elapsed(&self, now: Timestamp) -> Duration {
        if self.saved < build_time() {
            return Duration::ZERO;
        }
        Duration::try_from(now.duration_since(self.saved)).unwrap_or_default()
    }
}

/// The path of the file beside this event store. It has the name of the store, because a folder can have those of several doors.
pub fn path_beside(events: &Path) -> PathBuf {
    durable::with_suffix(events, SUFFIX)
}

/// Reads the file; `None` if there is none.
///
/// # Errors
/// The file cannot be read, is damaged, or is of another version.
pub fn read(path: &Path) -> Result<Option<VisitState>, VisitFileError> {
    let failed = |why| VisitFileError::Read { path: path.to_owned(), why };
    let damaged = |why| VisitFileError::Damaged { path: path.to_owned(), why };
    let bytes = match read_regular_file(path, MAX_BYTES) {
        Err(RegularFileError::Io(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(failed)?,
    };
    let state: VisitState = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    if state.format != FORMAT {
        return Err(damaged(format!("its format is {}, and this program knows {FORMAT}", state.format)));
    }
    Ok(Some(state))
}

/// Reads the state that a daemon begins with. Logs a warning if the file cannot be used.
pub fn first_state(path: &Path) -> FirstState {
    match read(path) {
        Ok(None) => FirstState::None,
        Ok(Some(state)) => FirstState::Saved(state),
        Err(error) => {
            log::warn!(
                "{error}; pauses and cool-downs before the restart are forgotten, and everybody must be a clear match for a \
                 while"
            );
            FirstState::Unknown
        }
    }
}

/// Replaces the file. It is on the disk when this returns.
///
/// # Errors
/// The folder cannot be written to, or the disk is full.
pub fn write(path: &Path, state: &VisitState) -> io::Result<()> {
    durable::write(path, &serde_json::to_vec(state)?, 0o600)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use ostiary_access::Lockout;
    use ostiary_config as config;
    use ostiary_core::PersonId;

    use super::*;

    fn state() -> VisitState {
        let mut lockout = Lockout::new(&config::Lockout { attempts: 1, ..config::Lockout::default() });
        lockout.attempt(Duration::from_secs(5), Some(PersonId(3)));
        VisitState::new(lockout.save(Duration::from_secs(6)), SavedVisits::default())
    }

    #[test]
    fn a_state_is_written_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = path_beside(&folder.path().join("events.sqlite"));
        assert_eq!(first_state(&path), FirstState::None);
        write(&path, &state()).unwrap();
        let FirstState::Saved(read) = first_state(&path) else { panic!("not read") };
        assert_eq!((read.lockout, read.visits), (state().lockout, state().visits));
    }

    #[test]
    fn a_damaged_file_is_an_unknown_state() {
        let folder = tempfile::tempdir().unwrap();
        let path = path_beside(&folder.path().join("events.sqlite"));
        let whole = serde_json::to_string(&state()).unwrap();
        for damaged in [
            "",
            "{}",
            &whole[..whole.len() / 2],
            &whole.replace("\"format\":1", "\"format\":2"),
            &whole.replace("\"saved\":\"", "\"saved\":\"never "),
            &whole.replace("\"lockout\"", "\"lookout\""),
        ] {
            fs::write(&path, damaged).unwrap();
            assert_eq!(first_state(&path), FirstState::Unknown, "{damaged}");
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(first_state(&path), FirstState::Unknown);
    }

    #[test]
    fn a_clock_that_went_back_makes_no_time_longer() {
        let state = state();
        let later = |seconds| state.saved + jiff::SignedDuration::from_secs(seconds);
        assert_eq!(state.elapsed(later(90)), Duration::from_secs(90));
        assert_eq!(state.elapsed(later(-1_000_000)), Duration::ZERO);
    }

    #[test]
    fn a_clock_that_was_never_set_when_the_state_was_saved_ends_no_pause() {
        let state = VisitState { saved: Timestamp::from_second(60).unwrap(), ..state() };
        assert_eq!(state.elapsed(Timestamp::now()), Duration::ZERO);
    }
}
