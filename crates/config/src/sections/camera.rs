//! `[camera]`

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::rule::{MAX_PIXELS, flag, integer, number, one_of, one_of_numbers, region, text};

section! {
    /// Where frames come from, and how they are rotated.
    [camera] Camera {
        /// A device (/dev/video0, better /dev/v4l/by-id/...), a Raspberry Pi's ribbon camera (rpicam:0), a Jetson's
        /// (argus:0), a stream (rtsp://..., rtsps://..., http://..., https://...), a video file, a picture, or a folder of
        /// pictures.
        source: String = "/dev/video0".into() => text();
        /// The user name for a stream.
        user: Option<String> = None => text().example("door");
        /// A file with the stream's password, which only its owner can read; or use the systemd credential camera-password.
        password_file: Option<PathBuf> = None => text().example("/etc/ostiary/camera-password");
        /// For rtsps:// and https://, the certificate authority to trust, or the camera's own certificate, PEM. Not set: the
        /// authorities of the system.
        ca_file: Option<PathBuf> = None => text().example("/etc/ostiary/camera.pem");
        /// Requested width of the picture, pixels; a device gives the nearest size that it has. A multiple of 64 for
        /// rpicam:, of 8 for argus:.
        width: u32 = 640 => integer(16, MAX_PIXELS).settable();
        /// Requested height of the picture, pixels.
        height: u32 = 480 => integer(16, MAX_PIXELS).settable();
        /// Requested frames a second.
        fps: u32 = 30 => integer(1, 240).settable();
        /// `"auto"`, or a format that the camera offers. `ostiary cameras` lists them.
        format: PixelFormat = PixelFormat::Auto => one_of::<PixelFormat>();
        /// What the camera sees: `"color"`, or `"nir"` for near infrared. The network that tells faces from pictures knows only
        /// color: with `"nir"` the door must ask people to turn the head (`liveness.level = "active"`).
        kind: CameraKind = CameraKind::Color => one_of::<CameraKind>();
        /// Clockwise rotation of the picture, degrees.
        rotate: u32 = 0 => one_of_numbers(&[0, 90, 180, 270]).settable();
        /// Swap left and right, after the rotation.
        mirror: bool = false => flag().settable();
        /// Detect faces only in this region: `[x, y, width, height]` in pixels of the rotated picture. Not set:
        /// everywhere.
        region: Option<[u32; 4]> = None => region().example("[160, 0, 320, 480]").settable();
        /// Play a recorded file at its own speed and drop late frames, as with a camera.
        realtime: bool = false => flag();
        /// A camera that gives no frame for this time has stalled, seconds.
        stall_s: f64 = 5.0 => number(0.1, 3600.0);
    }
}

/// What a camera sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CameraKind {
    /// Visible light.
    Color,
    /// Near infrared, mostly with a lamp of its own.
    Nir,
}

/// A camera's pixel format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PixelFormat {
    /// The best of those that the camera offers.
    #[serde(rename = "auto")]
    Auto,
    /// 4:2:2, packed.
    #[serde(rename = "YUYV")]
    Yuyv,
    /// JPEG frames.
    #[serde(rename = "MJPG")]
    Mjpg,
    /// 4:2:0, luma and chroma in two planes.
    #[serde(rename = "NV12")]
    Nv12,
    /// 8-bit luma.
    #[serde(rename = "GREY")]
    Grey,
    /// 8-bit RGB, packed.
    #[serde(rename = "RGB3")]
    Rgb3,
}
