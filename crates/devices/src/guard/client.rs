//! The daemon's side of the guard: starts it, asks it, and notices when it is gone.

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

/// How long a guard may take to have the line: it is a program that starts.
const STARTS: Duration = Duration::from_secs(20);
/// How long it may take to answer. A line is switched in microseconds; longer is a guard that hangs.
const ANSWERS: Duration = Duration::from_secs(1);
/// How long it may take to end once the daemon has closed its end.
const ENDS: Duration = Duration::from_secs(1);

/// A guard that stands over the relay's line. Dropped, it puts the line to rest, and has ended.
pub struct GuardClient {
    process: Child,
    /// `None` once it is given up.
    socket: Option<UnixStream>,
}

/// Why a guard did not do what it was asked.
#[derive(Debug)]
pub enum GuardFailure {
    /// It says so itself, and still stands.
    Refused(String),
    /// It is gone, or as good as gone.
    Lost(String),
}

impl GuardClient {
    /// Starts the guard, this very program in another process; it has the line, at rest, when this returns.
    pub fn start(relay: &config::Relay) -> Result<Self, GpioError> {
        let (ours, theirs) = UnixStream::pair().map_err(GpioError::GuardStart)?;
        ours.set_read_timeout(Some(STARTS)).map_err(GpioError::GuardStart)?;
        let section = serde_json::to_string(relay).map_err(|error| GpioError::GuardStart(error.into()))?;
        let process = Command::new(env::current_exe().map_err(GpioError::GuardStart)?)
            .args(["relay-guard", &section])
            // Nothing that is meant for the daemon: not its line to systemd, not its configuration.
            .env_clear()
            .current_dir("/")
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .spawn()
            .map_err(GpioError::GuardStart)?;
        let mut guard = Self { process, socket: Some(ours) };
        guard.hear().map_err(|failure| match failure {
            GuardFailure::Refused(reason) => GpioError::Told(reason),
            GuardFailure::Lost(reason) => GpioError::GuardStart(io::Error::other(reason)),
        })?;
        if let Some(socket) = &guard.socket {
            socket.set_read_timeout(Some(ANSWERS)).map_err(GpioError::GuardStart)?;
        }
        Ok(guard)
    }

    /// Asks for something, and waits until it is done.
    pub fn ask(&mut self, request: Request) -> Result<(), GuardFailure> {
        let gone = || GuardFailure::Lost("it was given up".to_owned());
        let socket = self.socket.as_mut().ok_or_else(gone)?;
        socket.write_all(&request.encode()).map_err(|error| lost(&error))?;
        self.hear()
    }

    /// Whether it still stands: it says nothing unasked, so that whatever can be heard is its end.
    pub fn is_there(&self) -> bool {
        let Some(socket) = &self.socket else { return false };
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut fds = [PollFd::new(socket, PollFlags::IN)];
        match poll(&mut fds, Some(&now)) {
            Ok(_) => fds[0].revents().is_empty(),
            // Interrupted: it is asked again soon.
            Err(_) => true,
        }
    }

    /// Ends it at once, whatever it does, so that the line can be taken from it.
    pub fn give_up(&mut self) {
        self.socket = None;
        // It may have ended, and then cannot be killed; it is waited for in any case.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    fn hear(&mut self) -> Result<(), GuardFailure> {
        let gone = || GuardFailure::Lost("it was given up".to_owned());
        let socket = self.socket.as_mut().ok_or_else(gone)?;
        read_answer(socket).map_err(|error| lost(&error))?.map_err(GuardFailure::Refused)
    }
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
        // The end of the socket is the word to rest and to end.
        self.socket = None;
        let deadline = Instant::now() + ENDS;
        while matches!(self.process.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        self.give_up();
    }
}
