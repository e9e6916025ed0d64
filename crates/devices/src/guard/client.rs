//! The daemon's side of the relay guard: starts the process, sends requests, and detects its end.

use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use ostiary_config as config;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::protocol::{Request, read_answer};
use crate::GpioError;

/// The time in which a guard must have requested the line. It includes the start of a program.
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// The time in which a guard must answer. Switching a line takes microseconds; a guard that takes longer hangs.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
/// The time in which a guard must end after the daemon has closed the socket.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);
/// The interval at which the daemon checks whether the guard has ended.
const STOP_POLL_INTERVAL: Duration = Duration::from_millis(1);

/// A running relay guard. When dropped, the guard puts the line to rest and ends.
pub struct GuardClient {
    process: Child,
    /// `None` after [`Self::terminate`].
    socket: Option<UnixStream>,
}

/// Why a request to the guard failed.
#[derive(Debug)]
pub enum GuardFailure {
    /// The guard answered with this error, and still runs.
    Refused(String),
    /// The guard has ended or does not answer.
    Lost(String),
}

impl GuardClient {
    /// Starts the guard: this program in another process. When this returns, the guard has the line, at rest.
    ///
    /// # Errors
    /// The process cannot be started, or cannot request the line.
    pub fn start(relay: &config::Relay) -> Result<Self, GpioError> {
        let (ours, theirs) = UnixStream::pair().map_err(GpioError::GuardStart)?;
        ours.set_read_timeout(Some(START_TIMEOUT)).map_err(GpioError::GuardStart)?;
        let section = serde_json::to_string(relay).map_err(|error| GpioError::GuardStart(error.into()))?;
        let process = Command::new(env::current_exe().map_err(GpioError::GuardStart)?)
            .args(["relay-guard", &section])
            // The guard must not have the daemon's environment: neither the socket of systemd nor configuration keys.
            .env_clear()
            .current_dir("/")
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .spawn()
            .map_err(GpioError::GuardStart)?;
        let mut guard = Self { process, socket: Some(ours) };
        guard.wait_for_answer().map_err(|failure| match failure {
            GuardFailure::Refused(reason) => GpioError::Guard(reason),
            GuardFailure::Lost(reason) => GpioError::GuardStart(io::Error::other(reason)),
        })?;
        if let Some(socket) = &guard.socket {
            socket.set_read_timeout(Some(ANSWER_TIMEOUT)).map_err(GpioError::GuardStart)?;
        }
        Ok(guard)
    }

    /// Sends a request, and waits until the guard has done it.
    ///
    /// # Errors
    /// The guard refused, has ended or does not answer.
    pub fn send(&mut self, request: Request) -> Result<(), GuardFailure> {
        let socket = self.socket.as_mut().ok_or_else(terminated)?;
        socket.write_all(&request.encode()).map_err(|error| lost(&error))?;
        self.wait_for_answer()
    }

    /// Whether the guard runs. It sends nothing without a request, so anything to read is the end of the socket.
    pub fn is_running(&self) -> bool {
        let Some(socket) = &self.socket else { return false };
        let no_wait = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut fds = [PollFd::new(socket, PollFlags::IN)];
        match poll(&mut fds, Some(&no_wait)) {
            Ok(_) => fds.iter().all(|fd| fd.revents().is_empty()),
            // A signal interrupted the call; the next call answers.
            Err(_) => true,
        }
    }

    /// Kills the guard, so that the line is free.
    pub fn terminate(&mut self) {
        self.socket = None;
        // The kill fails if the process has ended. The wait is needed in both cases.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    fn wait_for_answer(&mut self) -> Result<(), GuardFailure> {
        let socket = self.socket.as_mut().ok_or_else(terminated)?;
        read_answer(socket).map_err(|error| lost(&error))?.map_err(|refusal| GuardFailure::Refused(refusal.0))
    }
}

fn terminated() -> GuardFailure {
    GuardFailure::Lost("the daemon ended it".to_owned())
}

fn lost(error: &io::Error) -> GuardFailure {
    GuardFailure::Lost(match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => {
            "it has ended".to_owned()
        }
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "it does not answer".to_owned(),
        _ => error.to_string(),
    })
}

impl Drop for GuardClient {
    fn drop(&mut self) {
        // The guard puts the line to rest and ends when the socket is closed.
        self.socket = None;
        let deadline = Instant::now() + STOP_TIMEOUT;
        while matches!(self.process.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(STOP_POLL_INTERVAL);
        }
        self.terminate();
    }
}
