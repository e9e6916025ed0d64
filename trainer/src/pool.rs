//! Things that are dear to make and that only one thread can use at a time, such as networks: as many are made as
//! threads want one at once.

use std::sync::{Mutex, PoisonError};

use anyhow::Result;

pub struct Pool<T>(Mutex<Vec<T>>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Pool<T> {
    /// Lends one that is idle, or makes one.
    pub fn with<R>(
        &self,
        make: impl FnOnce() -> Result<T>,
        work: impl FnOnce(&mut T) -> Result<R>,
    ) -> Result<R> {
        let idle = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = idle().pop();
        let mut lent = waiting.map_or_else(make, Ok)?;
        let done = work(&mut lent);
        idle().push(lent);
        done
    }
}
