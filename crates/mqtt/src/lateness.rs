//! Which events are published later than they happened.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use ostiary_events::SPOOL;

/// An event that is published later than this after it happened is late.
pub(super) const LATE_AFTER: Duration = Duration::from_secs(10);

/// Tells late events from new ones by their ids, which grow with time. The wall clock is not asked: it may have been set since.
pub(super) struct Lateness {
    /// The newest event that is late by now; `None` while no id is known, so that every stored event is late.
    newest_late: Option<u64>,
    /// The events after it, with the times when they were reported.
    recent: VecDeque<(u64, Instant)>,
}

impl Lateness {
    /// Every event up to the id `last` is from before this start, and late.
    pub fn new(last: Option<u64>) -> Self {
        Self { newest_late: last, recent: VecDeque::new() }
    }

    /// An event has happened. One that is not stored has the id 0.
    pub fn happened(&mut self, id: u64, now: Instant) {
        if id == 0 {
            return;
        }
        if self.newest_late.is_none() {
            self.newest_late = Some(id - 1);
        }
        if self.recent.len() as u64 >= SPOOL {
            self.newest_late = self.recent.pop_front().map(|(id, _)| id).max(self.newest_late);
        }
        self.recent.push_back((id, now));
    }

    /// Whether an event is late if it is published at `now`. One that is not stored is published at once or never.
    pub fn is_late(&mut self, id: u64, now: Instant) -> bool {
        while let Some((old, _)) =
            self.recent.pop_front_if(|(_, reported)| now.saturating_duration_since(*reported) > LATE_AFTER)
        {
            self.newest_late = Some(old).max(self.newest_late);
        }
        id != 0 && self.newest_late.is_none_or(|newest| id <= newest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_from_before_the_start_and_those_that_have_waited_are_late() {
        let start = Instant::now();
        let mut lateness = Lateness::new(Some(7));
        lateness.happened(8, start);
        lateness.happened(9, start + LATE_AFTER);
        for (id, seconds, is_late) in
            [(7, 0, true), (8, 0, false), (8, 10, false), (8, 11, true), (9, 11, false), (9, 21, true)]
        {
            assert_eq!(lateness.is_late(id, start + Duration::from_secs(seconds)), is_late, "{id} {seconds}");
        }
        // A command has stored it, and the store thread has not seen it yet.
        assert!(!lateness.is_late(10, start));
        assert!(!lateness.is_late(0, start));
    }

    #[test]
    fn in_a_store_that_could_not_be_opened_at_the_start_all_older_events_are_late() {
        let now = Instant::now();
        let mut lateness = Lateness::new(None);
        lateness.happened(0, now);
        assert!(lateness.is_late(41, now) && !lateness.is_late(0, now));
        lateness.happened(42, now);
        assert!(lateness.is_late(41, now) && !lateness.is_late(42, now));
    }

    #[test]
    fn of_very_many_events_in_a_short_time_the_oldest_are_late() {
        let now = Instant::now();
        let mut lateness = Lateness::new(Some(0));
        (1..=SPOOL + 3).for_each(|id| lateness.happened(id, now));
        assert!(lateness.is_late(3, now) && !lateness.is_late(4, now));
        assert_eq!(lateness.recent.len() as u64, SPOOL);
    }
}
