//! What a decision about a face rests on, in a form that can be stored, and from which the decision can be made again.

use heapless::Deque;
use serde::{Deserialize, Serialize};

use super::Outcome;
use super::rules::DecisionRules;
use super::step::{FrameCounts, Step};
use super::track_state::TrackState;

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
    /// The frames of a track that ended without a decision before; `None` if the face was in view.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<FrameCounts>,
}

impl VisitRecord {
    /// A record without moments.
    pub fn new(rules: DecisionRules) -> Self {
        Self { rules, start: TrackState::default(), steps: Deque::new(), ended: None }
    }

    /// The last step.
    pub fn last(&self) -> Option<&Step> {
        self.steps.back()
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
