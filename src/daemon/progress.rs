//! Real progress of the threads, which feeds the watchdog.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ostiary_core::clock::Clock;

/// When a thread last finished a piece of its work.
#[derive(Default)]
struct Mark(AtomicU64);

/// The threads whose progress is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worker {
    /// Took a frame, or tried to reach a camera that is away.
    Capture,
    /// Looked at a frame, or waited its turn for one.
    Vision,
    /// Acted on what came, or looked at its clock.
    Door,
    /// Stored and told what came, or waited its turn.
    Store,
    /// Heard what the button or the contact said, or that they say nothing.
    Inputs,
}

impl Worker {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Capture, Self::Vision, Self::Door, Self::Store, Self::Inputs];

    /// The thread's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Vision => "vision",
            Self::Door => "door",
            Self::Store => "store",
            Self::Inputs => "inputs",
        }
    }
}

/// What every thread has done, on one clock.
pub struct Progress {
    clock: std::sync::Arc<dyn Clock>,
    marks: [Mark; Worker::ALL.len()],
    frames: AtomicU64,
}

impl Progress {
    /// Begins with everybody having just moved.
    pub fn new(clock: std::sync::Arc<dyn Clock>) -> Self {
        let progress = Self { clock, marks: Default::default(), frames: AtomicU64::new(0) };
        Worker::ALL.into_iter().for_each(|worker| progress.moved(worker));
        progress
    }

    /// A worker finished a piece of work.
    pub fn moved(&self, worker: Worker) {
        self.marks[worker as usize].0.store(self.clock.now().as_millis() as u64, Ordering::Relaxed);
    }

    /// One more frame was looked at.
    pub fn frame_done(&self) {
        self.frames.fetch_add(1, Ordering::Relaxed);
    }

    /// Frames looked at.
    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    /// Whether a worker has not moved for so long.
    pub fn is_stuck(&self, worker: Worker, limit: Duration) -> bool {
        let moved = Duration::from_millis(self.marks[worker as usize].0.load(Ordering::Relaxed));
        self.clock.now().saturating_sub(moved) > limit
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ostiary_core::clock::VirtualClock;

    use super::*;

    #[test]
    fn whoever_does_not_move_is_stuck() {
        let clock = Arc::new(VirtualClock::default());
        let progress = Progress::new(clock.clone());
        let limit = Duration::from_secs(5);
        clock.advance(Duration::from_secs(4));
        for worker in [Worker::Capture, Worker::Door, Worker::Store, Worker::Inputs] {
            progress.moved(worker);
        }
        let stuck =
            || Vec::from_iter(Worker::ALL.into_iter().filter(|worker| progress.is_stuck(*worker, limit)));
        assert_eq!(stuck(), []);
        clock.advance(Duration::from_secs(2));
        assert_eq!(stuck(), [Worker::Vision]);
        progress.moved(Worker::Vision);
        assert_eq!(stuck(), []);
    }
}
