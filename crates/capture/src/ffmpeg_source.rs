//! Streams and video files as sources: a child process ffmpeg decodes, and a thread reads its output.

use std::io::BufReader;
use std::path::Path;
use std::process::Child;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ostiary_core::Frame;
use ostiary_core::clock::Clock;

use super::backoff::{Backoff, MAX_SLEEP};
use super::ffmpeg::{self, FfmpegInput, LastLine, Probe, Recording};
use super::format_select::rounded_rate;
use super::{CaptureError, FrameSource, LatestFrame, Next, Put, Taken};

/// Size of the buffer for the frames, bytes: that of a pipe on Linux.
const PIPE_SIZE: usize = 1 << 16;
/// For how long the frames of a stream may be equal. A video codec leaves out what has not changed, so that frames of a dark or
/// empty scene can be equal until the next whole picture.
const STREAM_FROZEN_AFTER: Duration = Duration::from_secs(10);
/// A clip from which no frame arrives for this time is an error.
const CLIP_STALL: Duration = Duration::from_secs(30);

/// A stream or a video file.
///
/// A stream is live: only its newest frame is kept. After a failure or a stall, later calls of [`FrameSource::next`] connect
/// again, with increasing delays. Such a call returns within `stall_s` while frames arrive, and within about a second while
/// they do not. A file ends. If it is played in real time, late frames are dropped, as from a camera.
///
/// ffmpeg gets the address of a stream as an argument. Other users of the host can read its credentials in the list of
/// processes while it runs. They are not visible elsewhere.
pub struct FfmpegSource {
    input: FfmpegInput,
    live: bool,
    stall: Duration,
    clock: Arc<dyn Clock>,
    decoder: Option<Decoder>,
    /// Number of the next frame.
    sequence: u64,
    backoff: Backoff,
    last_failure: Option<Failure>,
    ended: bool,
}

/// Why there are no frames.
#[derive(Debug, Clone)]
enum Failure {
    /// No frame for this time.
    Stalled(Duration),
    /// The decoder ended with this message.
    Ended(String),
}

impl FfmpegSource {
    /// A live stream. The first call of `next` connects.
    pub fn stream(address: &str, stall: Duration, clock: Arc<dyn Clock>) -> Self {
        Self::new(FfmpegInput::Stream(address.to_owned()), true, stall, clock)
    }

    /// A recorded file.
    pub fn file(recording: Recording, stall: Duration, clock: Arc<dyn Clock>) -> Self {
        let live = recording.realtime;
        Self::new(FfmpegInput::File(recording), live, stall, clock)
    }

    fn new(input: FfmpegInput, live: bool, stall: Duration, clock: Arc<dyn Clock>) -> Self {
        let backoff = Backoff::new(Instant::now());
        Self {
            input,
            live,
            stall,
            clock,
            decoder: None,
            sequence: 0,
            backoff,
            last_failure: None,
            ended: false,
        }
    }

    fn error(&self, failure: Failure) -> CaptureError {
        let name = self.input.name();
        match (failure, &self.input) {
            (Failure::Stalled(time), _) => CaptureError::Stalled { name, seconds: time.as_secs_f64() },
            (Failure::Ended(why), FfmpegInput::Stream(_)) => CaptureError::Broken { name, why },
            (Failure::Ended(why), FfmpegInput::File(file)) => {
                CaptureError::Video { path: file.path.clone(), why }
            }
        }
    }

    /// Stops the decoder, keeps the failure for later calls, and returns its error.
    fn fail(&mut self, failure: Failure) -> CaptureError {
        self.stop();
        self.backoff.failed(Instant::now());
        self.last_failure = Some(failure.clone());
        self.error(failure)
    }

    fn stop(&mut self) {
        if let Some(decoder) = self.decoder.take() {
            self.sequence = decoder.stop();
        }
    }

    /// Handles the end of the decoder: the end of a file, or a failure of a stream.
    fn decoder_ended(&mut self, outcome: Result<(), DecodeError>) -> Result<Next, CaptureError> {
        let is_file = matches!(self.input, FfmpegInput::File(_));
        match outcome {
            Ok(()) if is_file => {
                self.stop();
                self.ended = true;
                Ok(Next::End)
            }
            Ok(()) => Err(self.fail(Failure::Ended("it has ended".into()))),
            Err(DecodeError::Ffmpeg(why)) => {
                self.ended = is_file;
                Err(self.fail(Failure::Ended(why)))
            }
            Err(DecodeError::NotStarted(error)) => {
                self.stop();
                self.backoff.failed(Instant::now());
                Err(error)
            }
        }
    }
}

impl FrameSource for FfmpegSource {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        if self.ended {
            return Ok(Next::End);
        }
        if self.decoder.is_none() {
            if !self.backoff.wait() {
                let unknown = Failure::Ended("ffmpeg could not be started".into());
                return Err(self.error(self.last_failure.clone().unwrap_or(unknown)));
            }
            self.decoder = Some(Decoder::start(&self.input, self.live, self.sequence, self.clock.clone()));
        }
        let Some(decoder) = &mut self.decoder else { return Ok(Next::End) };
        // A connection takes longer than a frame.
        let limit = if decoder.has_given_frames { self.stall } else { self.stall * 2 };
        let remaining = limit.saturating_sub(decoder.last_frame_at.elapsed());
        let is_connecting = !decoder.has_given_frames && matches!(self.input, FfmpegInput::Stream(_));
        let wait = if is_connecting { remaining.min(MAX_SLEEP) } else { remaining };
        match decoder.shared.latest_frame.take(frame, wait) {
            Taken::Frame => {
                decoder.last_frame_at = Instant::now();
                decoder.has_given_frames = true;
                self.backoff.succeeded();
                self.last_failure = None;
                Ok(Next::Frame)
            }
            Taken::End => {
                let outcome = decoder.shared.state().outcome.take().unwrap_or(Ok(()));
                self.decoder_ended(outcome)
            }
            Taken::TimedOut if wait >= remaining => Err(self.fail(Failure::Stalled(limit))),
            Taken::TimedOut => Err(match self.last_failure.clone() {
                Some(failure) => self.error(failure),
                None => CaptureError::Connecting { name: self.input.name() },
            }),
        }
    }

    fn is_live(&self) -> bool {
        self.live
    }

    fn frozen_after(&self) -> Option<Duration> {
        matches!(self.input, FfmpegInput::Stream(_)).then_some(STREAM_FROZEN_AFTER)
    }

    fn describe(&self) -> String {
        match &self.input {
            FfmpegInput::Stream(_) => format!("stream {}", self.input.name()),
            FfmpegInput::File(file) => {
                let speed = if file.realtime { ", in real time" } else { "" };
                format!("video {} at {}/s{speed}", self.input.name(), rounded_rate(file.fps))
            }
        }
    }
}

impl Drop for FfmpegSource {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A running ffmpeg, and the thread that reads its output.
struct Decoder {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// When the last frame was taken, or the child was started.
    last_frame_at: Instant,
    has_given_frames: bool,
}

/// The data that the reading thread shares with the source.
struct Shared {
    latest_frame: LatestFrame,
    state: Mutex<State>,
    /// Number of the next frame.
    sequence: AtomicU64,
}

#[derive(Default)]
struct State {
    child: Option<Child>,
    is_stopped: bool,
    outcome: Option<Result<(), DecodeError>>,
}

/// Why the decoder failed.
enum DecodeError {
    /// The last error message of ffmpeg, or a description.
    Ffmpeg(String),
    NotStarted(CaptureError),
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // After a panic of the thread with the lock, the child must still be stopped.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Decoder {
    fn start(input: &FfmpegInput, live: bool, sequence: u64, clock: Arc<dyn Clock>) -> Self {
        let shared = Arc::new(Shared {
            latest_frame: LatestFrame::new(live),
            state: Mutex::default(),
            sequence: AtomicU64::new(sequence),
        });
        let (reader, input) = (shared.clone(), input.clone());
        let thread = std::thread::Builder::new().name("ffmpeg".into()).spawn(move || {
            let outcome = decode(&reader, &input, live, &*clock);
            reader.state().outcome = Some(outcome);
            reader.latest_frame.close();
        });
        if let Err(error) = &thread {
            shared.state().outcome =
                Some(Err(DecodeError::Ffmpeg(format!("the thread could not be started ({error})"))));
            shared.latest_frame.close();
        }
        Self { shared, thread: thread.ok(), last_frame_at: Instant::now(), has_given_frames: false }
    }

    /// Kills the child, waits for the thread, and returns the number of the next frame.
    fn stop(mut self) -> u64 {
        {
            let mut state = self.shared.state();
            state.is_stopped = true;
            if let Some(child) = &mut state.child {
                ffmpeg::kill(child);
            }
        }
        self.shared.latest_frame.close();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was printed when it happened.
            let _ = thread.join();
        }
        self.shared.sequence.load(Ordering::Relaxed)
    }
}

/// Starts the child, and passes its frames on until it ends or is stopped. One thread does both, because the kernel kills the
/// child when the thread that started it ends.
fn decode(shared: &Shared, input: &FfmpegInput, live: bool, clock: &dyn Clock) -> Result<(), DecodeError> {
    let mut sequence = shared.sequence.load(Ordering::Relaxed);
    let (rate, first) = match input {
        FfmpegInput::File(file) => (file.fps, file.first_frame()),
        FfmpegInput::Stream(_) => (1.0, Duration::ZERO),
    };
    let position = |sequence: u64| Duration::from_secs_f64(sequence as f64 / rate);
    let mut child = input.start_decoder(position(sequence)).map_err(DecodeError::NotStarted)?;
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    {
        let mut state = shared.state();
        if state.is_stopped {
            ffmpeg::kill(&mut child);
            return Ok(());
        }
        state.child = Some(child);
    }
    let last_line = std::thread::scope(|scope| {
        let error_reader = scope.spawn(|| {
            let mut line = LastLine::default();
            errors.into_iter().for_each(|errors| line.read(errors));
            line.0
        });
        let mut pictures = output.map(|output| BufReader::with_capacity(PIPE_SIZE, output));
        let (mut frame, mut read_error) = (Frame::default(), None);
        while let Some(pictures) = &mut pictures {
            match ffmpeg::read_ppm(pictures, &mut frame) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    read_error = Some(error.to_string());
                    break;
                }
            }
            frame.sequence = sequence;
            frame.time = if live { clock.now() } else { first + position(sequence) };
            sequence += 1;
            shared.sequence.store(sequence, Ordering::Relaxed);
            let put = loop {
                match shared.latest_frame.put(&mut frame, MAX_SLEEP) {
                    Put::TimedOut => {}
                    put => break put,
                }
            };
            if put == Put::Closed {
                break;
            }
        }
        // A child that still runs ends at its next write, because the pipe has no reader.
        drop(pictures);
        let message = error_reader.join().unwrap_or_default();
        if message.is_empty() { read_error.unwrap_or_default() } else { message }
    });
    let status = shared.state().child.take().map(|mut child| child.wait());
    let has_succeeded = matches!(status, Some(Ok(status)) if status.success());
    if shared.state().is_stopped || (has_succeeded && sequence > 0) {
        return Ok(());
    }
    let default = if sequence == 0 { "it has no frame" } else { "it ended without an error message" };
    Err(DecodeError::Ffmpeg(if last_line.is_empty() { default.into() } else { last_line }))
}

/// A video file, or a part of it. It gives all frames, as fast as the caller takes them. The time of a frame is its position in
/// the file.
pub struct Clip {
    source: FfmpegSource,
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
    Ok(Clip { source: FfmpegSource::file(recording, CLIP_STALL, clock), probe, frames, delay })
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
