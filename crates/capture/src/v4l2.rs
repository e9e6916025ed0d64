//! A camera through Video4Linux2, streaming into mapped buffers.

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

use super::backoff::Backoff;
use super::format_select::{self, FORMATS, hundredths};
use super::pixels::{self, Layout};
use super::{CaptureError, FrameSource, Next, device};

/// Buffers asked of the driver.
const BUFFERS: u32 = 4;

/// A camera device. A call of [`FrameSource::next`] always brings the newest frame; it returns within
/// `stall_s` while the camera is there, and within about a second while it is away.
///
/// A camera that is unplugged or stalls is closed, and opened anew in later calls with growing waits; all
/// errors that `next` gives are transient.
pub struct Camera {
    config: config::Camera,
    stall: Duration,
    clock: Arc<dyn Clock>,
    open: Option<Open>,
    backoff: Backoff,
    sequence: u64,
    description: String,
}

/// An open device that streams.
struct Open {
    stream: Stream<'static>,
    layout: Layout,
    /// True while a buffer is ours to read, which the next call of the stream gives back to the driver.
    holds_buffer: bool,
    /// The driver's number of the last frame.
    last_number: Option<u32>,
}

impl Camera {
    /// Opens the device, agrees on a format, and starts it.
    pub fn open(
        config: &config::Camera,
        stall: Duration,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, CaptureError> {
        let (open, description) = Open::new(config)?;
        Ok(Self {
            config: config.clone(),
            stall,
            clock,
            open: Some(open),
            backoff: Backoff::new(Instant::now()),
            sequence: 0,
            description,
        })
    }

    /// Tries to open the camera again, if it is time.
    fn reopen(&mut self) -> Result<(), CaptureError> {
        let name = || self.config.source.clone();
        if !self.backoff.wait() {
            return Err(CaptureError::Unplugged { name: name() });
        }
        match Open::new(&self.config) {
            Ok((open, description)) => {
                self.open = Some(open);
                self.description = description;
                Ok(())
            }
            Err(error) => {
                self.backoff.failed(Instant::now());
                // What would be final at the start need not be now: a device that is being plugged in has
                // the wrong owner for a moment.
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
        if self.open.is_none() {
            self.reopen()?;
        }
        let Some(open) = &mut self.open else {
            return Err(CaptureError::Unplugged { name: self.config.source.clone() });
        };
        match open.newest(&self.config.source, self.stall, frame) {
            Ok(passed) => {
                frame.time = self.clock.now();
                frame.sequence = self.sequence + passed - 1;
                self.sequence += passed;
                self.backoff.succeeded();
                Ok(Next::Frame)
            }
            Err(error @ CaptureError::Torn { .. }) => Err(error),
            Err(error) => {
                self.open = None;
                self.backoff.failed(Instant::now());
                Err(error)
            }
        }
    }

    fn is_live(&self) -> bool {
        true
    }

    fn describe(&self) -> String {
        self.description.clone()
    }
}

impl Open {
    fn new(config: &config::Camera) -> Result<(Self, String), CaptureError> {
        let name = config.source.as_str();
        let failed = |error: io::Error| device::from_io(name, &error);
        let (device, _) = device::open(Path::new(name))?;
        let offers = device::offers(&device, config.width, config.height);
        let no_format = |why: String| CaptureError::NoFormat { name: name.to_owned(), why };
        let (chosen, fps) = format_select::choose(&offers, config)
            .ok_or_else(|| no_format("it offers no format that Ostiary was asked for or can use".into()))?;
        let code =
            FORMATS.iter().find(|(format, _)| *format == chosen.format).map_or(*b"    ", |(_, code)| **code);

        let wanted = Format::new(chosen.width, chosen.height, FourCC::new(&code));
        let agreed = device.set_format(&wanted).map_err(failed)?;
        let layout = agree(chosen.format, code, &agreed).map_err(no_format)?;
        let interval = Fraction::new(1000, (fps * 1000.0).round() as u32);
        // Cameras of one rate do not let it be set; they run at theirs.
        let agreed = device.set_params(&Parameters::new(interval)).or_else(|_| device.params());
        let fps = agreed.ok().and_then(|agreed| device::rate(agreed.interval)).unwrap_or(fps);

        let mut stream = Stream::with_buffers(&device, Type::VideoCapture, BUFFERS).map_err(failed)?;
        // All waiting is done here, so that the stream itself never waits with a buffer half given back.
        stream.set_timeout(Duration::ZERO);
        let holds_buffer = match CaptureStream::next(&mut stream).map(|_| ()) {
            Ok(()) => true,
            // It has queued its buffers and started, and there is no frame yet.
            Err(error) if is_passing(&error) => false,
            Err(error) => return Err(failed(error)),
        };
        let format = String::from_utf8_lossy(&code);
        let description =
            format!("camera {name}, {}x{} {format} at {}/s", layout.width, layout.height, hundredths(fps));
        Ok((Self { stream, layout, holds_buffer, last_number: None }, description))
    }

    /// Waits for the newest frame and converts it; returns how many frames the camera took since the last
    /// one, at least 1.
    fn newest(&mut self, name: &str, stall: Duration, frame: &mut Frame) -> Result<u64, CaptureError> {
        let failed = |error: io::Error| device::from_io(name, &error);
        let handle = self.stream.handle();
        let ready = |wait: Duration| match handle.poll(libc::POLLIN, wait.as_millis() as i32) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            ready => ready.map(|ready| ready > 0).map_err(failed),
        };
        let since = Instant::now();
        let mut backlog = Backlog::default();
        loop {
            let left = stall.saturating_sub(since.elapsed());
            if left.is_zero() {
                return Err(CaptureError::Stalled { name: name.to_owned(), seconds: stall.as_secs_f64() });
            }
            if !ready(left.min(Duration::from_secs(1)))? {
                continue;
            }
            if !self.holds_buffer {
                // This frame cannot be read, since the stream shows only what it exchanges.
                match CaptureStream::dequeue(&mut self.stream) {
                    Ok(_) => self.holds_buffer = true,
                    Err(error) if is_passing(&error) => {}
                    Err(error) => return Err(failed(error)),
                }
                continue;
            }
            self.holds_buffer = false;
            let (bytes, metadata) = match CaptureStream::next(&mut self.stream) {
                Ok(exchanged) => exchanged,
                Err(error) if is_passing(&error) => continue,
                Err(error) => return Err(failed(error)),
            };
            self.holds_buffer = true;
            if backlog.is_stale(ready(Duration::ZERO)?) {
                continue;
            }
            let number = metadata.sequence;
            let torn = |why: String| CaptureError::Torn { name: name.to_owned(), why };
            if metadata.flags.contains(Flags::ERROR) {
                return Err(torn("the driver calls it damaged".into()));
            }
            let filled = bytes.get(..metadata.bytesused as usize).unwrap_or(bytes);
            pixels::convert(&self.layout, filled, frame).map_err(torn)?;
            return Ok(numbers_passed(self.last_number.replace(number), number));
        }
    }
}

/// Failures after which the same stream goes on.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Frames that were taken from the driver's queue in one call, and what they tell of their age.
#[derive(Default)]
struct Backlog {
    taken: u32,
    was_full: bool,
}

impl Backlog {
    /// Whether the frame just taken is not the newest: because another is ready, or because the driver had
    /// filled all its buffers, and so took nothing since, for who knows how long.
    fn is_stale(&mut self, is_another_ready: bool) -> bool {
        /// However fast a camera is, a frame is looked at after so many were passed over.
        const MOST: u32 = 32;
        self.taken += 1;
        if is_another_ready {
            return self.taken < MOST;
        }
        // One buffer is ours, the others were the driver's. What comes after them is new.
        let is_full = self.taken >= BUFFERS - 1 && !self.was_full;
        self.was_full |= is_full;
        is_full
    }
}

/// How many frames a camera took since the last one that was seen, by the driver's numbers, which wrap.
/// Drivers that do not count, or begin anew, have taken one.
fn numbers_passed(last: Option<u32>, number: u32) -> u64 {
    const MOST: u32 = 100_000;
    last.map(|last| number.wrapping_sub(last)).filter(|passed| (1..MOST).contains(passed)).unwrap_or(1).into()
}

/// The layout of buffers that a driver answered with, if it is what was asked for and can be.
fn agree(format: config::PixelFormat, code: [u8; 4], agreed: &Format) -> Result<Layout, String> {
    if agreed.fourcc.repr != code {
        let (asked, got) = (String::from_utf8_lossy(&code), String::from_utf8_lossy(&agreed.fourcc.repr));
        return Err(format!("asked for {asked}, the camera gave {got}"));
    }
    let mut layout = Layout { format, width: agreed.width, height: agreed.height, stride: agreed.stride };
    if layout.stride == 0 {
        layout.stride = layout.least_stride();
    }
    layout.check().map(|()| layout)
}

#[cfg(test)]
mod tests {
    use config::PixelFormat;

    use super::*;

    #[test]
    fn only_the_newest_frame_counts() {
        let looked_at = |ready: &[bool]| {
            let mut backlog = Backlog::default();
            ready.iter().position(|another| !backlog.is_stale(*another))
        };
        assert_eq!(looked_at(&[false]), Some(0), "one frame came, and it is new");
        assert_eq!(looked_at(&[true, false]), Some(1), "a newer one was ready");
        assert_eq!(looked_at(&[true, true, false, false]), Some(3), "every buffer was full, all may be old");
        let more = [true, true, true, true, true, false, false];
        assert_eq!(looked_at(&more), Some(6), "a driver that has more buffers than were asked for");
        assert_eq!(looked_at(&[true; 100]), Some(31), "a fast camera does not starve us");
    }

    #[test]
    fn gaps_in_the_drivers_numbers_are_counted() {
        assert_eq!(numbers_passed(None, 17), 1);
        assert_eq!(numbers_passed(Some(17), 18), 1);
        assert_eq!(numbers_passed(Some(17), 20), 3);
        assert_eq!(numbers_passed(Some(u32::MAX), 0), 1);
        assert_eq!(numbers_passed(Some(0), 0), 1, "a driver that does not count");
        assert_eq!(numbers_passed(Some(500), 0), 1, "a driver that began anew");
    }

    #[test]
    fn a_driver_that_gives_something_else_is_refused() {
        let mut agreed = Format::new(640, 480, FourCC::new(b"YUYV"));
        agreed.stride = 1280;
        let layout = agree(PixelFormat::Yuyv, *b"YUYV", &agreed).unwrap();
        assert_eq!((layout.width, layout.height, layout.stride), (640, 480, 1280));
        assert!(agree(PixelFormat::Mjpg, *b"MJPG", &agreed).unwrap_err().contains("gave YUYV"));
        agreed.stride = 640;
        assert!(agree(PixelFormat::Yuyv, *b"YUYV", &agreed).is_err(), "rows overlap");
        agreed.stride = 0;
        assert_eq!(agree(PixelFormat::Yuyv, *b"YUYV", &agreed).unwrap().stride, 1280);
    }
}
