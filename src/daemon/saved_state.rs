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
    pub fn save(&mut self, new: Option<S>, now: Duration) {
        let (state, was_failing) = match (new, self.failed.take()) {
            (Some(state), failed) => (state, failed.is_some()),
            (None, Some((state, at))) if now >= at => (state, true),
            (None, waiting) => {
                self.failed = waiting;
                return;
            }
        };
        let path = self.path.display();
        match (self.write)(&self.path, &state) {
            Ok(()) if was_failing => log::info!("{path} is written again"),
            Ok(()) => {}
            Err(error) => {
                if !was_failing {
                    log::error!("{path} cannot be written: {error}; {}", self.consequence);
                }
                self.failed = Some((state, now + RETRY));
            }
        }
    }
}
