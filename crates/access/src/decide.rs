//! Combines the frames of each track into one decision, and applies the cool-down after a grant.

use std::time::Duration;

use ostiary_config::{Door, SecondFace};
use ostiary_core::{MAX_FACES, TrackId};

use super::recent_visits::{Presence, RecentVisits, SavedVisits};
use super::rules::DecisionRules;
use super::track_evidence::TrackEvidence;
use super::track_state::Finding;
pub use super::track_state::LivenessNeed;
use super::{Decision, DenialReason, LivenessRules, Observation, Outcome};

/// The decisions of one frame, at most one for each face.
pub type Decisions = heapless::Vec<Decision, MAX_FACES>;

/// How long after an unknown face was in view a new track must be a clear match.
const UNKNOWN_MEMORY: Duration = Duration::from_secs(10);

/// Decides about each face in view, from the frames of its own track only.
///
/// A frame counts if the face has no quality fault and was embedded: it is a moment. The template of the track, the mean of its
/// moments, matches a person if the similarity reaches the threshold and exceeds the similarity to the second best person by the
/// margin. While there are fewer than twice `frames` moments, and after the track was reported as unknown, it must exceed the
/// threshold by [`CLEAR_EXCESS`](crate::CLEAR_EXCESS). So must a track that begins within some seconds after an unknown face was
/// in view: a stranger who hides the face for a moment has no new chance. A match after at least `frames` moments, or after one less if
/// it exceeds the threshold by [`EARLY_EXCESS`](crate::EARLY_EXCESS), is granted, once for each track, unless the person is
/// disabled, is alike another one, is outside their hours (or the hours cannot be evaluated), was let in within `cooldown_s` or has not been away since, a second face prevents it, or it
/// is not shown that the face is a person's ([`LivenessRules`]). Each reason is reported once for each track. A
/// grant can follow a denial.
/// Memory has a fixed size; nothing is allocated.
#[derive(Debug, Clone)]
pub struct Decider {
    rules: DecisionRules,
    tracks: heapless::Vec<TrackEvidence, MAX_FACES>,
    visits: RecentVisits,
    faces_in_view: usize,
    /// Frame time of the last frame with a face that was reported as unknown.
    unknown_seen: Option<Duration>,
}

impl Decider {
    /// A decider without tracks.
    pub fn new(door: &Door, liveness: LivenessRules) -> Self {
        Self {
            rules: DecisionRules::new(door, liveness),
            tracks: heapless::Vec::new(),
            visits: RecentVisits::default(),
            faces_in_view: 0,
            unknown_seen: None,
        }
    }

    /// Sets new rules for the next frames. Tracks keep their frames, and a track that has a grant gets no second one.
    pub fn set_rules(&mut self, door: &Door, liveness: LivenessRules) {
        let is_clear_match_required = self.rules.is_clear_match_required;
        self.rules = DecisionRules { is_clear_match_required, ..DecisionRules::new(door, liveness) };
        self.tracks.iter_mut().for_each(TrackEvidence::rules_changed);
    }

    /// The rules in use.
    pub fn rules(&self) -> &DecisionRules {
        &self.rules
    }

    /// Sets whether everybody must be a clear match, from the next frame on, because of too many attempts at the door.
    pub fn require_clear_match(&mut self, required: bool) {
        if self.rules.is_clear_match_required != required {
            self.rules.is_clear_match_required = required;
            self.tracks.iter_mut().for_each(TrackEvidence::rules_changed);
        }
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
        let tracks = &self.tracks;
        let presence = |face: &Observation| {
            let track = tracks.iter().find(|track| track.id == face.track);
            (face.track, track.map_or(Presence::Uncompared, TrackEvidence::presence))
        };
        self.visits.observe(time, self.rules.away, decided.iter().map(presence));
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

    /// What the person of the first such track must do, as far as the frame of this time shows: only liveness prevents a
    /// grant.
    pub fn liveness_need(&self, time: Duration) -> Option<(TrackId, LivenessNeed)> {
        self.tracks.iter().find_map(|track| Some((track.id, track.liveness_need(time, &self.rules)?)))
    }

    /// Whether the visits of people who were let in have changed since the last call, so that they are to be saved.
    pub fn take_changed_visits(&mut self) -> bool {
        self.visits.take_changed()
    }

    /// The visits of people who were let in, to be restored after a restart.
    pub fn save_visits(&self, now: Duration) -> SavedVisits {
        self.visits.save(now)
    }

    /// Restores visits that were saved `elapsed` ago. To be called before the first frame.
    pub fn restore_visits(&mut self, now: Duration, saved: &SavedVisits, elapsed: Duration) {
        self.visits.restore(now, saved, elapsed, self.rules.cooldown);
    }

    /// Denies a face that has become static, which gets no other decision. Static faces are left out of the frames.
    pub fn deny_static(&mut self, time: Duration, face: &Observation) -> Option<Decision> {
        let index = self.find_or_add_track(time, face)?;
        let faces_in_view = self.faces_in_view;
        let track = self.tracks.get_mut(index)?;
        let outcome = Outcome::Denied(DenialReason::StaticFace);
        (!track.has_reported(outcome)).then(|| track.report(time, outcome, None, faces_in_view, &self.rules))
    }

    /// Removes a track that has ended. Returns a denial with the reason if nothing was reported while the face was in view.
    pub fn track_ended(&mut self, time: Duration, track: TrackId) -> Option<Decision> {
        let index = self.tracks.iter().position(|known| known.id == track)?;
        let mut track = self.tracks.swap_remove(index);
        let reason = track.end_reason(&self.rules)?;
        let outcome = Outcome::Denied(reason);
        let decision = track.report(time, outcome, None, self.faces_in_view, &self.rules);
        // A match that was not clear is no unknown face: it does not make it harder for the next one.
        if track.matched_nobody(&self.rules) {
            self.remember_unknown(&decision);
        }
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
        let (rules, visits) = (&self.rules, &mut self.visits);
        let track = self.tracks.iter_mut().find(|track| track.id == id)?;
        if is_blocked {
            track.set_blocked(time);
        }
        let finding = track.finding_at(time)?;
        let outcome = track.judge(finding, rules, |person| visits.before(person, time))?;
        if let (Outcome::Granted, Finding::Match(person)) = (outcome, finding) {
            visits.grant(person, id, time, rules.cooldown);
        }
        Some(track.report(time, outcome, Some(finding), faces.len(), rules))
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
