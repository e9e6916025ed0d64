//! An input that a target did not survive.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use anyhow::{Context, Result};

use crate::worker::PANICKED;

/// The most of what a process said that is looked at, bytes.
const TAIL: usize = 4096;

/// Before the place in the product that a panic in a library comes from.
const CALLED_BY: &str = " called by ";

/// What the input did, in words by which one defect is told from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause(pub String);

impl Cause {
    /// An input that took longer than the limit; a process that has told of a panic by then was still looking up where
    /// that came from.
    pub fn of_timeout(said: &str) -> Self {
        match said.find("panicked at ") {
            Some(panic) => Self(said[panic..].lines().map(str::trim).collect::<Vec<_>>().join(" ")),
            None => Self("hangs".into()),
        }
    }

    /// What a process died of, by its exit and the last that it said on standard error.
    pub fn of_exit(status: ExitStatus, said: &str) -> Self {
        let begin = said.len().saturating_sub(TAIL);
        let tail = &said[said.ceil_char_boundary(begin)..];
        let lines: Vec<&str> = tail.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        if status.code() == Some(PANICKED.into()) {
            let panic = lines.iter().rposition(|line| line.starts_with("panicked at ")).unwrap_or(0);
            return Self(lines.get(panic..).unwrap_or_default().join(" "));
        }
        // A process that aborts says why; what a thread or an allocation is numbered is chance.
        let is_why =
            |line: &&&str| line.starts_with("memory allocation of") || line.contains("overflowed its stack");
        let why = lines.iter().find(is_why).or(lines.last());
        let why = why.map(|line| line.replace(|c: char| c.is_ascii_digit(), "")).unwrap_or_default();
        match status.signal() {
            Some(signal) => Self(format!("signal {signal} {why}").trim_end().to_owned()),
            None => Self(format!("exit {} {why}", status.code().unwrap_or_default()).trim_end().to_owned()),
        }
    }

    /// The parts by which two causes are one defect: where it panics and what of the product called that, not with what
    /// numbers.
    fn places(&self) -> (&str, &str) {
        let Some(rest) = self.0.strip_prefix("panicked at ") else { return (&self.0, "") };
        let place = rest.split(": ").next().unwrap_or(rest);
        (place, rest.rsplit_once(CALLED_BY).map_or("", |(_, frame)| frame))
    }

    /// Whether two inputs show the same defect.
    pub fn is_same(&self, other: &Self) -> bool {
        self.places() == other.places()
    }
}

/// A defect, with the first input that showed it.
#[derive(Debug)]
pub struct Finding {
    pub cause: Cause,
    /// The input's file.
    pub path: PathBuf,
    /// Inputs that showed it.
    pub count: u64,
}

impl Finding {
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
    fn a_defect_is_known_by_its_place() {
        let panicked = ExitStatus::from_raw(i32::from(PANICKED) << 8);
        let of = |said: &str| Cause::of_exit(panicked, said);
        let first = of("noise\npanicked at src/a.rs:3:7:\nindex 9 of 4\n");
        assert_eq!(first.0, "panicked at src/a.rs:3:7: index 9 of 4");
        assert!(first.is_same(&of("panicked at src/a.rs:3:7:\nindex 1 of 0")));
        assert!(!first.is_same(&of("panicked at src/a.rs:4:7:\nindex 9 of 4")));
        let called = |by: &str| of(&format!("panicked at src/a.rs:3:7:\nindex 9 of 4\ncalled by ./src/{by}"));
        assert!(
            called("b.rs:1:2").is_same(&called("b.rs:1:2"))
                && !called("b.rs:1:2").is_same(&called("b.rs:8:2"))
        );
        let aborted = |said: &str| Cause::of_exit(ExitStatus::from_raw(6), said);
        assert!(
            aborted("memory allocation of 12 bytes failed")
                .is_same(&aborted("memory allocation of 7 bytes failed"))
        );
        assert!(
            !aborted("memory allocation of 12 bytes failed").is_same(&aborted("has overflowed its stack"))
        );
        assert!(!Cause::of_timeout("").is_same(&first));
        assert!(Cause::of_timeout("panicked at src/a.rs:3:7:\nindex 2 of 1").is_same(&first));
    }
}
