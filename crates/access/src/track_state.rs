//! The decision about one track, moment after moment. It is a function of the moments and the rules alone, so that a recorded
//! decision can be made again.

use ostiary_core::{PersonId, Verdict};
use serde::{Deserialize, Serialize};

use super::liveness::{LivenessLayer, LivenessVerdict};
use super::rules::DecisionRules;
use super::step::{FrameCounts, Step};
use super::{Access, DenialReason, Outcome, Outcomes};

/// A track that ends after this many frames or fewer gets no denial: the person only passed by.
const MAX_PASSING_FRAMES: u32 = 2;

/// What earlier moments of a track mean for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TrackState {
    /// Whether an unknown face was in view shortly before the track began.
    pub follows_unknown: bool,
    /// Number of moments without a match since the last match.
    pub unmatched: u32,
    /// Number of moments since the last match that matched, but not clearly, although there was evidence for any match: a clear one
    /// is required.
    #[serde(default)]
    pub unclear: u32,
    /// Number of moments at which only liveness prevented a grant, because it says nothing; 1 if it only said nothing yet.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub not_live: u32,
    /// The decisions that were reported.
    #[serde(default)]
    pub reported: Outcomes,
}

/// What the person must do, so that a grant is possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LivenessNeed {
    /// Step back: too little of what surrounds the face is in view.
    StepBack,
    /// Turn the head, as a challenge asks.
    TurnHead,
}

/// What a moment shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    /// It matches this person.
    Match(PersonId),
    /// Two people are similar enough.
    Ambiguous,
    /// No match: nobody is similar enough, or there are too few moments.
    NoMatch,
}

/// What a moment leads to, apart from liveness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BeforeLiveness {
    /// The person is refused.
    Denied(DenialReason),
    /// Further moments decide.
    Undecided,
    /// Only liveness can prevent a grant.
    Passed,
}

impl TrackState {
    /// The state of a track before its first moment.
    pub(super) fn new(follows_unknown: bool) -> Self {
        Self { follows_unknown, ..Self::default() }
    }

    /// Whether nothing is known of the track.
    pub(super) fn is_new(&self) -> bool {
        *self == Self::default()
    }

    /// Adds a moment. The decision rests on the latest moment, whose template has all moments.
    pub(super) fn add(&mut self, step: &Step, rules: &DecisionRules) -> Finding {
        let was_unknown = self.was_unknown();
        let excess = rules.excess(step.moments, was_unknown);
        let candidate = step.candidate();
        match (rules.matching.evaluate(candidate, excess.unwrap_or(0.0)), excess) {
            (Verdict::Person(person), Some(_)) => {
                (self.unmatched, self.unclear) = (0, 0);
                Finding::Match(person)
            }
            (Verdict::Ambiguous, Some(_)) if step.moments >= rules.moments => Finding::Ambiguous,
            (Verdict::Person(_) | Verdict::Ambiguous, _) => Finding::NoMatch,
            (Verdict::Unknown, _) => {
                // Near the threshold, further moments decide.
                if rules.matching.evaluate(candidate, 0.0) == Verdict::Unknown {
                    self.unmatched = self.unmatched.saturating_add(1);
                } else if step.moments >= 2 * rules.moments {
                    self.unclear = self.unclear.saturating_add(1);
                }
                Finding::NoMatch
            }
        }
    }

    /// Adds a moment whose decision is known.
    pub(super) fn add_decided(&mut self, step: &Step, rules: &DecisionRules) {
        let finding = self.add(step, rules);
        // For what it counts.
        let _ = self.judge(step, finding, rules);
        if let Some(outcome) = step.reported.and_then(Outcome::of) {
            self.set_reported(outcome);
        }
    }

    /// The decision at a moment that was added; `None` if there is none yet, or if it was reported before.
    pub(super) fn judge(&mut self, step: &Step, finding: Finding, rules: &DecisionRules) -> Option<Outcome> {
        if self.is_final() {
            return None;
        }
        let outcome = match self.before_liveness(step, finding, rules) {
            BeforeLiveness::Denied(reason) => Outcome::Denied(reason),
            BeforeLiveness::Undecided => return None,
            BeforeLiveness::Passed => self.judge_liveness(step, rules)?,
        };
        (!self.has_reported(outcome)).then_some(outcome)
    }

    /// What a moment leads to, apart from liveness.
    fn before_liveness(&self, step: &Step, finding: Finding, rules: &DecisionRules) -> BeforeLiveness {
        use BeforeLiveness::{Denied, Passed, Undecided};
        match finding {
            Finding::Match(_) => match step.access {
                Access::Disabled => Denied(DenialReason::DisabledPerson),
                Access::Alike => Denied(DenialReason::Alike),
                Access::OutsideHours => Denied(DenialReason::OutsideHours),
                Access::NoHours => Denied(DenialReason::NoHours),
                Access::ClockImplausible => Denied(DenialReason::ClockImplausible),
                Access::Paused => Denied(DenialReason::Paused),
                Access::LockedDown => Denied(DenialReason::LockedDown),
                Access::Allowed if step.was_granted_within(rules.cooldown) => Denied(DenialReason::CoolDown),
                Access::Allowed if step.is_same_visit => Denied(DenialReason::SameVisit),
                Access::Allowed if step.unblocked == 0 => Denied(DenialReason::SeveralFaces),
                // An early match has fewer moments.
                Access::Allowed if step.unblocked >= rules.moments.min(step.moments) => Passed,
                Access::Allowed => Undecided,
            },
            Finding::Ambiguous => Denied(DenialReason::Ambiguous),
            Finding::NoMatch if self.unmatched >= rules.unknown_after => Denied(DenialReason::Unknown),
            Finding::NoMatch => Undecided,
        }
    }

    /// The decision at a moment at which only liveness can prevent a grant.
    fn judge_liveness(&mut self, step: &Step, rules: &DecisionRules) -> Option<Outcome> {
        match rules.liveness.verdict(&step.liveness) {
            LivenessVerdict::Live => Some(Outcome::Granted),
            LivenessVerdict::Spoof => Some(Outcome::Denied(DenialReason::Spoof)),
            LivenessVerdict::Pending | LivenessVerdict::TurnsRequired => {
                self.not_live = self.not_live.max(1);
                None
            }
            LivenessVerdict::Abstain(layer) => {
                self.not_live = self.not_live.saturating_add(1);
                // A person who comes nearer or steps back is given time; a challenge that failed has had its own.
                let is_reported = match layer {
                    LivenessLayer::Challenge => true,
                    LivenessLayer::View | LivenessLayer::Network => self.not_live >= rules.unknown_after,
                };
                is_reported.then_some(Outcome::Denied(DenialReason::NotLive))
            }
        }
    }

    /// What the person must do at a moment, if only liveness prevents a grant.
    pub(super) fn liveness_need(
        &self,
        step: &Step,
        finding: Finding,
        rules: &DecisionRules,
    ) -> Option<LivenessNeed> {
        if self.is_final() || self.before_liveness(step, finding, rules) != BeforeLiveness::Passed {
            return None;
        }
        match rules.liveness.verdict(&step.liveness) {
            LivenessVerdict::TurnsRequired => Some(LivenessNeed::TurnHead),
            LivenessVerdict::Abstain(LivenessLayer::View) => Some(LivenessNeed::StepBack),
            _ => None,
        }
    }

    /// Whether no further decision follows: the person was let in, or a picture was shown.
    fn is_final(&self) -> bool {
        self.has_reported(Outcome::Granted) || self.has_reported(Outcome::Denied(DenialReason::Spoof))
    }

    /// The reason of the denial at the end of a track for which nothing was reported.
    ///
    /// `None` if the track had at most [`MAX_PASSING_FRAMES`] frames, or no frame that explains a denial.
    pub(super) fn end_reason(&self, frames: FrameCounts, rules: &DecisionRules) -> Option<DenialReason> {
        if !self.reported.is_empty() || frames.seen <= MAX_PASSING_FRAMES {
            None
        } else if self.not_live > 0 {
            Some(DenialReason::NotLive)
        } else if self.unmatched.saturating_add(self.unclear) >= rules.moments {
            Some(DenialReason::Unknown)
        } else if frames.faulty <= frames.good {
            None
        } else if frames.too_small > frames.faulty / 2 {
            Some(DenialReason::TooFar)
        } else {
            Some(DenialReason::LowQuality)
        }
    }

    /// Whether an unknown face was in view before the next moment.
    pub(super) fn was_unknown(&self) -> bool {
        self.follows_unknown || self.has_reported(Outcome::Denied(DenialReason::Unknown))
    }

    /// Whether this decision was reported.
    pub(super) fn has_reported(&self, outcome: Outcome) -> bool {
        self.reported.contains(outcome)
    }

    /// Records that this decision was reported.
    pub(super) fn set_reported(&mut self, outcome: Outcome) {
        self.reported.insert(outcome);
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}
