//! The lockout under changed rules, from the attempts of a record.

use std::time::Duration;

use jiff::Timestamp;
use ostiary_access::{Lockout, Reason};
use ostiary_config as config;
use ostiary_core::{PersonId, TrackId};
use ostiary_events::{Event, Evidence};

/// A lockout whose time is that of the events.
pub(super) struct ChangedLockout {
    lockout: Lockout,
    /// The time of the first event.
    begin: Option<Timestamp>,
    /// The track of the latest attempt, which counts once.
    counted: Option<TrackId>,
}

impl ChangedLockout {
    pub fn new(rules: &config::Lockout) -> Self {
        Self { lockout: Lockout::new(rules), begin: None, counted: None }
    }

    /// Whether this person's way in by face pauses.
    pub fn is_paused(&mut self, person: PersonId, time: Timestamp) -> bool {
        let now = self.advance(time);
        self.lockout.pause_left(person, now).is_some()
    }

    /// Whether everybody must be a clear match.
    pub fn needs_clear_match(&mut self, time: Timestamp) -> bool {
        let now = self.advance(time);
        self.lockout.needs_clear_match(now)
    }

    /// Counts a replayed decision, if it is an attempt. Repeated denials are as many attempts, at the time of the first, and
    /// each is taken to claim the person that the most similar face claims.
    pub fn count(&mut self, event: &Event, evidence: &Evidence, reason: Option<Reason>) {
        let is_attempt = matches!(reason, Some(Reason::Denied(reason)) if reason.is_attempt());
        if !is_attempt {
            return;
        }
        let is_counted = self.counted.replace(evidence.track) == Some(evidence.track);
        let attempts = event.kind.further_denials().saturating_add(u32::from(!is_counted));
        let claimed = evidence.visit.as_ref().and_then(|visit| visit.record.claimed_person());
        let now = self.advance(event.time);
        // More than the rules can ask for change nothing.
        for _ in 0..attempts.min(config::MAX_LOCKOUT_ATTEMPTS as u32) {
            self.lockout.attempt(now, claimed);
        }
    }

    fn advance(&mut self, time: Timestamp) -> Duration {
        let begin = *self.begin.get_or_insert(time);
        let now = Duration::try_from(time.duration_since(begin)).unwrap_or_default();
        while self.lockout.tick(now).is_some() {}
        now
    }
}
