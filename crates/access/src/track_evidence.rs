//! The decision state of one track.

use std::time::Duration;

use ostiary_core::{PersonId, QualityFault, TrackId, Verdict};

use super::rules::DecisionRules;
use super::{Access, Decision, DenialReason, Observation, Outcome};

/// A track that ends after this many frames or fewer gets no denial: the person only passed by.
const MAX_PASSING_FRAMES: u32 = 2;

/// The decision state of one track. Tracks share no state.
#[derive(Debug, Clone)]
pub(super) struct TrackEvidence {
    pub id: TrackId,
    /// Frame time of the last frame with this face.
    pub last_seen: Duration,
    /// Whether an unknown face was in view shortly before the track began.
    follows_unknown: bool,
    /// The match of the latest moment.
    matched: Option<Match>,
    /// Frame time of the latest moment, if two people were similar enough in it.
    ambiguous_at: Option<Duration>,
    /// Number of moments without a match since the last match.
    unmatched: u32,
    /// Number of all frames.
    seen: u32,
    /// Number of moments.
    good: u32,
    /// Number of frames with a quality fault.
    faulty: u32,
    /// Number of frames in which the face is too small.
    too_small: u32,
    /// Number of moments since another face last prevented a grant.
    unblocked: u32,
    /// The reasons that were reported, one bit each.
    reported: u16,
    latest: Observation,
    /// The latest moment.
    counted: Option<Observation>,
}

/// A person that a moment matched.
#[derive(Debug, Clone, Copy)]
struct Match {
    person: PersonId,
    /// Whether the person may come in.
    access: Access,
    /// Frame time of the moment.
    time: Duration,
}

impl TrackEvidence {
    /// A new track. `follows_unknown`: an unknown face was in view shortly before.
    pub fn new(time: Duration, face: &Observation, follows_unknown: bool) -> Self {
        Self {
            id: face.track,
            last_seen: time,
            follows_unknown,
            matched: None,
            ambiguous_at: None,
            unmatched: 0,
            seen: 0,
            good: 0,
            faulty: 0,
            too_small: 0,
            unblocked: 0,
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
        self.unblocked = self.unblocked.saturating_add(1);
        self.counted = Some(*face);
        // The decision rests on the latest moment, whose template has all moments.
        self.matched = None;
        self.ambiguous_at = None;
        let was_unknown = self.follows_unknown || self.is_reported_unknown();
        let excess = rules.excess(face.moments, was_unknown);
        match rules.matching.evaluate(face.candidate, excess.unwrap_or(0.0)) {
            Verdict::Person(person) if excess.is_some() => {
                self.matched = Some(Match { person, access: face.access, time });
                self.unmatched = 0;
            }
            Verdict::Ambiguous if excess.is_some() => self.ambiguous_at = Some(time),
            Verdict::Person(_) | Verdict::Ambiguous => {}
            // Near the threshold, further moments decide.
            Verdict::Unknown if rules.matching.evaluate(face.candidate, 0.0) != Verdict::Unknown => {}
            Verdict::Unknown => self.unmatched = self.unmatched.saturating_add(1),
        }
    }

    /// Whether the latest moment, which is not too old at `now`, matched a person who may come in.
    pub fn is_allowed_person(&self, now: Duration, rules: &DecisionRules) -> bool {
        let is_recent = |matched: &Match| now.saturating_sub(matched.time) <= rules.within;
        self.matched.filter(is_recent).is_some_and(|matched| matched.access == Access::Allowed)
    }

    /// The person that a moment at this time matched, and whether the person may come in.
    pub fn match_at(&self, now: Duration) -> Option<(PersonId, Access)> {
        self.matched.filter(|matched| matched.time == now).map(|matched| (matched.person, matched.access))
    }

    /// Records that another face prevents a grant.
    pub fn set_blocked(&mut self) {
        self.unblocked = 0;
    }

    /// Whether there are enough moments after the last frame in which another face prevented a grant.
    pub fn is_unblocked(&self, rules: &DecisionRules) -> bool {
        self.unblocked >= rules.moments
    }

    /// Whether two people were similar enough in a moment at `now`.
    pub fn is_ambiguous_at(&self, now: Duration) -> bool {
        self.ambiguous_at == Some(now)
    }

    /// Whether enough moments match nobody.
    pub fn is_unknown(&self, rules: &DecisionRules) -> bool {
        self.unmatched >= rules.unknown_after
    }

    /// Whether the track was reported as unknown.
    pub fn is_reported_unknown(&self) -> bool {
        self.has_reported(Outcome::Denied(DenialReason::Unknown))
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
        } else if self.unmatched >= rules.moments {
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
    pub fn report(&mut self, time: Duration, outcome: Outcome, faces_in_view: usize) -> Option<Decision> {
        if self.has_reported(outcome) {
            return None;
        }
        self.reported |= bit(outcome);
        let face = self.counted.unwrap_or(self.latest);
        let person = match outcome {
            Outcome::Denied(
                DenialReason::Unknown
                | DenialReason::Ambiguous
                | DenialReason::LowQuality
                | DenialReason::TooFar,
            ) => None,
            Outcome::Granted
            | Outcome::Denied(
                DenialReason::SeveralFaces
                | DenialReason::CoolDown
                | DenialReason::DisabledPerson
                | DenialReason::OutsideHours
                | DenialReason::NoHours
                | DenialReason::ClockImplausible
                | DenialReason::Locked,
            ) => self.matched.map(|matched| matched.person),
        };
        Some(Decision {
            time,
            track: self.id,
            first_seen: self.latest.first_seen,
            outcome,
            person,
            similarity: face.candidate.map(|candidate| candidate.similarity),
            second: face.candidate.and_then(|candidate| candidate.second).map(|(_, similarity)| similarity),
            cosine: face.candidate.map(|candidate| candidate.cosine),
            threshold: face.candidate.map(|candidate| candidate.threshold),
            quality: face.quality,
            faces_in_view: faces_in_view as u32,
            frames: self.counted.map_or(0, |face| face.moments),
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
