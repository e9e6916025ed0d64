//! The inputs thread: from the exit button and the door's contact to words for the door.

use std::sync::Arc;
use std::time::Duration;

use ostiary_devices::Inputs;

use super::progress::Worker;
use super::shared::{DoorMessage, Shared};

/// How long to wait for an edge at a time.
const PATIENCE: Duration = Duration::from_millis(250);

/// The thread's own.
pub struct InputWorker {
    shared: Arc<Shared>,
    inputs: Inputs,
}

impl InputWorker {
    pub fn new(shared: Arc<Shared>, inputs: Inputs) -> Self {
        Self { shared, inputs }
    }

    /// Runs until the daemon stops. An error has locked the door.
    pub fn run(mut self) -> Result<(), String> {
        while !self.shared.is_stopping() {
            self.shared.progress.moved(Worker::Inputs);
            let Some(event) = self.inputs.next_event(PATIENCE) else { continue };
            self.shared.say(DoorMessage::Input { event, now: self.shared.clock.now() })?;
        }
        Ok(())
    }
}
