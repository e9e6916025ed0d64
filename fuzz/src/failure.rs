//! A failure of a target: its cause, and the input that causes it.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use anyhow::{Context, Result};

use crate::worker::PANICKED;

/// How much of the end of a worker's standard error is examined, bytes.
const TAIL: usize = 4096;

/// Precedes the location in the product from which a panicking library was called.
const CALLED_BY: &str = " called by ";

/// The cause of a failure: the panic message and its location, the signal, or `hangs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause(pub String);

impl Cause {
    /// The cause of a timeout, from the worker's standard error. If it contains a panic, the panic is the cause: the worker
    /// was still resolving the backtrace.
    pub fn of_timeout(stderr: &str) -> Self {
        match stderr.find("panicked at ") {
            Some(panic) => Self(stderr[panic..].lines().map(str::trim).collect::<Vec<_>>().join(" ")),
            None => Self("hangs".into()),
        }
    }

    /// The cause of a worker's end, from its exit status and its standard error.
    pub fn of_exit(status: ExitStatus, stderr: &str) -> Self {
        let begin = stderr.len().saturating_sub(TAIL);
        let tail = &stderr[stderr.ceil_char_boundary(begin)..];
        let lines: Vec<&str> = tail.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        if status.code() == Some(PANICKED.into()) {
            let panic = lines.iter().rposition(|line| line.starts_with("panicked at ")).unwrap_or(0);
            return Self(lines.get(panic..).unwrap_or_default().join(" "));
        }
        // An aborting process prints the reason. Digits are removed: thread ids and allocation sizes vary.
        let is_reason =
            |line: &&&str| line.starts_with("memory allocation of") || line.contains("overflowed its stack");
        let reason = lines.iter().find(is_reason).or(lines.last());
        let reason = reason.map(|line| line.replace(|c: char| c.is_ascii_digit(), "")).unwrap_or_default();
        match status.signal() {
            Some(signal) => Self(format!("signal {signal} {reason}").trim_end().to_owned()),
            None => {
                Self(format!("exit {} {reason}", status.code().unwrap_or_default()).trim_end().to_owned())
            }
        }
    }

    /// What identifies a defect: the location of the panic and its caller in the product, without the values in the message.
    fn locations(&self) -> (&str, &str) {
        let Some(rest) = self.0.strip_prefix("panicked at ") else { return (&self.0, "") };
        let location = rest.split(": ").next().unwrap_or(rest);
        (location, rest.rsplit_once(CALLED_BY).map_or("", |(_, frame)| frame))
    }

    /// Whether two causes are the same defect.
    pub fn is_same_defect(&self, other: &Self) -> bool {
        self.locations() == other.locations()
    }
}

/// A failure, with the first input that caused it.
#[derive(Debug)]
pub struct Failure {
    /// The cause.
    pub cause: Cause,
    /// The file with the input.
    pub path: PathBuf,
    /// Number of inputs that caused it.
    pub count: u64,
}

impl Failure {
    /// Writes the input to `FOLDER/TARGET-SEED-NUMBER`.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn save(
        folder: &Path,
        target: &str,
        seed: u64,
        number: u64,
        input: &[u8],
        cause: Cause,
    ) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let path = folder.join(format!("{target}-{seed}-{number}"));
        fs::write(&path, input).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { cause, path, count: 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_compared_by_location() {
        let panicked = ExitStatus::from_raw(i32::from(PANICKED) << 8);
        let of = |stderr: &str| Cause::of_exit(panicked, stderr);
        let first = of("noise\npanicked at src/a.rs:3:7:\nindex 9 of 4\n");
        assert_eq!(first.0, "panicked at src/a.rs:3:7: index 9 of 4");
        assert!(first.is_same_defect(&of("panicked at src/a.rs:3:7:\nindex 1 of 0")));
        assert!(!first.is_same_defect(&of("panicked at src/a.rs:4:7:\nindex 9 of 4")));
        let called = |by: &str| of(&format!("panicked at src/a.rs:3:7:\nindex 9 of 4\ncalled by ./src/{by}"));
        assert!(
            called("b.rs:1:2").is_same_defect(&called("b.rs:1:2"))
                && !called("b.rs:1:2").is_same_defect(&called("b.rs:8:2"))
        );
        let aborted = |stderr: &str| Cause::of_exit(ExitStatus::from_raw(6), stderr);
        assert!(
            aborted("memory allocation of 12 bytes failed")
                .is_same_defect(&aborted("memory allocation of 7 bytes failed"))
        );
        assert!(
            !aborted("memory allocation of 12 bytes failed")
                .is_same_defect(&aborted("has overflowed its stack"))
        );
        assert!(!Cause::of_timeout("").is_same_defect(&first));
        assert!(Cause::of_timeout("panicked at src/a.rs:3:7:\nindex 2 of 1").is_same_defect(&first));
    }
}
