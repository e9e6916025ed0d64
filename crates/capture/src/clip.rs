//! A part of a video file, as fast as the caller takes its frames.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ostiary_core::Frame;

use super::child_source::ChildSource;
use super::ffmpeg::{self, Probe, Recording};
use super::{CaptureError, FrameSource, Next};

/// A clip from which no frame arrives for this time is an error.
const CLIP_STALL: Duration = Duration::from_secs(30);

/// A video file, or a part of it. It gives all frames, as fast as the caller takes them. The time of a frame is its position in
/// the file.
pub struct Clip {
    source: ChildSource,
    probe: Probe,
    frames: Option<u64>,
    delay: Duration,
}

/// Opens a video file, or the part of it that begins at `begin` and lasts `duration`.
///
/// # Errors
/// The file is missing, no video, or shorter than `begin`; ffmpeg is not installed.
pub fn open_clip(
    path: &Path,
    begin: Option<Duration>,
    duration: Option<Duration>,
) -> Result<Clip, CaptureError> {
    match std::fs::metadata(path) {
        Err(_) => return Err(CaptureError::Missing { path: path.to_owned() }),
        // A pipe would wait for a writer. ffprobe refuses a folder.
        Ok(metadata) if !(metadata.is_file() || metadata.is_dir()) => {
            let why = "it is not a regular file; give a video file".to_owned();
            return Err(CaptureError::Video { path: path.to_owned(), why });
        }
        Ok(_) => {}
    }
    let probe = ffmpeg::probe(path)?;
    let begin = begin.unwrap_or_default();
    let available = probe.duration.map(|length| length.saturating_sub(begin));
    if available.is_some_and(|available| available.is_zero()) {
        let seconds = probe.duration.unwrap_or_default().as_secs_f64();
        let why = format!("it lasts only {seconds:.2} s, and {:.2} s should be skipped", begin.as_secs_f64());
        return Err(CaptureError::Video { path: path.to_owned(), why });
    }
    let played = [available, duration].into_iter().flatten().min();
    let frames = played.map(|played| (played.as_secs_f64() * probe.fps).round().max(1.0) as u64);
    let recording = Recording {
        path: path.to_owned(),
        begin,
        duration,
        start: probe.start,
        fps: probe.fps,
        realtime: false,
    };
    let delay = recording.first_frame().saturating_sub(begin);
    let clock = Arc::new(ostiary_core::clock::MonotonicClock::default());
    Ok(Clip { source: ChildSource::new(recording, CLIP_STALL, clock), probe, frames, delay })
}

impl Clip {
    /// The width of all frames, pixels.
    pub fn width(&self) -> u32 {
        self.probe.width
    }

    /// The height of all frames, pixels.
    pub fn height(&self) -> u32 {
        self.probe.height
    }

    /// Frames per second.
    pub fn fps(&self) -> f64 {
        self.probe.fps
    }

    /// The time from the beginning of the part to its first frame: the pictures of a file can begin after its sound.
    pub fn delay(&self) -> Duration {
        self.delay
    }

    /// The approximate number of frames; `None` if the file does not have its length.
    pub fn frames(&self) -> Option<u64> {
        self.frames
    }
}

impl FrameSource for Clip {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        self.source.next(frame)
    }

    fn is_live(&self) -> bool {
        false
    }

    fn frozen_after(&self) -> Option<Duration> {
        None
    }

    fn describe(&self) -> String {
        self.source.describe()
    }
}
