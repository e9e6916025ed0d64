//! One track in the decision: its state, the record of its moments, and its latest face.

use std::time::Duration;

use heapless::Deque;
use ostiary_core::{PersonId, QualityFault, TrackId};

use super::recent_visits::{BeforeGrant, Presence};
use super::rules::DecisionRules;
use super::step::{FrameCounts, Step};
use super::track_state::{Finding, LivenessNeed, TrackState};
use super::visit_record::{MAX_STEPS, VisitRecord};
use super::{Access, CLAIM_RANGE, Decision, DenialReason, Observation, Outcome, thousandths};

/// One track. Tracks share no state.
#[derive(Debug, Clone)]
pub(super) struct TrackEvidence {
    pub id: TrackId,
    /// Frame time of the last frame with this face.
    pub last_seen: Duration,
    state: TrackState,
    /// The state before the first of `steps`.
    start: TrackState,
    /// The latest moments.
    steps: Deque<Step, MAX_STEPS>,
    /// What the latest moment shows, and its frame time.
    finding: Option<(Duration, Finding)>,
    frames: FrameCounts,
    /// Number of moments since another face last prevented a grant.
    unblocked: u32,
    latest: Observation,
    /// The latest moment.
    counted: Option<Observation>,
}

impl TrackEvidence {
    /// A new track. `follows_unknown`: an unknown face was in view shortly before.
    pub fn new(time: Duration, face: &Observation, follows_unknown: bool) -> Self {
        let state = TrackState::new(follows_unknown);
        Self {
            id: face.track,
            last_seen: time,
            state,
            start: state,
            steps: Deque::new(),
            finding: None,
            frames: FrameCounts::default(),
            unblocked: 0,
            latest: *face,
            counted: None,
        }
    }

    /// Adds one frame.
    pub fn update(&mut self, time: Duration, face: &Observation, rules: &DecisionRules) {
        self.last_seen = time;
        self.latest = *face;
        let frames = &mut self.frames;
        frames.seen = frames.seen.saturating_add(1);
        if let Some(fault) = face.fault {
            frames.faulty = frames.faulty.saturating_add(1);
            frames.too_small = frames.too_small.saturating_add(u32::from(fault == QualityFault::TooSmall));
            return;
        }
        if !face.embedded {
            return;
        }
        frames.good = frames.good.saturating_add(1);
        self.unblocked = self.unblocked.saturating_add(1);
        self.counted = Some(*face);
        let since_first = time.saturating_sub(face.first_seen);
        let step = Step {
            at_ms: u32::try_from(since_first.as_millis()).unwrap_or(u32::MAX),
            weight: thousandths(face.quality.weight()),
            moments: face.moments,
            unblocked: self.unblocked,
            since_grant_ms: None,
            is_same_visit: false,
            access: face.access,
            liveness: face.liveness,
            scores: face.candidate.map(|candidate| candidate.scores()).unwrap_or_default(),
            reported: None,
        };
        self.finding = Some((time, self.state.add(&step, rules)));
        if self.steps.is_full()
            && let Some(dropped) = self.steps.pop_front()
        {
            self.start.add_decided(&dropped, rules);
        }
        // There is room: the oldest step was removed if the queue was full.
        let _ = self.steps.push_back(step);
    }

    /// Begins the record anew: with other rules, the steps so far do not lead to the present state.
    pub fn rules_changed(&mut self) {
        self.steps.clear();
        self.start = self.state;
    }

    /// Whether the latest moment, which is not too old at `now`, matched a person who may come in.
    pub fn is_allowed_person(&self, now: Duration, rules: &DecisionRules) -> bool {
        let is_allowed = self.counted.is_some_and(|face| face.access == Access::Allowed);
        let is_recent = |time| now.saturating_sub(time) <= rules.within;
        is_allowed && matches!(self.finding, Some((time, Finding::Match(_))) if is_recent(time))
    }

    /// What the moment at this time shows; `None` if the frame of this time is no moment of the track.
    pub fn finding_at(&self, now: Duration) -> Option<Finding> {
        self.finding.filter(|(time, _)| *time == now).map(|(_, finding)| finding)
    }

    /// The decision at the latest moment, which is `finding`; `None` if there is none yet, or if it was reported before.
    /// `before` gives what is known of an earlier grant of the most similar person.
    pub fn judge(
        &mut self,
        finding: Finding,
        rules: &DecisionRules,
        before: impl FnOnce(PersonId) -> BeforeGrant,
    ) -> Option<Outcome> {
        let step = self.steps.back_mut()?;
        if let Some(candidate) = step.candidate() {
            let BeforeGrant { since, is_same_visit } = before(candidate.person);
            step.set_since_grant(since);
            step.is_same_visit = is_same_visit;
        }
        self.state.judge(step, finding, rules)
    }

    /// What the person must do, as far as the latest moment shows: it is at this time, and only liveness prevents a grant.
    pub fn liveness_need(&self, now: Duration, rules: &DecisionRules) -> Option<LivenessNeed> {
        let finding = self.finding_at(now)?;
        self.state.liveness_need(self.steps.back()?, finding, rules)
    }

    /// Whose this face is, for the visits of people who were let in.
    pub fn presence(&self) -> Presence {
        match self.counted {
            Some(face) => match face.candidate {
                Some(near) if near.is_within(CLAIM_RANGE) => Presence::Person(near.person),
                _ => Presence::Nobody,
            },
            None if self.latest.fault == Some(QualityFault::TooSmall) => Presence::Nobody,
            None => Presence::Uncompared,
        }
    }

    /// Records that another face prevents a grant in the frame of this time.
    pub fn set_blocked(&mut self, now: Duration) {
        self.unblocked = 0;
        if self.finding_at(now).is_some()
            && let Some(step) = self.steps.back_mut()
        {
            step.unblocked = 0;
        }
    }

    /// Whether the track was reported as unknown.
    pub fn is_reported_unknown(&self) -> bool {
        self.has_reported(Outcome::Denied(DenialReason::Unknown))
    }

    /// Whether this decision was reported.
    pub fn has_reported(&self, outcome: Outcome) -> bool {
        self.state.has_reported(outcome)
    }

    /// Whether enough moments matched nobody for the face to be unknown at the end of the track.
    pub fn matched_nobody(&self, rules: &DecisionRules) -> bool {
        self.state.unmatched >= rules.moments
    }

    /// The reason of the denial at the end of a track for which nothing was reported.
    pub fn end_reason(&self, rules: &DecisionRules) -> Option<DenialReason> {
        self.state.end_reason(self.frames, rules)
    }

    /// The decision with this reason. `finding` is the one of the latest moment if it decided, `None` if all frames of the track
    /// did.
    pub fn report(
        &mut self,
        time: Duration,
        outcome: Outcome,
        finding: Option<Finding>,
        faces_in_view: usize,
        rules: &DecisionRules,
    ) -> Decision {
        self.state.set_reported(outcome);
        if finding.is_some()
            && let Some(step) = self.steps.back_mut()
        {
            step.reported = Some(outcome.into());
        }
        let face = self.counted.unwrap_or(self.latest);
        let person = match finding {
            Some(Finding::Match(person)) => Some(person),
            // Only a person who was recognized comes to liveness.
            None if outcome == Outcome::Denied(DenialReason::NotLive) => face
                .candidate
                .filter(|candidate| candidate.is_within(CLAIM_RANGE))
                .map(|candidate| candidate.person),
            Some(Finding::Ambiguous | Finding::NoMatch) | None => None,
        };
        Decision {
            time,
            track: self.id,
            first_seen: self.latest.first_seen,
            outcome,
            person,
            nearest: face.candidate.map(|candidate| candidate.person),
            similarity: face.candidate.map(|candidate| candidate.similarity),
            second: face.candidate.and_then(|candidate| candidate.second).map(|second| second.similarity),
            cosine: face.candidate.map(|candidate| candidate.cosine),
            threshold: face.candidate.map(|candidate| candidate.threshold),
            quality: face.quality,
            faces_in_view: faces_in_view as u32,
            frames: self.counted.map_or(0, |face| face.moments),
            visit: VisitRecord {
                rules: *rules,
                start: self.start,
                steps: self.steps.clone(),
                challenge: None,
                ended: finding.is_none().then_some(self.frames),
            },
        }
    }
}
