//! Questions to the person at the terminal.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use anyhow::bail;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::cli::output::line;

/// The longest answer, bytes.
const MAX_ANSWER: usize = 4096;

/// Asks on standard output, and reads the answers from standard input, which may be a pipe. Nothing is read ahead, so that others
/// can read standard input after it.
#[derive(Default)]
pub(super) struct Dialog {
    /// The beginning of a line that has not ended yet.
    begun: Vec<u8>,
}

impl Dialog {
    /// Asks a question. An answer without text is the default, which is shown unless it is empty; without a default the question
    /// is asked again.
    pub fn ask(&mut self, question: &str, default: Option<&str>) -> anyhow::Result<String> {
        loop {
            let shown = default.filter(|default| !default.is_empty()).map(|default| format!(" [{default}]"));
            print(&format!("{question}{}: ", shown.unwrap_or_default()))?;
            let answer = self.read(None)?.unwrap_or_default();
            match (answer.trim(), default) {
                ("", Some(default)) => return Ok(default.to_owned()),
                ("", None) => {}
                (answer, _) => return Ok(answer.to_owned()),
            }
        }
    }

    /// Asks for a yes or a no.
    pub fn agrees(&mut self, question: &str, default: bool) -> anyhow::Result<bool> {
        loop {
            print(&format!("{question} [{}] ", if default { "Y/n" } else { "y/N" }))?;
            match self.read(None)?.unwrap_or_default().trim().to_lowercase().as_str() {
                "" => return Ok(default),
                "y" | "yes" => return Ok(true),
                "n" | "no" => return Ok(false),
                _ => line("Please answer y or n.")?,
            }
        }
    }

    /// Asks for something that the terminal does not show.
    pub fn ask_secret(&mut self, question: &str) -> anyhow::Result<String> {
        print(&format!("{question}: "))?;
        let hidden = WithoutEcho::begin();
        let answer = self.read(None);
        if hidden.is_some() {
            // The line break that was not shown.
            line("")?;
        }
        Ok(answer?.unwrap_or_default())
    }

    /// Whether a line is entered within a time.
    pub fn is_entered(&mut self, time: Duration) -> anyhow::Result<bool> {
        Ok(self.read(Some(time))?.is_some())
    }

    /// Reads a line; `None` if none ends within the time.
    fn read(&mut self, time: Option<Duration>) -> anyhow::Result<Option<String>> {
        let stdin = io::stdin();
        let start = Instant::now();
        loop {
            if let Some(time) = time {
                let left = time.saturating_sub(start.elapsed());
                let left = Timespec::try_from(left)?;
                match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&left)) {
                    Ok(0) => return Ok(None),
                    Ok(_) => {}
                    Err(rustix::io::Errno::INTR) => continue,
                    Err(error) => return Err(error.into()),
                }
            }
            let mut byte = [0];
            match rustix::io::read(&stdin, &mut byte) {
                Ok(0) => bail!("the input has ended; what was set before stays"),
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            if byte == *b"\n" {
                let answer = String::from_utf8(std::mem::take(&mut self.begun));
                return Ok(Some(answer.map_err(|_| anyhow::anyhow!("the answer is not UTF-8"))?));
            }
            self.begun.extend(byte);
            if self.begun.len() > MAX_ANSWER {
                bail!("the answer is longer than {MAX_ANSWER} bytes");
            }
        }
    }
}

/// Prints a question, without a line break.
fn print(question: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    write!(stdout, "{question}")?;
    Ok(stdout.flush()?)
}

/// A terminal that does not show what is entered, until this is dropped.
struct WithoutEcho(Termios);

impl WithoutEcho {
    /// `None` if standard input is no terminal.
    fn begin() -> Option<Self> {
        let stdin = io::stdin();
        let before = tcgetattr(&stdin).ok()?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Now, &hidden).ok()?;
        Some(Self(before))
    }
}

impl Drop for WithoutEcho {
    fn drop(&mut self) {
        // There is nobody to tell of an error.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}
