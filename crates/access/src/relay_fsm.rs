//! The state machine of the relay: when it is on.

use std::time::Duration;

use super::door_mode::{CommandRefusal, DoorCommand, DoorMode, MAX_HOLD, MIN_HOLD};

/// A relay that a grant switches on for one pulse, and a hold until its end. All times are monotonic.
///
/// A relay guard, which gets the commands, switches off one pulse after the last of them. So a hold extends the pulse again and
/// again before it ends: if the daemon hangs or ends, the door closes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayFsm {
    pulse: Duration,
    state: RelayState,
    mode: DoorMode,
    /// When the pulse of the latest grant ends; `None` if it has ended.
    granted_until: Option<Duration>,
    /// When the relay was last switched off.
    last_off: Option<Duration>,
    /// When the last hold ended.
    last_hold_end: Option<Duration>,
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
        /// When the pulse ends. During a hold it is extended before.
        until: Duration,
    },
    /// A fault has locked the door: the relay is off, and stays off until a restart.
    Locked,
}

/// A command for the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayCommand {
    /// Switch on, until the end of the pulse ([`RelayFsm::time_until_off`]).
    On,
    /// The relay is on: replace the end of the pulse.
    Extend,
    /// Switch off.
    Off,
}

impl RelayFsm {
    /// A relay at rest, in the mode normal. A grant switches it on for `pulse`.
    pub fn new(pulse: Duration) -> Self {
        Self {
            pulse,
            state: RelayState::AtRest,
            mode: DoorMode::Normal,
            granted_until: None,
            last_off: None,
            last_hold_end: None,
            now: Duration::ZERO,
        }
    }

    /// A relay at rest, at a door that was locked down before a restart.
    pub fn locked_down(pulse: Duration) -> Self {
        Self { mode: DoorMode::LockedDown, ..Self::new(pulse) }
    }

    /// The current state.
    pub fn state(&self) -> RelayState {
        self.state
    }

    /// The current mode. A fault's lock ([`RelayState::Locked`]) is above it.
    pub fn mode(&self) -> DoorMode {
        self.mode
    }

    /// Begins a pulse for a face. A grant during a pulse begins the pulse again; pulses do not add up. `None` if the door is
    /// locked or locked down.
    pub fn grant(&mut self, now: Duration) -> Option<RelayCommand> {
        if self.mode == DoorMode::LockedDown {
            self.advance(now);
            return None;
        }
        self.begin_pulse(now)
    }

    /// Begins a pulse for the exit button, in every mode. `None` if the door is locked.
    pub fn request_exit(&mut self, now: Duration) -> Option<RelayCommand> {
        self.begin_pulse(now)
    }

    /// Does what a person asks for. `Ok(None)` if the relay stays as it is.
    ///
    /// # Errors
    /// A fault has locked the door, the door is locked down, or a hold has another length than from [`MIN_HOLD`] to
    /// [`MAX_HOLD`]. Nothing has changed.
    pub fn command(
        &mut self,
        command: DoorCommand,
        now: Duration,
    ) -> Result<Option<RelayCommand>, CommandRefusal> {
        let now = self.advance(now);
        if self.state == RelayState::Locked {
            return Err(CommandRefusal::Locked);
        }
        let is_locked_down = self.mode == DoorMode::LockedDown;
        match command {
            DoorCommand::Open | DoorCommand::HoldOpen(_) if is_locked_down => Err(CommandRefusal::LockedDown),
            DoorCommand::Open => Ok(self.begin_pulse(now)),
            DoorCommand::HoldOpen(length) if !(MIN_HOLD..=MAX_HOLD).contains(&length) => {
                Err(CommandRefusal::HoldLength(length))
            }
            DoorCommand::HoldOpen(length) => {
                self.mode = DoorMode::HeldOpen { until: now.saturating_add(length) };
                Ok(self.energize())
            }
            DoorCommand::LockDown => {
                self.end_hold(now);
                self.mode = DoorMode::LockedDown;
                Ok(self.switch_off())
            }
            DoorCommand::Normal if self.end_hold(now) => Ok(self.switch_off()),
            DoorCommand::Normal => {
                self.mode = DoorMode::Normal;
                Ok(None)
            }
        }
    }

    /// Advances the time, ends hold and pulse if they are over, and extends the pulse of a hold. A pulse ends at the first call
    /// after its end. The caller must call this before [`Self::time_until_off`] has passed.
    pub fn tick(&mut self, now: Duration) -> Option<RelayCommand> {
        let now = self.advance(now);
        if let DoorMode::HeldOpen { until } = self.mode
            && now >= until
        {
            self.end_hold(until);
        }
        let RelayState::Energized { until } = self.state else { return None };
        let on_until = self.on_until().unwrap_or(now);
        if now >= on_until {
            return self.switch_off();
        }
        // Early enough that the guard does not end the pulse, however late the next call is.
        let is_due = until < on_until && until.saturating_sub(now) <= self.pulse / 2;
        is_due.then(|| self.energize()).flatten()
    }

    /// Locks the door after a fault: the relay goes off in any state, and nothing switches it on again. A hold ends.
    pub fn lock(&mut self) -> RelayCommand {
        self.end_hold(self.now);
        self.switch_off();
        self.state = RelayState::Locked;
        RelayCommand::Off
    }

    /// Sets the length of the pulse for the next grants and holds.
    pub fn set_pulse(&mut self, pulse: Duration) {
        self.pulse = pulse;
    }

    /// The time until [`RelayFsm::tick`] ends the pulse, or extends it at the latest; `None` if the relay is off. It is at most
    /// one pulse.
    pub fn time_until_off(&self, now: Duration) -> Option<Duration> {
        match self.state {
            RelayState::Energized { until } => Some(until.saturating_sub(now.max(self.now))),
            RelayState::AtRest | RelayState::Locked => None,
        }
    }

    /// The end of the current or the last pulse or hold: until then people can open the door. `None` if there was none.
    pub fn unlocked_until(&self) -> Option<Duration> {
        match self.state {
            RelayState::Energized { .. } => self.on_until(),
            RelayState::AtRest | RelayState::Locked => self.last_off,
        }
    }

    /// The end of the current or the last hold; `None` if there was none.
    pub fn held_until(&self) -> Option<Duration> {
        match self.mode {
            DoorMode::HeldOpen { until } => Some(until),
            DoorMode::Normal | DoorMode::LockedDown => self.last_hold_end,
        }
    }

    fn begin_pulse(&mut self, now: Duration) -> Option<RelayCommand> {
        let now = self.advance(now);
        if self.state == RelayState::Locked {
            return None;
        }
        self.granted_until = Some(now.saturating_add(self.pulse));
        self.energize()
    }

    /// When the relay is to go off: at the end of the hold or of the latest grant's pulse, whichever is later.
    fn on_until(&self) -> Option<Duration> {
        let hold = match self.mode {
            DoorMode::HeldOpen { until } => Some(until),
            DoorMode::Normal | DoorMode::LockedDown => None,
        };
        hold.max(self.granted_until)
    }

    /// Switches on or extends, for at most one pulse.
    fn energize(&mut self) -> Option<RelayCommand> {
        let until = self.on_until()?.min(self.now.saturating_add(self.pulse));
        let command = match self.state {
            RelayState::Locked => return None,
            RelayState::AtRest => RelayCommand::On,
            RelayState::Energized { .. } => RelayCommand::Extend,
        };
        self.state = RelayState::Energized { until };
        Some(command)
    }

    /// Ends pulses; `None` if the relay is off already.
    fn switch_off(&mut self) -> Option<RelayCommand> {
        self.granted_until = None;
        let RelayState::Energized { .. } = self.state else { return None };
        self.state = RelayState::AtRest;
        self.last_off = Some(self.now);
        Some(RelayCommand::Off)
    }

    /// Ends a hold. Returns whether there was one.
    fn end_hold(&mut self, end: Duration) -> bool {
        let was_held = matches!(self.mode, DoorMode::HeldOpen { .. });
        if was_held {
            self.mode = DoorMode::Normal;
            self.last_hold_end = Some(end);
        }
        was_held
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
