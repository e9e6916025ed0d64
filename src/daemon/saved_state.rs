//! A state that the store thread keeps in a file, so that it survives a restart. What could not be written is tried again.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The time after which a state that could not be written is tried again.
pub const RETRY: Duration = Duration::from_secs(5);

/// The file of a state.
pub struct SavedState<S> {
    path: PathBuf,
    write: fn(&Path, &S) -> io::Result<()>,
    /// What a restart would do if the file cannot be written, for the log.
    consequence: &'static str,
    /// The state that could not be written, and when it is tried again.
    failed: Option<(S, Duration)>,
}

impl<S> SavedState<S> {
    /// The file at `path`, which `write` replaces. `consequence` says what a restart would do if it cannot be written.
    pub fn new(path: PathBuf, write: fn(&Path, &S) -> io::Result<()>, consequence: &'static str) -> Self {
        Self { path, write, consequence, failed: None }
    }

    /// Writes the new state, or tries again to write the last one, if it is time for that.
    ///
    /// # Errors
    /// The file cannot be written. The first failure is logged, and it is tried again later.
    pub fn save(&mut self, new: Option<S>, now: Duration) -> io::Result<()> {
        let was_failing = self.failed.is_some();
        match new.or_else(|| self.failed.take_if(|(_, at)| now >= *at).map(|(state, _)| state)) {
            Some(state) => self.write_now(state, was_failing, now),
            None => Ok(()),
        }
    }

    /// Tries once more to write a state that could not be written: the program ends.
    pub fn finish(&mut self, now: Duration) {
        if let Some((state, _)) = self.failed.take() {
            // The first failure is logged.
            let _ = self.write_now(state, true, now);
        }
    }

    fn write_now(&mut self, state: S, was_failing: bool, now: Duration) -> io::Result<()> {
        let path = self.path.display();
        let written = (self.write)(&self.path, &state);
        match &written {
            Ok(()) if was_failing => log::info!("{path} is written again"),
            Err(error) if !was_failing => {
                log::error!("{path} cannot be written: {error}; {}", self.consequence)
            }
            Ok(()) | Err(_) => {}
        }
        self.failed = written.is_err().then(|| (state, now + RETRY));
        written
    }
}
