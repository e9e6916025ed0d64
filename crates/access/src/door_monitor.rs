//! The state of the door, from the door contact: open or closed, forced, open for too long.

use std::time::Duration;

/// The door contact's state machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoorMonitor {
    grace: Duration,
    max_open: Duration,
    position: DoorPosition,
}

/// The position of the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DoorPosition {
    /// The contact was not read yet, or cannot be read.
    Unknown,
    Closed,
    Open {
        /// When it opened, or was first seen open.
        since: Duration,
        /// When it was last reported as open for too long.
        reported: Option<Duration>,
    },
}

/// A change of the door's position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoorTransition {
    /// The first position after start, or after the contact could not be read. The change that led to it was not seen.
    Initial {
        /// Whether the door is open.
        open: bool,
    },
    /// Opened after a grant or a press of the exit button.
    Opened,
    /// Opened without a grant.
    Forced,
    /// Closed.
    Closed,
    /// The door has been open for longer than allowed.
    OpenTooLong,
}

impl DoorMonitor {
    /// A contact that was not read yet. The door is forced if it opens more than `grace` after the end of the pulse, and
    /// open for too long if it is open for `max_open`.
    pub fn new(grace: Duration, max_open: Duration) -> Self {
        Self { grace, max_open, position: DoorPosition::Unknown }
    }

    /// The time that a door may be open.
    pub fn max_open(&self) -> Duration {
        self.max_open
    }

    /// Whether the door is known to be closed.
    pub fn is_closed(&self) -> bool {
        self.position == DoorPosition::Closed
    }

    /// Takes the contact's level at the monotonic time `at`. `unlocked_until` is the value of
    /// [`RelayFsm::unlocked_until`](super::RelayFsm::unlocked_until). Returns `None` if the position did not change.
    pub fn update(
        &mut self,
        open: bool,
        at: Duration,
        unlocked_until: Option<Duration>,
    ) -> Option<DoorTransition> {
        let opened = DoorPosition::Open { since: at, reported: None };
        let (position, transition) = match (self.position, open) {
            (DoorPosition::Unknown, true) => (opened, DoorTransition::Initial { open }),
            (DoorPosition::Unknown, false) => (DoorPosition::Closed, DoorTransition::Initial { open }),
            (DoorPosition::Closed, true) => {
                let is_unlocked = unlocked_until.is_some_and(|until| at <= until.saturating_add(self.grace));
                (opened, if is_unlocked { DoorTransition::Opened } else { DoorTransition::Forced })
            }
            (DoorPosition::Open { .. }, false) => (DoorPosition::Closed, DoorTransition::Closed),
            (DoorPosition::Closed, false) | (DoorPosition::Open { .. }, true) => return None,
        };
        self.position = position;
        Some(transition)
    }

    /// Records that the contact cannot be read: the position is unknown.
    pub fn set_unknown(&mut self) {
        self.position = DoorPosition::Unknown;
    }

    /// Advances the time. Returns [`DoorTransition::OpenTooLong`] once for each opening, and once after each hold, which lets the
    /// door be open: the time counts from its end. `held_until` is the value of
    /// [`RelayFsm::held_until`](super::RelayFsm::held_until).
    pub fn tick(&mut self, now: Duration, held_until: Option<Duration>) -> Option<DoorTransition> {
        let DoorPosition::Open { since, reported } = self.position else { return None };
        // A report from before the end of the last hold was about the time before it.
        if reported.is_some_and(|reported| held_until.is_none_or(|end| end <= reported)) {
            return None;
        }
        let from = held_until.map_or(since, |end| end.max(since));
        if now < from.saturating_add(self.max_open) {
            return None;
        }
        self.position = DoorPosition::Open { since, reported: Some(now) };
        Some(DoorTransition::OpenTooLong)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GRACE: Duration = Duration::from_millis(2000);
    const MAX_OPEN: Duration = Duration::from_millis(30_000);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn closed() -> DoorMonitor {
        let mut contact = DoorMonitor::new(GRACE, MAX_OPEN);
        assert_eq!(contact.update(false, ms(0), None), Some(DoorTransition::Initial { open: false }));
        contact
    }

    #[test]
    fn a_granted_opening_is_opened_and_then_closed() {
        let mut contact = closed();
        assert_eq!(contact.update(true, ms(1000), Some(ms(3000))), Some(DoorTransition::Opened));
        assert_eq!(contact.tick(ms(30_999), None), None);
        assert_eq!(contact.update(false, ms(4000), Some(ms(3000))), Some(DoorTransition::Closed));
        assert_eq!(contact.tick(ms(90_000), None), None);
    }

    #[test]
    fn an_opening_without_a_grant_is_forced() {
        assert_eq!(closed().update(true, ms(1000), None), Some(DoorTransition::Forced));
        assert_eq!(
            closed().update(true, ms(5000), Some(ms(3000))),
            Some(DoorTransition::Opened),
            "within the grace time"
        );
        assert_eq!(closed().update(true, ms(5001), Some(ms(3000))), Some(DoorTransition::Forced));
    }

    #[test]
    fn a_forced_door_can_be_open_for_too_long_and_closes() {
        let mut contact = closed();
        assert_eq!(contact.update(true, ms(1000), None), Some(DoorTransition::Forced));
        assert_eq!(contact.tick(ms(31_000), None), Some(DoorTransition::OpenTooLong));
        assert_eq!(contact.update(false, ms(32_000), None), Some(DoorTransition::Closed));
    }

    #[test]
    fn open_for_too_long_is_reported_once_for_each_opening() {
        let mut contact = closed();
        for opened in [1000, 100_000] {
            contact.update(true, ms(opened), Some(ms(opened)));
            assert_eq!(contact.tick(ms(opened + 29_999), None), None);
            assert_eq!(contact.tick(ms(opened + 30_000), None), Some(DoorTransition::OpenTooLong));
            assert_eq!(contact.tick(ms(opened + 60_000), None), None);
            contact.update(false, ms(opened + 60_001), None);
        }
    }

    #[test]
    fn a_door_that_is_open_at_the_start_is_not_forced_but_can_be_open_for_too_long() {
        let mut contact = DoorMonitor::new(GRACE, MAX_OPEN);
        assert_eq!(contact.update(true, ms(5000), None), Some(DoorTransition::Initial { open: true }));
        assert_eq!(contact.tick(ms(35_000), None), Some(DoorTransition::OpenTooLong));
    }

    #[test]
    fn during_a_hold_a_door_may_be_open_and_the_time_counts_from_its_end() {
        let mut contact = closed();
        let hold = Some(ms(100_000));
        assert_eq!(contact.update(true, ms(50_000), hold), Some(DoorTransition::Opened), "not forced");
        assert_eq!(contact.tick(ms(99_999), hold), None);
        assert_eq!(contact.tick(ms(129_999), hold), None);
        assert_eq!(contact.tick(ms(130_000), hold), Some(DoorTransition::OpenTooLong));
        assert_eq!(contact.tick(ms(500_000), hold), None, "once");
        // A new hold, and the door is still open after it.
        let hold = Some(ms(600_000));
        assert_eq!(contact.tick(ms(629_999), hold), None);
        assert_eq!(contact.tick(ms(630_000), hold), Some(DoorTransition::OpenTooLong));
        // An opening after the hold counts from itself.
        contact.update(false, ms(640_000), hold);
        contact.update(true, ms(650_000), Some(ms(651_000)));
        assert_eq!(contact.tick(ms(679_999), hold), None);
        assert_eq!(contact.tick(ms(680_000), hold), Some(DoorTransition::OpenTooLong));
    }

    #[test]
    fn an_unreadable_contact_reports_nothing_and_then_an_initial_position() {
        let mut contact = closed();
        contact.update(true, ms(1000), Some(ms(1000)));
        contact.set_unknown();
        assert_eq!(contact.tick(ms(100_000), None), None);
        assert_eq!(contact.update(false, ms(100_001), None), Some(DoorTransition::Initial { open: false }));
    }

    #[test]
    fn the_largest_time_does_not_overflow() {
        let mut contact = closed();
        assert_eq!(contact.update(true, Duration::MAX, Some(Duration::MAX)), Some(DoorTransition::Opened));
        assert_eq!(contact.tick(Duration::MAX, None), Some(DoorTransition::OpenTooLong));
    }

    #[derive(Debug, Clone)]
    enum Input {
        Level(bool),
        Pulse,
        Hold(u64),
        Unreadable,
        Tick,
    }

    fn inputs() -> impl Strategy<Value = Vec<(u64, Input)>> {
        let input = prop_oneof![
            6 => any::<bool>().prop_map(Input::Level),
            3 => Just(Input::Pulse),
            2 => (1000u64..60_000).prop_map(Input::Hold),
            1 => Just(Input::Unreadable),
            6 => Just(Input::Tick),
        ];
        prop::collection::vec((0u64..8000, input), 0..200)
    }

    proptest! {
        /// Compares the transitions with a simple model of the door.
        #[test]
        fn the_transitions_agree_with_a_simple_model(inputs in inputs()) {
            let mut contact = DoorMonitor::new(GRACE, MAX_OPEN);
            let (mut now, mut unlocked_until) = (Duration::ZERO, None);
            let mut open = None;
            let (mut since, mut is_reported) = (Duration::ZERO, false);
            let mut held_until = None;
            for (later, input) in inputs {
                now += ms(later);
                match input {
                    Input::Pulse => unlocked_until = Some(now + ms(3000)),
                    Input::Hold(length) => {
                        let end = now + ms(length);
                        (unlocked_until, held_until) = (Some(end), Some(end));
                        is_reported = false;
                    }
                    Input::Unreadable => {
                        contact.set_unknown();
                        open = None;
                    }
                    Input::Level(is_open) => {
                        let expected = match open {
                            Some(before) if before == is_open => None,
                            Some(_) if !is_open => Some(DoorTransition::Closed),
                            Some(_) if unlocked_until.is_some_and(|until| now <= until + GRACE) => Some(DoorTransition::Opened),
                            Some(_) => Some(DoorTransition::Forced),
                            None => Some(DoorTransition::Initial { open: is_open }),
                        };
                        prop_assert_eq!(contact.update(is_open, now, unlocked_until), expected);
                        if expected.is_some() {
                            (since, is_reported) = (now, false);
                        }
                        open = Some(is_open);
                    }
                    Input::Tick => {
                        let from = held_until.map_or(since, |end: Duration| end.max(since));
                        let is_too_long = open == Some(true) && !is_reported && now >= from + MAX_OPEN;
                        prop_assert_eq!(contact.tick(now, held_until), is_too_long.then_some(DoorTransition::OpenTooLong));
                        is_reported |= is_too_long;
                    }
                }
            }
        }
    }
}
