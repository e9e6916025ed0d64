//! Counts attempts to be taken for an enrolled person, and pauses that person's way in by face after too many.

use std::time::Duration;

use ostiary_config as config;
use ostiary_config::MAX_LOCKOUT_ATTEMPTS;
use ostiary_core::{MAX_FACES, PersonId, Similarity, TrackId};
use serde::{Deserialize, Serialize};

use super::{CLAIM_RANGE, Decision, Outcome};

/// The most people whose attempts are counted at the same time.
const MAX_PEOPLE: usize = 64;

/// Attempts, each as the time until which it counts, oldest first. The newest ones are kept.
type Attempts = heapless::Deque<Duration, MAX_LOCKOUT_ATTEMPTS>;

/// The steps that follow one attempt: at most one for a person and one for the door.
pub type LockoutSteps = heapless::Vec<LockoutStep, 2>;

/// The state machine of the lockout.
///
/// An attempt is a visit that is denied as unknown, as ambiguous or as a picture, once for each track. It counts for the door, and for the
/// person that it claims: the best candidate, if the similarity is at most [`CLAIM_RANGE`] below the threshold. After
/// `lockout.attempts` attempts within `lockout.within_s` that person's face way pauses for `lockout.pause_s`. Each further
/// attempt after a pause begins a pause of twice the length, at most `lockout.max_pause_s`. Attempts in a pause do not count
/// for the person: they cannot open the door. Without an attempt for `lockout.max_pause_s` after a pause all is forgotten;
/// a grant, of whatever kind, forgets nothing.
///
/// After as many attempts at the door as a whole everybody must be a clear match
/// ([`CLEAR_EXCESS`](crate::CLEAR_EXCESS)) while they count: a stranger never closes the door to all of its people.
///
/// All times are passed by the caller, of one monotonic clock. A time that goes back is replaced by the latest one. Memory has
/// a fixed size. If more than 64 people are claimed at the same time, the one with the fewest pauses is forgotten; if all
/// are paused, further attempts count for the door only.
#[derive(Debug, Clone)]
pub struct Lockout {
    rules: LockoutRules,
    people: heapless::Vec<ClaimedPerson, MAX_PEOPLE>,
    door: Attempts,
    /// Whether it was reported that everybody must be a clear match.
    is_door_reported: bool,
    /// The tracks whose attempt was counted, newest last.
    counted: heapless::Deque<TrackId, MAX_FACES>,
    now: Duration,
    /// Whether the state changed since [`Lockout::take_changed`].
    has_changed: bool,
}

/// The section `[lockout]` as lengths of time.
#[derive(Debug, Clone, Copy)]
struct LockoutRules {
    attempts: usize,
    within: Duration,
    pause: Duration,
    max_pause: Duration,
}

/// The attempts that claimed one person.
#[derive(Debug, Clone)]
struct ClaimedPerson {
    person: PersonId,
    attempts: Attempts,
    /// The number of pauses since the person was last forgotten.
    pauses: u32,
    /// The end of the current pause.
    paused_until: Option<Duration>,
    /// When the pauses are forgotten.
    forget_at: Duration,
}

/// A step of the lockout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockoutStep {
    /// A person's way in by face pauses.
    Paused {
        /// The person who was claimed.
        person: PersonId,
        /// The length of the pause.
        pause: Duration,
        /// The number of this pause, from 1. Each is twice as long as the one before, up to the longest.
        number: u32,
    },
    /// A pause is over.
    Resumed {
        /// The person.
        person: PersonId,
    },
    /// Everybody must be a clear match.
    ClearMatchesRequired,
    /// The usual matches suffice again.
    ClearMatchesEnded,
}

/// The state of a lockout to be restored after a restart. Times are milliseconds from the moment of saving.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedLockout {
    people: Vec<SavedPerson>,
    door_attempts_ms: Vec<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedPerson {
    person: i64,
    attempts_ms: Vec<u64>,
    pauses: u32,
    pause_ms: u64,
    forget_ms: u64,
}

impl LockoutRules {
    fn new(config: &config::Lockout) -> Self {
        Self {
            attempts: (config.attempts as usize).clamp(1, MAX_LOCKOUT_ATTEMPTS),
            within: config.within(),
            pause: config.pause(),
            max_pause: config.max_pause(),
        }
    }

    /// The length of the pause with this number, from 1.
    fn pause(&self, number: u32) -> Duration {
        let factor = 2u32.saturating_pow(number.saturating_sub(1));
        self.pause.saturating_mul(factor).min(self.max_pause)
    }
}

impl Lockout {
    /// A lockout without attempts.
    pub fn new(config: &config::Lockout) -> Self {
        Self {
            rules: LockoutRules::new(config),
            people: heapless::Vec::new(),
            door: Attempts::new(),
            is_door_reported: false,
            counted: heapless::Deque::new(),
            now: Duration::ZERO,
            has_changed: false,
        }
    }

    /// Sets new rules for the next attempts. A pause that is longer than the new longest one is shortened.
    pub fn set_rules(&mut self, config: &config::Lockout) {
        self.rules = LockoutRules::new(config);
        let longest = self.now.saturating_add(self.rules.max_pause);
        for claimed in &mut self.people {
            claimed.paused_until = claimed.paused_until.map(|until| until.min(longest));
            claimed.forget_at = claimed.forget_at.min(longest.saturating_add(self.rules.max_pause));
        }
    }

    /// Counts a decision, if it is an attempt, at its time. Returns the steps that follow from it.
    pub fn count(&mut self, decision: &Decision) -> LockoutSteps {
        let is_attempt = matches!(decision.outcome, Outcome::Denied(reason) if reason.is_attempt());
        if !is_attempt || self.counted.iter().any(|track| *track == decision.track) {
            return LockoutSteps::new();
        }
        if self.counted.is_full() {
            self.counted.pop_front();
        }
        // There is room: the oldest track was removed if there was none.
        let _ = self.counted.push_back(decision.track);
        self.attempt(decision.time, claimed_person(decision))
    }

    /// Counts an attempt to be taken for this person, or for nobody in particular.
    pub fn attempt(&mut self, now: Duration, claimed: Option<PersonId>) -> LockoutSteps {
        let now = self.advance(now);
        let rules = self.rules;
        self.has_changed = true;
        let mut steps = LockoutSteps::new();
        push(&mut self.door, now.saturating_add(rules.within), rules.attempts);
        if !self.is_door_reported && self.needs_clear_match(now) {
            self.is_door_reported = true;
            let _ = steps.push(LockoutStep::ClearMatchesRequired);
        }
        if let Some(person) = claimed
            && let Some(claimed) = self.find_or_add(person)
            && let Some(step) = claimed.attempt(now, &rules)
        {
            let _ = steps.push(step);
        }
        steps
    }

    /// Advances the time. Returns a step that is due; to be called until there is none.
    pub fn tick(&mut self, now: Duration) -> Option<LockoutStep> {
        let now = self.advance(now);
        for claimed in &mut self.people {
            if claimed.paused_until.is_some_and(|until| until <= now) {
                claimed.paused_until = None;
                self.has_changed = true;
                return Some(LockoutStep::Resumed { person: claimed.person });
            }
        }
        self.people.retain(|claimed| !claimed.is_forgotten(now));
        let is_required = self.needs_clear_match(now);
        if std::mem::replace(&mut self.is_door_reported, is_required) == is_required {
            return None;
        }
        Some(if is_required { LockoutStep::ClearMatchesRequired } else { LockoutStep::ClearMatchesEnded })
    }

    /// How much of the pause of this person's face way is left; `None` if it does not pause.
    pub fn pause_left(&self, person: PersonId, now: Duration) -> Option<Duration> {
        let claimed = self.people.iter().find(|claimed| claimed.person == person)?;
        let until = claimed.paused_until.filter(|until| *until > now.max(self.now))?;
        Some(until.saturating_sub(now.max(self.now)))
    }

    /// Whether everybody must be a clear match.
    pub fn needs_clear_match(&self, now: Duration) -> bool {
        let now = now.max(self.now);
        self.door.iter().filter(|counts_until| **counts_until > now).count() >= self.rules.attempts
    }

    /// Whether there were attempts or steps since the last call, so that the state is to be saved.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.has_changed)
    }

    /// The state at this time, to be restored after a restart.
    pub fn save(&self, now: Duration) -> SavedLockout {
        let left = |until: Duration| until.saturating_sub(now.max(self.now)).as_millis() as u64;
        let people = self.people.iter().map(|claimed| SavedPerson {
            person: claimed.person.0,
            attempts_ms: claimed.attempts.iter().map(|until| left(*until)).collect(),
            pauses: claimed.pauses,
            pause_ms: claimed.paused_until.map_or(0, left),
            forget_ms: left(claimed.forget_at),
        });
        SavedLockout {
            people: people.collect(),
            door_attempts_ms: self.door.iter().map(|until| left(*until)).collect(),
        }
    }

    /// Restores a state that was saved `elapsed` ago. No time becomes longer than the rules allow.
    pub fn restore(&mut self, now: Duration, saved: &SavedLockout, elapsed: Duration) {
        let now = self.advance(now);
        let rules = self.rules;
        let until = |left_ms: u64, most: Duration| {
            now.saturating_add(Duration::from_millis(left_ms).saturating_sub(elapsed).min(most))
        };
        for saved in &saved.people {
            let person = PersonId(saved.person);
            if self.people.iter().any(|claimed| claimed.person == person) {
                continue;
            }
            let mut claimed = ClaimedPerson {
                person,
                attempts: Attempts::new(),
                pauses: saved.pauses,
                // A pause that has ended meanwhile ends with the first tick, and is reported.
                paused_until: (saved.pause_ms > 0).then(|| until(saved.pause_ms, rules.max_pause)),
                forget_at: until(saved.forget_ms, rules.max_pause.saturating_mul(2)),
            };
            for left_ms in &saved.attempts_ms {
                push(&mut claimed.attempts, until(*left_ms, rules.within), rules.attempts);
            }
            if self.people.push(claimed).is_err() {
                break;
            }
        }
        for left_ms in &saved.door_attempts_ms {
            push(&mut self.door, until(*left_ms, rules.within), rules.attempts);
        }
        // It was reported before the restart; if it has ended meanwhile, the first tick says so.
        let counted = saved.door_attempts_ms.iter().filter(|left_ms| **left_ms > 0).count();
        self.is_door_reported = counted >= rules.attempts;
    }

    /// Assumes the most attempts at the door, because the state before the restart is not known: everybody must be a clear
    /// match for `lockout.within_s`. Nobody pauses.
    pub fn assume_attempts(&mut self, now: Duration) {
        let now = self.advance(now);
        for _ in 0..self.rules.attempts {
            push(&mut self.door, now.saturating_add(self.rules.within), self.rules.attempts);
        }
        (self.is_door_reported, self.has_changed) = (true, true);
    }

    fn find_or_add(&mut self, person: PersonId) -> Option<&mut ClaimedPerson> {
        if let Some(index) = self.people.iter().position(|claimed| claimed.person == person) {
            return self.people.get_mut(index);
        }
        if self.people.is_full() {
            let not_paused =
                self.people.iter().enumerate().filter(|(_, claimed)| claimed.paused_until.is_none());
            let (index, _) =
                not_paused.min_by_key(|(_, claimed)| (claimed.pauses, claimed.attempts.back().copied()))?;
            self.people.swap_remove(index);
        }
        self.people.push(ClaimedPerson::new(person)).ok()?;
        self.people.last_mut()
    }

    fn advance(&mut self, now: Duration) -> Duration {
        self.now = self.now.max(now);
        self.now
    }
}

impl ClaimedPerson {
    fn new(person: PersonId) -> Self {
        Self { person, attempts: Attempts::new(), pauses: 0, paused_until: None, forget_at: Duration::ZERO }
    }

    fn attempt(&mut self, now: Duration, rules: &LockoutRules) -> Option<LockoutStep> {
        if self.paused_until.is_some_and(|until| until > now) {
            return None;
        }
        if self.forget_at <= now {
            self.pauses = 0;
        }
        push(&mut self.attempts, now.saturating_add(rules.within), rules.attempts);
        let counting = self.attempts.iter().filter(|counts_until| **counts_until > now).count();
        if self.pauses == 0 && counting < rules.attempts {
            return None;
        }
        self.attempts.clear();
        self.pauses = self.pauses.saturating_add(1);
        let pause = rules.pause(self.pauses);
        self.paused_until = Some(now.saturating_add(pause));
        self.forget_at = now.saturating_add(pause).saturating_add(rules.max_pause);
        Some(LockoutStep::Paused { person: self.person, pause, number: self.pauses })
    }

    fn is_forgotten(&self, now: Duration) -> bool {
        self.paused_until.is_none()
            && self.forget_at <= now
            && self.attempts.back().is_none_or(|counts_until| *counts_until <= now)
    }
}

/// The person that a denied face claims to be; `None` if it is not near anybody's threshold.
fn claimed_person(decision: &Decision) -> Option<PersonId> {
    let is_near = decision.similarity?.reaches(Similarity(decision.threshold?.0 - CLAIM_RANGE));
    decision.nearest.filter(|_| is_near)
}

/// Adds an attempt, and removes the oldest ones that are more than `most`.
fn push(attempts: &mut Attempts, counts_until: Duration, most: usize) {
    while attempts.len() >= most.max(1) {
        attempts.pop_front();
    }
    // There is room: `most` is at most the capacity.
    let _ = attempts.push_back(counts_until);
}

#[cfg(test)]
mod tests;
