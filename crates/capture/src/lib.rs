//! Frames from cameras, streams, videos and pictures.
//!
//! Input: the configuration section `[camera]`, or the path of a file or a folder. Output: a [`FrameSource`] whose [`Frame`]s
//! are packed RGB, already rotated, mirrored and cropped to the region of interest.
//!
//! [`open()`] chooses among `v4l2` (a camera; `device` and `format_select` have its formats), `child_source` (a child process
//! that gives frames) and `images`; `orient` rotates, mirrors and crops the frames. [`LatestFrame`] passes the newest frame
//! from the capture thread to the vision thread.
//!
//! Each program that `child_source` runs has a file with its command line: `rpicam` and `argus` (ribbon cameras),
//! `ffmpeg_stream` (network cameras) and `ffmpeg` (video files). `child` starts and ends processes. `stream_login` finds user
//! and password of a stream, and `tls_tunnel` encrypts the connection of RTSP, for which ffmpeg does not check certificates;
//! `local_peer` finds out whose program has connected to it.

mod argus;
mod backoff;
pub mod child;
mod child_source;
mod clip;
mod device;
mod error;
pub mod ffmpeg;
mod ffmpeg_stream;
mod format_select;
mod frame_pace;
mod images;
mod latest_frame;
mod local_peer;
mod open;
mod orient;
mod pixels;
mod raw_frames;
mod repeated_frames;
mod ribbon_camera;
mod ribbon_camera_list;
mod rpicam;
mod stream_login;
mod tls_tunnel;
mod v4l2;

use std::time::Duration;

pub use clip::{Clip, open_clip};
pub use device::{DeviceInfo, FormatInfo, SizeInfo, list_devices};
pub use error::CaptureError;
pub use ffmpeg::{Probe, ProbeError, read_ppm, read_probe};
pub use format_select::SizeRange;
pub use latest_frame::{LatestFrame, Put, Taken};
pub use open::{check_settings, open, programs};
use ostiary_core::Frame;
pub use pixels::{ConvertError, Layout, convert};
pub use repeated_frames::{RepeatedFrames, Repetition};
pub use ribbon_camera::RibbonCamera;
pub use ribbon_camera_list::list_ribbon_cameras;
pub use stream_login::DEFAULT_PASSWORD_FILE;

/// The result of [`FrameSource::next`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The buffer has a new frame.
    Frame,
    /// The source has ended: all frames of a recorded source were given. A live source does not end.
    End,
}

/// A source of frames.
pub trait FrameSource: Send {
    /// Waits for the next frame and writes it into `frame`, whose buffer is reused.
    ///
    /// A live source gives the newest frame and discards older ones.
    ///
    /// # Errors
    /// A failure that can pass (camera unplugged, stream stalled) is an error for which [`CaptureError::is_transient`] is true.
    /// The caller reports it and calls `next` again. The source then tries to open itself again, with delays of its own. Such a
    /// call returns within about a second, or within `camera.stall_s` if frames were arriving, so that the caller can report
    /// progress to its watchdog.
    ///
    /// After an error that is not transient, a folder of pictures continues with its next file, and a video has ended.
    /// `next` may be called again in all cases.
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError>;

    /// Sets the time between two frames that the caller needs, from the next call of `next` on; zero at the beginning. A camera
    /// or a stream discards frames that come sooner, if possible before it decodes them. A recording gives all its frames.
    fn set_interval(&mut self, _interval: Duration) {}

    /// Whether the source continues without a reader, so that late frames are dropped. A recorded source waits.
    fn is_live(&self) -> bool;

    /// For how long the frames of a camera may be equal, byte for byte, before it is frozen; `None` for a recording, which may
    /// show a still picture.
    fn frozen_after(&self) -> Option<Duration>;

    /// A description for logs: `camera /dev/video0, 640x480 YUYV at 30/s`.
    fn describe(&self) -> String;
}
