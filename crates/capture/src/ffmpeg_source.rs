//! Streams and video files as sources: ffmpeg decodes, a thread reads what it sends.

use std::io::BufReader;
use std::path::Path;
use std::process::Child;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ostiary_core::Frame;
use ostiary_core::clock::Clock;

use super::backoff::{Backoff, PATIENCE};
use super::ffmpeg::{self, Input, LastLine, Probe, Recording};
use super::format_select::hundredths;
use super::{CaptureError, FrameSource, LatestFrame, Next, Put, Taken};

/// Plays a stream or a file.
///
/// A stream is live: only its newest frame is kept, and one that breaks or stalls is connected to anew, with
/// growing waits, in later calls of [`FrameSource::next`]. Such a call returns within `stall_s` while pictures
/// come, and within about a second while they do not. A recorded file ends; where it is played in real time,
/// late frames are dropped as a camera would.
///
/// ffmpeg gets a stream's address as an argument, so other users of the machine can read its credentials
/// from the list of processes while it plays; nothing else shows them.
pub struct FfmpegSource {
    input: Input,
    live: bool,
    stall: Duration,
    clock: Arc<dyn Clock>,
    running: Option<Running>,
    /// Number of the frame that comes next.
    sequence: u64,
    backoff: Backoff,
    lost: Option<Loss>,
    ended: bool,
}

/// Why pictures stopped coming.
#[derive(Debug, Clone)]
enum Loss {
    Stalled(Duration),
    Broken(String),
}

impl FfmpegSource {
    /// Plays a live stream. Nothing is connected to before the first call of `next`.
    pub fn stream(address: &str, stall: Duration, clock: Arc<dyn Clock>) -> Self {
        Self::new(Input::Stream(address.to_owned()), true, stall, clock)
    }

    /// Plays a recorded file.
    pub fn file(recording: Recording, stall: Duration, clock: Arc<dyn Clock>) -> Self {
        let live = recording.realtime;
        Self::new(Input::File(recording), live, stall, clock)
    }

    fn new(input: Input, live: bool, stall: Duration, clock: Arc<dyn Clock>) -> Self {
        let backoff = Backoff::new(Instant::now());
        Self { input, live, stall, clock, running: None, sequence: 0, backoff, lost: None, ended: false }
    }

    fn error(&self, loss: Loss) -> CaptureError {
        let name = self.input.name();
        match (loss, &self.input) {
            (Loss::Stalled(after), _) => CaptureError::Stalled { name, seconds: after.as_secs_f64() },
            (Loss::Broken(why), Input::Stream(_)) => CaptureError::Broken { name, why },
            (Loss::Broken(why), Input::File(file)) => CaptureError::Video { path: file.path.clone(), why },
        }
    }

    /// Stops what runs, remembers why, and says it.
    fn lose(&mut self, loss: Loss) -> CaptureError {
        self.stop();
        self.backoff.failed(Instant::now());
        self.lost = Some(loss.clone());
        self.error(loss)
    }

    fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            self.sequence = running.end();
        }
    }

    /// The child ended by itself: a file's end, or the loss of a stream.
    fn finished(&mut self, outcome: Result<(), Failure>) -> Result<Next, CaptureError> {
        let is_file = matches!(self.input, Input::File(_));
        match outcome {
            Ok(()) if is_file => {
                self.stop();
                self.ended = true;
                Ok(Next::End)
            }
            Ok(()) => Err(self.lose(Loss::Broken("it has ended".into()))),
            Err(Failure::Said(why)) => {
                self.ended = is_file;
                Err(self.lose(Loss::Broken(why)))
            }
            Err(Failure::NotStarted(error)) => {
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
        if self.running.is_none() {
            if !self.backoff.wait() {
                let unknown = Loss::Broken("ffmpeg could not be started".into());
                return Err(self.error(self.lost.clone().unwrap_or(unknown)));
            }
            self.running = Some(Running::start(&self.input, self.live, self.sequence, self.clock.clone()));
        }
        let Some(running) = &mut self.running else { return Ok(Next::End) };
        // Connecting takes longer than a frame does.
        let limit = if running.has_shown { self.stall } else { self.stall * 2 };
        let left = limit.saturating_sub(running.moved.elapsed());
        let is_away = !running.has_shown && matches!(self.input, Input::Stream(_));
        let wait = if is_away { left.min(PATIENCE) } else { left };
        match running.shared.latest_frame.take(frame, wait) {
            Taken::Frame => {
                running.moved = Instant::now();
                running.has_shown = true;
                self.backoff.succeeded();
                self.lost = None;
                Ok(Next::Frame)
            }
            Taken::End => {
                let outcome = running.shared.state().outcome.take().unwrap_or(Ok(()));
                self.finished(outcome)
            }
            Taken::TimedOut if wait >= left => Err(self.lose(Loss::Stalled(limit))),
            Taken::TimedOut => Err(match self.lost.clone() {
                Some(loss) => self.error(loss),
                None => CaptureError::Connecting { name: self.input.name() },
            }),
        }
    }

    fn is_live(&self) -> bool {
        self.live
    }

    fn describe(&self) -> String {
        match &self.input {
            Input::Stream(_) => format!("stream {}", self.input.name()),
            Input::File(file) => {
                let speed = if file.realtime { ", in real time" } else { "" };
                format!("video {} at {}/s{speed}", self.input.name(), hundredths(file.fps))
            }
        }
    }
}

impl Drop for FfmpegSource {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A child that plays, and the thread that reads from it.
struct Running {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// When the last frame was taken, or the child was started.
    moved: Instant,
    has_shown: bool,
}

/// What the reading thread shares with its owner.
struct Shared {
    latest_frame: LatestFrame,
    state: Mutex<State>,
    /// Number of the frame that comes next.
    sequence: AtomicU64,
}

#[derive(Default)]
struct State {
    child: Option<Child>,
    is_stopped: bool,
    outcome: Option<Result<(), Failure>>,
}

/// Why a child's pictures ended before their end.
enum Failure {
    /// What ffmpeg said.
    Said(String),
    NotStarted(CaptureError),
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // A thread that panicked while it held the lock left a state that is still to be stopped.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn start(input: &Input, live: bool, sequence: u64, clock: Arc<dyn Clock>) -> Self {
        let shared = Arc::new(Shared {
            latest_frame: LatestFrame::new(live),
            state: Mutex::default(),
            sequence: AtomicU64::new(sequence),
        });
        let (reader, input) = (shared.clone(), input.clone());
        let thread = std::thread::Builder::new().name("ffmpeg".into()).spawn(move || {
            let outcome = read(&reader, &input, live, &*clock);
            reader.state().outcome = Some(outcome);
            reader.latest_frame.close();
        });
        if let Err(error) = &thread {
            shared.state().outcome =
                Some(Err(Failure::Said(format!("no thread could be started ({error})"))));
            shared.latest_frame.close();
        }
        Self { shared, thread: thread.ok(), moved: Instant::now(), has_shown: false }
    }

    /// Kills the child, waits for the thread, and returns the number of the frame that would come next.
    fn end(mut self) -> u64 {
        {
            let mut state = self.shared.state();
            state.is_stopped = true;
            if let Some(child) = &mut state.child {
                ffmpeg::end(child);
            }
        }
        self.shared.latest_frame.close();
        if let Some(thread) = self.thread.take() {
            // A panic in the thread has been printed; here there is only its end to wait for.
            let _ = thread.join();
        }
        self.shared.sequence.load(Ordering::Relaxed)
    }
}

/// Starts the child and hands over its frames until it ends or is stopped. Runs on the thread that starts
/// the child, since the child dies with that thread.
fn read(shared: &Shared, input: &Input, live: bool, clock: &dyn Clock) -> Result<(), Failure> {
    let mut sequence = shared.sequence.load(Ordering::Relaxed);
    let (rate, begin) = match input {
        Input::File(file) => (file.fps, file.begin),
        Input::Stream(_) => (1.0, Duration::ZERO),
    };
    let position = |sequence: u64| Duration::from_secs_f64(sequence as f64 / rate);
    let mut child = input.play(position(sequence)).map_err(Failure::NotStarted)?;
    let (output, complaints) = (child.stdout.take(), child.stderr.take());
    {
        let mut state = shared.state();
        if state.is_stopped {
            ffmpeg::end(&mut child);
            return Ok(());
        }
        state.child = Some(child);
    }
    let last_line = std::thread::scope(|scope| {
        let listener = scope.spawn(|| {
            let mut line = LastLine::default();
            complaints.into_iter().for_each(|complaints| line.read(complaints));
            line.0
        });
        let mut pictures = output.map(|output| BufReader::with_capacity(1 << 16, output));
        let (mut frame, mut broken) = (Frame::default(), None);
        while let Some(pictures) = &mut pictures {
            match ffmpeg::read_ppm(pictures, &mut frame) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    broken = Some(error.to_string());
                    break;
                }
            }
            frame.sequence = sequence;
            frame.time = if live { clock.now() } else { begin + position(sequence) };
            sequence += 1;
            shared.sequence.store(sequence, Ordering::Relaxed);
            let put = loop {
                match shared.latest_frame.put(&mut frame, PATIENCE) {
                    Put::TimedOut => {}
                    put => break put,
                }
            };
            if put == Put::Closed {
                break;
            }
        }
        // With nobody to read from it, a child that still plays ends at its next frame.
        drop(pictures);
        let said = listener.join().unwrap_or_default();
        if said.is_empty() { broken.unwrap_or_default() } else { said }
    });
    let status = shared.state().child.take().map(|mut child| child.wait());
    let has_played = matches!(status, Some(Ok(status)) if status.success());
    if shared.state().is_stopped || (has_played && sequence > 0) {
        return Ok(());
    }
    let silent = if sequence == 0 { "it shows no picture" } else { "it ended without a word" };
    Err(Failure::Said(if last_line.is_empty() { silent.into() } else { last_line }))
}

/// A recorded video, or a part of one: every frame, as fast as the caller takes them, with its position in the
/// file as its time.
pub struct Clip {
    source: FfmpegSource,
    probe: Probe,
    frames: Option<u64>,
}

/// Opens a video file from `begin` on and for `duration`; all of it where they are not given.
///
/// Errors name the file where it is missing or no video, and ffmpeg where it is not installed.
pub fn open_clip(
    path: &Path,
    begin: Option<Duration>,
    duration: Option<Duration>,
) -> Result<Clip, CaptureError> {
    if !path.exists() {
        return Err(CaptureError::Missing { path: path.to_owned() });
    }
    let probe = ffmpeg::probe(path)?;
    let begin = begin.unwrap_or_default();
    let whole = probe.duration.map(|whole| whole.saturating_sub(begin));
    if whole.is_some_and(|whole| whole.is_zero()) {
        let seconds = probe.duration.unwrap_or_default().as_secs_f64();
        let why =
            format!("it lasts only {seconds:.2} s, and {:.2} s were to be skipped", begin.as_secs_f64());
        return Err(CaptureError::Video { path: path.to_owned(), why });
    }
    let played = [whole, duration].into_iter().flatten().min();
    let frames = played.map(|played| (played.as_secs_f64() * probe.fps).round().max(1.0) as u64);
    let recording = Recording { path: path.to_owned(), begin, duration, fps: probe.fps, realtime: false };
    let clock = Arc::new(ostiary_core::clock::MonotonicClock::default());
    Ok(Clip { source: FfmpegSource::file(recording, Duration::from_secs(30), clock), probe, frames })
}

impl Clip {
    /// Pixels in a row of every frame.
    pub fn width(&self) -> u32 {
        self.probe.width
    }

    /// Rows of every frame.
    pub fn height(&self) -> u32 {
        self.probe.height
    }

    /// Frames a second.
    pub fn fps(&self) -> f64 {
        self.probe.fps
    }

    /// How many frames will come, nearly; `None` where the file does not say how long it is.
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

    fn describe(&self) -> String {
        self.source.describe()
    }
}
