//! The kernel's order of processes to kill when memory has run out: the daemon, whose memory can grow, before the relay guard,
//! which is never killed.
//!
//! The service starts with `OOMScoreAdjust=-1000`, which an unprivileged process cannot set, and which its children inherit;
//! `docs/design/relay.md` gives the reasons.

use std::path::Path;
use std::{fs, io};

/// The kernel's badness adjustment of this process, from -1000 (never killed) to 1000.
const OOM_SCORE_PATH: &str = "/proc/self/oom_score_adj";
const UNKILLABLE: &str = "-1000";
/// The daemon is killed after most programs of a board, and before the guard.
const DAEMON_SCORE: &str = "-250";

/// Allows the kernel to kill this process, if it does not yet. The caller does this after the start of the guard, so that the
/// guard stays unkillable.
///
/// # Errors
/// The file cannot be read or written. A daemon with unlimited memory use could then stop the board.
pub fn allow_oom_kill() -> io::Result<()> {
    allow_oom_kill_in(Path::new(OOM_SCORE_PATH))
}

fn allow_oom_kill_in(score: &Path) -> io::Result<()> {
    match fs::read_to_string(score)?.trim() {
        UNKILLABLE => fs::write(score, DAEMON_SCORE),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unkillable_process_gets_a_new_score() {
        let folder = tempfile::tempdir().unwrap();
        let score = folder.path().join("oom_score_adj");
        for (before, after) in [("-1000\n", DAEMON_SCORE), ("0\n", "0\n"), ("300\n", "300\n")] {
            fs::write(&score, before).unwrap();
            allow_oom_kill_in(&score).unwrap();
            assert_eq!(fs::read_to_string(&score).unwrap(), after);
        }
    }
}
