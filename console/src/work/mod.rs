//! Work of the door that takes long. It goes on while the person looks at other pages, loads the page again, or loses the network; the
//! page shows how far it is.

pub mod liveness;
pub mod models;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::page_error::PageError;

/// One piece of work at a time, and the last one that has ended. `S` is what pages show of it.
pub struct Slot<S>(Mutex<Option<Arc<Work<S>>>>);

/// A piece of work.
pub struct Work<S>(Mutex<Progress<S>>);

/// How far a piece of work is.
#[derive(Debug, Clone)]
pub struct Progress<S> {
    /// What pages show of it.
    pub state: S,
    /// Whether it has ended.
    pub is_over: bool,
    /// Why it did not succeed.
    pub error: Option<PageError>,
    /// When somebody looked at it.
    looked: Instant,
}

impl<S> Default for Slot<S> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<S: Clone> Slot<S> {
    /// Begins a piece of work; `None` if one is not over.
    pub fn begin(&self, state: S) -> Option<Arc<Work<S>>> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.as_ref().is_some_and(|work| !work.lock().is_over) {
            return None;
        }
        let progress = Progress { state, is_over: false, error: None, looked: Instant::now() };
        let work = Arc::new(Work(Mutex::new(progress)));
        *slot = Some(work.clone());
        Some(work)
    }

    /// Looks how far the work is; `None` if none was begun.
    pub fn look(&self) -> Option<Progress<S>> {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref().map(|work| {
            let mut progress = work.lock();
            progress.looked = Instant::now();
            progress.clone()
        })
    }

    /// Changes what pages show of the work.
    pub fn update(&self, change: impl FnOnce(&mut S)) {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(work) = slot.as_ref() {
            work.update(change);
        }
    }

    /// Whether work is not over.
    pub fn is_busy(&self) -> bool {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref().is_some_and(|work| !work.lock().is_over)
    }
}

impl<S> Work<S> {
    /// Changes what pages show of it.
    pub fn update(&self, change: impl FnOnce(&mut S)) {
        change(&mut self.lock().state);
    }

    /// Ends it.
    pub fn end(&self, error: Option<PageError>) {
        let mut progress = self.lock();
        progress.is_over = true;
        progress.error = error;
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        self.lock().is_over
    }

    /// How long nobody has looked at it.
    pub fn unwatched(&self) -> Duration {
        self.lock().looked.elapsed()
    }

    fn lock(&self) -> MutexGuard<'_, Progress<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_piece_of_work_runs_at_a_time_and_its_end_is_shown() {
        let slot = Slot::default();
        assert!(slot.look().is_none() && !slot.is_busy());
        let work = slot.begin(0).unwrap();
        assert!(slot.begin(7).is_none() && slot.is_busy());
        work.update(|state| *state = 3);
        assert_eq!(slot.look().map(|progress| (progress.state, progress.is_over)), Some((3, false)));
        work.end(Some(PageError::Busy));
        let ended = slot.look().unwrap();
        assert!(ended.is_over && matches!(ended.error, Some(PageError::Busy)) && !slot.is_busy());
        assert!(slot.begin(7).is_some());
    }
}
