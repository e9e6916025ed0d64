//! A bounded queue between two threads, with a size that is fixed at compile time.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use heapless::Deque;

/// A first-in, first-out queue of at most `N` items. A push does not wait: the caller handles a full queue.
pub struct Queue<T, const N: usize> {
    content: Mutex<Content<T, N>>,
    changed: Condvar,
}

struct Content<T, const N: usize> {
    items: Deque<T, N>,
    /// Whether the next wait ends at once.
    is_woken: bool,
}

impl<T, const N: usize> Default for Queue<T, N> {
    fn default() -> Self {
        let content = Content { items: Deque::new(), is_woken: false };
        Self { content: Mutex::new(content), changed: Condvar::new() }
    }
}

impl<T, const N: usize> Queue<T, N> {
    /// Adds an item at the end.
    ///
    /// # Errors
    /// The item, if the queue is full.
    pub fn push(&self, item: T) -> Result<(), T> {
        // The queue is valid after a panic of a thread with the lock, because no operation on it can panic.
        self.content.lock().unwrap_or_else(PoisonError::into_inner).items.push_back(item)?;
        self.changed.notify_one();
        Ok(())
    }

    /// Ends the wait of the reader, or its next one, because there is something to do besides the items.
    pub fn wake(&self) {
        self.content.lock().unwrap_or_else(PoisonError::into_inner).is_woken = true;
        self.changed.notify_one();
    }

    /// Removes the first item; waits for one at most `wait`, or until [`Self::wake`].
    pub fn pop(&self, wait: Duration) -> Option<T> {
        let content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut content, _) = self
            .changed
            .wait_timeout_while(content, wait, |content| content.items.is_empty() && !content.is_woken)
            .unwrap_or_else(PoisonError::into_inner);
        content.is_woken = false;
        content.items.pop_front()
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
    fn a_reader_is_woken_once_without_an_item() {
        let queue = Queue::<u32, 1>::default();
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| queue.pop(Duration::from_secs(60)));
            queue.wake();
            assert_eq!(reader.join().unwrap(), None);
        });
        let start = std::time::Instant::now();
        assert_eq!(queue.pop(Duration::from_millis(50)), None);
        assert!(start.elapsed() >= Duration::from_millis(50));
        queue.wake();
        queue.push(7).unwrap();
        assert_eq!(queue.pop(Duration::ZERO), Some(7));
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
