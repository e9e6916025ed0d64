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

    /// The mode at the time that was passed last: every call that takes a time can end a hold. A fault's lock
    /// ([`RelayState::Locked`]) is above it.
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
    /// A fault has locked the door, the door is locked down, the relay that is to be tested is on, or a hold has another length
    /// than from [`MIN_HOLD`] to [`MAX_HOLD`]. Nothing has changed.
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
            DoorCommand::Open | DoorCommand::TestRelay | DoorCommand::HoldOpen(_) if is_locked_down => {
                Err(CommandRefusal::LockedDown)
            }
            DoorCommand::TestRelay if self.state != RelayState::AtRest => Err(CommandRefusal::RelayIsOn),
            DoorCommand::Open | DoorCommand::TestRelay => Ok(self.begin_pulse(now)),
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
            DoorCommand::Normal | DoorCommand::EndHold if self.end_hold(now) => Ok(self.switch_off()),
            DoorCommand::EndHold => Ok(None),
            DoorCommand::EndLockdown if !is_locked_down => Ok(None),
            DoorCommand::Normal | DoorCommand::EndLockdown => {
                self.mode = DoorMode::Normal;
                Ok(None)
            }
        }
    }

    /// Advances the time, switches off if hold and pulse are over, and extends the pulse of a hold. The relay goes off at the first
    /// call after their end. The caller must call this before [`Self::time_until_off`] has passed.
    pub fn tick(&mut self, now: Duration) -> Option<RelayCommand> {
        let now = self.advance(now);
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
            // The hold may be over before the relay goes off.
            RelayState::Energized { .. } => self.granted_until.max(self.held_until()),
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

    /// Advances the time, and ends a hold that is over, so that no call sees a mode of the past. The relay goes off at the next
    /// [`Self::tick`]. Returns the time.
    fn advance(&mut self, now: Duration) -> Duration {
        self.now = self.now.max(now);
        if let DoorMode::HeldOpen { until } = self.mode
            && self.now >= until
        {
            self.end_hold(until);
        }
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

    #[test]
    fn a_relay_is_tested_only_while_it_is_off() {
        let mut door = RelayFsm::new(PULSE);
        assert_eq!(door.command(DoorCommand::TestRelay, ms(0)), Ok(Some(RelayCommand::On)));
        assert_eq!(door.command(DoorCommand::TestRelay, ms(100)), Err(CommandRefusal::RelayIsOn));
        assert_eq!(door.tick(PULSE), Some(RelayCommand::Off), "one pulse");
        door.command(DoorCommand::HoldOpen(ms(9000)), ms(4000)).unwrap();
        assert_eq!(door.command(DoorCommand::TestRelay, ms(5000)), Err(CommandRefusal::RelayIsOn));
        door.command(DoorCommand::LockDown, ms(6000)).unwrap();
        assert_eq!(door.command(DoorCommand::TestRelay, ms(7000)), Err(CommandRefusal::LockedDown));
        door.lock();
        assert_eq!(door.command(DoorCommand::TestRelay, ms(8000)), Err(CommandRefusal::Locked));
    }

    #[test]
    fn a_hold_is_extended_before_each_pulse_ends_and_ends_by_itself() {
        let mut door = RelayFsm::new(PULSE);
        let hold = DoorCommand::HoldOpen(ms(7000));
        assert_eq!(door.command(hold, ms(1000)), Ok(Some(RelayCommand::On)));
        assert_eq!(door.mode(), DoorMode::HeldOpen { until: ms(8000) });
        assert_eq!(door.time_until_off(ms(1000)), Some(PULSE), "one pulse, not the hold");
        assert_eq!(door.tick(ms(2400)), None);
        assert_eq!(door.tick(ms(2500)), Some(RelayCommand::Extend));
        assert_eq!(door.time_until_off(ms(2500)), Some(PULSE));
        // A late call extends too.
        assert_eq!(door.tick(ms(5700)), Some(RelayCommand::Extend));
        assert_eq!(door.time_until_off(ms(5700)), Some(ms(2300)), "to the end of the hold");
        assert_eq!(door.tick(ms(7999)), None);
        assert_eq!(door.tick(ms(8003)), Some(RelayCommand::Off));
        assert_eq!((door.mode(), door.state()), (DoorMode::Normal, RelayState::AtRest));
        assert_eq!((door.unlocked_until(), door.held_until()), (Some(ms(8003)), Some(ms(8000))));
    }

    #[test]
    fn a_grant_at_the_end_of_a_hold_has_its_whole_pulse() {
        let mut door = RelayFsm::new(PULSE);
        door.command(DoorCommand::HoldOpen(ms(2000)), ms(0)).unwrap();
        assert_eq!(door.grant(ms(1500)), Some(RelayCommand::Extend));
        assert_eq!(door.tick(ms(2000)), None);
        assert_eq!((door.mode(), door.held_until()), (DoorMode::Normal, Some(ms(2000))));
        assert_eq!(door.tick(ms(4499)), None);
        assert_eq!(door.tick(ms(4500)), Some(RelayCommand::Off));
    }

    #[test]
    fn every_call_ends_a_hold_that_is_over() {
        type Call = fn(&mut RelayFsm, Duration) -> Option<RelayCommand>;
        let open: Call = |door, now| door.command(DoorCommand::Open, now).unwrap();
        let normal: Call = |door, now| door.command(DoorCommand::Normal, now).unwrap();
        let calls =
            [RelayFsm::grant as Call, RelayFsm::request_exit as Call, open, normal, RelayFsm::tick as Call];
        for (number, call) in calls.into_iter().enumerate() {
            let mut door = RelayFsm::new(PULSE);
            door.command(DoorCommand::HoldOpen(ms(2000)), ms(0)).unwrap();
            call(&mut door, ms(2005));
            let begins_pulse = number < 3;
            let expected = (DoorMode::Normal, Some(ms(2000)));
            assert_eq!((door.mode(), door.held_until()), expected, "call {number}");
            let end = if begins_pulse { ms(5005) } else { ms(2000) };
            let is_off = door.state() == RelayState::AtRest;
            assert_eq!(door.unlocked_until(), Some(if is_off { ms(2005) } else { end }), "call {number}");
            assert_eq!(
                door.tick(ms(2010)),
                (!begins_pulse && !is_off).then_some(RelayCommand::Off),
                "call {number}"
            );
        }
    }

    #[test]
    fn a_command_after_the_end_of_a_hold_does_not_end_the_pulse_of_a_grant() {
        let mut door = RelayFsm::new(PULSE);
        door.command(DoorCommand::HoldOpen(ms(2000)), ms(0)).unwrap();
        door.grant(ms(1900));
        // The hold is over: there is nothing that the command could end.
        assert_eq!(door.command(DoorCommand::Normal, ms(2005)), Ok(None));
        assert_eq!(door.tick(ms(4899)), None);
        assert_eq!(door.tick(ms(4900)), Some(RelayCommand::Off));
    }

    #[test]
    fn a_second_hold_replaces_the_end_of_the_first() {
        let mut door = RelayFsm::new(PULSE);
        door.command(DoorCommand::HoldOpen(ms(60_000)), ms(0)).unwrap();
        assert_eq!(door.command(DoorCommand::HoldOpen(ms(1000)), ms(500)), Ok(Some(RelayCommand::Extend)));
        assert_eq!(door.time_until_off(ms(500)), Some(ms(1000)));
        assert_eq!(door.tick(ms(1500)), Some(RelayCommand::Off));
    }

    #[test]
    fn a_hold_has_a_shortest_and_a_longest_length() {
        let mut door = RelayFsm::new(PULSE);
        for length in [ms(0), ms(999), MAX_HOLD + ms(1), Duration::MAX] {
            let refused = Err(CommandRefusal::HoldLength(length));
            assert_eq!(door.command(DoorCommand::HoldOpen(length), ms(0)), refused);
        }
        assert_eq!(door, RelayFsm::new(PULSE), "nothing has changed");
        for length in [MIN_HOLD, MAX_HOLD] {
            door.command(DoorCommand::HoldOpen(length), Duration::MAX).unwrap();
        }
    }

    #[test]
    fn in_a_lockdown_only_the_exit_button_opens() {
        let mut door = RelayFsm::new(PULSE);
        door.grant(ms(0));
        assert_eq!(door.command(DoorCommand::LockDown, ms(1000)), Ok(Some(RelayCommand::Off)));
        assert_eq!((door.mode(), door.state()), (DoorMode::LockedDown, RelayState::AtRest));
        assert_eq!(door.grant(ms(1100)), None);
        for command in [DoorCommand::Open, DoorCommand::HoldOpen(MIN_HOLD)] {
            assert_eq!(door.command(command, ms(1200)), Err(CommandRefusal::LockedDown));
        }
        assert_eq!(door.request_exit(ms(2000)), Some(RelayCommand::On));
        assert_eq!(
            door.command(DoorCommand::Normal, ms(3000)),
            Ok(None),
            "a person who leaves is not stopped"
        );
        assert_eq!(door.tick(ms(5000)), Some(RelayCommand::Off));
        assert_eq!(door.grant(ms(6000)), Some(RelayCommand::On));
        assert_eq!(RelayFsm::locked_down(PULSE).mode(), DoorMode::LockedDown);
    }

    #[test]
    fn a_lockdown_and_the_command_normal_end_a_hold_at_once() {
        for (command, mode) in
            [(DoorCommand::LockDown, DoorMode::LockedDown), (DoorCommand::Normal, DoorMode::Normal)]
        {
            let mut door = RelayFsm::new(PULSE);
            door.command(DoorCommand::HoldOpen(MAX_HOLD), ms(0)).unwrap();
            assert_eq!(door.command(command, ms(700)), Ok(Some(RelayCommand::Off)));
            assert_eq!((door.mode(), door.held_until()), (mode, Some(ms(700))));
            assert_eq!(door.tick(ms(1400)), None);
        }
    }

    #[test]
    fn a_fault_is_above_every_mode() {
        let mut door = RelayFsm::new(PULSE);
        door.command(DoorCommand::HoldOpen(MAX_HOLD), ms(0)).unwrap();
        assert_eq!(door.lock(), RelayCommand::Off);
        assert_eq!((door.mode(), door.state()), (DoorMode::Normal, RelayState::Locked));
        for command in COMMANDS {
            assert_eq!(door.command(command, ms(10)), Err(CommandRefusal::Locked));
        }
        assert_eq!(door.request_exit(ms(20)), None);
    }

    const COMMANDS: [DoorCommand; 6] = [
        DoorCommand::Open,
        DoorCommand::HoldOpen(Duration::from_secs(5)),
        DoorCommand::LockDown,
        DoorCommand::Normal,
        DoorCommand::EndHold,
        DoorCommand::EndLockdown,
    ];

    #[derive(Debug, Clone)]
    enum Input {
        Grant(u64),
        Exit(u64),
        Command(DoorCommand, u64),
        Tick(u64),
        Lock,
    }

    /// Inputs after pauses. The time can go back a little.
    fn inputs() -> impl Strategy<Value = Vec<Input>> {
        let commands = prop_oneof![
            2 => Just(DoorCommand::Open),
            2 => Just(DoorCommand::TestRelay),
            3 => (0u64..12_000).prop_map(|length| DoorCommand::HoldOpen(ms(length))),
            2 => Just(DoorCommand::LockDown),
            3 => Just(DoorCommand::Normal),
            2 => Just(DoorCommand::EndHold),
            2 => Just(DoorCommand::EndLockdown),
        ];
        let input = prop_oneof![
            20 => Just(Input::Grant(0)),
            10 => Just(Input::Exit(0)),
            15 => commands.prop_map(|command| Input::Command(command, 0)),
            60 => Just(Input::Tick(0)),
            1 => Just(Input::Lock),
        ];
        // Shorter than half a pulse, as the door thread calls.
        let pauses = prop_oneof![8 => 0u64..1400, 1 => 1400u64..9000];
        prop::collection::vec((pauses, 0u64..50, input), 0..200).prop_map(|inputs| {
            let mut now = 0;
            let inputs = inputs.into_iter().map(|(pause, back, input)| {
                now += pause;
                let at = if back == 0 { now.saturating_sub(5000) } else { now };
                match input {
                    Input::Grant(_) => Input::Grant(at),
                    Input::Exit(_) => Input::Exit(at),
                    Input::Command(command, _) => Input::Command(command, at),
                    Input::Tick(_) => Input::Tick(at),
                    Input::Lock => Input::Lock,
                }
            });
            inputs.collect()
        })
    }

    proptest! {
        /// Compares the commands with a simple model: the door should be open until the end of the last pulse or hold that was
        /// granted, and not after a lock.
        #[test]
        fn the_relay_follows_grants_and_modes_and_is_never_on_when_locked(inputs in inputs()) {
            let mut door = RelayFsm::new(PULSE);
            let (mut on, mut locked, mut locked_down) = (false, false, false);
            // When a relay guard that gets these commands would end the pulse.
            let mut guard_limit = Duration::ZERO;
            // Until when the relay should be on.
            let (mut pulse_end, mut hold_end) = (Duration::ZERO, Duration::ZERO);
            let (mut now, mut was_on) = (Duration::ZERO, false);
            // When the door thread last had the opportunity to extend.
            let mut last_call = Duration::ZERO;
            for input in inputs {
                if let Input::Grant(at) | Input::Exit(at) | Input::Command(_, at) | Input::Tick(at) = input {
                    now = now.max(ms(at));
                    if now >= hold_end {
                        hold_end = Duration::ZERO;
                    }
                }
                let command = match input {
                    Input::Grant(at) => {
                        let command = door.grant(ms(at));
                        prop_assert_eq!(command.is_some(), !locked && !locked_down, "a face opens in these states only");
                        if command.is_some() {
                            pulse_end = now + PULSE;
                        }
                        command
                    }
                    Input::Exit(at) => {
                        let command = door.request_exit(ms(at));
                        prop_assert_eq!(command.is_some(), !locked, "the exit button opens in every mode");
                        if command.is_some() {
                            pulse_end = now + PULSE;
                        }
                        command
                    }
                    Input::Command(command, at) => {
                        let result = door.command(command, ms(at));
                        let opens = matches!(
                            command,
                            DoorCommand::Open | DoorCommand::TestRelay | DoorCommand::HoldOpen(_)
                        );
                        let is_possible = match command {
                            DoorCommand::HoldOpen(length) => (MIN_HOLD..=MAX_HOLD).contains(&length),
                            DoorCommand::TestRelay => !on,
                            _ => true,
                        };
                        let is_refused = locked || (opens && locked_down);
                        prop_assert_eq!(result.is_ok(), is_possible && !is_refused);
                        if result.is_ok() {
                            match command {
                                DoorCommand::Open | DoorCommand::TestRelay => pulse_end = now + PULSE,
                                DoorCommand::HoldOpen(length) => hold_end = now + length,
                                DoorCommand::LockDown => {
                                    (pulse_end, hold_end, locked_down) = (Duration::ZERO, Duration::ZERO, true);
                                }
                                DoorCommand::Normal | DoorCommand::EndHold => {
                                    if hold_end > Duration::ZERO {
                                        (pulse_end, hold_end) = (Duration::ZERO, Duration::ZERO);
                                    }
                                    locked_down &= command == DoorCommand::EndHold;
                                }
                                DoorCommand::EndLockdown => locked_down = false,
                            }
                        }
                        result.unwrap_or(None)
                    }
                    Input::Tick(at) => {
                        let command = door.tick(ms(at));
                        let should_be_on = !locked && now < pulse_end.max(hold_end);
                        if should_be_on {
                            prop_assert!(command != Some(RelayCommand::Off), "off before the end");
                        } else {
                            prop_assert!(!on || command == Some(RelayCommand::Off), "on after the end");
                        }
                        if should_be_on && now - last_call <= PULSE / 2 {
                            prop_assert!(guard_limit > now, "the guard ended the pulse of a hold");
                        }
                        last_call = now;
                        command
                    }
                    Input::Lock => {
                        (locked, pulse_end, hold_end) = (true, Duration::ZERO, Duration::ZERO);
                        Some(door.lock())
                    }
                };
                match command {
                    Some(RelayCommand::On | RelayCommand::Extend) => {
                        prop_assert!(!locked, "opened while locked");
                        prop_assert_eq!(command == Some(RelayCommand::Extend), on, "extended if the relay is on, and only then");
                        let RelayState::Energized { until } = door.state() else { panic!("not energized") };
                        prop_assert!(until <= now + PULSE, "the guard's limit is at most one pulse");
                        (on, was_on, guard_limit, last_call) = (true, true, until, now);
                    }
                    Some(RelayCommand::Off) => on = false,
                    None => {}
                }
                prop_assert_eq!(on, matches!(door.state(), RelayState::Energized { .. }));
                prop_assert!(!(on && locked));
                prop_assert_eq!(door.unlocked_until().is_some(), was_on, "unlocked after a grant or a hold, and only then");
                prop_assert_eq!(door.mode() == DoorMode::LockedDown, locked_down);
                prop_assert_eq!(matches!(door.mode(), DoorMode::HeldOpen { .. }), hold_end > Duration::ZERO);
                if on {
                    let limit = door.time_until_off(now).unwrap();
                    prop_assert!(limit <= PULSE, "a guard that gets this limit ends it after one pulse");
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
