//! The probation of a newly activated bundle: a crash in its first minutes returns to the previous bundle.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Power cuts during the probation that are not blamed on the bundle.
const MAX_POWER_CUTS: u32 = 1;

/// The record of a bundle on probation. It is stored beside the state of the store until the daemon has worked with the
/// bundle for long enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probation {
    /// Version of the bundle.
    pub version: u64,
    /// Time of its activation.
    pub since: Timestamp,
    /// Number of times that the daemon started with it.
    starts: u32,
    /// Boot id of the host when the daemon started its current run; `None` after a clean stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    running: Option<String>,
    /// Runs that ended without a clean stop because the host restarted.
    power_cuts: u32,
}

/// The result of the check at the start of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbationStatus {
    /// The bundle is used.
    Good,
    /// The bundle failed, for this reason; the previous one is used again.
    Failed(String),
}

impl Probation {
    /// Starts the probation of a bundle now.
    pub fn new(version: u64) -> Self {
        Self { version, since: Timestamp::now(), starts: 0, running: None, power_cuts: 0 }
    }

    /// Records the start of a run of the daemon; `boot` is the boot id of the host. If the previous run had no clean stop
    /// in the same boot, it crashed, and the bundle failed. If the host restarted since, that is counted as a power cut:
    /// the bundle fails at the second one.
    pub fn start(&mut self, boot: &str) -> ProbationStatus {
        match self.running.take() {
            Some(previous) if previous == boot => {
                return ProbationStatus::Failed("the daemon crashed with it".to_owned());
            }
            Some(_) => self.power_cuts += 1,
            None => {}
        }
        if self.power_cuts > MAX_POWER_CUTS {
            let times = self.power_cuts;
            return ProbationStatus::Failed(format!(
                "the host went down {times} times while the daemon ran with it"
            ));
        }
        self.resume(boot);
        ProbationStatus::Good
    }

    /// Records that a running daemon uses the bundle from now on.
    pub fn resume(&mut self, boot: &str) {
        self.starts += 1;
        self.running = Some(boot.to_owned());
    }

    /// Records a clean stop of the run.
    pub fn stop(&mut self) {
        self.running = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_stops_do_not_fail_the_bundle() {
        let mut probation = Probation::new(7);
        for _ in 0..5 {
            assert_eq!(probation.start("monday"), ProbationStatus::Good);
            probation.stop();
        }
        assert_eq!((probation.starts, probation.power_cuts), (5, 0));
    }

    #[test]
    fn one_crash_fails_the_bundle() {
        let mut probation = Probation::new(7);
        assert_eq!(probation.start("monday"), ProbationStatus::Good);
        assert!(matches!(probation.start("monday"), ProbationStatus::Failed(why) if why.contains("crashed")));
    }

    #[test]
    fn the_second_power_cut_fails_the_bundle() {
        let mut probation = Probation::new(7);
        assert_eq!(probation.start("monday"), ProbationStatus::Good);
        assert_eq!(probation.start("tuesday"), ProbationStatus::Good);
        probation.stop();
        assert_eq!(probation.start("wednesday"), ProbationStatus::Good);
        assert!(
            matches!(probation.start("thursday"), ProbationStatus::Failed(why) if why.contains("2 times"))
        );
        // A crash after a power cut fails the bundle, too.
        let mut probation = Probation::new(7);
        probation.start("monday");
        probation.start("tuesday");
        assert!(matches!(probation.start("tuesday"), ProbationStatus::Failed(_)));
    }
}
