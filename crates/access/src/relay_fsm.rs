//! The state machine of the relay: when it is on.

use std::time::Duration;

/// A relay that a grant switches on for one pulse. All times are monotonic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayFsm {
    pulse: Duration,
    state: RelayState,
    /// When the last pulse ended.
    last_pulse_end: Option<Duration>,
    /// The latest time that the caller passed. It replaces an earlier time that is passed later.
    now: Duration,
}

/// The state of the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayState {
    /// The relay is off.
    AtRest,
    /// The relay is on.
    Energized {
        /// When the pulse ends.
        until: Duration,
    },
    /// A fault has locked the door: the relay is off, and stays off until a restart.
    Locked,
}

/// A command for the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayCommand {
    /// Switch on, for one pulse from now.
    On,
    /// The relay is on: begin the pulse again, from now.
    Extend,
    /// Switch off.
    Off,
}

impl RelayFsm {
    /// A relay at rest. A grant switches it on for `pulse`.
    pub fn new(pulse: Duration) -> Self {
        Self { pulse, state: RelayState::AtRest, last_pulse_end: None, now: Duration::ZERO }
    }

    /// The current state.
    pub fn state(&self) -> RelayState {
        self.state
    }

    /// Begins a pulse. A grant during a pulse begins the pulse again; pulses do not add up. `None` if the door is locked.
    pub fn grant(&mut self, now: Duration) -> Option<RelayCommand> {
        let now = self.advance(now);
        let until = now.saturating_add(self.pulse);
        match self.state {
            RelayState::Locked => None,
            RelayState::AtRest => {
                self.state = RelayState::Energized { until };
                Some(RelayCommand::On)
            }
            RelayState::Energized { .. } => {
                self.state = RelayState::Energized { until };
                Some(RelayCommand::Extend)
            }
        }
    }

    /// Advances the time, and ends the pulse if it is over. A pulse ends at the first call after its end.
    pub fn tick(&mut self, now: Duration) -> Option<RelayCommand> {
        let now = self.advance(now);
        match self.state {
            RelayState::Energized { until } if now >= until => {
                self.state = RelayState::AtRest;
                self.last_pulse_end = Some(now);
                Some(RelayCommand::Off)
            }
            _ => None,
        }
    }

    /// Locks the door after a fault: the relay goes off in any state, and no grant switches it on again.
    pub fn lock(&mut self) -> RelayCommand {
        if matches!(self.state, RelayState::Energized { .. }) {
            self.last_pulse_end = Some(self.now);
        }
        self.state = RelayState::Locked;
        RelayCommand::Off
    }

    /// Sets the length of the pulse for the next grants.
    pub fn set_pulse(&mut self, pulse: Duration) {
        self.pulse = pulse;
    }

    /// The time until [`RelayFsm::tick`] ends the pulse; `None` if the relay is off.
    pub fn time_until_off(&self, now: Duration) -> Option<Duration> {
        match self.state {
            RelayState::Energized { until } => Some(until.saturating_sub(now.max(self.now))),
            RelayState::AtRest | RelayState::Locked => None,
        }
    }

    /// The end of the current or the last pulse: until then people can open the door. `None` if there was no pulse.
    pub fn unlocked_until(&self) -> Option<Duration> {
        match self.state {
            RelayState::Energized { until } => Some(until),
            RelayState::AtRest | RelayState::Locked => self.last_pulse_end,
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
    fn a_grant_gives_one_pulse() {
        let mut door = RelayFsm::new(PULSE);
        assert_eq!(door.tick(ms(500)), None);
        assert_eq!(door.grant(ms(1000)), Some(RelayCommand::On));
        assert_eq!(door.time_until_off(ms(1500)), Some(ms(2500)));
        assert_eq!(door.tick(ms(3999)), None);
        assert_eq!(door.tick(ms(4000)), Some(RelayCommand::Off));
        assert_eq!(door.tick(ms(4001)), None);
        assert_eq!(door.state(), RelayState::AtRest);
    }

    #[test]
    fn a_second_grant_begins_the_pulse_again_and_does_not_add() {
        let mut door = RelayFsm::new(PULSE);
        door.grant(ms(1000));
        assert_eq!(door.grant(ms(2000)), Some(RelayCommand::Extend));
        assert_eq!(door.tick(ms(4500)), None);
        assert_eq!(door.tick(ms(5000)), Some(RelayCommand::Off));
    }

    #[test]
    fn a_clock_that_goes_back_neither_ends_nor_extends_the_pulse() {
        let mut door = RelayFsm::new(PULSE);
        door.grant(ms(10_000));
        assert_eq!(door.tick(ms(1)), None);
        assert_eq!(door.grant(ms(2)), Some(RelayCommand::Extend));
        assert_eq!(door.state(), RelayState::Energized { until: ms(13_000) });
        assert_eq!(door.tick(ms(13_000)), Some(RelayCommand::Off));
    }

    #[test]
    fn the_largest_time_does_not_overflow() {
        let mut door = RelayFsm::new(PULSE);
        assert_eq!(door.grant(Duration::MAX), Some(RelayCommand::On));
        assert_eq!(door.tick(Duration::MAX), Some(RelayCommand::Off));
    }

    #[test]
    fn the_door_is_unlocked_until_the_end_of_the_pulse_or_a_lock() {
        let mut door = RelayFsm::new(PULSE);
        assert_eq!(door.unlocked_until(), None);
        door.grant(ms(1000));
        assert_eq!(door.unlocked_until(), Some(ms(4000)));
        door.grant(ms(2000));
        assert_eq!(door.unlocked_until(), Some(ms(5000)));
        door.tick(ms(5007));
        assert_eq!(door.unlocked_until(), Some(ms(5007)));
        door.grant(ms(9000));
        door.tick(ms(9500));
        door.lock();
        assert_eq!(door.unlocked_until(), Some(ms(9500)));
        door.grant(ms(20_000));
        assert_eq!(door.unlocked_until(), Some(ms(9500)));
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
        /// Compares the commands with a simple model of the grants.
        #[test]
        fn the_relay_is_on_for_a_pulse_after_a_grant_and_never_when_locked(inputs in inputs()) {
            let mut door = RelayFsm::new(PULSE);
            let (mut on, mut locked) = (false, false);
            // When a relay guard that gets these commands would end the pulse.
            let mut guard_limit = Duration::ZERO;
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
                        prop_assert!(!ended || !on || command == Some(RelayCommand::Off), "on after the end of the pulse");
                        prop_assert!(ended || command.is_none(), "off before the end of the pulse");
                        command
                    }
                    Input::Lock => {
                        locked = true;
                        Some(door.lock())
                    }
                };
                let opens = matches!(command, Some(RelayCommand::On | RelayCommand::Extend));
                prop_assert!(!(locked && opens), "opened while locked");
                if opens {
                    prop_assert_eq!(command == Some(RelayCommand::Extend), on, "extended if the relay is on, and only then");
                    (on, guard_limit) = (true, now + PULSE);
                }
                if command == Some(RelayCommand::Off) {
                    on = false;
                }
                prop_assert_eq!(on, matches!(door.state(), RelayState::Energized { .. }));
                prop_assert_eq!(door.unlocked_until().is_some(), last_grant.is_some(), "unlocked after a grant, and only then");
                if let RelayState::Energized { until } = door.state() {
                    prop_assert_eq!(until, guard_limit, "the guard's limit is the end of the pulse, after every grant");
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
