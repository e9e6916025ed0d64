//! The door's state machine: when the relay is on.

use std::time::Duration;

/// A door with a relay that a grant puts on for one pulse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayFsm {
    pulse: Duration,
    state: RelayState,
    /// When the last pulse ended.
    rested: Option<Duration>,
    /// The latest time that was told; time that goes back is taken for it.
    now: Duration,
}

/// What the door does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayState {
    /// Closed, relay off.
    Resting,
    /// The relay is on until this time.
    Open { until: Duration },
    /// A fault has locked the door, relay off; only a restart opens it again.
    Locked,
}

/// What the relay has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayCommand {
    /// Go on, for one pulse from now.
    On,
    /// Is on; stay so for one pulse from now.
    Stay,
    Off,
}

impl RelayFsm {
    /// A resting door whose relay is on for `pulse` after a grant.
    pub fn new(pulse: Duration) -> Self {
        Self { pulse, state: RelayState::Resting, rested: None, now: Duration::ZERO }
    }

    /// What the door does now.
    pub fn state(&self) -> RelayState {
        self.state
    }

    /// Somebody is let in. A grant at an open door keeps it open for one pulse from now; pulses do not add up.
    pub fn grant(&mut self, now: Duration) -> Option<RelayCommand> {
        let now = self.advance(now);
        let until = now.saturating_add(self.pulse);
        match self.state {
            RelayState::Locked => None,
            RelayState::Resting => {
                self.state = RelayState::Open { until };
                Some(RelayCommand::On)
            }
            RelayState::Open { .. } => {
                self.state = RelayState::Open { until };
                Some(RelayCommand::Stay)
            }
        }
    }

    /// Time passes. To be called at least as often as the pulse has to be exact.
    pub fn tick(&mut self, now: Duration) -> Option<RelayCommand> {
        let now = self.advance(now);
        match self.state {
            RelayState::Open { until } if now >= until => {
                self.state = RelayState::Resting;
                self.rested = Some(now);
                Some(RelayCommand::Off)
            }
            _ => None,
        }
    }

    /// A fault: the relay goes off, whatever the state, and never on again.
    pub fn lock(&mut self) -> RelayCommand {
        if matches!(self.state, RelayState::Open { .. }) {
            self.rested = Some(self.now);
        }
        self.state = RelayState::Locked;
        RelayCommand::Off
    }

    /// A new length of the pulse, for the grants to come.
    pub fn set_pulse(&mut self, pulse: Duration) {
        self.pulse = pulse;
    }

    /// How long until [`RelayFsm::tick`] has something to do; `None` while nothing is to be done.
    pub fn due_in(&self, now: Duration) -> Option<Duration> {
        match self.state {
            RelayState::Open { until } => Some(until.saturating_sub(now.max(self.now))),
            RelayState::Resting | RelayState::Locked => None,
        }
    }

    /// Until when whoever was let in or out can open the door: the end of the pulse, or of the last one; `None` where
    /// there was none yet.
    pub fn free_until(&self) -> Option<Duration> {
        match self.state {
            RelayState::Open { until } => Some(until),
            RelayState::Resting | RelayState::Locked => self.rested,
        }
    }

    fn advance(&mut self, now: Duration) -> Duration {
        self.now = self.now.max(now);
        self.now
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PULSE: Duration = Duration::from_millis(3000);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_grant_is_one_pulse() {
        let mut door = RelayFsm::new(PULSE);
        assert_eq!(door.tick(ms(500)), None);
        assert_eq!(door.grant(ms(1000)), Some(RelayCommand::On));
        assert_eq!(door.due_in(ms(1500)), Some(ms(2500)));
        assert_eq!(door.tick(ms(3999)), None);
        assert_eq!(door.tick(ms(4000)), Some(RelayCommand::Off));
        assert_eq!(door.tick(ms(4001)), None);
        assert_eq!(door.state(), RelayState::Resting);
    }

    #[test]
    fn a_second_grant_extends_and_does_not_add() {
        let mut door = RelayFsm::new(PULSE);
        door.grant(ms(1000));
        assert_eq!(door.grant(ms(2000)), Some(RelayCommand::Stay));
        assert_eq!(door.tick(ms(4500)), None);
        assert_eq!(door.tick(ms(5000)), Some(RelayCommand::Off));
    }

    #[test]
    fn a_clock_that_goes_back_neither_closes_nor_holds_the_door() {
        let mut door = RelayFsm::new(PULSE);
        door.grant(ms(10_000));
        assert_eq!(door.tick(ms(1)), None);
        assert_eq!(door.grant(ms(2)), Some(RelayCommand::Stay));
        assert_eq!(door.state(), RelayState::Open { until: ms(13_000) });
        assert_eq!(door.tick(ms(13_000)), Some(RelayCommand::Off));
    }

    #[test]
    fn the_end_of_time_does_not_overflow() {
        let mut door = RelayFsm::new(PULSE);
        assert_eq!(door.grant(Duration::MAX), Some(RelayCommand::On));
        assert_eq!(door.tick(Duration::MAX), Some(RelayCommand::Off));
    }

    #[test]
    fn the_door_is_free_until_the_pulses_end_and_a_lock_ends_it() {
        let mut door = RelayFsm::new(PULSE);
        assert_eq!(door.free_until(), None);
        door.grant(ms(1000));
        assert_eq!(door.free_until(), Some(ms(4000)));
        door.grant(ms(2000));
        assert_eq!(door.free_until(), Some(ms(5000)));
        door.tick(ms(5007));
        assert_eq!(door.free_until(), Some(ms(5007)));
        door.grant(ms(9000));
        door.tick(ms(9500));
        door.lock();
        assert_eq!(door.free_until(), Some(ms(9500)));
        door.grant(ms(20_000));
        assert_eq!(door.free_until(), Some(ms(9500)));
    }

    #[derive(Debug, Clone)]
    enum Input {
        Grant(u64),
        Tick(u64),
        Lock,
    }

    fn inputs() -> impl Strategy<Value = Vec<Input>> {
        let input = prop_oneof![
            4 => (0u64..20_000).prop_map(Input::Grant),
            8 => (0u64..20_000).prop_map(Input::Tick),
            1 => Just(Input::Lock),
        ];
        prop::collection::vec(input, 0..200)
    }

    proptest! {
        /// Follows the relay from outside and compares it with a plain account of the grants.
        #[test]
        fn the_relay_is_on_for_a_pulse_after_a_grant_and_never_when_locked(inputs in inputs()) {
            let mut door = RelayFsm::new(PULSE);
            let (mut on, mut locked) = (false, false);
            // Until when whoever bounds the pulse lets the relay be on, as it hears it.
            let mut bound = Duration::ZERO;
            let (mut now, mut last_grant) = (Duration::ZERO, None::<Duration>);
            for input in inputs {
                let command = match input {
                    Input::Grant(at) => {
                        now = now.max(ms(at));
                        if !locked {
                            last_grant = Some(now);
                        }
                        door.grant(ms(at))
                    }
                    Input::Tick(at) => {
                        now = now.max(ms(at));
                        let command = door.tick(ms(at));
                        let ended = last_grant.is_none_or(|grant| now >= grant + PULSE);
                        prop_assert!(!ended || !on || command == Some(RelayCommand::Off), "held on after the pulse");
                        prop_assert!(ended || command.is_none(), "let go before the pulse's end");
                        command
                    }
                    Input::Lock => {
                        locked = true;
                        Some(door.lock())
                    }
                };
                let opens = matches!(command, Some(RelayCommand::On | RelayCommand::Stay));
                prop_assert!(!(locked && opens), "opened while locked");
                if opens {
                    prop_assert_eq!(command == Some(RelayCommand::Stay), on, "stays where it is on, and only there");
                    (on, bound) = (true, now + PULSE);
                }
                if command == Some(RelayCommand::Off) {
                    on = false;
                }
                prop_assert_eq!(on, matches!(door.state(), RelayState::Open { .. }));
                prop_assert_eq!(door.free_until().is_some(), last_grant.is_some(), "free after a grant, and only then");
                if let RelayState::Open { until } = door.state() {
                    prop_assert_eq!(until, bound, "the bound is the pulse's end, after every grant");
                }
            }
        }

        #[test]
        fn nothing_opens_without_a_grant(ticks in prop::collection::vec(0u64..u64::MAX, 0..50)) {
            let mut door = RelayFsm::new(PULSE);
            for at in ticks {
                prop_assert_eq!(door.tick(Duration::from_nanos(at)), None);
            }
        }
    }
}
