//! The first minutes of a new bundle, in which a crash goes back to the one before.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Power cuts that a bundle may have had nothing to do with.
const POWER_CUTS: u32 = 1;

/// How a new bundle has done since it was put into use. StoredBundle beside the file that says which bundle that is, until the
/// daemon has worked with it for long enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probation {
    /// The bundle's.
    pub version: u64,
    /// When it was put into use.
    pub since: Timestamp,
    /// Runs of the daemon that began with it.
    starts: u32,
    /// The boot of the machine in which the daemon began a run that has not ended in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    running: Option<String>,
    /// Runs that ended with the machine, without being stopped.
    power_cuts: u32,
}

/// Whether a bundle on probation is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    Good,
    /// It is given up, for this reason.
    Failed(String),
}

impl Probation {
    /// Begins now.
    pub fn new(version: u64) -> Self {
        Self { version, since: Timestamp::now(), starts: 0, running: None, power_cuts: 0 }
    }

    /// A run begins. One before it that did not end in order was a crash, if the machine is still the same boot: one is
    /// enough. In another boot the machine itself went down, for which there are many reasons: the second time is enough.
    pub fn start(&mut self, boot: &str) -> Standing {
        match self.running.take() {
            Some(before) if before == boot => {
                return Standing::Failed("the daemon crashed with it".to_owned());
            }
            Some(_) => self.power_cuts += 1,
            None => {}
        }
        if self.power_cuts > POWER_CUTS {
            let times = self.power_cuts;
            return Standing::Failed(format!(
                "the machine went down {times} times while the daemon ran with it"
            ));
        }
        self.resume(boot);
        Standing::Good
    }

    /// The daemon that runs goes on with this bundle.
    pub fn resume(&mut self, boot: &str) {
        self.starts += 1;
        self.running = Some(boot.to_owned());
    }

    /// The run ends in order.
    pub fn stop(&mut self) {
        self.running = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_is_no_crash() {
        let mut probation = Probation::new(7);
        for _ in 0..5 {
            assert_eq!(probation.start("monday"), Standing::Good);
            probation.stop();
        }
        assert_eq!((probation.starts, probation.power_cuts), (5, 0));
    }

    #[test]
    fn one_crash_is_enough() {
        let mut probation = Probation::new(7);
        assert_eq!(probation.start("monday"), Standing::Good);
        assert!(matches!(probation.start("monday"), Standing::Failed(why) if why.contains("crashed")));
    }

    #[test]
    fn a_power_cut_counts_once_it_is_repeated() {
        let mut probation = Probation::new(7);
        assert_eq!(probation.start("monday"), Standing::Good);
        assert_eq!(probation.start("tuesday"), Standing::Good);
        probation.stop();
        assert_eq!(probation.start("wednesday"), Standing::Good);
        assert!(matches!(probation.start("thursday"), Standing::Failed(why) if why.contains("2 times")));
        // A crash after one power cut is a crash.
        let mut probation = Probation::new(7);
        probation.start("monday");
        probation.start("tuesday");
        assert!(matches!(probation.start("tuesday"), Standing::Failed(_)));
    }
}
