//! The single place between the thread that captures and the thread that looks.

use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ostiary_core::Frame;

/// What a call of [`LatestFrame::put`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// The frame waits for its reader; the caller's buffer now holds an old one to write over.
    Stored,
    /// The reader did not take the previous frame in time; the caller keeps its frame and puts it again.
    TimedOut,
    /// Nobody will take frames any more.
    Closed,
}

/// What a call of [`LatestFrame::take`] brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// The newest frame lies in the caller's buffer.
    Frame,
    /// No new frame came within the wait.
    TimedOut,
    /// The handover is closed and its last frame was taken.
    End,
}

/// Hands frames from one thread to another by swapping buffers, so that nothing is copied or allocated.
///
/// Of a live source only the newest frame counts: it replaces one that nobody took. A recorded source waits
/// until its frame was taken, so that none is lost.
pub struct LatestFrame {
    slot: Mutex<Slot>,
    changed: Condvar,
}

#[derive(Default)]
struct Slot {
    frame: Frame,
    fresh: bool,
    closed: bool,
    live: bool,
    dropped: u64,
}

impl LatestFrame {
    /// A handover for a live source, or for a recorded one.
    pub fn new(live: bool) -> Self {
        Self { slot: Mutex::new(Slot { live, ..Slot::default() }), changed: Condvar::new() }
    }

    /// From now on the frames are of a live source, or of a recorded one.
    pub fn set_live(&self, live: bool) {
        self.lock().live = live;
        self.changed.notify_all();
    }

    /// Swaps `frame` in for the reader. For a live source this never waits; for a recorded one it waits at
    /// most `wait` for the previous frame to be taken.
    pub fn put(&self, frame: &mut Frame, wait: Duration) -> Put {
        let waits = |slot: &mut Slot| !slot.live && slot.fresh && !slot.closed;
        let waited = self.changed.wait_timeout_while(self.lock(), wait, waits);
        let mut slot = waited.unwrap_or_else(PoisonError::into_inner).0;
        if slot.closed {
            return Put::Closed;
        }
        if slot.fresh {
            if !slot.live {
                return Put::TimedOut;
            }
            slot.dropped += 1;
        }
        mem::swap(&mut slot.frame, frame);
        slot.fresh = true;
        self.changed.notify_all();
        Put::Stored
    }

    /// Swaps the newest frame into `frame`, waiting for one at most `wait`.
    pub fn take(&self, frame: &mut Frame, wait: Duration) -> Taken {
        let slot = self.lock();
        let waited = self.changed.wait_timeout_while(slot, wait, |slot| !slot.fresh && !slot.closed);
        let mut slot = waited.unwrap_or_else(PoisonError::into_inner).0;
        if slot.fresh {
            mem::swap(&mut slot.frame, frame);
            slot.fresh = false;
            self.changed.notify_all();
            Taken::Frame
        } else if slot.closed {
            Taken::End
        } else {
            Taken::TimedOut
        }
    }

    /// Ends the handover: nothing more can be put; a frame that waits can still be taken.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// How many frames were replaced before anyone took them.
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    fn lock(&self) -> MutexGuard<'_, Slot> {
        // A thread that panicked while it held the lock left a whole slot: swapping does not panic.
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn numbered(number: u64) -> Frame {
        let mut frame = Frame::from_rgb(2, 1, vec![number as u8; 6]).unwrap();
        frame.sequence = number;
        frame
    }

    #[test]
    fn a_live_frame_that_nobody_took_is_replaced_and_counted() {
        let latest_frame = LatestFrame::new(true);
        for number in 0..5 {
            assert_eq!(latest_frame.put(&mut numbered(number), Duration::ZERO), Put::Stored);
        }
        assert_eq!(latest_frame.dropped(), 4);
        let mut frame = Frame::default();
        assert_eq!(latest_frame.take(&mut frame, Duration::ZERO), Taken::Frame);
        assert_eq!((frame.sequence, frame.rgb()), (4, [4u8; 6].as_slice()));
        assert_eq!(latest_frame.take(&mut frame, Duration::ZERO), Taken::TimedOut);
        assert_eq!(frame.sequence, 4, "a frame that was taken stays the reader's");
    }

    #[test]
    fn a_recorded_frame_waits_for_its_reader() {
        let latest_frame = LatestFrame::new(false);
        assert_eq!(latest_frame.put(&mut numbered(1), Duration::ZERO), Put::Stored);
        let mut second = numbered(2);
        assert_eq!(latest_frame.put(&mut second, Duration::ZERO), Put::TimedOut);
        assert_eq!(second.sequence, 2, "the caller keeps what could not be put");
        assert_eq!(latest_frame.dropped(), 0);
    }

    #[test]
    fn every_recorded_frame_arrives_once_and_in_order() {
        let latest_frame = LatestFrame::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..200 {
                    assert_eq!(latest_frame.put(&mut numbered(number), LONG), Put::Stored);
                }
                latest_frame.close();
            });
            let (mut frame, mut seen) = (Frame::default(), Vec::new());
            while latest_frame.take(&mut frame, LONG) == Taken::Frame {
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
        assert_eq!(written.rgb().as_ptr(), other, "the reader's old buffer comes back to the writer");
    }

    #[test]
    fn closing_ends_both_sides_and_keeps_the_last_frame() {
        let latest_frame = LatestFrame::new(false);
        latest_frame.put(&mut numbered(7), Duration::ZERO);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| latest_frame.put(&mut numbered(8), LONG));
            latest_frame.close();
            assert_eq!(writer.join().unwrap(), Put::Closed);
        });
        let mut frame = Frame::default();
        assert_eq!(latest_frame.take(&mut frame, LONG), Taken::Frame);
        assert_eq!(frame.sequence, 7);
        assert_eq!(latest_frame.take(&mut frame, LONG), Taken::End);
    }
}
