//! The decision state of one track.

use std::time::Duration;

use ostiary_core::{PersonId, QualityFault, TrackId, Verdict};

use super::rules::DecisionRules;
use super::window::Window;
use super::{Access, Decision, DenialReason, Observation, Outcome};

/// A track that ends after this many frames or fewer gets no denial: the person only passed by.
const MAX_PASSING_FRAMES: u32 = 2;

/// The decision state of one track. Tracks share no state.
#[derive(Debug, Clone)]
pub(super) struct TrackEvidence {
    pub id: TrackId,
    /// Frame time of the last frame with this face.
    pub last_seen: Duration,
    /// The person that the frames in `agreeing` match.
    agreed: Option<PersonId>,
    /// Whether that person may come in, by the latest agreeing frame.
    access: Access,
    agreeing: Window,
    /// Frames in which two people are similar enough.
    ambiguous: Window,
    /// Number of counted frames without a match since the last match.
    unmatched: u32,
    /// Number of all frames.
    seen: u32,
    /// Number of frames that count.
    good: u32,
    /// Number of frames with a quality fault.
    faulty: u32,
    /// Number of frames in which the face is too small.
    too_small: u32,
    /// Frame time at which another face last prevented a grant.
    blocked_at: Option<Duration>,
    /// The reasons that were reported, one bit each.
    reported: u16,
    latest: Observation,
    /// The last frame that counted.
    counted: Option<Observation>,
}

impl TrackEvidence {
    pub fn new(time: Duration, face: &Observation) -> Self {
        Self {
            id: face.track,
            last_seen: time,
            agreed: None,
            access: Access::Disabled,
            agreeing: Window::default(),
            ambiguous: Window::default(),
            unmatched: 0,
            seen: 0,
            good: 0,
            faulty: 0,
            too_small: 0,
            blocked_at: None,
            reported: 0,
            latest: *face,
            counted: None,
        }
    }

    /// Adds one frame.
    pub fn update(&mut self, time: Duration, face: &Observation, rules: &DecisionRules) {
        self.last_seen = time;
        self.latest = *face;
        self.seen = self.seen.saturating_add(1);
        if let Some(fault) = face.fault {
            self.faulty = self.faulty.saturating_add(1);
            self.too_small = self.too_small.saturating_add(u32::from(fault == QualityFault::TooSmall));
            return;
        }
        if !face.embedded {
            return;
        }
        self.good = self.good.saturating_add(1);
        self.counted = Some(*face);
        match rules.matching.evaluate(face.candidate) {
            Verdict::Person(person) => {
                if self.agreed != Some(person) {
                    self.agreed = Some(person);
                    self.agreeing.clear();
                }
                self.access = face.access;
                self.agreeing.push(time, rules.frames);
                self.unmatched = 0;
            }
            Verdict::Ambiguous => self.ambiguous.push(time, rules.frames),
            Verdict::Unknown => self.unmatched = self.unmatched.saturating_add(1),
        }
    }

    /// The matched person, if enough frames agree at `now`.
    pub fn person(&mut self, now: Duration, rules: &DecisionRules) -> Option<PersonId> {
        self.agreed.filter(|_| self.agreeing.has_enough(now, rules.frames, rules.within, None))
    }

    /// Whether the track matches a person who may come in.
    pub fn is_allowed_person(&mut self, now: Duration, rules: &DecisionRules) -> bool {
        self.person(now, rules).is_some() && self.access == Access::Allowed
    }

    /// Whether the person may come in, by the latest agreeing frame.
    pub fn access(&self) -> Access {
        self.access
    }

    /// Whether the frame of this time agrees. A decision needs an agreeing current frame.
    pub fn agrees_at(&self, now: Duration) -> bool {
        self.agreeing.last() == Some(now)
    }

    /// Records that another face prevents a grant at `now`.
    pub fn set_blocked(&mut self, now: Duration) {
        self.blocked_at = Some(now);
    }

    /// Whether enough frames agree after the last frame in which another face prevented a grant.
    pub fn is_unblocked(&mut self, now: Duration, rules: &DecisionRules) -> bool {
        self.agreeing.has_enough(now, rules.frames, rules.within, self.blocked_at)
    }

    /// Whether two people were similar enough in enough frames.
    pub fn is_ambiguous(&mut self, now: Duration, rules: &DecisionRules) -> bool {
        self.ambiguous.has_enough(now, rules.frames, rules.within, None)
    }

    /// Whether enough counted frames match nobody.
    pub fn is_unknown(&self, rules: &DecisionRules) -> bool {
        self.unmatched >= rules.unknown_after
    }

    /// Whether this reason was reported.
    pub fn has_reported(&self, outcome: Outcome) -> bool {
        self.reported & bit(outcome) != 0
    }

    /// The reason of the denial at the end of a track for which nothing was reported.
    ///
    /// `None` if the track had at most [`MAX_PASSING_FRAMES`] frames, or no frame that explains a denial.
    pub fn end_reason(&self, rules: &DecisionRules) -> Option<DenialReason> {
        if self.reported != 0 || self.seen <= MAX_PASSING_FRAMES {
            None
        } else if self.unmatched as usize >= rules.frames {
            Some(DenialReason::Unknown)
        } else if self.faulty <= self.good {
            None
        } else if self.too_small > self.faulty / 2 {
            Some(DenialReason::TooFar)
        } else {
            Some(DenialReason::LowQuality)
        }
    }

    /// The decision with this reason; `None` if the reason was reported before.
    pub fn report(
        &mut self,
        time: Duration,
        outcome: Outcome,
        faces_in_view: usize,
        rules: &DecisionRules,
    ) -> Option<Decision> {
        if self.has_reported(outcome) {
            return None;
        }
        self.reported |= bit(outcome);
        let (person, frames) = match outcome {
            Outcome::Denied(DenialReason::Unknown) => (None, self.unmatched),
            Outcome::Denied(DenialReason::Ambiguous) => (None, rules.frames as u32),
            Outcome::Denied(DenialReason::LowQuality | DenialReason::TooFar) => (None, 0),
            Outcome::Granted
            | Outcome::Denied(
                DenialReason::SeveralFaces
                | DenialReason::CoolDown
                | DenialReason::DisabledPerson
                | DenialReason::OutsideHours
                | DenialReason::NoHours
                | DenialReason::ClockImplausible
                | DenialReason::Locked,
            ) => (self.agreed, rules.frames as u32),
        };
        let face = self.counted.unwrap_or(self.latest);
        Some(Decision {
            time,
            track: self.id,
            first_seen: self.latest.first_seen,
            outcome,
            person,
            similarity: face.candidate.map(|candidate| candidate.similarity),
            second: face.candidate.and_then(|candidate| candidate.second).map(|(_, similarity)| similarity),
            threshold: rules.matching.threshold,
            quality: face.quality,
            faces_in_view: faces_in_view as u32,
            frames,
        })
    }
}

/// A bit of [`TrackEvidence::reported`] for each outcome.
fn bit(outcome: Outcome) -> u16 {
    match outcome {
        Outcome::Granted => 1,
        Outcome::Denied(reason) => 2 << reason as u16,
    }
}
