//! The `[door]` section in the units of the decision.

use std::time::Duration;

use ostiary_config::{Door, SecondFace};
use ostiary_core::MatchRule;
use serde::{Deserialize, Serialize};

use super::LivenessRules;

/// By how much a similarity must exceed the threshold while a track has few moments, after it or a track shortly before it was
/// reported as unknown, or after too many attempts at the door.
///
/// The first moments of a visit are the least evidence, and each further moment is a further chance of a stranger. A clear match
/// loses no time: most visits of enrolled people exceed the threshold by several times this.
pub const CLEAR_EXCESS: f32 = 0.05;
/// By how much a similarity must exceed the threshold at one moment less than the number of a clear match.
///
/// Strangers are measured with the same rule by the calibration, so that it has no further cost in FPIR.
pub const EARLY_EXCESS: f32 = 2.0 * CLEAR_EXCESS;
/// How far below a person's threshold the similarity of a denied face may be for the attempt to claim that person.
///
/// In the trials of `docs/design/thresholds.md` strangers reach 0.38 at most where 0.55 is needed. A wider range would pause
/// people because of visitors who have no chance; a narrower one would miss visits of a look-alike that fail by a little. An
/// attempt further below counts for the door only.
pub const CLAIM_RANGE: f32 = 0.2;
/// Least number of moments of an early match: one picture alone is no evidence of a visit.
const MIN_EARLY_MOMENTS: u32 = 2;

/// The rules of the decision.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DecisionRules {
    /// The rule of a match.
    pub matching: MatchRule,
    /// Number of moments of a clear match, at least 1.
    pub moments: u32,
    /// How long a match counts after its moment.
    pub within: Duration,
    /// Number of moments without a match after which a face is unknown, at least 1.
    pub unknown_after: u32,
    /// The time in which the same person is not let in again.
    pub cooldown: Duration,
    /// How long a person must be out of view for a visit to end.
    pub away: Duration,
    /// What a second face in view does.
    pub second_face: SecondFace,
    /// Whether everybody must be a clear match.
    pub is_clear_match_required: bool,
    /// How a face must be shown to be a person's.
    #[serde(default)]
    pub liveness: LivenessRules,
}

impl DecisionRules {
    /// The rules of a configuration.
    pub fn new(door: &Door, liveness: LivenessRules) -> Self {
        Self {
            matching: MatchRule { margin: door.margin },
            moments: door.moments(),
            within: door.window(),
            unknown_after: door.unknown_after.max(1),
            // A number that is not a time span becomes the value that grants less.
            cooldown: Duration::try_from_secs_f64(door.cooldown_s).unwrap_or(Duration::MAX),
            away: Duration::try_from_secs_f64(door.away_s).unwrap_or(Duration::MAX),
            second_face: door.second_face,
            is_clear_match_required: false,
            liveness,
        }
    }

    /// By how much the similarity of a track with this number of moments must exceed the threshold; `None` if they are too
    /// few for a decision.
    pub(super) fn excess(&self, moments: u32, was_unknown: bool) -> Option<f32> {
        let is_clear_match_required = was_unknown || self.is_clear_match_required;
        if moments < self.moments {
            let is_early = moments >= MIN_EARLY_MOMENTS && moments + 1 == self.moments;
            (is_early && !is_clear_match_required).then_some(EARLY_EXCESS)
        } else if moments < 2 * self.moments || is_clear_match_required {
            Some(CLEAR_EXCESS)
        } else {
            Some(0.0)
        }
    }
}
