//! Decides recorded visits again, under the rules that decided them or under changed ones.
//!
//! Input: events of the store in their order, each with the moments that its decision rests on. Output: the reason that each would
//! have now. Without changes it is the recorded one.

mod changed_lockout;
mod changes;
mod record_replay;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use changed_lockout::ChangedLockout;
pub use changes::{ChangeError, Changes, is_changeable, is_place, key_of};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ostiary_access::{Access, DenialReason, Outcome, Reason, Step, group_access};
use ostiary_config::{AlikePeople, Hours, LivenessLevel};
use ostiary_core::{ModelId, PersonId};
use ostiary_events::{Event, Visit};
use ostiary_pipeline::Thresholds;
pub use record_replay::RecordReplay;

/// What changed values are computed from: the present models, people and time zone.
#[derive(Default)]
pub struct Present {
    /// The embedding model in use, and its thresholds for the changed `door.fpir`.
    pub thresholds: Option<(ModelId, Thresholds)>,
    /// The groups of the people. A person without a group has `None`; a person who was removed is not in it.
    pub groups: HashMap<PersonId, Option<String>>,
    /// The people who are alike another one.
    pub alike: HashSet<PersonId>,
    /// The hours of the configuration.
    pub hours: Hours,
    /// The zone of the hours.
    pub zone: Option<TimeZone>,
}

impl Present {
    /// Thresholds alone, for changes of `door.fpir`.
    pub fn of_thresholds(model: ModelId, thresholds: Thresholds) -> Self {
        Self { thresholds: Some((model, thresholds)), ..Self::default() }
    }
}

/// A recorded decision, decided again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    /// The reason of the decision now; `None` if there would be no decision at the recorded moments.
    Decided(Option<Reason>),
    /// It cannot be decided again.
    NotDecided(NotDecided),
}

/// Why a recorded decision cannot be decided again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotDecided {
    /// It was recorded without its moments.
    #[error("recorded without its moments")]
    NoMoments,
    /// It was made with another model, and `door.fpir` is changed.
    #[error("made with the model {0}, whose thresholds for another door.fpir are not known")]
    OtherModel(ModelId),
    /// The changed `liveness.level` requires what was not measured at the recorded one.
    #[error("made at liveness.level = \"{0}\", where nothing was measured that the changed level requires")]
    LowerLevel(LivenessLevel),
}

/// The state of a replay: who was let in so far.
pub struct Replay {
    changes: Changes,
    present: Present,
    /// The lockout, if its rules are changed.
    lockout: Option<ChangedLockout>,
    /// When each person was last let in.
    granted: HashMap<PersonId, Timestamp>,
    /// The people of whom a grant is not a recorded one, or a recorded one is none: their cool-down is not the recorded one.
    differing: HashSet<PersonId>,
}

impl Replay {
    /// A replay with these changes.
    pub fn new(changes: Changes, present: Present) -> Self {
        let lockout = changes.lockout.as_ref().map(ChangedLockout::new);
        Self { changes, present, lockout, granted: HashMap::new(), differing: HashSet::new() }
    }

    /// Decides the next event again; `None` if it is no decision about a face. Events come in the order of the store. Of repeated
    /// denials, only the one about the most similar face is decided again.
    pub fn next(&mut self, event: &Event) -> Option<Replayed> {
        let (recorded, evidence) = event.kind.face()?;
        let Some(visit) = &evidence.visit else { return Some(Replayed::NotDecided(NotDecided::NoMoments)) };
        let is_known_model =
            self.present.thresholds.as_ref().is_some_and(|(model, _)| *model == evidence.model);
        if self.changes.fpir.is_some() && !is_known_model {
            return Some(Replayed::NotDecided(NotDecided::OtherModel(evidence.model.clone())));
        }
        let recorded_level = visit.record.rules.liveness.level;
        if self.changes.level().is_some_and(|level| level > recorded_level) {
            return Some(Replayed::NotDecided(NotDecided::LowerLevel(recorded_level)));
        }
        let mut rules = self.changes.rules(&visit.record.rules);
        let mut paused = None;
        if let Some(lockout) = &mut self.lockout {
            rules.is_clear_match_required = lockout.needs_clear_match(event.time);
            let nearest = visit.record.last().and_then(Step::candidate);
            paused = Some(nearest.is_some_and(|nearest| lockout.is_paused(nearest.person, event.time)));
        }
        let outcome = visit.record.replay(&rules, |step| self.change(step, event.time, visit, paused));
        let reason = match recorded {
            // That a face does not move is known from all frames, not from the moments.
            Reason::Denied(DenialReason::StaticFace) => Some(recorded),
            // The door thread refuses whatever is granted while a fault has locked the door, or a command has locked it down.
            Reason::Denied(DenialReason::Locked | DenialReason::LockedDown)
                if outcome == Some(Outcome::Granted) =>
            {
                Some(recorded)
            }
            _ => outcome.map(Reason::from),
        };
        self.remember(event, recorded, reason, visit);
        if let Some(lockout) = &mut self.lockout {
            lockout.count(event, evidence, reason);
        }
        Some(Replayed::Decided(reason))
    }

    /// Applies the changes to one moment. `paused`: whether the person's way in by face pauses, if the lockout is changed.
    fn change(&self, step: &mut Step, decided: Timestamp, visit: &Visit, paused: Option<bool>) {
        if let (Some(_), Some((_, thresholds))) = (self.changes.fpir, &self.present.thresholds) {
            for score in step.scores.iter_mut().flatten() {
                score.threshold =
                    thresholds.threshold(visit.people as usize, score.photos as usize).similarity;
            }
        }
        let Some(candidate) = step.candidate() else { return };
        let last = visit.record.last().map_or(0, |last| last.at_ms);
        let before = Duration::from_millis(u64::from(last.saturating_sub(step.at_ms)));
        let time = decided.checked_sub(before).unwrap_or(decided);
        step.access = self.access(step.access, candidate.person, time, paused);
        if self.differing.contains(&candidate.person) {
            let granted = self.granted.get(&candidate.person);
            let since = granted.and_then(|granted| Duration::try_from(time.duration_since(*granted)).ok());
            step.set_since_grant(since);
            // Without a grant there is no visit to continue.
            step.is_same_visit &= since.is_some();
        }
    }

    /// Whether a person might come in at a time, by the changes. What they do not change is as recorded.
    fn access(&self, recorded: Access, person: PersonId, time: Timestamp, paused: Option<bool>) -> Access {
        if self.changes.alike.is_none() && self.changes.hours.is_none() && paused.is_none() {
            return recorded;
        }
        // What the changes allow is still refused in a lockdown.
        if recorded == Access::LockedDown {
            return match self.access(Access::Allowed, person, time, paused) {
                Access::Allowed => Access::LockedDown,
                access => access,
            };
        }
        let is_alike = match self.changes.alike {
            None => recorded == Access::Alike,
            Some(AlikePeople::Allow) => false,
            Some(AlikePeople::Refuse) => self.present.alike.contains(&person),
        };
        // What the record does not say of a person who was refused as alike, or in a pause, the present hours do.
        let hours = match recorded {
            Access::Disabled | Access::ClockImplausible => return recorded,
            Access::Alike | Access::Paused => {
                Some(self.changes.hours.as_ref().unwrap_or(&self.present.hours))
            }
            Access::Allowed | Access::OutsideHours | Access::NoHours | Access::LockedDown => {
                self.changes.hours.as_ref()
            }
        };
        let by_hours = match (hours, self.present.groups.get(&person), &self.present.zone) {
            (Some(hours), Some(group), Some(zone)) => {
                group_access(hours, group.as_deref(), || Ok(time.to_zoned_datetime(zone.clone()).datetime()))
            }
            _ if matches!(recorded, Access::Alike | Access::Paused) => Access::Allowed,
            _ => recorded,
        };
        match by_hours {
            _ if is_alike => Access::Alike,
            Access::Allowed if paused.unwrap_or(recorded == Access::Paused) => Access::Paused,
            access => access,
        }
    }

    /// Remembers a grant, and whether the cool-down that follows is the recorded one.
    fn remember(&mut self, event: &Event, recorded: Reason, replayed: Option<Reason>, visit: &Visit) {
        let Some(person) = visit.record.last().and_then(Step::candidate).map(|candidate| candidate.person)
        else {
            return;
        };
        let is_granted = replayed == Some(Reason::Granted);
        if is_granted != (recorded == Reason::Granted) {
            self.differing.insert(person);
        }
        if is_granted {
            self.granted.insert(person, event.time);
        }
    }
}
