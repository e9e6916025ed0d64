//! A bounded queue between two threads, with a size that is fixed at compile time.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use heapless::Deque;

/// A first-in, first-out queue of at most `N` items. A push does not wait: the caller handles a full queue.
pub struct Queue<T, const N: usize> {
    items: Mutex<Deque<T, N>>,
    pushed: Condvar,
}

impl<T, const N: usize> Default for Queue<T, N> {
    fn default() -> Self {
        Self { items: Mutex::new(Deque::new()), pushed: Condvar::new() }
    }
}

impl<T, const N: usize> Queue<T, N> {
    /// Adds an item at the end.
    ///
    /// # Errors
    /// The item, if the queue is full.
    pub fn push(&self, item: T) -> Result<(), T> {
        // The queue is valid after a panic of a thread with the lock, because no operation on it can panic.
        self.items.lock().unwrap_or_else(PoisonError::into_inner).push_back(item)?;
        self.pushed.notify_one();
        Ok(())
    }

    /// Removes the first item; waits for one at most `wait`.
    pub fn pop(&self, wait: Duration) -> Option<T> {
        let items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut items, _) = self
            .pushed
            .wait_timeout_while(items, wait, |items| items.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        items.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_leave_in_order_and_a_full_queue_refuses() {
        let queue = Queue::<u32, 2>::default();
        assert_eq!(queue.push(1), Ok(()));
        assert_eq!(queue.push(2), Ok(()));
        assert_eq!(queue.push(3), Err(3));
        assert_eq!(queue.pop(Duration::ZERO), Some(1));
        assert_eq!(queue.pop(Duration::ZERO), Some(2));
        assert_eq!(queue.pop(Duration::ZERO), None);
    }

    #[test]
    fn a_waiting_reader_is_woken() {
        let queue = Queue::<u32, 1>::default();
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| queue.pop(Duration::from_secs(60)));
            queue.push(7).unwrap();
            assert_eq!(reader.join().unwrap(), Some(7));
        });
    }
}
