//! The hand-over slot for one frame between the capture thread and the vision thread.

use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ostiary_core::Frame;

/// The result of [`LatestFrame::put`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// The slot has the frame. The caller's buffer now has an old frame to overwrite.
    Stored,
    /// The reader did not take the previous frame in time. The caller still has its frame and can put it again.
    TimedOut,
    /// The slot is closed.
    Closed,
}

/// The result of [`LatestFrame::take`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// The caller's buffer has the newest frame.
    Frame,
    /// There was no new frame within the wait.
    TimedOut,
    /// The slot is closed and its last frame was taken.
    End,
}

/// Passes frames from one thread to another by swapping buffers, so that nothing is copied or allocated.
///
/// For a live source, a new frame replaces one that was not taken. For a recorded source, the writer waits until the frame was
/// taken, so that no frame is lost.
pub struct LatestFrame {
    slot: Mutex<Slot>,
    changed: Condvar,
}

#[derive(Default)]
struct Slot {
    frame: Frame,
    /// Whether the frame was not taken yet.
    is_new: bool,
    closed: bool,
    live: bool,
    dropped: u64,
}

impl LatestFrame {
    /// An empty slot for a live or a recorded source.
    pub fn new(live: bool) -> Self {
        Self { slot: Mutex::new(Slot { live, ..Slot::default() }), changed: Condvar::new() }
    }

    /// Sets whether the next frames come from a live or a recorded source.
    pub fn set_live(&self, live: bool) {
        self.lock().live = live;
        self.changed.notify_all();
    }

    /// Swaps `frame` into the slot. For a live source this does not wait; for a recorded one it waits at most `wait` until the
    /// previous frame was taken.
    pub fn put(&self, frame: &mut Frame, wait: Duration) -> Put {
        let waits = |slot: &mut Slot| !slot.live && slot.is_new && !slot.closed;
        let waited = self.changed.wait_timeout_while(self.lock(), wait, waits);
        let mut slot = waited.unwrap_or_else(PoisonError::into_inner).0;
        if slot.closed {
            return Put::Closed;
        }
        if slot.is_new {
            if !slot.live {
                return Put::TimedOut;
            }
            slot.dropped += 1;
        }
        mem::swap(&mut slot.frame, frame);
        slot.is_new = true;
        self.changed.notify_all();
        Put::Stored
    }

    /// Swaps the newest frame into `frame`; waits for one at most `wait`.
    pub fn take(&self, frame: &mut Frame, wait: Duration) -> Taken {
        let slot = self.lock();
        let waited = self.changed.wait_timeout_while(slot, wait, |slot| !slot.is_new && !slot.closed);
        let mut slot = waited.unwrap_or_else(PoisonError::into_inner).0;
        if slot.is_new {
            mem::swap(&mut slot.frame, frame);
            slot.is_new = false;
            self.changed.notify_all();
            Taken::Frame
        } else if slot.closed {
            Taken::End
        } else {
            Taken::TimedOut
        }
    }

    /// Closes the slot: no frame can be put. A frame in the slot can still be taken.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Number of frames that were replaced before they were taken.
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    fn lock(&self) -> MutexGuard<'_, Slot> {
        // The slot is valid after a panic of a thread with the lock, because no operation on it can panic.
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG_WAIT: Duration = Duration::from_secs(60);

    fn numbered(number: u64) -> Frame {
        let mut frame = Frame::from_rgb(2, 1, vec![number as u8; 6]).unwrap();
        frame.sequence = number;
        frame
    }

    #[test]
    fn a_live_frame_that_was_not_taken_is_replaced_and_counted() {
        let latest_frame = LatestFrame::new(true);
        for number in 0..5 {
            assert_eq!(latest_frame.put(&mut numbered(number), Duration::ZERO), Put::Stored);
        }
        assert_eq!(latest_frame.dropped(), 4);
        let mut frame = Frame::default();
        assert_eq!(latest_frame.take(&mut frame, Duration::ZERO), Taken::Frame);
        assert_eq!((frame.sequence, frame.rgb()), (4, [4u8; 6].as_slice()));
        assert_eq!(latest_frame.take(&mut frame, Duration::ZERO), Taken::TimedOut);
        assert_eq!(frame.sequence, 4, "the reader keeps a frame that it took");
    }

    #[test]
    fn a_recorded_frame_is_not_replaced() {
        let latest_frame = LatestFrame::new(false);
        assert_eq!(latest_frame.put(&mut numbered(1), Duration::ZERO), Put::Stored);
        let mut second = numbered(2);
        assert_eq!(latest_frame.put(&mut second, Duration::ZERO), Put::TimedOut);
        assert_eq!(second.sequence, 2, "the caller keeps a frame that was not put");
        assert_eq!(latest_frame.dropped(), 0);
    }

    #[test]
    fn every_recorded_frame_arrives_once_and_in_order() {
        let latest_frame = LatestFrame::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..200 {
                    assert_eq!(latest_frame.put(&mut numbered(number), LONG_WAIT), Put::Stored);
                }
                latest_frame.close();
            });
            let (mut frame, mut seen) = (Frame::default(), Vec::new());
            while latest_frame.take(&mut frame, LONG_WAIT) == Taken::Frame {
                seen.push(frame.sequence);
            }
            assert_eq!(seen, Vec::from_iter(0..200));
        });
    }

    #[test]
    fn buffers_are_swapped_and_never_copied() {
        let latest_frame = LatestFrame::new(true);
        let mut written = numbered(1);
        let address = written.rgb().as_ptr();
        latest_frame.put(&mut written, Duration::ZERO);
        let mut read = numbered(9);
        let other = read.rgb().as_ptr();
        latest_frame.take(&mut read, Duration::ZERO);
        assert_eq!(read.rgb().as_ptr(), address);
        latest_frame.put(&mut written, Duration::ZERO);
        assert_eq!(written.rgb().as_ptr(), other, "the writer gets the reader's old buffer");
    }

    #[test]
    fn after_closing_the_last_frame_can_be_taken() {
        let latest_frame = LatestFrame::new(false);
        latest_frame.put(&mut numbered(7), Duration::ZERO);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| latest_frame.put(&mut numbered(8), LONG_WAIT));
            latest_frame.close();
            assert_eq!(writer.join().unwrap(), Put::Closed);
        });
        let mut frame = Frame::default();
        assert_eq!(latest_frame.take(&mut frame, LONG_WAIT), Taken::Frame);
        assert_eq!(frame.sequence, 7);
        assert_eq!(latest_frame.take(&mut frame, LONG_WAIT), Taken::End);
    }
}
