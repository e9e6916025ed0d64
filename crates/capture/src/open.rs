//! Opens the source that the configuration names.

use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ostiary_config::{Camera, SourceKind};
use ostiary_core::clock::{Clock, MonotonicClock};
use ostiary_core::redact_address;
use ostiary_pictures::is_named_as_picture;

use super::argus::{self, Argus};
use super::child::Program;
use super::child_source::ChildSource;
use super::ffmpeg::{self, Recording};
use super::ffmpeg_stream::FfmpegStream;
use super::images::Images;
use super::orient::{Orientation, Oriented};
use super::rpicam::{self, Rpicam};
use super::{CaptureError, FrameSource, stream_login, tls_tunnel, v4l2};

/// Opens `camera.source`: a device (`/dev/video0`), a ribbon camera (`rpicam:0`, `argus:0`), a stream (`rtsp://...`,
/// `http://...`), a folder of pictures, a picture, or otherwise a video file. Its frames are rotated, mirrored and cropped as `camera` says.
///
/// # Errors
/// The source cannot be opened, or a setting is not allowed. A camera that is missing or busy is a transient error. The first
/// call of [`FrameSource::next`] starts the program of a ribbon camera or a stream, so that its errors come from there.
pub fn open(camera: &Camera, clock: Arc<dyn Clock>) -> Result<Box<dyn FrameSource>, CaptureError> {
    let orientation = Orientation::new(camera)?;
    Ok(Oriented::wrap(choose(camera, clock)?, orientation))
}

/// Checks what a source needs of the configuration and its files, also a recording, which is opened. No camera is opened, and
/// no connection is made.
///
/// # Errors
/// As [`open`], and the files of a stream's password and certificates. No error is transient.
pub fn check_settings(camera: &Camera) -> Result<(), CaptureError> {
    let is_device = |path: &Path| {
        path.starts_with("/dev") || path.metadata().is_ok_and(|found| found.file_type().is_char_device())
    };
    match SourceKind::of(&camera.source) {
        Ok(SourceKind::Device(_)) => return Orientation::new(camera).map(drop),
        Ok(SourceKind::Path(path)) if is_device(&path) => return Orientation::new(camera).map(drop),
        Ok(SourceKind::Stream(address)) => {
            stream_login::login(camera)?;
            if address.is_encrypted() {
                tls_tunnel::check_authorities(camera.ca_file.as_deref()).map_err(|error| {
                    let value =
                        camera.ca_file.as_ref().map_or_else(String::new, |file| file.display().to_string());
                    CaptureError::Setting { key: "camera.ca_file", value, why: error.to_string() }
                })?;
            }
        }
        _ => {}
    }
    open(camera, Arc::new(MonotonicClock::default())).map(drop)
}

/// The programs that a source needs besides this one.
pub fn programs(source: &str) -> Vec<Program> {
    match SourceKind::of(source) {
        Ok(SourceKind::Rpicam(_)) => vec![rpicam::RPICAM_VID],
        Ok(SourceKind::Argus(_)) => vec![argus::GST_LAUNCH],
        Ok(SourceKind::Stream(_)) => vec![ffmpeg::FFMPEG],
        Ok(SourceKind::Path(path)) => {
            let is_video = !(path.is_dir() || is_named_as_picture(&path));
            if is_video { vec![ffmpeg::FFMPEG, ffmpeg::FFPROBE] } else { Vec::new() }
        }
        Ok(SourceKind::Device(_)) | Err(_) => Vec::new(),
    }
}

fn choose(camera: &Camera, clock: Arc<dyn Clock>) -> Result<Box<dyn FrameSource>, CaptureError> {
    let stall = Duration::try_from_secs_f64(camera.stall_s)
        .ok()
        .filter(|stall| !stall.is_zero())
        .ok_or_else(|| CaptureError::Setting {
            key: "camera.stall_s",
            value: camera.stall_s.to_string(),
            why: "must be above 0".into(),
        })?;
    let kind = SourceKind::of(&camera.source).map_err(|error| CaptureError::Setting {
        key: "camera.source",
        value: redact_address(&camera.source),
        why: error.to_string(),
    })?;
    let path = match kind {
        SourceKind::Rpicam(number) => {
            return Ok(Box::new(ChildSource::new(Rpicam::new(number, camera)?, stall, clock)));
        }
        SourceKind::Argus(number) => {
            return Ok(Box::new(ChildSource::new(Argus::new(number, camera)?, stall, clock)));
        }
        SourceKind::Stream(address) => {
            if let Some(warning) = address.unencrypted_warning() {
                log::warn!("{warning}");
            }
            let stream = FfmpegStream::new(address, camera);
            return Ok(Box::new(ChildSource::new(stream, stall, clock)));
        }
        SourceKind::Device(path) | SourceKind::Path(path) => path,
    };
    let path = path.as_path();
    let Ok(metadata) = std::fs::metadata(path) else {
        return Err(if path.starts_with("/dev") {
            CaptureError::Absent { name: camera.source.clone() }
        } else {
            CaptureError::Missing { path: path.to_owned() }
        });
    };
    if metadata.file_type().is_char_device() {
        return Ok(Box::new(v4l2::Camera::open(camera, stall, clock)?));
    }
    if metadata.is_dir() || is_named_as_picture(path) {
        return Ok(Box::new(Images::open(path, camera.fps)?));
    }
    if !metadata.is_file() {
        // A pipe would wait for a writer.
        let why = "it is not a regular file; give a device, a stream, a file or a folder".to_owned();
        return Err(CaptureError::Video { path: path.to_owned(), why });
    }
    let probe = ffmpeg::probe(path)?;
    let recording = Recording {
        path: path.to_owned(),
        begin: Duration::ZERO,
        duration: None,
        start: probe.start,
        fps: probe.fps,
        realtime: camera.realtime,
    };
    Ok(Box::new(ChildSource::new(recording, stall, clock)))
}
