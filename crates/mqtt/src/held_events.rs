//! New events that wait for Home Assistant after an interruption of the broker. It connects again seconds after the door, and the broker
//! keeps nothing for it. Only the topics of new events wait: the topic of all events does not.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The longest wait. Home Assistant tries to connect every 10 s, and announces itself 5 s after it has.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// The most events that wait; of more, the oldest are published before.
const MAX_HELD: usize = 64;

/// An event on the topic of its subject.
pub(super) struct HeldEvent {
    /// The event's number.
    pub id: u64,
    /// The topic.
    pub topic: String,
    /// The message.
    pub payload: String,
}

/// The events that wait, oldest first.
#[derive(Default)]
pub(super) struct HeldEvents {
    events: VecDeque<HeldEvent>,
    /// Until when new events wait; `None` if they do not.
    until: Option<Instant>,
}

impl HeldEvents {
    /// The door is connected again: new events wait from now on.
    pub fn begin(&mut self, now: Instant) {
        self.until = Some(now + LONGEST_WAIT);
    }

    /// Home Assistant is there.
    pub fn end(&mut self) {
        self.until = None;
    }

    /// Whether an event has to wait.
    pub fn is_waiting(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// The time until the wait ends.
    pub fn time_left(&self, now: Instant) -> Option<Duration> {
        self.until.map(|until| until.saturating_duration_since(now))
    }

    /// Whether the event waits already, because the connection ended before the broker confirmed it.
    pub fn has(&self, id: u64) -> bool {
        id != 0 && self.events.iter().any(|event| event.id == id)
    }

    /// Lets an event wait.
    pub fn push(&mut self, event: HeldEvent) {
        self.events.push_back(event);
    }

    /// The next event that need not wait any longer. It stays until [`Self::published`].
    pub fn next(&self, now: Instant) -> Option<&HeldEvent> {
        self.events.front().filter(|_| !self.is_waiting(now) || self.events.len() > MAX_HELD)
    }

    /// The client has taken the event that [`Self::next`] gave.
    pub fn published(&mut self) {
        self.events.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(id: u64) -> HeldEvent {
        HeldEvent { id, topic: "topic".into(), payload: "{}".into() }
    }

    #[test]
    fn events_wait_until_home_assistant_is_there_or_the_wait_is_over() {
        let start = Instant::now();
        let mut events = HeldEvents::default();
        assert!(!events.is_waiting(start) && events.time_left(start).is_none());
        events.begin(start);
        assert!(events.is_waiting(start));
        events.push(held(7));
        assert!(events.has(7) && !events.has(8) && events.next(start).is_none());
        events.push(held(8));
        events.end();
        assert_eq!(events.next(start).unwrap().id, 7);
        events.published();
        assert_eq!(events.next(start).unwrap().id, 8);
        events.begin(start);
        assert!(events.next(start).is_none(), "it waits again after another interruption");
        let over = start + LONGEST_WAIT;
        assert_eq!(events.time_left(over), Some(Duration::ZERO));
        assert_eq!(events.next(over).unwrap().id, 8);
    }

    #[test]
    fn no_more_than_some_events_wait() {
        let start = Instant::now();
        let mut events = HeldEvents::default();
        events.begin(start);
        for id in 1..=MAX_HELD as u64 + 2 {
            events.push(held(id));
        }
        let mut published = 0;
        while events.next(start).is_some() {
            events.published();
            published += 1;
        }
        assert_eq!(published, 2);
    }
}
