//! Whom to let in: many frames of a face become one decision.

use std::time::Duration;

use ostiary_config::{Door, SecondFace};
use ostiary_core::{MAX_FACES, PersonId, Similarity, TrackId};

use super::rules::Rules;
use super::track::Track;
use super::{Access, Decision, DenialReason, Observation, Outcome};

/// The decisions of one frame, one a face at most.
pub type Decisions = heapless::Vec<Decision, MAX_FACES>;

/// The most grants that are remembered for the cool-down; the oldest go first.
const MAX_GRANTS: usize = 64;

/// Decides about every face in view, from what was seen of it and of nothing else.
///
/// A frame counts where the face is good enough and was embedded. It agrees with a person where their
/// similarity is finite, at the threshold or above, and ahead of the second best person's by the margin.
/// `frames` agreeing frames of one track for the same person within `within_s` make a match. A match is
/// granted, once a track, unless the person is disabled, outside their hours (or these cannot be told) or was let in
/// within `cooldown_s`, or a second face stands in the way. Each reason is told once a track, and a grant can still
/// come after a denial. Nothing goes from one track to another. Memory is fixed; nothing is allocated.
#[derive(Debug, Clone)]
pub struct Decider {
    rules: Rules,
    tracks: heapless::Vec<Track, MAX_FACES>,
    grants: heapless::Deque<Grant, MAX_GRANTS>,
    faces_in_view: usize,
}

#[derive(Debug, Clone, Copy)]
struct Grant {
    person: PersonId,
    time: Duration,
}

impl Decider {
    /// A decider that has seen nobody. The threshold is the one that `door.far` stands for.
    pub fn new(door: &Door, threshold: Similarity) -> Self {
        Self {
            rules: Rules::new(door, threshold),
            tracks: heapless::Vec::new(),
            grants: heapless::Deque::new(),
            faces_in_view: 0,
        }
    }

    /// New rules for the frames to come; faces in view keep what was seen of them, and whoever was let in
    /// stays so.
    pub fn set_rules(&mut self, door: &Door, threshold: Similarity) {
        self.rules = Rules::new(door, threshold);
    }

    /// Takes in all faces of one frame, at the frame's time. Faces beyond [`MAX_FACES`] are counted and not
    /// judged.
    pub fn observe(&mut self, time: Duration, faces: &[Observation]) -> Decisions {
        self.faces_in_view = faces.len();
        let judged = faces.get(..MAX_FACES).unwrap_or(faces);
        // All faces take in the frame before any is judged, since a second face may stand in the way.
        for face in judged {
            if let Some(track) = self.track(time, face) {
                let rules = &self.rules;
                if let Some(track) = self.tracks.get_mut(track) {
                    track.see(time, face, rules);
                }
            }
        }
        let mut decisions = Decisions::new();
        for face in judged {
            if let Some(decision) = self.judge(time, face.track, faces) {
                // There is room: a decision a face, and no more faces than that.
                let _ = decisions.push(decision);
            }
        }
        decisions
    }

    /// A face has gone. Says why the door stayed shut, where nothing was said while it was in view.
    pub fn track_ended(&mut self, time: Duration, track: TrackId) -> Option<Decision> {
        let index = self.tracks.iter().position(|known| known.id == track)?;
        let mut track = self.tracks.swap_remove(index);
        let reason = track.parting(&self.rules)?;
        track.tell(time, Outcome::Denied(reason), self.faces_in_view, &self.rules)
    }

    /// The place of the face's account, which is made where there is none. Where all places are taken, the
    /// face that was out of view the longest loses its own.
    fn track(&mut self, time: Duration, face: &Observation) -> Option<usize> {
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
        self.tracks.push(Track::new(time, face)).ok()?;
        Some(self.tracks.len() - 1)
    }

    fn judge(&mut self, time: Duration, id: TrackId, faces: &[Observation]) -> Option<Decision> {
        let is_crowded = self.is_crowded(time, id, faces);
        let cooldown = self.rules.cooldown;
        let (rules, grants) = (&self.rules, &mut self.grants);
        let track = self.tracks.iter_mut().find(|track| track.id == id)?;
        if is_crowded {
            track.crowd(time);
        }
        if track.has_told(Outcome::Granted) {
            return None;
        }

        let outcome = if let Some(person) = track.person(time, rules) {
            if !track.agrees_at(time) {
                return None;
            }
            let cools = |grant: &Grant| grant.person == person && time.saturating_sub(grant.time) < cooldown;
            match track.access() {
                Access::Disabled => Outcome::Denied(DenialReason::DisabledPerson),
                Access::OutsideHours => Outcome::Denied(DenialReason::OutsideHours),
                Access::NoHours => Outcome::Denied(DenialReason::NoHours),
                Access::ClockImplausible => Outcome::Denied(DenialReason::ClockImplausible),
                Access::Allowed if grants.iter().any(cools) => Outcome::Denied(DenialReason::CoolDown),
                Access::Allowed if is_crowded => Outcome::Denied(DenialReason::SeveralFaces),
                Access::Allowed if track.is_clear(time, rules) => {
                    if grants.is_full() {
                        grants.pop_front();
                    }
                    // There is room now.
                    let _ = grants.push_back(Grant { person, time });
                    Outcome::Granted
                }
                Access::Allowed => return None,
            }
        } else if track.is_ambiguous(time, rules) {
            Outcome::Denied(DenialReason::Ambiguous)
        } else if track.is_unknown(rules) {
            Outcome::Denied(DenialReason::Unknown)
        } else {
            return None;
        };
        track.tell(time, outcome, faces.len(), rules)
    }

    /// Whether another face in view stands in the way.
    fn is_crowded(&mut self, time: Duration, id: TrackId, faces: &[Observation]) -> bool {
        match self.rules.second_face {
            SecondFace::Ignore => false,
            SecondFace::Refuse => faces.len() > 1,
            SecondFace::Known => {
                let rules = &self.rules;
                let tracks = &mut self.tracks;
                faces.iter().filter(|face| face.track != id).any(|face| {
                    let track = tracks.iter_mut().find(|track| track.id == face.track);
                    !track.is_some_and(|track| track.is_welcome(time, rules))
                })
            }
        }
    }
}

#[cfg(test)]
mod tests;
