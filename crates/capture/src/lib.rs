//! Frames from cameras, streams, videos and pictures.
//!
//! What comes in: the `[camera]` section, or the path of a file or a folder. What goes out: a [`FrameSource`] whose
//! [`Frame`]s are always packed RGB, already rotated, mirrored and cut to the region of interest.
//!
//! [`open()`] chooses among `v4l2` (a camera; `device` and `offer` say what it can do), `source` (streams and videos
//! through a child `ffmpeg`) and `images`; `orient` turns the frames. [`LatestFrame`] passes the newest frame from the
//! capture thread to the vision thread.

mod backoff;
mod device;
mod error;
pub mod ffmpeg;
mod ffmpeg_source;
mod format_select;
mod images;
mod latest_frame;
mod open;
mod orient;
mod pixels;
mod v4l2;

pub use device::{DeviceInfo, FormatInfo, SizeInfo, list_devices};
pub use error::CaptureError;
pub use ffmpeg::{Probe, read_ppm, read_probe};
pub use ffmpeg_source::{Clip, open_clip};
pub use format_select::SizeRange;
pub use latest_frame::{LatestFrame, Put, Taken};
pub use open::{needs_ffmpeg, open};
use ostiary_core::Frame;
pub use pixels::{Layout, convert};

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
    /// stream stalled) is an error that [`CaptureError::is_transient`] is true for: the caller reports it
    /// and calls `next` again, and the source tries to open itself anew, with waits of its own. Such a call
    /// returns within about a second, and within `camera.stall_s` while frames were coming, so that the caller
    /// can show its watchdog that it moves.
    ///
    /// After an error that is not transient a folder of pictures goes on with its next file, a video has
    /// ended; whatever the source, `next` may be called again.
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError>;

    /// Live sources go on whether or not anyone looks, so late frames are dropped; recorded ones wait.
    fn is_live(&self) -> bool;

    /// What this source is, for logs: `camera /dev/video0, 640x480 YUYV at 30/s`.
    fn describe(&self) -> String;
}
