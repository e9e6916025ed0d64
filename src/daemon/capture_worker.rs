//! The capture thread: frames from the source into the hand-over, whatever happens to the source.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use ostiary_capture as capture;
use ostiary_capture::{CaptureError, FrameSource, Next, Put};
use ostiary_config as config;
use ostiary_core::Frame;
use ostiary_events::EventKind;

use super::progress::Worker;
use super::shared::Shared;

/// Between two attempts at a camera that is away.
const BACK_OFF: Duration = Duration::from_millis(500);
/// How long to wait at a time for a recorded frame to be taken.
const PATIENCE: Duration = Duration::from_millis(100);

/// A camera section that was changed by a reload, until the thread takes it.
pub type NewCamera = Arc<Mutex<Option<config::Camera>>>;

/// The thread's own.
pub struct CaptureWorker {
    pub shared: Arc<Shared>,
    /// What to open, and to open again when it was lost.
    pub config: config::Camera,
    pub new: NewCamera,
    /// Open already, or else opened when it can be.
    pub source: Option<Box<dyn FrameSource>>,
    /// Whether frames are missing, and whether any came.
    lost: bool,
    came: bool,
}

impl CaptureWorker {
    pub fn new(shared: Arc<Shared>, config: config::Camera, source: Option<Box<dyn FrameSource>>) -> Self {
        Self { shared, config, new: NewCamera::default(), source, lost: false, came: false }
    }

    /// Runs until the recording ends or the daemon stops. An error is one that no waiting mends.
    pub fn run(mut self) -> Result<(), CaptureError> {
        let result = self.capture();
        self.shared.frames.close();
        result
    }

    fn capture(&mut self) -> Result<(), CaptureError> {
        let mut frame = Frame::default();
        let mut failure = None;
        if let Some(source) = &self.source {
            self.shared.frames.set_live(source.is_live());
            log::info!("looking through {}", source.describe());
        }
        while !self.shared.is_stopping() {
            self.shared.progress.moved(Worker::Capture);
            self.change();
            let Some(source) = self.source.as_mut() else {
                self.open()?;
                continue;
            };
            match source.next(&mut frame) {
                Ok(Next::Frame) => {
                    self.came = true;
                    if std::mem::take(&mut self.lost) {
                        self.shared.tell(self.shared.event(EventKind::CameraBack));
                    }
                    self.hand_over(&mut frame);
                }
                // A recording that never gave a frame has failed, if it said why.
                Ok(Next::End) if !self.came => return failure.map_or(Ok(()), Err),
                Ok(Next::End) => return Ok(()),
                Err(error @ CaptureError::Torn { .. }) => log::warn!("{error}"),
                Err(error) if error.is_transient() => self.lose(&error),
                Err(error) if source.is_live() => return Err(error),
                Err(error) => {
                    log::error!("{error}");
                    failure = Some(error);
                }
            }
        }
        Ok(())
    }

    /// Waits for the vision thread where the source is a recording.
    fn hand_over(&self, frame: &mut Frame) {
        while !self.shared.is_stopping() && self.shared.frames.put(frame, PATIENCE) == Put::TimedOut {
            self.shared.progress.moved(Worker::Capture);
        }
    }

    fn open(&mut self) -> Result<(), CaptureError> {
        match capture::open(&self.config, self.shared.clock.clone()) {
            Ok(source) => {
                log::info!("looking through {}", source.describe());
                self.shared.frames.set_live(source.is_live());
                self.source = Some(source);
                Ok(())
            }
            Err(error) if error.is_transient() => {
                self.lose(&error);
                thread::sleep(BACK_OFF);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Says once that frames are missing.
    fn lose(&mut self, error: &CaptureError) {
        if !std::mem::replace(&mut self.lost, true) {
            self.shared.tell_of(EventKind::CameraLost, error.to_string());
        }
    }

    /// Changes to another camera, or keeps the old one where the new one cannot be.
    fn change(&mut self) {
        let new = self.new.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(new) = new else { return };
        let old = std::mem::replace(&mut self.config, new);
        // Closed first: the new one may be the same device in another size.
        self.source = None;
        if let Err(error) = self.open() {
            self.shared.tell_of(EventKind::ReloadRefused, format!("{error}; the camera stays as it was"));
            self.config = old;
        }
    }
}
