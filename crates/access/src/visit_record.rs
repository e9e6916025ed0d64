//! What a decision about a face rests on, in a form that can be stored, and from which the decision can be made again.

use heapless::Deque;
use ostiary_core::PersonId;
use serde::{Deserialize, Serialize};

use super::rules::DecisionRules;
use super::step::{FrameCounts, Step};
use super::track_state::TrackState;
use super::{CLAIM_RANGE, LayerResult, LivenessEvidence, LivenessLayer, Outcome, RecordedChallenge};

/// Number of moments in a record; the oldest are dropped first. With three scores each they take less than 4 kB of JSON.
pub const MAX_STEPS: usize = 12;

/// What a decision rests on. It has no picture and no embedding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VisitRecord {
    /// The rules that decided.
    pub rules: DecisionRules,
    /// The state of the track before the first of the steps.
    #[serde(default, skip_serializing_if = "TrackState::is_new")]
    pub start: TrackState,
    /// The latest moments of the track, oldest first.
    pub steps: Deque<Step, MAX_STEPS>,
    /// The challenge of the track, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<RecordedChallenge>,
    /// All frames of the track, if they decided and not a moment: the track ended, or its face became static.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<FrameCounts>,
}

/// Why a similarity must exceed the threshold by [`CLEAR_EXCESS`](super::CLEAR_EXCESS).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExcessReason {
    /// The track, or an unknown face shortly before it, was reported as unknown.
    AfterUnknown,
    /// There were too many attempts at the door.
    Attempts,
    /// There were few moments.
    FewMoments {
        /// The number of moments at which less is asked for.
        next: u32,
    },
}

impl VisitRecord {
    /// A record without moments.
    pub fn new(rules: DecisionRules) -> Self {
        Self { rules, start: TrackState::default(), steps: Deque::new(), challenge: None, ended: None }
    }

    /// The last step.
    pub fn last(&self) -> Option<&Step> {
        self.steps.back()
    }

    /// What each required layer of liveness said at the last step, with what is known of it.
    pub fn liveness(&self) -> (LivenessEvidence, impl Iterator<Item = (LivenessLayer, LayerResult)> + use<>) {
        let evidence = self.last().map(|step| step.liveness).unwrap_or_default();
        (evidence, self.rules.liveness.layers(&evidence))
    }

    /// The person that the face claims to be at the last step: the most similar one, if the similarity is at most [`CLAIM_RANGE`] below
    /// the threshold.
    pub fn claimed_person(&self) -> Option<PersonId> {
        let candidate = self.last().and_then(Step::candidate)?;
        candidate.is_within(CLAIM_RANGE).then_some(candidate.person)
    }

    /// By how much the similarity of the last step had to exceed the threshold, and why; `None` if it did not have to.
    pub fn required_excess(&self) -> Option<(f32, ExcessReason)> {
        let (last, earlier) = (self.steps.back()?, self.steps.iter().take(self.steps.len() - 1));
        let mut state = self.start;
        earlier.for_each(|step| state.add_decided(step, &self.rules));
        let was_unknown = state.was_unknown();
        let excess = self.rules.excess(last.moments, was_unknown).filter(|excess| *excess > 0.0)?;
        let why = if was_unknown {
            ExcessReason::AfterUnknown
        } else if self.rules.is_clear_match_required {
            ExcessReason::Attempts
        } else {
            let enough = self.rules.moments;
            ExcessReason::FewMoments { next: if last.moments < enough { enough } else { 2 * enough } }
        };
        Some((excess, why))
    }

    /// Makes the decision again: what is reported last over the steps, with these rules. `change` may change a step before it is
    /// judged. `None`: nothing would have been reported until then.
    pub fn replay(&self, rules: &DecisionRules, mut change: impl FnMut(&mut Step)) -> Option<Outcome> {
        let mut state = self.start;
        let mut last = None;
        for step in &self.steps {
            let mut step = *step;
            change(&mut step);
            let finding = state.add(&step, rules);
            if let Some(outcome) = state.judge(&step, finding, rules) {
                state.set_reported(outcome);
                last = Some(outcome);
            }
        }
        match self.ended {
            Some(frames) if last.is_none() => state.end_reason(frames, rules).map(Outcome::Denied),
            _ => last,
        }
    }
}
