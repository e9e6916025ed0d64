//! Asks systemd-timedated over the system bus whether the clock is synchronized.
//!
//! systemd-timedated reads the same value of the kernel as `ostiary_core::clock::is_synchronized`, which the service's unit
//! forbids (`ProtectClock=`). The program uses `busctl`, which is in the same package as systemd-timedated.

use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long the answer may take. The bus starts systemd-timedated for the first question, which takes seconds on a busy
/// board.
pub const LIMIT: Duration = Duration::from_secs(10);
/// How often `busctl` is checked for its end.
const POLL: Duration = Duration::from_millis(10);
/// The longest output that is read, bytes. An answer has 8.
const OUTPUT: u64 = 4096;

/// Why systemd-timedated gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum TimedatedError {
    #[error("busctl, which asks systemd-timedated, cannot run: {0}")]
    Busctl(#[from] io::Error),
    #[error("systemd-timedated did not answer within {} s", LIMIT.as_secs())]
    TimedOut,
    /// The bus refused the question; what `busctl` printed.
    #[error("systemd-timedated cannot be asked: {0}")]
    Refused(String),
    #[error("systemd-timedated answered {0:?}, which is neither true nor false")]
    Answer(String),
}

/// Whether systemd-timedated says that the clock is synchronized (`NTPSynchronized`). Waits at most [`LIMIT`].
///
/// # Errors
/// There is no `busctl`, no bus, no systemd-timedated, no answer in time, or one that is not a boolean.
pub fn is_synchronized() -> Result<bool, TimedatedError> {
    let mut busctl = Command::new("busctl");
    busctl.args(["--system", "get-property", "org.freedesktop.timedate1", "/org/freedesktop/timedate1"]);
    busctl.args(["org.freedesktop.timedate1", "NTPSynchronized"]);
    let mut child = busctl.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let has_ended = wait(&mut child);
    if !matches!(has_ended, Ok(true)) {
        // It may have ended meanwhile; then there is nothing to kill.
        let _ = child.kill();
        let _ = child.wait();
    }
    if !has_ended? {
        return Err(TimedatedError::TimedOut);
    }
    let answer = read(child.stdout.take())?;
    match (child.wait()?.success(), answer.trim_end()) {
        // The signature of a boolean, and its value.
        (true, "b true") => Ok(true),
        (true, "b false") => Ok(false),
        (true, other) => Err(TimedatedError::Answer(other.to_owned())),
        (false, _) => Err(TimedatedError::Refused(read(child.stderr.take())?.trim_end().to_owned())),
    }
}

/// Whether the child ends in time.
fn wait(child: &mut Child) -> io::Result<bool> {
    let begun = Instant::now();
    while child.try_wait()?.is_none() {
        if begun.elapsed() > LIMIT {
            return Ok(false);
        }
        thread::sleep(POLL);
    }
    Ok(true)
}

/// What a child that has ended left in its pipe.
fn read(pipe: Option<impl Read>) -> io::Result<String> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(OUTPUT).read_to_end(&mut bytes)?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
