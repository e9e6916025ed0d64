//! Opens the source that the configuration names.

use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ostiary_config::Camera;
use ostiary_core::clock::Clock;
use ostiary_pictures::is_named_as_picture;

use super::ffmpeg::{self, Recording};
use super::ffmpeg_source::FfmpegSource;
use super::images::Images;
use super::orient::{Orientation, Oriented};
use super::{CaptureError, FrameSource, v4l2};

/// Opens `camera.source`: a device (`/dev/video0`), a stream (`rtsp://...`, `http://...`), a folder of pictures, a picture, or
/// otherwise a video file. Its frames are rotated, mirrored and cropped as `camera` says.
///
/// # Errors
/// The source cannot be opened, or a setting is not allowed. A camera that is missing or busy is a transient error. The first
/// call of [`FrameSource::next`] connects to a stream, so that its errors come from there.
pub fn open(camera: &Camera, clock: Arc<dyn Clock>) -> Result<Box<dyn FrameSource>, CaptureError> {
    let orientation = Orientation::new(camera)?;
    Ok(Oriented::wrap(choose(camera, clock)?, orientation))
}

/// Whether a source needs ffmpeg: streams and videos do; devices, pictures and folders do not.
pub fn needs_ffmpeg(source: &str) -> bool {
    let path = Path::new(source);
    source.contains("://") || !(path.starts_with("/dev") || path.is_dir() || is_named_as_picture(path))
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
    if camera.source.contains("://") {
        return Ok(Box::new(FfmpegSource::stream(&camera.source, stall, clock)));
    }
    let path = Path::new(&camera.source);
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
    Ok(Box::new(FfmpegSource::file(recording, stall, clock)))
}
