//! Sums denials of strangers that repeat: a screen with changing faces must not fill the record.
//!
//! The first denial for a reason is passed on at once and begins a window. Those for the same reason in the window become one
//! event, with their number and the times of the first and the last.

use std::time::Duration;

use ostiary_access::DenialReason;

use super::{Denial, Event, EventKind, Evidence};

/// The length of a window.
const WINDOW: Duration = Duration::from_secs(60);

/// The open windows, at most one for each reason.
#[derive(Debug, Default)]
pub struct DenialWindows {
    windows: Vec<Window>,
}

#[derive(Debug)]
struct Window {
    reason: DenialReason,
    ends: Duration,
    /// The denials in the window after the first one, as one event.
    repeated: Option<Event>,
}

impl DenialWindows {
    /// Takes an event that happened at the monotonic time `now`. Returns what is to be recorded, in this order. A denial of a
    /// person is passed on as it is. All other events but denials end all windows: what was summed comes before them.
    pub fn take(&mut self, event: Event, now: Duration) -> Vec<Event> {
        let mut events = self.take_ended(now);
        match &event.kind {
            EventKind::Denied(Denial::Face { reason, person: None, .. }) => {
                let reason = *reason;
                match self.windows.iter_mut().find(|window| window.reason == reason) {
                    Some(window) => window.add(event),
                    None => {
                        self.windows.push(Window { reason, ends: now + WINDOW, repeated: None });
                        events.push(event);
                    }
                }
            }
            EventKind::Denied(_) => events.push(event),
            _ => {
                events.extend(self.take_all());
                events.push(event);
            }
        }
        events
    }

    /// Ends the windows that are over at the monotonic time `now`, and returns what was summed in them.
    pub fn take_ended(&mut self, now: Duration) -> Vec<Event> {
        self.windows
            .extract_if(.., |window| window.ends <= now)
            .filter_map(|window| window.repeated)
            .collect()
    }

    /// Ends all windows, and returns what was summed in them.
    pub fn take_all(&mut self) -> Vec<Event> {
        self.windows.drain(..).filter_map(|window| window.repeated).collect()
    }
}

impl Window {
    /// Adds a denial of a stranger.
    fn add(&mut self, event: Event) {
        let Some(sum) = &mut self.repeated else {
            self.repeated = Some(event);
            return;
        };
        let time = event.time;
        let EventKind::Denied(Denial::Face { evidence: new, .. }) = event.kind else { return };
        match &mut sum.kind {
            EventKind::Denied(Denial::Repeated { evidence, count, until, .. }) => {
                *count = count.saturating_add(1);
                *until = time.max(*until);
                if score(&new) > score(evidence) {
                    *evidence = new;
                }
            }
            EventKind::Denied(Denial::Face { reason, evidence, .. }) => {
                let evidence = if score(&new) > score(evidence) { new } else { evidence.clone() };
                let until = time.max(sum.time);
                sum.kind = EventKind::Denied(Denial::Repeated { reason: *reason, evidence, count: 2, until });
            }
            _ => {}
        }
    }
}

/// The similarity to the most similar person; below all others if there is none.
fn score(evidence: &Evidence) -> f32 {
    evidence.similarity.map_or(f32::NEG_INFINITY, |similarity| similarity.0)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use ostiary_core::Similarity;

    use super::*;
    use crate::Grant;
    use crate::testing::evidence;

    fn at(second: i64) -> (Timestamp, Duration) {
        (Timestamp::from_second(second).unwrap(), Duration::from_secs(second as u64))
    }

    fn denied(second: i64, reason: DenialReason, person: Option<&str>, similarity: f32) -> Event {
        let evidence = Evidence { similarity: Some(Similarity(similarity)), ..evidence() };
        let person = person.map(str::to_owned);
        let kind = EventKind::Denied(Denial::Face { reason, person, evidence, detail: None });
        Event::new(kind, at(second).0, "front")
    }

    fn unknown(second: i64, similarity: f32) -> Event {
        denied(second, DenialReason::Unknown, None, similarity)
    }

    fn repeated(event: &Event) -> (DenialReason, u32, i64, i64, f32) {
        match &event.kind {
            EventKind::Denied(Denial::Repeated { reason, evidence, count, until }) => {
                (*reason, *count, event.time.as_second(), until.as_second(), evidence.similarity.unwrap().0)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_first_denial_passes_and_the_others_are_summed_until_the_window_ends() {
        let mut windows = DenialWindows::default();
        assert_eq!(windows.take(unknown(0, 0.1), at(0).1), [unknown(0, 0.1)]);
        for (second, similarity) in [(1, 0.2), (2, 0.4), (59, 0.3)] {
            assert_eq!(windows.take(unknown(second, similarity), at(second).1), []);
        }
        assert_eq!(windows.take_ended(at(59).1), []);
        let ended = windows.take_ended(at(60).1);
        assert_eq!(ended.iter().map(repeated).collect::<Vec<_>>(), [(DenialReason::Unknown, 3, 1, 59, 0.4)]);
        assert_eq!(windows.take(unknown(61, 0.1), at(61).1), [unknown(61, 0.1)], "a new window begins");
        assert_eq!(windows.take_all(), []);
    }

    #[test]
    fn a_single_repetition_stays_as_it_is() {
        let mut windows = DenialWindows::default();
        windows.take(unknown(0, 0.1), at(0).1);
        windows.take(unknown(5, 0.2), at(5).1);
        assert_eq!(windows.take_all(), [unknown(5, 0.2)]);
    }

    #[test]
    fn reasons_that_alternate_are_summed_each() {
        let mut windows = DenialWindows::default();
        let other = |second| denied(second, DenialReason::LowQuality, None, 0.0);
        let mut passed = 0;
        for second in 0..20 {
            passed += windows.take(unknown(second, 0.1), at(second).1).len();
            passed += windows.take(other(second), at(second).1).len();
        }
        assert_eq!(passed, 2);
        let sums: Vec<_> = windows.take_all().iter().map(|event| repeated(event).1).collect();
        assert_eq!(sums, [19, 19]);
    }

    #[test]
    fn people_are_never_summed_and_other_events_come_after_what_was_before_them() {
        let mut windows = DenialWindows::default();
        let disabled = |second| denied(second, DenialReason::DisabledPerson, Some("Ann"), 0.8);
        for second in 0..3 {
            assert_eq!(windows.take(disabled(second), at(second).1), [disabled(second)]);
        }
        for second in 3..6 {
            windows.take(unknown(second, 0.1), at(second).1);
        }
        let granted = Event::new(EventKind::Granted(Grant::ExitButton), at(7).0, "front");
        let events = windows.take(granted.clone(), at(7).1);
        assert_eq!(repeated(&events[0]), (DenialReason::Unknown, 2, 4, 5, 0.1));
        assert_eq!(events[1..], [granted]);
    }
}
