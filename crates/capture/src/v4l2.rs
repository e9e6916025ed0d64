//! Cameras through Video4Linux2, with mapped buffers.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ostiary_config as config;
use ostiary_core::Frame;
use ostiary_core::clock::Clock;
use v4l::buffer::{Flags, Type};
use v4l::io::mmap::Stream;
use v4l::io::traits::CaptureStream;
use v4l::video::Capture;
use v4l::video::capture::Parameters;
use v4l::{Format, FourCC, Fraction};

use super::backoff::{Backoff, MAX_SLEEP};
use super::format_select::{self, FORMATS, rounded_rate};
use super::frame_pace::FramePace;
use super::pixels::{self, ConvertError, Layout};
use super::repeated_frames::CAMERA_FROZEN_AFTER;
use super::{CaptureError, FrameSource, Next, device};

/// Number of buffers to request from the driver.
const BUFFER_COUNT: u32 = 4;
/// A frame is used after this many were skipped, so that a very fast camera does not prevent all use.
const MAX_SKIPPED_FRAMES: u32 = 32;
/// A larger difference of sequence numbers means that the driver has restarted its count.
const MAX_SEQUENCE_GAP: u32 = 100_000;
/// Numerator of the frame interval, for rates with three decimals.
const INTERVAL_UNITS: u32 = 1000;

/// A camera device. [`FrameSource::next`] gives the newest frame. It returns within `stall_s` while the camera is present, and
/// within about a second while it is absent.
///
/// A camera that is unplugged or stalls is closed. Later calls open it again, with increasing delays. All errors of `next` are
/// transient.
pub struct Camera {
    config: config::Camera,
    stall: Duration,
    clock: Arc<dyn Clock>,
    device: Option<OpenDevice>,
    backoff: Backoff,
    pace: FramePace,
    /// The time between two frames that are needed.
    interval: Duration,
    sequence: u64,
    description: String,
}

/// An open device that streams.
struct OpenDevice {
    stream: Stream<'static>,
    layout: Layout,
    /// Whether this program has a buffer to read. The next call of the stream returns it to the driver.
    has_buffer: bool,
    /// The driver's sequence number of the last frame.
    last_sequence: Option<u32>,
}

impl Camera {
    /// Opens the device, negotiates a format, and starts the stream.
    pub fn open(
        config: &config::Camera,
        stall: Duration,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, CaptureError> {
        let (device, description) = OpenDevice::new(config)?;
        Ok(Self {
            config: config.clone(),
            stall,
            clock,
            device: Some(device),
            backoff: Backoff::new(Instant::now()),
            pace: FramePace::default(),
            interval: Duration::ZERO,
            sequence: 0,
            description,
        })
    }

    /// Opens the camera again, if the next attempt is due.
    fn reopen(&mut self) -> Result<(), CaptureError> {
        let name = || self.config.source.clone();
        if !self.backoff.wait() {
            return Err(CaptureError::Unplugged { name: name() });
        }
        match OpenDevice::new(&self.config) {
            Ok((device, description)) => {
                self.device = Some(device);
                self.description = description;
                Ok(())
            }
            Err(error) => {
                self.backoff.failed(Instant::now());
                // An error that is permanent at start can pass here: a device that is being plugged in has the wrong
                // owner until udev has changed it.
                Err(if error.is_transient() {
                    error
                } else {
                    CaptureError::Device { name: name(), why: error.to_string() }
                })
            }
        }
    }
}

impl FrameSource for Camera {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        if self.device.is_none() {
            self.reopen()?;
        }
        let Some(device) = &mut self.device else {
            return Err(CaptureError::Unplugged { name: self.config.source.clone() });
        };
        let (clock, pace, interval) = (&*self.clock, &mut self.pace, self.interval);
        let is_due = || pace.is_due(clock.now(), interval);
        match device.newest_frame(&self.config.source, self.stall, is_due, frame) {
            Ok(count) => {
                frame.time = self.clock.now();
                frame.sequence = self.sequence + count - 1;
                self.sequence += count;
                self.backoff.succeeded();
                Ok(Next::Frame)
            }
            Err(error @ CaptureError::DamagedFrame { .. }) => Err(error),
            Err(error) => {
                self.device = None;
                self.backoff.failed(Instant::now());
                Err(error)
            }
        }
    }

    fn set_interval(&mut self, interval: Duration) {
        self.interval = interval;
    }

    fn is_live(&self) -> bool {
        true
    }

    fn frozen_after(&self) -> Option<Duration> {
        Some(CAMERA_FROZEN_AFTER)
    }

    fn describe(&self) -> String {
        self.description.clone()
    }
}

impl OpenDevice {
    fn new(config: &config::Camera) -> Result<(Self, String), CaptureError> {
        let name = config.source.as_str();
        let failed = |error: io::Error| device::from_io(name, &error);
        let (device, _) = device::open(Path::new(name))?;
        let offers = device::offers(&device, config.width, config.height);
        let no_format = |why: String| CaptureError::NoFormat { name: name.to_owned(), why };
        let (chosen, fps) = format_select::choose(&offers, config).ok_or_else(|| {
            no_format("it does not offer the configured format, or none that Ostiary can convert".into())
        })?;
        let code =
            FORMATS.iter().find(|(format, _)| *format == chosen.format).map_or(*b"    ", |(_, code)| **code);

        let wanted = Format::new(chosen.width, chosen.height, FourCC::new(&code));
        let answer = device.set_format(&wanted).map_err(failed)?;
        let layout =
            negotiated_layout(chosen.format, code, &answer).map_err(|error| no_format(error.to_string()))?;
        let interval = Fraction::new(INTERVAL_UNITS, (fps * f64::from(INTERVAL_UNITS)).round() as u32);
        // A camera with one rate refuses to set it.
        let parameters = device.set_params(&Parameters::new(interval)).or_else(|_| device.params());
        let fps = parameters.ok().and_then(|parameters| device::rate(parameters.interval)).unwrap_or(fps);

        let mut stream = Stream::with_buffers(&device, Type::VideoCapture, BUFFER_COUNT).map_err(failed)?;
        // `newest_frame` does all waiting, so that a timeout of the stream cannot leave a buffer between program and driver.
        stream.set_timeout(Duration::ZERO);
        let has_buffer = match CaptureStream::next(&mut stream).map(|_| ()) {
            Ok(()) => true,
            // The stream has queued its buffers and started. There is no frame yet.
            Err(error) if is_temporary(&error) => false,
            Err(error) => return Err(failed(error)),
        };
        let format = String::from_utf8_lossy(&code);
        let description =
            format!("camera {name}, {}x{} {format} at {}/s", layout.width, layout.height, rounded_rate(fps));
        Ok((Self { stream, layout, has_buffer, last_sequence: None }, description))
    }

    /// Waits for the newest frame that is due and converts it. Returns the number of frames that the camera captured since the
    /// last one, at least 1.
    fn newest_frame(
        &mut self,
        name: &str,
        stall: Duration,
        mut is_due: impl FnMut() -> bool,
        frame: &mut Frame,
    ) -> Result<u64, CaptureError> {
        let failed = |error: io::Error| device::from_io(name, &error);
        let handle = self.stream.handle();
        let ready = |wait: Duration| match handle.poll(libc::POLLIN, wait.as_millis() as i32) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            ready => ready.map(|ready| ready > 0).map_err(failed),
        };
        let mut since = Instant::now();
        let mut backlog = Backlog::default();
        loop {
            let remaining = stall.saturating_sub(since.elapsed());
            if remaining.is_zero() {
                return Err(CaptureError::Stalled { name: name.to_owned(), seconds: stall.as_secs_f64() });
            }
            if !ready(remaining.min(MAX_SLEEP))? {
                continue;
            }
            if !self.has_buffer {
                // The stream does not give access to this frame, only to frames that it exchanges for a buffer.
                match CaptureStream::dequeue(&mut self.stream) {
                    Ok(_) => self.has_buffer = true,
                    Err(error) if is_temporary(&error) => {}
                    Err(error) => return Err(failed(error)),
                }
                continue;
            }
            self.has_buffer = false;
            let (bytes, metadata) = match CaptureStream::next(&mut self.stream) {
                Ok(exchanged) => exchanged,
                Err(error) if is_temporary(&error) => continue,
                Err(error) => return Err(failed(error)),
            };
            self.has_buffer = true;
            if backlog.is_stale(ready(Duration::ZERO)?) {
                continue;
            }
            if !is_due() {
                (since, backlog) = (Instant::now(), Backlog::default());
                continue;
            }
            let sequence = metadata.sequence;
            let damaged = |why: String| CaptureError::DamagedFrame { name: name.to_owned(), why };
            if metadata.flags.contains(Flags::ERROR) {
                return Err(damaged("the driver marked it as damaged".into()));
            }
            let filled = bytes.get(..metadata.bytesused as usize).unwrap_or(bytes);
            pixels::convert(&self.layout, filled, frame).map_err(|error| damaged(error.to_string()))?;
            return Ok(frames_since(self.last_sequence.replace(sequence), sequence));
        }
    }
}

/// Whether the stream continues after this error.
fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// The frames that one call took from the driver's queue.
#[derive(Default)]
struct Backlog {
    /// Number of frames.
    taken: u32,
    /// Whether the driver had filled all its buffers.
    was_full: bool,
}

impl Backlog {
    /// Whether the frame just taken is not the newest: another one is ready, or the driver had filled all its buffers and
    /// therefore captured nothing for an unknown time.
    fn is_stale(&mut self, is_another_ready: bool) -> bool {
        self.taken += 1;
        if is_another_ready {
            return self.taken < MAX_SKIPPED_FRAMES;
        }
        // This program has one buffer, the driver had the others. The frame after them is new.
        let is_full = self.taken >= BUFFER_COUNT - 1 && !self.was_full;
        self.was_full |= is_full;
        is_full
    }
}

/// The number of frames that the camera captured since the last one, by the driver's sequence numbers, which wrap around. It
/// is 1 if the driver does not count or has restarted its count.
fn frames_since(last: Option<u32>, sequence: u32) -> u64 {
    let count = last.map(|last| sequence.wrapping_sub(last));
    count.filter(|count| (1..MAX_SEQUENCE_GAP).contains(count)).unwrap_or(1).into()
}

/// Why a driver's answer to a requested format cannot be used.
#[derive(Debug, thiserror::Error)]
enum NegotiationError {
    #[error("{requested} was requested, the camera gave {answer}")]
    OtherFormat { requested: String, answer: String },
    #[error(transparent)]
    Layout(#[from] ConvertError),
}

/// The layout of the driver's buffers, from its answer to a requested format.
fn negotiated_layout(
    format: config::PixelFormat,
    code: [u8; 4],
    answer: &Format,
) -> Result<Layout, NegotiationError> {
    if answer.fourcc.repr != code {
        let text = |code: &[u8; 4]| String::from_utf8_lossy(code).into_owned();
        return Err(NegotiationError::OtherFormat {
            requested: text(&code),
            answer: text(&answer.fourcc.repr),
        });
    }
    let mut layout = Layout { format, width: answer.width, height: answer.height, stride: answer.stride };
    if layout.stride == 0 {
        layout.stride = layout.min_stride();
    }
    layout.check()?;
    Ok(layout)
}

#[cfg(test)]
mod tests {
    use config::PixelFormat;

    use super::*;

    #[test]
    fn only_the_newest_frame_is_used() {
        let used = |ready: &[bool]| {
            let mut backlog = Backlog::default();
            ready.iter().position(|another| !backlog.is_stale(*another))
        };
        assert_eq!(used(&[false]), Some(0), "one frame, which is new");
        assert_eq!(used(&[true, false]), Some(1), "a newer one was ready");
        assert_eq!(used(&[true, true, false, false]), Some(3), "all buffers were full, all may be old");
        let more = [true, true, true, true, true, false, false];
        assert_eq!(used(&more), Some(6), "a driver that has more buffers than requested");
        assert_eq!(used(&[true; 100]), Some(31), "a fast camera still gives frames");
    }

    #[test]
    fn gaps_in_the_sequence_numbers_are_counted() {
        assert_eq!(frames_since(None, 17), 1);
        assert_eq!(frames_since(Some(17), 18), 1);
        assert_eq!(frames_since(Some(17), 20), 3);
        assert_eq!(frames_since(Some(u32::MAX), 0), 1);
        assert_eq!(frames_since(Some(0), 0), 1, "a driver that does not count");
        assert_eq!(frames_since(Some(500), 0), 1, "a driver that restarted its count");
    }

    #[test]
    fn an_answer_with_another_format_is_refused() {
        let mut answer = Format::new(640, 480, FourCC::new(b"YUYV"));
        answer.stride = 1280;
        let layout = negotiated_layout(PixelFormat::Yuyv, *b"YUYV", &answer).unwrap();
        assert_eq!((layout.width, layout.height, layout.stride), (640, 480, 1280));
        assert!(
            negotiated_layout(PixelFormat::Mjpg, *b"MJPG", &answer)
                .unwrap_err()
                .to_string()
                .contains("gave YUYV")
        );
        answer.stride = 640;
        assert!(negotiated_layout(PixelFormat::Yuyv, *b"YUYV", &answer).is_err(), "rows overlap");
        answer.stride = 0;
        assert_eq!(negotiated_layout(PixelFormat::Yuyv, *b"YUYV", &answer).unwrap().stride, 1280);
    }
}
