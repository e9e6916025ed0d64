//! The capture thread: passes frames from the source to the vision thread, and opens the source again after a failure.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ostiary_capture as capture;
use ostiary_capture::{CaptureError, FrameSource, Next, Put, RepeatedFrames, Repetition};
use ostiary_config as config;
use ostiary_core::Frame;
use ostiary_events::EventKind;

use super::latest::Latest;
use super::progress::WorkerThread;
use super::shared::{DoorMessage, Shared};

/// The time between two attempts to open a camera that is absent.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);
/// The longest wait until a recorded frame is taken, before the thread records its progress.
const PUT_WAIT: Duration = Duration::from_millis(100);

/// The `[camera]` section of a reload, until the thread takes it.
pub type PendingCamera = Arc<Latest<config::Camera>>;

/// The state of the capture thread.
pub struct CaptureWorker {
    pub shared: Arc<Shared>,
    /// The source to open, at start and after a failure.
    pub config: config::Camera,
    pub new_camera: PendingCamera,
    /// The open source; `None` until it can be opened.
    pub source: Option<Box<dyn FrameSource>>,
    /// Whether the source was reported as lost.
    is_lost: bool,
    /// The frames of a camera, compared with those before.
    repeated_frames: RepeatedFrames,
    /// Whether the source has given a frame.
    has_frames: bool,
}

impl CaptureWorker {
    /// A worker for the source of this section. `source` is that source if it is open already.
    pub fn new(shared: Arc<Shared>, config: config::Camera, source: Option<Box<dyn FrameSource>>) -> Self {
        Self {
            shared,
            config,
            new_camera: PendingCamera::default(),
            source,
            is_lost: false,
            repeated_frames: RepeatedFrames::default(),
            has_frames: false,
        }
    }

    /// Runs until the recording ends or the daemon stops.
    ///
    /// # Errors
    /// The source failed with an error that is not transient.
    pub fn run(mut self) -> Result<(), CaptureError> {
        let result = self.main_loop();
        self.shared.frames.close();
        result
    }

    fn main_loop(&mut self) -> Result<(), CaptureError> {
        let mut frame = Frame::default();
        let mut failure = None;
        if let Some(source) = &self.source {
            self.shared.frames.set_live(source.is_live());
            log::info!("opened {}", source.describe());
        }
        while !self.shared.is_stopping() {
            self.shared.progress.record(WorkerThread::Capture);
            self.apply_new_camera();
            let Some(source) = self.source.as_mut() else {
                self.open()?;
                continue;
            };
            source.set_interval(self.shared.frame_interval());
            match source.next(&mut frame) {
                Ok(Next::Frame) => {
                    self.has_frames = true;
                    // A repeated frame is no evidence that somebody is there, so that nobody is let in by it.
                    let limit = source.frozen_after();
                    match limit.map(|limit| self.repeated_frames.observe(&frame, limit)) {
                        None | Some(Repetition::New) => {}
                        Some(Repetition::Repeated) => continue,
                        Some(Repetition::Frozen(time)) => {
                            self.report_frozen(time);
                            continue;
                        }
                    }
                    if std::mem::take(&mut self.is_lost) {
                        self.shared.set_camera_lost(false);
                        self.shared.emit(EventKind::CameraBack);
                    }
                    self.put(&mut frame);
                }
                // A recording without a frame has failed, if there was an error.
                Ok(Next::End) if !self.has_frames => return failure.map_or(Ok(()), Err),
                Ok(Next::End) => return Ok(()),
                Err(error @ CaptureError::DamagedFrame { .. }) => log::warn!("{error}"),
                Err(error) if error.is_transient() => self.report_lost(error.to_string()),
                // The pictures of the camera are smaller than the region. The door works on without pictures, so that the region can
                // be changed from elsewhere.
                Err(error @ CaptureError::Setting { key: "camera.region", .. }) if source.is_live() => {
                    self.report_lost(error.to_string())
                }
                Err(error) if source.is_live() => return Err(error),
                Err(error) => {
                    log::error!("{error}");
                    failure = Some(error);
                }
            }
        }
        Ok(())
    }

    /// Passes a frame to the vision thread. Waits for it if the source is a recording.
    fn put(&self, frame: &mut Frame) {
        while !self.shared.is_stopping() && self.shared.frames.put(frame, PUT_WAIT) == Put::TimedOut {
            self.shared.progress.record(WorkerThread::Capture);
        }
    }

    fn open(&mut self) -> Result<(), CaptureError> {
        match capture::open(&self.config, self.shared.clock.clone()) {
            Ok(source) => {
                log::info!("opened {}", source.describe());
                self.shared.frames.set_live(source.is_live());
                self.source = Some(source);
                Ok(())
            }
            Err(error) if error.is_transient() => {
                self.report_lost(error.to_string());
                thread::sleep(RETRY_INTERVAL);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Reports once that the source gives no frames.
    fn report_lost(&mut self, detail: String) {
        if !std::mem::replace(&mut self.is_lost, true) {
            // Without frames nobody can do what is asked, and the vision thread cannot end it. A full queue locks the door, which
            // ends it too.
            let _ = self.shared.send_to_door(DoorMessage::Prompt(None));
            self.shared.set_camera_lost(true);
            self.shared.emit(EventKind::CameraLost { detail });
        }
    }

    /// Reports once that the source gives the same frame again and again.
    fn report_frozen(&mut self, time: Duration) {
        if !self.is_lost {
            let seconds = time.as_secs_f64();
            self.report_lost(format!(
                "it is frozen: all frames of the last {seconds:.0} s are equal, byte for byte"
            ));
        }
    }

    /// Opens the source of a reload. Keeps the old section if that fails.
    fn apply_new_camera(&mut self) {
        let new = self.new_camera.take();
        let Some(new) = new else { return };
        let old = std::mem::replace(&mut self.config, new);
        // Closed first: the new source may be the same device with another size.
        self.source = None;
        if let Err(error) = self.open() {
            let detail = format!("{error}; the camera did not change");
            self.shared.emit(EventKind::ReloadRefused { detail, user: None });
            self.config = old;
        }
    }
}
