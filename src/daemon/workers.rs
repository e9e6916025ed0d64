//! Monitors the threads for the main thread: which run, which have ended and why, which hang. A thread that dies or hangs is
//! a fault.

use std::any::Any;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ostiary_events::EventKind;

use super::capture_worker::CaptureWorker;
use super::door_worker::DoorWorker;
use super::error::{DaemonError, Fault};
use super::input_worker::InputWorker;
use super::progress::WorkerThread;
use super::shared::Shared;
use super::store_worker::StoreWorker;
use super::vision_worker::VisionWorker;

/// A thread without progress for this time, and twice `camera.stall_s`, hangs.
const HANG_TIMEOUT: Duration = Duration::from_secs(10);
/// The time in which a thread must end after a request to stop. The process ends without a thread that does not.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);
/// The time in which the store thread must write the events in its queue.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);

/// The interval at which the main thread checks whether a thread has ended.
const END_POLL_INTERVAL: Duration = Duration::from_millis(1);

/// The threads of the daemon, except the main thread. A thread that has ended is `None`.
pub struct Workers {
    shared: Arc<Shared>,
    capture: Option<JoinHandle<Result<(), DaemonError>>>,
    vision: Option<JoinHandle<Result<(), DaemonError>>>,
    door: Option<JoinHandle<Result<(), DaemonError>>>,
    store: Option<JoinHandle<()>>,
    inputs: Option<JoinHandle<Result<(), DaemonError>>>,
    /// A thread without progress for this time hangs.
    hang_timeout: Duration,
}

impl Workers {
    /// Starts all threads. `stall` is the time without a frame after which a camera has stalled (`camera.stall_s`), which
    /// is not a hang.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn start(
        shared: Arc<Shared>,
        capture_worker: CaptureWorker,
        vision_worker: VisionWorker,
        door_worker: DoorWorker,
        store_worker: StoreWorker,
        input_worker: Option<InputWorker>,
        stall: Duration,
    ) -> Result<Self, DaemonError> {
        // The door thread before the vision thread, so that every decision is handled.
        let store = spawn(WorkerThread::Store, move || store_worker.run())?;
        let door = spawn(WorkerThread::Door, move || Ok(door_worker.run()?))?;
        let vision = spawn(WorkerThread::Vision, move || Ok(vision_worker.run()?))?;
        let capture = spawn(WorkerThread::Capture, move || Ok(capture_worker.run()?))?;
        let start = |input_worker: InputWorker| spawn(WorkerThread::Inputs, move || Ok(input_worker.run()?));
        let inputs = input_worker.map(start).transpose()?;
        let hang_timeout = HANG_TIMEOUT + 2 * stall;
        Ok(Self {
            shared,
            capture: Some(capture),
            vision: Some(vision),
            door: Some(door),
            store: Some(store),
            inputs,
            hang_timeout,
        })
    }

    /// `None` while all threads work; `Some(Ok)` after the end of a recording; `Some(Err)` if a thread failed, died or hangs.
    pub fn ended(&mut self) -> Option<Result<(), DaemonError>> {
        for (worker, thread) in [
            (WorkerThread::Capture, &mut self.capture),
            (WorkerThread::Vision, &mut self.vision),
            (WorkerThread::Door, &mut self.door),
            (WorkerThread::Inputs, &mut self.inputs),
        ] {
            let Some(ended) = thread.take_if(|thread| thread.is_finished()) else { continue };
            match ended.join().unwrap_or_else(|panic| Err(panicked(worker, &*panic))) {
                Ok(()) if worker == WorkerThread::Door => return Some(Ok(())),
                Ok(()) => {}
                Err(error) => return Some(Err(error)),
            }
        }
        if self.store.as_ref().is_some_and(JoinHandle::is_finished) {
            return Some(Err(Fault::StoreEnded.into()));
        }
        let (thread, seconds) = (self.hanging_worker()?.name(), self.hang_timeout.as_secs_f64());
        Some(Err(Fault::Hang { thread, seconds }.into()))
    }

    /// The first worker that hangs.
    fn hanging_worker(&self) -> Option<WorkerThread> {
        self.running_workers().find(|worker| self.shared.progress.is_stuck(*worker, self.hang_timeout))
    }

    /// Whether all running workers made progress within this time, which is the condition to feed the watchdog.
    pub fn make_progress(&self, within: Duration) -> bool {
        let within = within.max(self.hang_timeout / 2);
        self.running_workers().all(|worker| !self.shared.progress.is_stuck(worker, within))
    }

    /// The workers that have not ended.
    fn running_workers(&self) -> impl Iterator<Item = WorkerThread> {
        WorkerThread::ALL.into_iter().filter(|worker| match worker {
            WorkerThread::Capture => self.capture.is_some(),
            WorkerThread::Vision => self.vision.is_some(),
            WorkerThread::Door => self.door.is_some(),
            WorkerThread::Store => self.store.is_some(),
            WorkerThread::Inputs => self.inputs.is_some(),
        })
    }

    /// Ends all threads. A failure locks the door first, with the event `locked`; otherwise the event is `stopped`.
    pub fn end(&mut self, result: &Result<(), DaemonError>) {
        if let Err(error) = result {
            self.shared.lock(&reason(error));
            self.wait_until_locked();
        }
        self.stop();
        if result.is_ok() {
            self.shared.emit(EventKind::Stopped);
        }
        self.finish_store();
    }

    /// Waits until the door is locked, so that the relay is at rest before the next step.
    fn wait_until_locked(&self) {
        let deadline = Instant::now() + STOP_TIMEOUT;
        while !self.shared.is_locked()
            && Instant::now() < deadline
            && self.door.as_ref().is_some_and(|door| !door.is_finished())
        {
            thread::sleep(END_POLL_INTERVAL);
        }
    }

    /// Ends the threads but the store's. The door thread is first, and puts the relay to rest.
    fn stop(&mut self) {
        self.shared.stop();
        let deadline = Instant::now() + STOP_TIMEOUT;
        for (worker, thread) in [
            (WorkerThread::Door, self.door.take()),
            (WorkerThread::Vision, self.vision.take()),
            (WorkerThread::Capture, self.capture.take()),
            (WorkerThread::Inputs, self.inputs.take()),
        ] {
            let Some(thread) = thread else { continue };
            match join(thread, deadline) {
                None => log::warn!(
                    "the {} thread did not end in time; the process ends without it",
                    worker.name()
                ),
                Some(Err(error)) => log::error!("{error}"),
                Some(Ok(())) => {}
            }
        }
    }

    /// Ends the store thread after it has written the events in its queue.
    fn finish_store(&mut self) {
        self.shared.close_events();
        if let Some(store) = self.store.take()
            && join(store, Instant::now() + STORE_TIMEOUT).is_none()
        {
            log::warn!("the store did not end in time; some events may not be recorded");
        }
    }
}

/// The reason for the event `locked`: the message of the error, or of the fault in it.
fn reason(error: &DaemonError) -> String {
    match error {
        DaemonError::Fault(fault) => fault.to_string(),
        other => other.to_string(),
    }
}

fn spawn<T: Send + 'static>(
    worker: WorkerThread,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, DaemonError> {
    let thread = worker.name();
    thread::Builder::new()
        .name(thread.to_owned())
        .spawn(work)
        .map_err(|why| DaemonError::Thread { thread, why })
}

/// The result of the thread; `None` if it does not end in time or panicked. The message of a panic is on standard error.
fn join<T>(thread: JoinHandle<T>, deadline: Instant) -> Option<T> {
    while !thread.is_finished() {
        if Instant::now() >= deadline {
            return None;
        }
        thread::sleep(END_POLL_INTERVAL);
    }
    thread.join().ok()
}

fn panicked(worker: WorkerThread, panic: &(dyn Any + Send)) -> DaemonError {
    let why = panic.downcast_ref::<&str>().copied().map(str::to_owned);
    let why = why.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    Fault::Died { thread: worker.name(), why }.into()
}

#[cfg(test)]
mod tests;
