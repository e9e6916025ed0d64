//! Cameras, streams and video files whose frames come from a child process: it is started, watched and ended in one way,
//! whatever program it is.

use std::io::{self, BufRead, BufReader, Read};
use std::process::Child;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ostiary_core::Frame;
use ostiary_core::clock::Clock;

use super::backoff::{Backoff, MAX_SLEEP};
use super::child::{self, LastLine, Line, Program};
use super::frame_pace::FramePace;
use super::repeated_frames::CAMERA_FROZEN_AFTER;
use super::tls_tunnel::TlsTunnel;
use super::{CaptureError, FrameSource, LatestFrame, Next, Put, Taken};

/// Size of the buffer for the frames, bytes: that of a pipe on Linux.
const PIPE_SIZE: usize = 1 << 16;
/// For how long the frames of a stream may be equal. A video codec leaves out what has not changed, so that frames of a dark or
/// empty scene can be equal until the next whole picture.
const STREAM_FROZEN_AFTER: Duration = Duration::from_secs(10);

/// A program that writes frames, and what it reads them from.
pub trait FrameProgram: Send + Sync + 'static {
    /// The program.
    fn program(&self) -> Program;

    /// The source in messages, without credentials.
    fn name(&self) -> String;

    /// The source in logs: `stream rtsp://camera/main`.
    fn describe(&self) -> String;

    /// What kind of source it is.
    fn kind(&self) -> Kind;

    /// Starts the program. A recording is played from `from` after its begin on. The calling thread must live as long as the
    /// child.
    ///
    /// # Errors
    /// The program is not installed or cannot be started, or a setting is wrong.
    fn start(&self, from: Duration) -> Result<Started, CaptureError>;

    /// Reads the next frame of the program's output, either into `frame`, or into `buffer` for [`Self::convert_frame`]. Returns
    /// false at the end of the output. `buffer` is kept between frames.
    ///
    /// # Errors
    /// The output cannot be read, or ends within a frame.
    fn read_frame(
        &self,
        output: &mut dyn BufRead,
        buffer: &mut Vec<u8>,
        frame: &mut Frame,
    ) -> io::Result<bool>;

    /// Makes the picture of the frame that was read last. Not called if it is not needed.
    ///
    /// # Errors
    /// The bytes are not those of a frame.
    fn convert_frame(&self, _buffer: &[u8], _frame: &mut Frame) -> io::Result<()> {
        Ok(())
    }

    /// The error of a program that ended, for this reason.
    fn failure(&self, why: String) -> CaptureError;
}

/// What a program gives frames of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A camera of this board.
    Camera,
    /// A live stream.
    Stream,
    /// A recorded file. The time of a frame is its position in the file.
    Recording {
        /// The position of the first frame.
        begin: Duration,
        /// Frames per second.
        fps: f64,
        /// Whether it is played at its own speed, so that it is live.
        realtime: bool,
    },
}

/// A program that was started.
pub struct Started {
    /// Its process.
    pub child: Child,
    /// Where its frames come from.
    pub frames: Box<dyn Read + Send>,
    /// What it writes besides: mostly its standard error.
    pub messages: Box<dyn Read + Send>,
    /// What a line of these messages means.
    pub judge: Box<dyn Fn(&str) -> Line + Send>,
    /// The encrypted connection of a program that cannot check certificates itself.
    pub tunnel: Option<TlsTunnel>,
}

impl Started {
    /// A program whose frames come from its standard output, and its messages from standard error.
    ///
    /// # Errors
    /// These outputs were not piped.
    pub fn with_frames_on_stdout(
        mut child: Child,
        judge: impl Fn(&str) -> Line + Send + 'static,
    ) -> Result<Self, CaptureError> {
        let Some((frames, messages)) = child.stdout.take().zip(child.stderr.take()) else {
            child::kill(&mut child);
            return Err(CaptureError::Program {
                name: String::new(),
                program: "child process",
                why: "its output was not piped".into(),
            });
        };
        Ok(Self {
            child,
            frames: Box::new(frames),
            messages: Box::new(messages),
            judge: Box::new(judge),
            tunnel: None,
        })
    }
}

/// A source whose frames come from a child process.
///
/// A camera or a stream is live: only its newest frame is kept. After a failure or a stall, later calls of
/// [`FrameSource::next`] start the program again, with increasing delays. Such a call returns within `stall` while frames
/// arrive, and within about a second while they do not. A file ends. If it is played in real time, late frames are dropped, as
/// from a camera.
pub struct ChildSource {
    program: Arc<dyn FrameProgram>,
    kind: Kind,
    stall: Duration,
    clock: Arc<dyn Clock>,
    running: Option<Running>,
    /// The time between two frames that are needed, microseconds.
    interval: Arc<AtomicU64>,
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
    /// The program ended for this reason.
    Ended(String),
}

impl ChildSource {
    /// A source of this program's frames. The first call of `next` starts the program. A source that gives no frame for the time
    /// `stall` has stalled; the first frame may take twice as long.
    pub fn new(program: impl FrameProgram, stall: Duration, clock: Arc<dyn Clock>) -> Self {
        Self {
            kind: program.kind(),
            program: Arc::new(program),
            stall,
            clock,
            running: None,
            interval: Arc::default(),
            sequence: 0,
            backoff: Backoff::new(Instant::now()),
            last_failure: None,
            ended: false,
        }
    }

    fn error(&self, failure: Failure) -> CaptureError {
        let name = self.program.name();
        match (failure, self.kind) {
            (Failure::Stalled(time), Kind::Camera) => CaptureError::NoFrames {
                name,
                program: self.program.program().name,
                seconds: time.as_secs_f64(),
            },
            (Failure::Stalled(time), _) => CaptureError::Stalled { name, seconds: time.as_secs_f64() },
            (Failure::Ended(why), _) => self.program.failure(why),
        }
    }

    /// Stops the program, keeps the failure for later calls, and returns its error.
    fn fail(&mut self, failure: Failure) -> CaptureError {
        self.stop();
        self.backoff.failed(Instant::now());
        self.last_failure = Some(failure.clone());
        self.error(failure)
    }

    fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            self.sequence = running.stop();
        }
    }

    /// Handles the end of the program: the end of a file, or a failure.
    fn program_ended(&mut self, outcome: Result<(), ProgramError>) -> Result<Next, CaptureError> {
        let is_file = matches!(self.kind, Kind::Recording { .. });
        match outcome {
            Ok(()) if is_file => {
                self.stop();
                self.ended = true;
                Ok(Next::End)
            }
            Ok(()) => Err(self.fail(Failure::Ended("it has ended".into()))),
            Err(ProgramError::Ended(why)) => {
                self.ended = is_file;
                Err(self.fail(Failure::Ended(why)))
            }
            Err(ProgramError::NotStarted(error)) => {
                self.stop();
                self.backoff.failed(Instant::now());
                Err(error)
            }
        }
    }
}

impl FrameSource for ChildSource {
    fn next(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        if self.ended {
            return Ok(Next::End);
        }
        if self.running.is_none() {
            if !self.backoff.wait() {
                let unknown = Failure::Ended(format!("{} could not be started", self.program.program().name));
                return Err(self.error(self.last_failure.clone().unwrap_or(unknown)));
            }
            let (program, interval) = (self.program.clone(), self.interval.clone());
            let live = self.is_live();
            self.running = Some(Running::start(program, live, interval, self.sequence, self.clock.clone()));
        }
        let Some(running) = &mut self.running else { return Ok(Next::End) };
        // A connection takes longer than a frame.
        let limit = if running.has_given_frames { self.stall } else { self.stall * 2 };
        let remaining = limit.saturating_sub(running.last_frame_at.elapsed());
        let is_starting = !running.has_given_frames && !matches!(self.kind, Kind::Recording { .. });
        let wait = if is_starting { remaining.min(MAX_SLEEP) } else { remaining };
        match running.shared.latest_frame.take(frame, wait) {
            Taken::Frame => {
                running.last_frame_at = Instant::now();
                running.has_given_frames = true;
                self.backoff.succeeded();
                self.last_failure = None;
                Ok(Next::Frame)
            }
            Taken::End => {
                let outcome = running.shared.state().outcome.take().unwrap_or(Ok(()));
                self.program_ended(outcome)
            }
            Taken::TimedOut if wait >= remaining => Err(self.fail(Failure::Stalled(limit))),
            Taken::TimedOut => Err(match (self.last_failure.clone(), self.kind) {
                (Some(failure), _) => self.error(failure),
                (None, Kind::Camera) => {
                    CaptureError::Starting { name: self.program.name(), program: self.program.program().name }
                }
                (None, _) => CaptureError::Connecting { name: self.program.name() },
            }),
        }
    }

    fn set_interval(&mut self, interval: Duration) {
        self.interval.store(u64::try_from(interval.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn is_live(&self) -> bool {
        !matches!(self.kind, Kind::Recording { realtime: false, .. })
    }

    fn frozen_after(&self) -> Option<Duration> {
        match self.kind {
            Kind::Camera => Some(CAMERA_FROZEN_AFTER),
            Kind::Stream => Some(STREAM_FROZEN_AFTER),
            Kind::Recording { .. } => None,
        }
    }

    fn describe(&self) -> String {
        self.program.describe()
    }
}

impl Drop for ChildSource {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A running program, and the thread that reads its output.
struct Running {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// When the last frame was taken, or the child was started.
    last_frame_at: Instant,
    has_given_frames: bool,
}

/// The data that the reading thread shares with the source.
struct Shared {
    latest_frame: LatestFrame,
    /// The time between two frames that are needed, microseconds.
    interval: Arc<AtomicU64>,
    state: Mutex<State>,
    /// Number of the next frame.
    sequence: AtomicU64,
}

#[derive(Default)]
struct State {
    child: Option<Child>,
    is_stopped: bool,
    outcome: Option<Result<(), ProgramError>>,
}

/// Why the program failed.
enum ProgramError {
    /// It ended. Its last error message, or a description.
    Ended(String),
    NotStarted(CaptureError),
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // After a panic of the thread with the lock, the child must still be stopped.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn start(
        program: Arc<dyn FrameProgram>,
        live: bool,
        interval: Arc<AtomicU64>,
        sequence: u64,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let shared = Arc::new(Shared {
            latest_frame: LatestFrame::new(live),
            interval,
            state: Mutex::default(),
            sequence: AtomicU64::new(sequence),
        });
        let reader = shared.clone();
        let thread = std::thread::Builder::new().name(program.program().name.into()).spawn(move || {
            let outcome = run(&reader, &*program, live, &*clock);
            reader.state().outcome = Some(outcome);
            reader.latest_frame.close();
        });
        if let Err(error) = &thread {
            shared.state().outcome =
                Some(Err(ProgramError::Ended(format!("the thread could not be started ({error})"))));
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
                child::kill(child);
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
fn run(
    shared: &Shared,
    program: &dyn FrameProgram,
    live: bool,
    clock: &dyn Clock,
) -> Result<(), ProgramError> {
    let mut sequence = shared.sequence.load(Ordering::Relaxed);
    let (rate, begin) = match program.kind() {
        Kind::Recording { fps, begin, .. } => (fps, begin),
        Kind::Camera | Kind::Stream => (1.0, Duration::ZERO),
    };
    let position = |sequence: u64| Duration::from_secs_f64(sequence as f64 / rate);
    let Started { mut child, frames, messages, judge, tunnel } =
        program.start(position(sequence)).map_err(ProgramError::NotStarted)?;
    {
        let mut state = shared.state();
        if state.is_stopped {
            child::kill(&mut child);
            return Ok(());
        }
        state.child = Some(child);
    }
    let is_file = matches!(program.kind(), Kind::Recording { .. });
    let last_line = std::thread::scope(|scope| {
        let error_reader = scope.spawn(move || {
            let mut line = LastLine::default();
            if line.read_until_fatal(messages, &judge)
                && let Some(child) = &mut shared.state().child
            {
                child::kill(child);
            }
            line.0
        });
        let mut output = BufReader::with_capacity(PIPE_SIZE, frames);
        let (mut frame, mut buffer, mut read_error) = (Frame::default(), Vec::new(), None);
        let mut pace = FramePace::default();
        let mut is_due = || {
            is_file
                || pace.is_due(clock.now(), Duration::from_micros(shared.interval.load(Ordering::Relaxed)))
        };
        loop {
            let mut next = |frame: &mut Frame| {
                if !program.read_frame(&mut output, &mut buffer, frame)? {
                    return Ok(None);
                }
                let is_due = is_due();
                if is_due {
                    program.convert_frame(&buffer, frame)?;
                }
                io::Result::Ok(Some(is_due))
            };
            let is_due = match next(&mut frame) {
                Ok(Some(is_due)) => is_due,
                Ok(None) => break,
                Err(error) => {
                    read_error = Some(error.to_string());
                    break;
                }
            };
            frame.sequence = sequence;
            frame.time = if live { clock.now() } else { begin + position(sequence) };
            sequence += 1;
            shared.sequence.store(sequence, Ordering::Relaxed);
            if !is_due {
                continue;
            }
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
        drop(output);
        let message = error_reader.join().unwrap_or_default();
        [message, read_error.unwrap_or_default()]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join("; ")
    });
    let status = shared.state().child.take().map(|mut child| child.wait());
    let has_succeeded = matches!(status, Some(Ok(status)) if status.success());
    if shared.state().is_stopped {
        return Ok(());
    }
    if let Some(why) = tunnel.and_then(|tunnel| tunnel.failure()) {
        return Err(ProgramError::Ended(why));
    }
    if has_succeeded && sequence > 0 && (is_file || last_line.is_empty()) {
        return Ok(());
    }
    let default = if sequence == 0 { "it has no frame" } else { "it ended without an error message" };
    Err(ProgramError::Ended(if last_line.is_empty() { default.into() } else { last_line }))
}
