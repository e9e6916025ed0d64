//! Ribbon cameras: what is known of one, and its frames.

use std::io::{self, BufRead};

use ostiary_config::{Camera, SourceKind};
use ostiary_core::Frame;
use serde::Serialize;

use super::CaptureError;
use super::pixels::I420;
use super::raw_frames::{convert_i420, read_i420};

/// A ribbon camera of this board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RibbonCamera {
    /// The value for `camera.source`: `rpicam:0`.
    pub source: String,
    /// The name of the sensor: `imx708`.
    pub sensor: String,
}

/// The frames that the program of a ribbon camera writes: I420 without any header, in the size of the configuration.
#[derive(Debug, Clone)]
pub struct RibbonFrames {
    source: SourceKind,
    layout: I420,
    fps: u32,
}

impl RibbonFrames {
    /// The frames of this camera. `full_range` says whether its colors are those of JPEG.
    ///
    /// # Errors
    /// Rows of this size would have padding.
    pub fn new(source: SourceKind, camera: &Camera, full_range: bool) -> Result<Self, CaptureError> {
        let step = source.size_step().unwrap_or([2, 2]);
        let sides = [("camera.width", camera.width), ("camera.height", camera.height)];
        for ((key, value), step) in sides.into_iter().zip(step) {
            if value % step != 0 {
                let why = format!("must be a multiple of {step} for this camera.source");
                return Err(CaptureError::Setting { key, value: value.to_string(), why });
            }
        }
        let layout = I420 { width: camera.width, height: camera.height, full_range };
        Ok(Self { source, layout, fps: camera.fps })
    }

    /// Pixels.
    pub fn width(&self) -> u32 {
        self.layout.width
    }

    /// Pixels.
    pub fn height(&self) -> u32 {
        self.layout.height
    }

    /// Frames per second.
    pub fn fps(&self) -> u32 {
        self.fps
    }

    /// The camera in messages: `rpicam:0`.
    pub fn name(&self) -> String {
        self.source.to_string()
    }

    /// The camera in logs.
    pub fn describe(&self) -> String {
        format!("camera {}, {}x{} at {}/s", self.source, self.width(), self.height(), self.fps)
    }

    /// Reads the bytes of the next frame into `buffer`. Returns false at the end of the output.
    ///
    /// # Errors
    /// The output cannot be read or ends within a frame.
    pub fn read(&self, output: &mut dyn BufRead, buffer: &mut Vec<u8>) -> io::Result<bool> {
        read_i420(&self.layout, output, buffer)
    }

    /// Makes the picture of these bytes.
    ///
    /// # Errors
    /// They are not those of one frame.
    pub fn convert(&self, buffer: &[u8], frame: &mut Frame) -> io::Result<()> {
        convert_i420(&self.layout, buffer, frame)
    }
}
