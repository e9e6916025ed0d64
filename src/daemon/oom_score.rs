//! Whom the kernel ends when memory has run out: the daemon, which grows, and never the relay's guard.
//!
//! The service starts out of the kernel's reach (`OOMScoreAdjust=-1000`), where a process may not put itself, and its
//! children stay there; `docs/design/relay.md` says why.

use std::path::Path;
use std::{fs, io};

/// How willingly the kernel ends this process: from -1000, never, to 1000.
const SCORE: &str = "/proc/self/oom_score_adj";
const NEVER: &str = "-1000";
/// Later than most programs of a board, and before the guard.
const BEFORE_THE_GUARD: &str = "-250";

/// Puts this process within the kernel's reach, where it is not. To be called once the guard stands, or where there is none.
///
/// # Errors
/// It cannot be read or written: a daemon that grows without end would then stop the board.
pub fn allow_oom_kill() -> io::Result<()> {
    allow_oom_kill_by(Path::new(SCORE))
}

fn allow_oom_kill_by(score: &Path) -> io::Result<()> {
    match fs::read_to_string(score)?.trim() {
        NEVER => fs::write(score, BEFORE_THE_GUARD),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_is_out_of_reach_comes_within_it() {
        let folder = tempfile::tempdir().unwrap();
        let score = folder.path().join("oom_score_adj");
        for (before, after) in [("-1000\n", BEFORE_THE_GUARD), ("0\n", "0\n"), ("300\n", "300\n")] {
            fs::write(&score, before).unwrap();
            allow_oom_kill_by(&score).unwrap();
            assert_eq!(fs::read_to_string(&score).unwrap(), after);
        }
    }
}
