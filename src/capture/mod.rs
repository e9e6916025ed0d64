//! Frames in. A [`FrameSource`] is a camera, a stream, a video file, a picture or a folder of pictures; what
//! comes out is always a [`Frame`] of packed RGB, already rotated, mirrored and cut to the region of interest.

mod frame;
mod picture;

pub use frame::Frame;
pub use picture::read_picture;

use std::path::PathBuf;
use std::sync::Arc;

use crate::clock::Clock;
use crate::config::Camera;

/// What a call of [`FrameSource::next`] brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// A new frame was written into the buffer.
    Frame,
    /// The source has ended (a file played to its end); live sources never end.
    End,
}

/// Where frames come from.
pub trait FrameSource: Send {
    /// Waits for the next frame and writes it into `frame`, reusing the frame's buffer.
    ///
    /// Live sources bring the newest frame and discard stale ones. A recoverable loss (camera unplugged,
    /// stream stalled) is an error that [`CaptureError::is_transient`] is true for: the caller reports it,
    /// backs off and calls `next` again, and the source tries to open itself anew.
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError>;

    /// Live sources go on whether or not anyone looks, so late frames are dropped; recorded ones wait.
    fn is_live(&self) -> bool;

    /// What this source is, for logs: `camera /dev/video0, 640x480 YUYV at 30/s`.
    fn describe(&self) -> String;
}

/// Why no frame came. Every message names the source and the mend.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    #[error("{path}: cannot be read as a picture: {why}")]
    Picture { path: PathBuf, why: String },
}

/// STUB for the merge: the capture room brings the real one.
pub fn open(camera: &Camera, _clock: Arc<dyn Clock>) -> Result<Box<dyn FrameSource>, CaptureError> {
    Err(CaptureError::Picture { path: camera.source.clone().into(), why: "not built yet".into() })
}

impl CaptureError {
    /// True where trying again later can succeed (unplugged, busy, stalled), false where it cannot (no such
    /// format, not a picture).
    pub fn is_transient(&self) -> bool {
        false
    }
}
