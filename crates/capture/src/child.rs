//! Child processes that end with the calling thread, and what they write to standard error.

#![expect(
    unsafe_code,
    reason = "only a hook between fork and exec can tie the child's life to the calling thread, or pass a pipe on"
)]

use std::io::{self, BufRead, ErrorKind, Read};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use ostiary_core::redact;

use super::CaptureError;

/// Size of the pieces in which a line of error output is read, bytes.
const MAX_LINE_SIZE: u64 = 1000;
/// The lines of error output of one child that are logged.
const MAX_LOGGED_LINES: u32 = 50;
/// The time limit of a program that only reads the head of a file, or lists cameras.
const RUN_TIMEOUT: Duration = Duration::from_secs(15);

/// A program that runs as a child process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    /// The name of the executable, which is searched in `PATH`.
    pub name: &'static str,
    /// How to install it: "run `apt install ffmpeg`".
    pub install: &'static str,
    /// The argument with which it writes its version and ends.
    pub version_option: &'static str,
}

/// What a program has written, and how it ended.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub text: String,
    /// The last line of its standard error.
    pub message: String,
}

/// A command with piped output and without input. The kernel kills its process when the calling thread ends.
pub fn command(program: Program) -> Command {
    let mut command = Command::new(program.name);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A process group of its own: an interrupt from the terminal reaches this program only, which ends the child.
    command.process_group(0);
    let parent = std::process::id();
    // SAFETY: between fork and exec only async-signal-safe calls are allowed. prctl and getppid are plain system calls, and
    // the closure allocates nothing.
    unsafe {
        command.pre_exec(move || {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
                return Err(io::Error::last_os_error());
            }
            // If the parent ended before that call, no signal will arrive.
            if libc::getppid() as u32 != parent {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
            Ok(())
        });
    }
    command
}

/// Lets the child keep a file open, and returns the file's number in the child. The file must stay open until the child is
/// started.
pub fn keep_open(command: &mut Command, file: BorrowedFd<'_>) -> RawFd {
    let number = file.as_raw_fd();
    // SAFETY: fcntl is a plain system call, and the closure allocates nothing.
    unsafe {
        command.pre_exec(move || {
            if libc::fcntl(number, libc::F_SETFD, 0) == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
        });
    }
    number
}

/// Starts a program. `name` is its input or output, for the error.
///
/// # Errors
/// The program is not installed or cannot be started.
pub fn spawn(command: &mut Command, program: Program, name: &str) -> Result<Child, CaptureError> {
    command.spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            CaptureError::NoProgram { name: name.to_owned(), program: program.name, install: program.install }
        }
        _ => CaptureError::Program { name: name.to_owned(), program: program.name, why: error.to_string() },
    })
}

/// Runs a program to its end.
///
/// # Errors
/// The program is not installed, cannot be run, or does not end within 15 s.
pub fn output_of(command: &mut Command, program: Program, name: &str) -> Result<Output, CaptureError> {
    let mut child = spawn(command, program, name)?;
    let since = Instant::now();
    let failed = |why: String| CaptureError::Program { name: name.to_owned(), program: program.name, why };
    // Both outputs are shorter than the buffer of a pipe, so that the child can end before they are read.
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if since.elapsed() < RUN_TIMEOUT => std::thread::sleep(Duration::from_millis(5)),
            Ok(None) => {
                kill(&mut child);
                return Err(CaptureError::Stalled {
                    name: name.to_owned(),
                    seconds: RUN_TIMEOUT.as_secs_f64(),
                });
            }
            Err(error) => {
                kill(&mut child);
                return Err(failed(error.to_string()));
            }
        }
    };
    let (mut text, mut message) = (Vec::new(), LastLine::default());
    if let Some(mut output) = child.stdout.take() {
        output.read_to_end(&mut text).map_err(|error| failed(error.to_string()))?;
    }
    if let Some(output) = child.stderr.take() {
        message.read(output);
    }
    Ok(Output { status, text: String::from_utf8_lossy(&text).into_owned(), message: message.0 })
}

/// Kills a child with the processes that it has started, and waits for its end, so that no zombie process is left.
pub fn kill(child: &mut Child) {
    if let (Ok(None), Ok(group)) = (child.try_wait(), libc::pid_t::try_from(child.id())) {
        // SAFETY: kill is a plain system call. The child leads a group of its own and was not waited for, so that its number
        // is not that of another process.
        unsafe { libc::kill(-group, libc::SIGKILL) };
    }
    // Both fail only if the child has ended and was waited for before.
    let _ = child.kill();
    let _ = child.wait();
}

/// The last line of a program's output, without credentials.
#[derive(Debug, Default)]
pub struct LastLine(pub String);

/// What a line of a program's error output means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Nothing that a person needs.
    Noise,
    /// A message, which is why the program failed if it is the last one.
    Message(String),
    /// The program must not continue, for this reason.
    Fatal(String),
}

impl Line {
    /// A message without the credentials in addresses.
    pub fn redacted(text: &str) -> Self {
        Self::Message(redact(text))
    }
}

impl LastLine {
    /// Reads the output to its end, and keeps its last line that is not empty.
    pub fn read(&mut self, output: impl Read) {
        self.read_until_fatal(output, Line::redacted);
    }

    /// Reads the output until a line is fatal, which is kept, or else to its end, and keeps its last message. Returns whether a
    /// line was fatal. The first messages are logged.
    pub fn read_until_fatal(&mut self, output: impl Read, judge: impl Fn(&str) -> Line) -> bool {
        let mut lines = io::BufReader::new(output);
        let mut line = Vec::new();
        let mut logged = 0;
        // A line of any length is read in pieces of this size, so that memory is bounded.
        while let Ok(1..) = lines.by_ref().take(MAX_LINE_SIZE).read_until(b'\n', &mut line) {
            let text = String::from_utf8_lossy(&line);
            match judge(text.trim()) {
                Line::Message(message) if !message.is_empty() => {
                    if logged < MAX_LOGGED_LINES {
                        log::debug!("{message}");
                        logged += 1;
                    }
                    self.0 = message;
                }
                Line::Fatal(message) => {
                    self.0 = message;
                    return true;
                }
                Line::Message(_) | Line::Noise => {}
            }
            line.clear();
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_that_is_not_empty_is_kept_without_credentials() {
        let mut line = LastLine::default();
        line.read(b"first\nrtsp://anna:pw@cam/x: refused\n\n".as_slice());
        assert_eq!(line.0, "rtsp://cam/x: refused");
    }

    #[test]
    fn a_fatal_line_ends_the_reading() {
        let judge = |text: &str| match text {
            "noise" => Line::Noise,
            "end" => Line::Fatal("it must end".into()),
            text => Line::Message(text.to_owned()),
        };
        let mut line = LastLine::default();
        assert!(!line.read_until_fatal(b"message\nnoise".as_slice(), judge));
        assert_eq!(line.0, "message");
        assert!(line.read_until_fatal(b"message\nend\nmore".as_slice(), judge));
        assert_eq!(line.0, "it must end");
    }
}
