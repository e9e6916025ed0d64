//! What is remembered of one face while it is in view.

use std::time::Duration;

use ostiary_core::{PersonId, QualityFault, TrackId, Verdict};

use super::rules::Rules;
use super::window::Window;
use super::{Access, Decision, DenialReason, Observation, Outcome, Reason};

/// One face's account. Nothing goes from one track to another.
#[derive(Debug, Clone)]
pub(super) struct Track {
    pub id: TrackId,
    /// The frame in which it was seen last.
    pub last_seen: Duration,
    /// Whom the agreeing frames are about, whether the latest of them let the person in, and those frames.
    agreed: Option<PersonId>,
    access: Access,
    agreeing: Window,
    /// Frames alike enough to two people.
    ambiguous: Window,
    /// Good frames without a match since the last with one.
    unmatched: u32,
    seen: u32,
    good: u32,
    faulty: u32,
    too_small: u32,
    /// When a face in view last stood in the way of a grant.
    crowded: Option<Duration>,
    /// The reasons that were told already, a bit each.
    told: u16,
    latest: Observation,
    /// The last frame that counted.
    counted: Option<Observation>,
}

impl Track {
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
            crowded: None,
            told: 0,
            latest: *face,
            counted: None,
        }
    }

    /// Takes in one frame.
    pub fn see(&mut self, time: Duration, face: &Observation, rules: &Rules) {
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

    /// Whom the agreeing frames show now, if there are enough.
    pub fn person(&mut self, now: Duration, rules: &Rules) -> Option<PersonId> {
        self.agreed.filter(|_| self.agreeing.holds(now, rules.frames, rules.within, None))
    }

    /// Whether this is a known person now, who may come in.
    pub fn is_welcome(&mut self, now: Duration, rules: &Rules) -> bool {
        self.person(now, rules).is_some() && self.access == Access::Allowed
    }

    /// Whether the person may come in, by the latest agreeing frame.
    pub fn access(&self) -> Access {
        self.access
    }

    /// Whether this very frame agrees, so that a decision may rest on it.
    pub fn agrees_at(&self, now: Duration) -> bool {
        self.agreeing.last() == Some(now)
    }

    /// Remembers that another face stands in the way.
    pub fn crowd(&mut self, now: Duration) {
        self.crowded = Some(now);
    }

    /// Whether enough frames agree since nobody stands in the way any more.
    pub fn is_clear(&mut self, now: Duration, rules: &Rules) -> bool {
        self.agreeing.holds(now, rules.frames, rules.within, self.crowded)
    }

    /// Whether enough frames were alike enough to two people.
    pub fn is_ambiguous(&mut self, now: Duration, rules: &Rules) -> bool {
        self.ambiguous.holds(now, rules.frames, rules.within, None)
    }

    /// Whether enough good frames were alike to nobody.
    pub fn is_unknown(&self, rules: &Rules) -> bool {
        self.unmatched >= rules.unknown_after
    }

    /// Whether this reason was told already.
    pub fn has_told(&self, outcome: Outcome) -> bool {
        self.told & bit(outcome) != 0
    }

    /// Why the door stayed shut, where nothing was told while the face was in view.
    ///
    /// `None` for one that was seen so shortly that nobody waits for an answer.
    pub fn parting(&self, rules: &Rules) -> Option<DenialReason> {
        let brief = 2;
        if self.told != 0 || self.seen <= brief {
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

    /// The decision, once for each reason.
    pub fn tell(
        &mut self,
        time: Duration,
        outcome: Outcome,
        faces_in_view: usize,
        rules: &Rules,
    ) -> Option<Decision> {
        if self.has_told(outcome) {
            return None;
        }
        self.told |= bit(outcome);
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
        let judged = self.counted.unwrap_or(self.latest);
        Some(Decision {
            time,
            track: self.id,
            first_seen: self.latest.first_seen,
            outcome,
            person,
            similarity: judged.candidate.map(|candidate| candidate.similarity),
            second: judged.candidate.and_then(|candidate| candidate.second).map(|(_, similarity)| similarity),
            threshold: rules.matching.threshold,
            quality: judged.quality,
            faces_in_view: faces_in_view as u32,
            frames,
        })
    }
}

fn bit(outcome: Outcome) -> u16 {
    1 << Reason::from(outcome) as u16
}
