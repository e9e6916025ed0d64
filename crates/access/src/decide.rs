//! Combines the frames of each track into one decision, and applies the cool-down after a grant.

use std::time::Duration;

use ostiary_config::{Door, SecondFace};
use ostiary_core::{MAX_FACES, PersonId, TrackId};

use super::rules::DecisionRules;
use super::track_evidence::TrackEvidence;
use super::{Access, Decision, DenialReason, Observation, Outcome};

/// The decisions of one frame, at most one for each face.
pub type Decisions = heapless::Vec<Decision, MAX_FACES>;

/// Number of grants that are kept for the cool-down; a new grant replaces the oldest.
const MAX_GRANTS: usize = 64;
/// How long after an unknown face was in view a new track must be a clear match.
const UNKNOWN_MEMORY: Duration = Duration::from_secs(10);

/// Decides about each face in view, from the frames of its own track only.
///
/// A frame counts if the face has no quality fault and was embedded: it is a moment. The template of the track, the mean of its
/// moments, matches a person if the similarity reaches the threshold and exceeds the similarity to the second best person by the
/// margin. While there are fewer than twice `frames` moments, and after the track was reported as unknown, it must exceed the
/// threshold by [`CLEAR_EXCESS`](crate::CLEAR_EXCESS). So must a track that begins within some seconds after an unknown face was
/// in view: a stranger who hides the face for a moment has no new chance. A match after at least `frames` moments is granted, once for each
/// track, unless the person is disabled, is outside their hours (or the hours cannot be evaluated), was let in within
/// `cooldown_s`, or a second face prevents it. Each reason is reported once for each track. A grant can follow a denial.
/// Memory has a fixed size; nothing is allocated.
#[derive(Debug, Clone)]
pub struct Decider {
    rules: DecisionRules,
    tracks: heapless::Vec<TrackEvidence, MAX_FACES>,
    grants: heapless::Deque<RecentGrant, MAX_GRANTS>,
    faces_in_view: usize,
    /// Frame time of the last frame with a face that was reported as unknown.
    unknown_seen: Option<Duration>,
}

#[derive(Debug, Clone, Copy)]
struct RecentGrant {
    person: PersonId,
    time: Duration,
}

impl Decider {
    /// A decider without tracks.
    pub fn new(door: &Door) -> Self {
        Self {
            rules: DecisionRules::new(door),
            tracks: heapless::Vec::new(),
            grants: heapless::Deque::new(),
            faces_in_view: 0,
            unknown_seen: None,
        }
    }

    /// Sets new rules for the next frames. Tracks keep their frames, and a track that has a grant gets no second one.
    pub fn set_rules(&mut self, door: &Door) {
        self.rules = DecisionRules::new(door);
    }

    /// Processes all faces of one frame, at the frame's time. Faces beyond [`MAX_FACES`] count as faces in view, but get
    /// no decision.
    pub fn observe(&mut self, time: Duration, faces: &[Observation]) -> Decisions {
        self.faces_in_view = faces.len();
        let decided = faces.get(..MAX_FACES).unwrap_or(faces);
        // All tracks get the frame before any decision, since a second face can prevent a grant.
        for face in decided {
            if let Some(index) = self.find_or_add_track(time, face) {
                let rules = &self.rules;
                if let Some(track) = self.tracks.get_mut(index) {
                    track.update(time, face, rules);
                    if track.is_reported_unknown() {
                        self.unknown_seen = Some(time);
                    }
                }
            }
        }
        let mut decisions = Decisions::new();
        for face in decided {
            if let Some(decision) = self.decide(time, face.track, faces) {
                self.remember_unknown(&decision);
                // There is room: at most one decision for each of at most `MAX_FACES` faces.
                let _ = decisions.push(decision);
            }
        }
        decisions
    }

    /// Removes a track that has ended. Returns a denial with the reason if nothing was reported while the face was in view.
    pub fn track_ended(&mut self, time: Duration, track: TrackId) -> Option<Decision> {
        let index = self.tracks.iter().position(|known| known.id == track)?;
        let mut track = self.tracks.swap_remove(index);
        let reason = track.end_reason(&self.rules)?;
        let decision = track.report(time, Outcome::Denied(reason), self.faces_in_view)?;
        self.remember_unknown(&decision);
        Some(decision)
    }

    /// Remembers when an unknown face was in view.
    fn remember_unknown(&mut self, decision: &Decision) {
        if decision.outcome == Outcome::Denied(DenialReason::Unknown) {
            self.unknown_seen = Some(decision.time);
        }
    }

    /// The index of the face's track, which is added if it is new. If all places are taken, the new track replaces the
    /// one that was out of view for the longest time.
    fn find_or_add_track(&mut self, time: Duration, face: &Observation) -> Option<usize> {
        if let Some(index) = self.tracks.iter().position(|track| track.id == face.track) {
            return Some(index);
        }
        if self.tracks.is_full() {
            let (index, oldest) = self.tracks.iter().enumerate().min_by_key(|(_, track)| track.last_seen)?;
            if oldest.last_seen >= time {
                return None;
            }
            self.tracks.swap_remove(index);
        }
        let follows_unknown =
            self.unknown_seen.is_some_and(|seen| time.saturating_sub(seen) <= UNKNOWN_MEMORY);
        self.tracks.push(TrackEvidence::new(time, face, follows_unknown)).ok()?;
        Some(self.tracks.len() - 1)
    }

    fn decide(&mut self, time: Duration, id: TrackId, faces: &[Observation]) -> Option<Decision> {
        let is_blocked = self.is_blocked_by_other_face(time, id, faces);
        let cooldown = self.rules.cooldown;
        let (rules, grants) = (&self.rules, &mut self.grants);
        let track = self.tracks.iter_mut().find(|track| track.id == id)?;
        if is_blocked {
            track.set_blocked();
        }
        if track.has_reported(Outcome::Granted) {
            return None;
        }

        let outcome = if let Some((person, access)) = track.match_at(time) {
            let is_recent =
                |grant: &RecentGrant| grant.person == person && time.saturating_sub(grant.time) < cooldown;
            match access {
                Access::Disabled => Outcome::Denied(DenialReason::DisabledPerson),
                Access::OutsideHours => Outcome::Denied(DenialReason::OutsideHours),
                Access::NoHours => Outcome::Denied(DenialReason::NoHours),
                Access::ClockImplausible => Outcome::Denied(DenialReason::ClockImplausible),
                Access::Allowed if grants.iter().any(is_recent) => Outcome::Denied(DenialReason::CoolDown),
                Access::Allowed if is_blocked => Outcome::Denied(DenialReason::SeveralFaces),
                Access::Allowed if track.is_unblocked(rules) => {
                    if grants.is_full() {
                        grants.pop_front();
                    }
                    // There is room: the oldest grant was removed if the queue was full.
                    let _ = grants.push_back(RecentGrant { person, time });
                    Outcome::Granted
                }
                Access::Allowed => return None,
            }
        } else if track.is_ambiguous_at(time) {
            Outcome::Denied(DenialReason::Ambiguous)
        } else if track.is_unknown(rules) {
            Outcome::Denied(DenialReason::Unknown)
        } else {
            return None;
        };
        track.report(time, outcome, faces.len())
    }

    /// Whether another face in view prevents a grant (`door.second_face`).
    fn is_blocked_by_other_face(&self, time: Duration, id: TrackId, faces: &[Observation]) -> bool {
        match self.rules.second_face {
            SecondFace::Ignore => false,
            SecondFace::Refuse => faces.len() > 1,
            SecondFace::Known => {
                let rules = &self.rules;
                let tracks = &self.tracks;
                faces.iter().filter(|face| face.track != id).any(|face| {
                    let track = tracks.iter().find(|track| track.id == face.track);
                    !track.is_some_and(|track| track.is_allowed_person(time, rules))
                })
            }
        }
    }
}

#[cfg(test)]
mod tests;
