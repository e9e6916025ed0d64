//! The newest value of something, from the threads that write it to the one that reads it.

use std::sync::{Mutex, PoisonError};

/// A value that its reader takes. A newer value replaces one that was not taken yet.
pub struct Latest<T>(Mutex<Option<T>>);

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Latest<T> {
    /// Replaces the value.
    pub fn put(&self, value: T) {
        self.update(|_| value);
    }

    /// Replaces the value with one that is made from the value that was not taken yet.
    pub fn update(&self, new: impl FnOnce(Option<T>) -> T) {
        // The value is complete after a panic of a thread with the lock, because it is replaced in one step.
        let mut value = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *value = Some(new(value.take()));
    }

    /// Takes the value; `None` if there is no new one.
    pub fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_value_is_taken_once() {
        let latest = Latest::default();
        assert_eq!(latest.take(), None);
        latest.put(1);
        latest.put(2);
        assert_eq!(latest.take(), Some(2));
        assert_eq!(latest.take(), None);
        latest.update(|before| before.map_or(10, |before| before + 1));
        latest.update(|before| before.map_or(10, |before| before + 1));
        assert_eq!(latest.take(), Some(11));
    }
}
