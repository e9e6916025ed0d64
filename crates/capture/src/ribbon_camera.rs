//! Ribbon cameras: what is known of one, and the layout of its frames.

use ostiary_config::{Camera, SourceKind};
use serde::Serialize;

use super::CaptureError;
use super::pixels::I420;

/// A ribbon camera of this board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RibbonCamera {
    /// The value for `camera.source`: `rpicam:0`.
    pub source: String,
    /// The name of the sensor: `imx708`.
    pub sensor: String,
}

/// The layout of a ribbon camera's frames in the size of the configuration.
///
/// # Errors
/// Rows of this size would have padding.
pub fn layout(kind: &SourceKind, camera: &Camera, full_range: bool) -> Result<I420, CaptureError> {
    let step = kind.size_step().unwrap_or([2, 2]);
    let sides = [("camera.width", camera.width), ("camera.height", camera.height)];
    for ((key, value), step) in sides.into_iter().zip(step) {
        if value % step != 0 {
            let why = format!("must be a multiple of {step} for this camera.source");
            return Err(CaptureError::Setting { key, value: value.to_string(), why });
        }
    }
    Ok(I420 { width: camera.width, height: camera.height, full_range })
}
