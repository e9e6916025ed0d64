//! The door's leaf, as its contact tells it: open or closed, forced, held open.

use std::time::Duration;

/// A leaf with a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    grace: Duration,
    held_open: Duration,
    position: DoorPosition,
}

/// How the leaf is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DoorPosition {
    /// The contact was not read yet, or cannot be read.
    Unknown,
    Closed,
    Open {
        /// When it is held open; `None` once that was told.
        held_at: Option<Duration>,
    },
}

/// What happened to the leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoorTransition {
    /// It is so; how it came to be so was not seen.
    Found {
        open: bool,
    },
    /// By somebody who was let in or out.
    Opened,
    /// By somebody whom nobody let in or out.
    Forced,
    Closed,
    /// It has been open for too long.
    HeldOpen,
}

impl Contact {
    /// A leaf of which nothing is known. It is forced when it opens more than `grace` after it was free to open, and held
    /// open once it was open for `held_open`.
    pub fn new(grace: Duration, held_open: Duration) -> Self {
        Self { grace, held_open, position: DoorPosition::Unknown }
    }

    /// How long a leaf is open until it is held open.
    pub fn held_open(&self) -> Duration {
        self.held_open
    }

    /// The contact says whether the leaf is open; it was free to open until `free_until`, as
    /// [`RelayFsm::free_until`](super::RelayFsm::free_until) has it. What is known already changes nothing.
    pub fn told(&mut self, open: bool, at: Duration, free_until: Option<Duration>) -> Option<DoorTransition> {
        let opened = DoorPosition::Open { held_at: Some(at.saturating_add(self.held_open)) };
        let (position, transition) = match (self.position, open) {
            (DoorPosition::Unknown, true) => (opened, DoorTransition::Found { open }),
            (DoorPosition::Unknown, false) => (DoorPosition::Closed, DoorTransition::Found { open }),
            (DoorPosition::Closed, true) => {
                let is_free = free_until.is_some_and(|until| at <= until.saturating_add(self.grace));
                (opened, if is_free { DoorTransition::Opened } else { DoorTransition::Forced })
            }
            (DoorPosition::Open { .. }, false) => (DoorPosition::Closed, DoorTransition::Closed),
            (DoorPosition::Closed, false) | (DoorPosition::Open { .. }, true) => return None,
        };
        self.position = position;
        Some(transition)
    }

    /// The contact cannot be read: how the leaf is now is not known.
    pub fn lost(&mut self) {
        self.position = DoorPosition::Unknown;
    }

    /// Time passes. That the leaf is held open is said once.
    pub fn tick(&mut self, now: Duration) -> Option<DoorTransition> {
        match self.position {
            DoorPosition::Open { held_at: Some(at) } if now >= at => {
                self.position = DoorPosition::Open { held_at: None };
                Some(DoorTransition::HeldOpen)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GRACE: Duration = Duration::from_millis(2000);
    const HELD: Duration = Duration::from_millis(30_000);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn closed() -> Contact {
        let mut contact = Contact::new(GRACE, HELD);
        assert_eq!(contact.told(false, ms(0), None), Some(DoorTransition::Found { open: false }));
        contact
    }

    #[test]
    fn who_was_let_in_opens_and_closes() {
        let mut contact = closed();
        assert_eq!(contact.told(true, ms(1000), Some(ms(3000))), Some(DoorTransition::Opened));
        assert_eq!(contact.tick(ms(30_999)), None);
        assert_eq!(contact.told(false, ms(4000), Some(ms(3000))), Some(DoorTransition::Closed));
        assert_eq!(contact.tick(ms(90_000)), None);
    }

    #[test]
    fn a_door_that_nobody_was_let_through_was_forced() {
        assert_eq!(closed().told(true, ms(1000), None), Some(DoorTransition::Forced));
        assert_eq!(
            closed().told(true, ms(5000), Some(ms(3000))),
            Some(DoorTransition::Opened),
            "within the grace"
        );
        assert_eq!(closed().told(true, ms(5001), Some(ms(3000))), Some(DoorTransition::Forced));
    }

    #[test]
    fn a_forced_door_may_be_held_open_too_and_closes() {
        let mut contact = closed();
        assert_eq!(contact.told(true, ms(1000), None), Some(DoorTransition::Forced));
        assert_eq!(contact.tick(ms(31_000)), Some(DoorTransition::HeldOpen));
        assert_eq!(contact.told(false, ms(32_000), None), Some(DoorTransition::Closed));
    }

    #[test]
    fn held_open_is_said_once_and_again_after_the_next_opening() {
        let mut contact = closed();
        for opened in [1000, 100_000] {
            contact.told(true, ms(opened), Some(ms(opened)));
            assert_eq!(contact.tick(ms(opened + 29_999)), None);
            assert_eq!(contact.tick(ms(opened + 30_000)), Some(DoorTransition::HeldOpen));
            assert_eq!(contact.tick(ms(opened + 60_000)), None);
            contact.told(false, ms(opened + 60_001), None);
        }
    }

    #[test]
    fn a_door_that_is_found_open_was_not_forced_but_may_be_held_open() {
        let mut contact = Contact::new(GRACE, HELD);
        assert_eq!(contact.told(true, ms(5000), None), Some(DoorTransition::Found { open: true }));
        assert_eq!(contact.tick(ms(35_000)), Some(DoorTransition::HeldOpen));
    }

    #[test]
    fn a_contact_that_is_lost_says_nothing_and_is_found_again() {
        let mut contact = closed();
        contact.told(true, ms(1000), Some(ms(1000)));
        contact.lost();
        assert_eq!(contact.tick(ms(100_000)), None);
        assert_eq!(contact.told(false, ms(100_001), None), Some(DoorTransition::Found { open: false }));
    }

    #[test]
    fn the_end_of_time_does_not_overflow() {
        let mut contact = closed();
        assert_eq!(contact.told(true, Duration::MAX, Some(Duration::MAX)), Some(DoorTransition::Opened));
        assert_eq!(contact.tick(Duration::MAX), Some(DoorTransition::HeldOpen));
    }

    #[derive(Debug, Clone)]
    enum Input {
        Told(bool),
        Free,
        Lost,
        Tick,
    }

    fn inputs() -> impl Strategy<Value = Vec<(u64, Input)>> {
        let input = prop_oneof![
            6 => any::<bool>().prop_map(Input::Told),
            3 => Just(Input::Free),
            1 => Just(Input::Lost),
            6 => Just(Input::Tick),
        ];
        prop::collection::vec((0u64..8000, input), 0..200)
    }

    proptest! {
        /// Follows the leaf from outside and compares what is said with a plain account of it.
        #[test]
        fn what_is_said_is_what_happened(inputs in inputs()) {
            let mut contact = Contact::new(GRACE, HELD);
            let (mut now, mut free) = (Duration::ZERO, None);
            let mut open = None;
            let (mut since, mut is_told) = (Duration::ZERO, false);
            for (later, input) in inputs {
                now += ms(later);
                match input {
                    Input::Free => free = Some(now + ms(3000)),
                    Input::Lost => {
                        contact.lost();
                        open = None;
                    }
                    Input::Told(is_open) => {
                        let expected = match open {
                            Some(before) if before == is_open => None,
                            Some(_) if !is_open => Some(DoorTransition::Closed),
                            Some(_) if free.is_some_and(|until| now <= until + GRACE) => Some(DoorTransition::Opened),
                            Some(_) => Some(DoorTransition::Forced),
                            None => Some(DoorTransition::Found { open: is_open }),
                        };
                        prop_assert_eq!(contact.told(is_open, now, free), expected);
                        if expected.is_some() {
                            (since, is_told) = (now, false);
                        }
                        open = Some(is_open);
                    }
                    Input::Tick => {
                        let is_held = open == Some(true) && !is_told && now >= since + HELD;
                        prop_assert_eq!(contact.tick(now), is_held.then_some(DoorTransition::HeldOpen));
                        is_told |= is_held;
                    }
                }
            }
        }
    }
}
