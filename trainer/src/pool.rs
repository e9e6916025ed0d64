//! A pool of objects that are expensive to make and that only one thread at a time can use, such as networks. It grows to
//! the number of threads that use it at the same time.

use std::sync::{Mutex, PoisonError};

use anyhow::Result;

/// Idle objects.
pub struct Pool<T>(Mutex<Vec<T>>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Pool<T> {
    /// Runs `work` with an idle object, or with a new one from `make`.
    pub fn with<R>(
        &self,
        make: impl FnOnce() -> Result<T>,
        work: impl FnOnce(&mut T) -> Result<R>,
    ) -> Result<R> {
        let idle = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pooled = idle().pop();
        let mut object = pooled.map_or_else(make, Ok)?;
        let done = work(&mut object);
        idle().push(object);
        done
    }
}
