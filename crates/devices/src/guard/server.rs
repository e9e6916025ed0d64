//! The guard's own process: holds the line, and puts it to rest when it is told to, when the time is up, or when
//! the daemon is gone.

use std::io::{ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use ostiary_config as config;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::setsid;
use rustix::thread::set_name;
use signal_hook::consts::{SIGABRT, SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use super::protocol::{REQUEST, Request, answer};
use crate::{GpioError, OutputLine, open_relay};

/// Between two attempts to put a line to rest that refused.
const AGAIN: Duration = Duration::from_millis(100);
/// Attempts after the daemon has gone, before the line is left to the kernel and to `ostiary rest`.
const LAST_ATTEMPTS: u32 = 20;

/// Stands guard over the configured line until the daemon's end of the socket is closed.
///
/// A line that cannot be taken is told to the daemon.
///
/// # Errors
/// The line did not go to rest at the end.
pub fn serve_guard(relay: &config::Relay, mut daemon: UnixStream) -> Result<(), GpioError> {
    stand_apart();
    let opened = signals().and_then(|signals| Ok((signals, open_relay(relay)?)));
    match opened {
        Ok((signals, line)) => {
            // What this took is in memory now, and stays there: to rest even where memory has run out. What the
            // limits do not allow is done without.
            let _ = mlockall(MlockAllFlags::CURRENT | MlockAllFlags::ONFAULT);
            // Where nobody hears it, the end of the socket is found next.
            let _ = answer(&mut daemon, Ok(()));
            keep(line, daemon, signals)
        }
        Err(error) => {
            let _ = answer(&mut daemon, Err(&error.to_string()));
            Ok(())
        }
    }
}

/// Keeps a line that is at rest until the daemon's end of the socket is closed, or says what no daemon says.
/// Something to read on `signals` is a signal that asks for the end.
///
/// # Errors
/// The line did not go to rest at the end.
pub fn keep(line: Box<dyn OutputLine>, daemon: UnixStream, signals: UnixStream) -> Result<(), GpioError> {
    GuardServer { line, daemon, signals, due: None, dismissed: false, said: [0; REQUEST], heard: 0 }.keep()
}

/// What ends the daemon by its terminal or its name does not end the guard, which ends after it. Neither can
/// fail where the daemon started us; where they do, the guard is there all the same.
fn stand_apart() {
    let _ = setsid();
    let _ = set_name(c"relay-guard");
}

/// A socket that can be read once a signal has come.
fn signals() -> Result<UnixStream, GpioError> {
    let piped = || {
        let (ours, theirs) = UnixStream::pair()?;
        for signal in [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGABRT] {
            signal_hook::low_level::pipe::register(signal, theirs.try_clone()?)?;
        }
        Ok(ours)
    };
    piped().map_err(GpioError::GuardStart)
}

/// The guard at its post.
struct GuardServer {
    line: Box<dyn OutputLine>,
    daemon: UnixStream,
    signals: UnixStream,
    /// When the line goes to rest, whatever the daemon says or does not; `None` where it is at rest.
    due: Option<Instant>,
    /// A signal has asked for the end: the line stays at rest.
    dismissed: bool,
    /// The request that is being heard.
    said: [u8; REQUEST],
    heard: usize,
}

impl GuardServer {
    /// Nothing here allocates while all is well, so that it works where memory has run out.
    fn keep(mut self) -> Result<(), GpioError> {
        loop {
            let now = Instant::now();
            if self.due.is_some_and(|due| now >= due) {
                let _ = self.rest();
            }
            // A time too long to say would be a wait without end; it is looked at again after a while instead.
            let left = self.due.map(|due| due.saturating_duration_since(now));
            let left =
                left.map(|left| Timespec::try_from(left).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 }));
            let mut fds =
                [PollFd::new(&self.daemon, PollFlags::IN), PollFd::new(&self.signals, PollFlags::IN)];
            if poll(&mut fds, left.as_ref()).is_err() {
                // Interrupted by a signal, or without memory in the kernel: look again, at the time above all.
                continue;
            }
            let [spoken, signaled] = fds.map(|fd| !fd.revents().is_empty());
            if signaled && !self.dismissed {
                self.dismissed = true;
                let _ = self.rest();
            }
            if signaled {
                let _ = self.signals.read(&mut [0; 64]);
            }
            if spoken && !self.listen() {
                return self.end();
            }
        }
    }

    /// Hears the daemon, and does what it asks; false where it is gone or talks nonsense.
    fn listen(&mut self) -> bool {
        match self.daemon.read(&mut self.said[self.heard..]) {
            Ok(0) => return false,
            Ok(count) => self.heard += count,
            Err(error) => return error.kind() == ErrorKind::Interrupted,
        }
        if self.heard < REQUEST {
            return true;
        }
        self.heard = 0;
        let done = match Request::decode(self.said) {
            Some(Request::On { .. }) if self.dismissed => Err(GpioError::GuardDismissed),
            Some(Request::On { at_most }) => {
                // First the time, then the line: it is never on without an end. A time that no clock can count
                // is none.
                self.due = Some(Instant::now().checked_add(at_most).unwrap_or_else(Instant::now));
                self.line.set(true)
            }
            Some(Request::Off) => self.rest(),
            None => return false,
        };
        let told = match done {
            Ok(()) => answer(&mut self.daemon, Ok(())),
            Err(error) => answer(&mut self.daemon, Err(&error.to_string())),
        };
        told.is_ok()
    }

    /// Puts the line to rest, or says why not and tries again soon.
    fn rest(&mut self) -> Result<(), GpioError> {
        let rested = self.line.set(false);
        self.due = rested.is_err().then(|| Instant::now() + AGAIN);
        rested
    }

    /// The daemon is gone.
    fn end(mut self) -> Result<(), GpioError> {
        for _ in 1..LAST_ATTEMPTS {
            if self.rest().is_ok() {
                return Ok(());
            }
            std::thread::sleep(AGAIN);
        }
        self.rest()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::thread::{self, JoinHandle};

    use super::super::protocol::read_answer;
    use super::*;
    use crate::recorder::Recorder;

    /// Far longer than anything here takes.
    const LONG: Duration = Duration::from_secs(600);

    /// A guard in a thread, with the daemon's end of the socket and the one that signals come through.
    struct Watched {
        line: Recorder,
        daemon: UnixStream,
        signal: UnixStream,
        post: JoinHandle<Result<(), GpioError>>,
    }

    fn guard_of(line: Box<dyn OutputLine>, seen: Recorder) -> Watched {
        let (daemon, theirs) = UnixStream::pair().unwrap();
        let (signals, signal) = UnixStream::pair().unwrap();
        Watched { line: seen, daemon, signal, post: thread::spawn(|| keep(line, theirs, signals)) }
    }

    fn guard() -> Watched {
        let line = Recorder::default();
        guard_of(Box::new(line.clone()), line)
    }

    impl Watched {
        fn ask(&mut self, request: Request) -> Result<(), String> {
            self.daemon.write_all(&request.encode()).unwrap();
            read_answer(&mut self.daemon).unwrap()
        }

        fn wait_for(&self, levels: &[bool]) {
            while self.line.seen() != levels {
                thread::sleep(Duration::from_millis(1));
            }
        }

        /// The daemon dies.
        fn die(self) -> Vec<bool> {
            drop(self.daemon);
            self.post.join().unwrap().unwrap();
            self.line.seen()
        }
    }

    #[test]
    fn it_does_as_it_is_told() {
        let mut guard = guard();
        guard.ask(Request::On { at_most: LONG }).unwrap();
        assert_eq!(guard.line.seen(), [true]);
        guard.ask(Request::Off).unwrap();
        assert_eq!(guard.die(), [true, false, false]);
    }

    #[test]
    fn a_daemon_that_goes_leaves_the_line_at_rest() {
        let mut guard = guard();
        guard.ask(Request::On { at_most: LONG }).unwrap();
        assert_eq!(guard.die(), [true, false]);
    }

    #[test]
    fn a_daemon_that_is_silent_does_not_hold_the_line() {
        let mut guard = guard();
        guard.ask(Request::On { at_most: Duration::from_millis(20) }).unwrap();
        guard.wait_for(&[true, false]);
        guard.ask(Request::Off).unwrap();
    }

    #[test]
    fn a_second_on_begins_the_time_anew() {
        let mut guard = guard();
        guard.ask(Request::On { at_most: Duration::from_millis(50) }).unwrap();
        guard.ask(Request::On { at_most: LONG }).unwrap();
        thread::sleep(Duration::from_millis(100));
        assert_eq!(guard.line.seen(), [true, true]);
        guard.ask(Request::On { at_most: Duration::ZERO }).unwrap();
        guard.wait_for(&[true, true, true, false]);
    }

    #[test]
    fn nonsense_and_half_a_request_are_the_end_of_it() {
        for said in [&b"1"[..], b"open!", b"0xxxx"] {
            let mut guard = guard();
            guard.ask(Request::On { at_most: LONG }).unwrap();
            guard.daemon.write_all(said).unwrap();
            assert_eq!(guard.die(), [true, false], "{said:?}");
        }
    }

    #[test]
    fn a_request_may_come_in_pieces() {
        let mut guard = guard();
        for byte in (Request::On { at_most: LONG }).encode() {
            guard.daemon.write_all(&[byte]).unwrap();
        }
        assert_eq!(read_answer(&mut guard.daemon).unwrap(), Ok(()));
        assert_eq!(guard.die(), [true, false]);
    }

    #[test]
    fn after_a_signal_the_line_stays_at_rest_and_the_daemon_may_still_say_off() {
        let mut guard = guard();
        guard.ask(Request::On { at_most: LONG }).unwrap();
        guard.signal.write_all(b"X").unwrap();
        guard.wait_for(&[true, false]);
        guard.ask(Request::Off).unwrap();
        assert!(guard.ask(Request::On { at_most: LONG }).unwrap_err().contains("asked to end"));
        guard.signal.write_all(b"X").unwrap();
        assert_eq!(guard.die(), [true, false, false, false]);
    }

    /// A line that refuses to rest so often.
    struct Stuck(Recorder, u32);

    impl OutputLine for Stuck {
        fn set(&mut self, on: bool) -> Result<(), GpioError> {
            if !on && self.1 > 0 {
                self.1 -= 1;
                return Err(GpioError::Print { what: "relay", why: std::io::Error::other("stuck") });
            }
            self.0.set(on)
        }
    }

    #[test]
    fn a_line_that_does_not_rest_is_told_and_tried_again() {
        let line = Recorder::default();
        let mut guard = guard_of(Box::new(Stuck(line.clone(), 3)), line);
        guard.ask(Request::On { at_most: LONG }).unwrap();
        assert!(guard.ask(Request::Off).unwrap_err().contains("stuck"));
        guard.wait_for(&[true, false]);
        assert_eq!(guard.die(), [true, false, false]);

        let line = Recorder::default();
        let mut guard = guard_of(Box::new(Stuck(line.clone(), 3)), line);
        guard.ask(Request::On { at_most: LONG }).unwrap();
        assert_eq!(guard.die(), [true, false], "after the daemon's end too");
    }
}
