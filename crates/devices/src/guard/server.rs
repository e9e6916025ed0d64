//! The process of the relay guard: has the line, and puts it to rest on request, at the end of the pulse, or when the daemon
//! has ended.

use std::io::{ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use ostiary_config as config;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::setsid;
use rustix::thread::set_name;
use signal_hook::consts::{SIGABRT, SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use super::protocol::{REQUEST_SIZE, Request, write_answer};
use crate::{GpioError, OutputLine, open_relay};

/// The time between two attempts to put the line to rest.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);
/// Number of attempts after the daemon has ended. After that the kernel releases the line, and `ostiary rest` tries again.
const MAX_FINAL_ATTEMPTS: u32 = 20;
/// The longest wait for a request. It applies if the end of the pulse is too far away for the kernel's time type.
const MAX_WAIT: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Requests the configured line and runs the guard until the daemon closes its end of the socket.
///
/// If the line cannot be requested, the guard sends the reason to the daemon and ends.
///
/// # Errors
/// The line could not be put to rest at the end.
pub fn serve_guard(relay: &config::Relay, mut daemon: UnixStream) -> Result<(), GpioError> {
    detach();
    let opened = signal_pipe().and_then(|signals| Ok((signals, open_relay(relay)?)));
    match opened {
        Ok((signals, line)) => {
            // Keeps all pages in memory, so that the line can be put to rest when memory has run out. If the limits of
            // the process do not allow it, the guard runs without.
            let _ = mlockall(MlockAllFlags::CURRENT | MlockAllFlags::ONFAULT);
            // If the daemon has ended, the loop finds the end of the socket.
            let _ = write_answer(&mut daemon, Ok(()));
            serve(line, daemon, signals)
        }
        Err(error) => {
            let _ = write_answer(&mut daemon, Err(&error.to_string()));
            Ok(())
        }
    }
}

/// Runs the guard on a line at rest until the daemon closes its end of the socket or sends bytes that are no request.
/// Bytes on `signals` are a signal to end.
///
/// # Errors
/// The line could not be put to rest at the end.
pub fn serve(line: Box<dyn OutputLine>, daemon: UnixStream, signals: UnixStream) -> Result<(), GpioError> {
    GuardServer {
        line,
        daemon,
        signals,
        off_at: None,
        dismissed: false,
        request: [0; REQUEST_SIZE],
        received: 0,
    }
    .main_loop()
}

/// Starts a session and sets the name of the process, so that a signal to the daemon's terminal or name does not end the
/// guard. The guard ends after the daemon. It also runs if one of the calls fails.
fn detach() {
    let _ = setsid();
    let _ = set_name(c"relay-guard");
}

/// A socket that becomes readable when a signal to end arrives.
fn signal_pipe() -> Result<UnixStream, GpioError> {
    let register = || {
        let (reader, writer) = UnixStream::pair()?;
        for signal in [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGABRT] {
            signal_hook::low_level::pipe::register(signal, writer.try_clone()?)?;
        }
        Ok(reader)
    };
    register().map_err(GpioError::GuardStart)
}

struct GuardServer {
    line: Box<dyn OutputLine>,
    daemon: UnixStream,
    signals: UnixStream,
    /// When the guard puts the line to rest without a request; `None` if it is at rest.
    off_at: Option<Instant>,
    /// Whether a signal to end has arrived. The line then stays at rest.
    dismissed: bool,
    /// The bytes of the current request, and how many of them have arrived.
    request: [u8; REQUEST_SIZE],
    received: usize,
}

impl GuardServer {
    /// Allocates nothing without an error, so that it works when memory has run out.
    fn main_loop(mut self) -> Result<(), GpioError> {
        loop {
            let now = Instant::now();
            if self.off_at.is_some_and(|off_at| now >= off_at) {
                let _ = self.rest();
            }
            let wait = self
                .off_at
                .map(|off_at| Timespec::try_from(off_at.saturating_duration_since(now)).unwrap_or(MAX_WAIT));
            let mut fds =
                [PollFd::new(&self.daemon, PollFlags::IN), PollFd::new(&self.signals, PollFlags::IN)];
            if poll(&mut fds, wait.as_ref()).is_err() {
                // A signal interrupted the call, or the kernel has no memory. The time is checked first.
                continue;
            }
            let [has_request, has_signal] = fds.map(|fd| !fd.revents().is_empty());
            if has_signal && !self.dismissed {
                self.dismissed = true;
                let _ = self.rest();
            }
            if has_signal {
                let _ = self.signals.read(&mut [0; 64]);
            }
            if has_request && !self.handle_request() {
                return self.end();
            }
        }
    }

    /// Reads from the daemon, and does a complete request. Returns false if the daemon has ended or sent no request.
    fn handle_request(&mut self) -> bool {
        let (_, free) = self.request.split_at_mut(self.received);
        match self.daemon.read(free) {
            Ok(0) => return false,
            Ok(count) => self.received += count,
            Err(error) => return error.kind() == ErrorKind::Interrupted,
        }
        if self.received < REQUEST_SIZE {
            return true;
        }
        self.received = 0;
        let result = match Request::decode(self.request) {
            Some(Request::On { .. }) if self.dismissed => Err(GpioError::GuardDismissed),
            Some(Request::On { at_most }) => {
                // The time is set before the line, so that the line is never on without an end. A time that the clock
                // cannot represent is zero.
                self.off_at = Some(Instant::now().checked_add(at_most).unwrap_or_else(Instant::now));
                self.line.set(true)
            }
            Some(Request::Off) => self.rest(),
            None => return false,
        };
        let answered = match result {
            Ok(()) => write_answer(&mut self.daemon, Ok(())),
            Err(error) => write_answer(&mut self.daemon, Err(&error.to_string())),
        };
        answered.is_ok()
    }

    /// Puts the line to rest. After an error the main loop tries again.
    fn rest(&mut self) -> Result<(), GpioError> {
        let result = self.line.set(false);
        self.off_at = result.is_err().then(|| Instant::now() + RETRY_INTERVAL);
        result
    }

    /// Puts the line to rest after the daemon has ended.
    fn end(mut self) -> Result<(), GpioError> {
        for _ in 1..MAX_FINAL_ATTEMPTS {
            if self.rest().is_ok() {
                return Ok(());
            }
            std::thread::sleep(RETRY_INTERVAL);
        }
        self.rest()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::thread::{self, JoinHandle};

    use super::super::protocol::{Refusal, read_answer};
    use super::*;
    use crate::recorded_line::RecordedLine;

    /// Longer than any test.
    const LONG_PULSE: Duration = Duration::from_secs(600);

    /// A guard in a thread, with the daemon's end of its socket and the pipe of its signals.
    struct RunningGuard {
        line: RecordedLine,
        daemon: UnixStream,
        signal: UnixStream,
        thread: JoinHandle<Result<(), GpioError>>,
    }

    fn start_on(line: Box<dyn OutputLine>, recorded: RecordedLine) -> RunningGuard {
        let (daemon, theirs) = UnixStream::pair().unwrap();
        let (signals, signal) = UnixStream::pair().unwrap();
        RunningGuard {
            line: recorded,
            daemon,
            signal,
            thread: thread::spawn(|| serve(line, theirs, signals)),
        }
    }

    fn start() -> RunningGuard {
        let line = RecordedLine::default();
        start_on(Box::new(line.clone()), line)
    }

    impl RunningGuard {
        fn send(&mut self, request: Request) -> Result<(), Refusal> {
            self.daemon.write_all(&request.encode()).unwrap();
            read_answer(&mut self.daemon).unwrap()
        }

        fn wait_for(&self, levels: &[bool]) {
            while self.line.levels() != levels {
                thread::sleep(Duration::from_millis(1));
            }
        }

        /// Ends the daemon's side, and returns all levels of the line.
        fn end_daemon(self) -> Vec<bool> {
            drop(self.daemon);
            self.thread.join().unwrap().unwrap();
            self.line.levels()
        }
    }

    #[test]
    fn requests_switch_the_line() {
        let mut guard = start();
        guard.send(Request::On { at_most: LONG_PULSE }).unwrap();
        assert_eq!(guard.line.levels(), [true]);
        guard.send(Request::Off).unwrap();
        assert_eq!(guard.end_daemon(), [true, false, false]);
    }

    #[test]
    fn the_line_is_at_rest_after_the_daemon_ends() {
        let mut guard = start();
        guard.send(Request::On { at_most: LONG_PULSE }).unwrap();
        assert_eq!(guard.end_daemon(), [true, false]);
    }

    #[test]
    fn the_guard_ends_a_pulse_that_the_daemon_does_not_end() {
        let mut guard = start();
        guard.send(Request::On { at_most: Duration::from_millis(20) }).unwrap();
        guard.wait_for(&[true, false]);
        guard.send(Request::Off).unwrap();
    }

    #[test]
    fn a_second_on_replaces_the_end_of_the_pulse() {
        let mut guard = start();
        guard.send(Request::On { at_most: Duration::from_millis(50) }).unwrap();
        guard.send(Request::On { at_most: LONG_PULSE }).unwrap();
        thread::sleep(Duration::from_millis(100));
        assert_eq!(guard.line.levels(), [true, true]);
        guard.send(Request::On { at_most: Duration::ZERO }).unwrap();
        guard.wait_for(&[true, true, true, false]);
    }

    #[test]
    fn invalid_and_incomplete_requests_end_the_guard_at_rest() {
        for bytes in [&b"1"[..], b"open!", b"0xxxx"] {
            let mut guard = start();
            guard.send(Request::On { at_most: LONG_PULSE }).unwrap();
            guard.daemon.write_all(bytes).unwrap();
            assert_eq!(guard.end_daemon(), [true, false], "{bytes:?}");
        }
    }

    #[test]
    fn a_request_can_arrive_byte_by_byte() {
        let mut guard = start();
        for byte in (Request::On { at_most: LONG_PULSE }).encode() {
            guard.daemon.write_all(&[byte]).unwrap();
        }
        assert_eq!(read_answer(&mut guard.daemon).unwrap(), Ok(()));
        assert_eq!(guard.end_daemon(), [true, false]);
    }

    #[test]
    fn after_a_signal_the_line_stays_at_rest_and_off_still_works() {
        let mut guard = start();
        guard.send(Request::On { at_most: LONG_PULSE }).unwrap();
        guard.signal.write_all(b"X").unwrap();
        guard.wait_for(&[true, false]);
        guard.send(Request::Off).unwrap();
        assert!(guard.send(Request::On { at_most: LONG_PULSE }).unwrap_err().0.contains("asked to end"));
        guard.signal.write_all(b"X").unwrap();
        assert_eq!(guard.end_daemon(), [true, false, false, false]);
    }

    /// A line for which `off` fails this many times.
    struct StuckLine(RecordedLine, u32);

    impl OutputLine for StuckLine {
        fn set(&mut self, on: bool) -> Result<(), GpioError> {
            if !on && self.1 > 0 {
                self.1 -= 1;
                return Err(GpioError::Print { what: "relay", why: std::io::Error::other("stuck") });
            }
            self.0.set(on)
        }
    }

    #[test]
    fn a_failed_off_is_reported_and_repeated() {
        let line = RecordedLine::default();
        let mut guard = start_on(Box::new(StuckLine(line.clone(), 3)), line);
        guard.send(Request::On { at_most: LONG_PULSE }).unwrap();
        assert!(guard.send(Request::Off).unwrap_err().0.contains("stuck"));
        guard.wait_for(&[true, false]);
        assert_eq!(guard.end_daemon(), [true, false, false]);

        let line = RecordedLine::default();
        let mut guard = start_on(Box::new(StuckLine(line.clone(), 3)), line);
        guard.send(Request::On { at_most: LONG_PULSE }).unwrap();
        assert_eq!(guard.end_daemon(), [true, false], "also after the end of the daemon");
    }
}
