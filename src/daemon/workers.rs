//! The threads as the main thread sees them: who still runs, who ended how, who hangs.

use std::any::Any;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ostiary_events::EventKind;

use super::capture_worker::CaptureWorker;
use super::door_worker::DoorWorker;
use super::error::DaemonError;
use super::input_worker::InputWorker;
use super::progress::Worker;
use super::shared::Shared;
use super::store_worker::StoreWorker;
use super::vision_worker::VisionWorker;

/// A thread that made no progress for so long hangs.
const HANGS: Duration = Duration::from_secs(10);
/// How long threads may take to end once they were asked to; one that does not is left behind.
const ENDS: Duration = Duration::from_secs(2);
/// How long the store may take for the events that still wait.
const STORED: Duration = Duration::from_secs(5);

/// The threads that capture, look, listen, open and record.
pub struct Workers {
    shared: Arc<Shared>,
    capture: Option<JoinHandle<Result<(), DaemonError>>>,
    vision: Option<JoinHandle<Result<(), DaemonError>>>,
    door: Option<JoinHandle<Result<(), DaemonError>>>,
    store: Option<JoinHandle<()>>,
    inputs: Option<JoinHandle<Result<(), DaemonError>>>,
    limit: Duration,
}

impl Workers {
    /// Starts all threads; that of the inputs where there are any. `stall` is how long a camera may be silent, which is no hanging yet.
    pub fn start(
        shared: Arc<Shared>,
        capture_worker: CaptureWorker,
        vision_worker: VisionWorker,
        door_worker: DoorWorker,
        store_worker: StoreWorker,
        input_worker: Option<InputWorker>,
        stall: Duration,
    ) -> Result<Self, DaemonError> {
        // The door first, so that nothing can be decided which nobody acts on.
        let store = spawn(Worker::Store, move || store_worker.run())?;
        let door = spawn(Worker::Door, move || door_worker.run().map_err(DaemonError::Fault))?;
        let vision = spawn(Worker::Vision, move || vision_worker.run().map_err(DaemonError::Fault))?;
        let capture = spawn(Worker::Capture, move || Ok(capture_worker.run()?))?;
        let listen = |input_worker: InputWorker| {
            spawn(Worker::Inputs, move || input_worker.run().map_err(DaemonError::Fault))
        };
        let inputs = input_worker.map(listen).transpose()?;
        let limit = HANGS + 2 * stall;
        Ok(Self {
            shared,
            capture: Some(capture),
            vision: Some(vision),
            door: Some(door),
            store: Some(store),
            inputs,
            limit,
        })
    }

    /// Whether all is well (`None`), the recording was played to its end (`Some(Ok)`), or something failed.
    pub fn ended(&mut self) -> Option<Result<(), DaemonError>> {
        for (worker, thread) in [
            (Worker::Capture, &mut self.capture),
            (Worker::Vision, &mut self.vision),
            (Worker::Door, &mut self.door),
            (Worker::Inputs, &mut self.inputs),
        ] {
            let Some(ended) = thread.take_if(|thread| thread.is_finished()) else { continue };
            match ended.join().unwrap_or_else(|panic| Err(died(worker, &*panic))) {
                Ok(()) if worker == Worker::Door => return Some(Ok(())),
                Ok(()) => {}
                Err(error) => return Some(Err(error)),
            }
        }
        if self.store.as_ref().is_some_and(JoinHandle::is_finished) {
            return Some(Err(DaemonError::Fault("the store thread died".into())));
        }
        let hangs = self.hangs()?;
        let reason =
            format!("the {} thread made no progress for {:.0} s", hangs.name(), self.limit.as_secs_f64());
        Some(Err(DaemonError::Fault(reason)))
    }

    /// Who hangs.
    fn hangs(&self) -> Option<Worker> {
        self.at_work().find(|worker| self.shared.progress.is_stuck(*worker, self.limit))
    }

    /// Whether everybody moved lately: what the watchdog is told.
    pub fn moves(&self, within: Duration) -> bool {
        let within = within.max(self.limit / 2);
        self.at_work().all(|worker| !self.shared.progress.is_stuck(worker, within))
    }

    /// Those who have not ended.
    fn at_work(&self) -> impl Iterator<Item = Worker> {
        Worker::ALL.into_iter().filter(|worker| match worker {
            Worker::Capture => self.capture.is_some(),
            Worker::Vision => self.vision.is_some(),
            Worker::Door => self.door.is_some(),
            Worker::Store => self.store.is_some(),
            Worker::Inputs => self.inputs.is_some(),
        })
    }

    /// Ends everything: a failure locks the door first, and is told as the fault; else the stop is told.
    pub fn end(&mut self, result: &Result<(), DaemonError>) {
        if let Err(error) = result {
            self.shared.lock(&reason(error));
            self.wait_until_locked();
        }
        self.stop();
        if result.is_ok() {
            self.shared.tell(self.shared.event(EventKind::Stopped));
        }
        self.finish();
    }

    /// Waits for the door to be locked, so that the relay is at rest before anything else is done.
    fn wait_until_locked(&self) {
        let deadline = Instant::now() + ENDS;
        while !self.shared.is_locked()
            && Instant::now() < deadline
            && self.door.as_ref().is_some_and(|door| !door.is_finished())
        {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Ends capture, vision, inputs and door; the door first of all brings the relay to rest.
    fn stop(&mut self) {
        self.shared.stop();
        let deadline = Instant::now() + ENDS;
        for (worker, thread) in [
            (Worker::Door, self.door.take()),
            (Worker::Vision, self.vision.take()),
            (Worker::Capture, self.capture.take()),
            (Worker::Inputs, self.inputs.take()),
        ] {
            let Some(thread) = thread else { continue };
            match join(thread, deadline) {
                None => log::warn!("the {} thread did not end and is left behind", worker.name()),
                Some(Err(error)) => log::error!("{error}"),
                Some(Ok(())) => {}
            }
        }
    }

    /// Lets the store deal with the events that wait, and ends it.
    fn finish(&mut self) {
        self.shared.close_events();
        if let Some(store) = self.store.take()
            && join(store, Instant::now() + STORED).is_none()
        {
            log::warn!("the store did not end in time; some events may not be recorded");
        }
    }
}

/// Why the door is locked, without the words that the error puts before it.
fn reason(error: &DaemonError) -> String {
    match error {
        DaemonError::Fault(reason) => reason.clone(),
        other => other.to_string(),
    }
}

fn spawn<T: Send + 'static>(
    worker: Worker,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, DaemonError> {
    let thread = worker.name();
    thread::Builder::new()
        .name(thread.to_owned())
        .spawn(work)
        .map_err(|why| DaemonError::Thread { thread, why })
}

/// `None` where the thread does not end in time. One that panicked has said so on standard error.
fn join<T>(thread: JoinHandle<T>, deadline: Instant) -> Option<T> {
    while !thread.is_finished() {
        if Instant::now() >= deadline {
            return None;
        }
        thread::sleep(Duration::from_millis(1));
    }
    thread.join().ok()
}

fn died(worker: Worker, panic: &(dyn Any + Send)) -> DaemonError {
    let why = panic.downcast_ref::<&str>().copied().map(str::to_owned);
    let why = why.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    DaemonError::Fault(format!("the {} thread died: {why}", worker.name()))
}

#[cfg(test)]
mod tests;
