//! The progress of the threads, which feeds the watchdog.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ostiary_core::clock::Clock;

/// The threads whose progress is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerThread {
    /// Progress is a captured frame, or an attempt to open the source.
    Capture,
    /// Progress is a processed frame, or a wait for one.
    Vision,
    /// Progress is a handled message, or a wait for one.
    Door,
    /// Progress is a stored event, or a wait for one.
    Store,
    /// Progress is an event of the inputs, or a wait for one.
    Inputs,
}

impl WorkerThread {
    /// All workers.
    pub const ALL: [Self; 5] = [Self::Capture, Self::Vision, Self::Door, Self::Store, Self::Inputs];

    /// The name of the thread.
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

/// When each worker last made progress, milliseconds of the clock.
#[derive(Default)]
struct LastProgress {
    capture: AtomicU64,
    vision: AtomicU64,
    door: AtomicU64,
    store: AtomicU64,
    inputs: AtomicU64,
}

impl LastProgress {
    fn of(&self, worker: WorkerThread) -> &AtomicU64 {
        match worker {
            WorkerThread::Capture => &self.capture,
            WorkerThread::Vision => &self.vision,
            WorkerThread::Door => &self.door,
            WorkerThread::Store => &self.store,
            WorkerThread::Inputs => &self.inputs,
        }
    }
}

/// The progress of all workers, by one clock.
pub struct Progress {
    clock: std::sync::Arc<dyn Clock>,
    last: LastProgress,
    frames: AtomicU64,
}

impl Progress {
    /// A record in which all workers made progress just now.
    pub fn new(clock: std::sync::Arc<dyn Clock>) -> Self {
        let progress = Self { clock, last: LastProgress::default(), frames: AtomicU64::new(0) };
        WorkerThread::ALL.into_iter().for_each(|worker| progress.record(worker));
        progress
    }

    /// Records that a worker made progress.
    pub fn record(&self, worker: WorkerThread) {
        self.last.of(worker).store(self.clock.now().as_millis() as u64, Ordering::Relaxed);
    }

    /// Counts a processed frame.
    pub fn frame_done(&self) {
        self.frames.fetch_add(1, Ordering::Relaxed);
    }

    /// Number of processed frames.
    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    /// Whether a worker made no progress for longer than `limit`.
    pub fn is_stuck(&self, worker: WorkerThread, limit: Duration) -> bool {
        let last = Duration::from_millis(self.last.of(worker).load(Ordering::Relaxed));
        self.clock.now().saturating_sub(last) > limit
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ostiary_core::clock::VirtualClock;

    use super::*;

    #[test]
    fn a_worker_without_progress_is_stuck() {
        let clock = Arc::new(VirtualClock::default());
        let progress = Progress::new(clock.clone());
        let limit = Duration::from_secs(5);
        clock.advance(Duration::from_secs(4));
        for worker in [WorkerThread::Capture, WorkerThread::Door, WorkerThread::Store, WorkerThread::Inputs] {
            progress.record(worker);
        }
        let stuck = || {
            Vec::from_iter(WorkerThread::ALL.into_iter().filter(|worker| progress.is_stuck(*worker, limit)))
        };
        assert_eq!(stuck(), []);
        clock.advance(Duration::from_secs(2));
        assert_eq!(stuck(), [WorkerThread::Vision]);
        progress.record(WorkerThread::Vision);
        assert_eq!(stuck(), []);
    }
}
