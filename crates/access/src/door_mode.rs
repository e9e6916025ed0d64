//! The mode of the door, and the commands of people that open it or change the mode.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The shortest hold.
pub const MIN_HOLD: Duration = Duration::from_secs(1);
/// The longest hold.
pub const MAX_HOLD: Duration = Duration::from_secs(12 * 3600);

/// The mode of the door, which commands change. The exit button works in every mode; a fault's lock
/// ([`RelayState::Locked`](crate::RelayState::Locked)) is above all modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoorMode {
    /// Each grant gives one pulse.
    Normal,
    /// The relay stays on until this monotonic time; then the mode is normal by itself.
    HeldOpen {
        /// The end of the hold.
        until: Duration,
    },
    /// Faces do not open the door.
    LockedDown,
}

/// The name of a mode. The names are stable: events and files contain them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModeName {
    /// See [`DoorMode::Normal`].
    Normal,
    /// See [`DoorMode::HeldOpen`].
    HeldOpen,
    /// See [`DoorMode::LockedDown`].
    LockedDown,
}

/// What a person can ask the door to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoorCommand {
    /// Open once: one pulse, as the exit button gives.
    Open,
    /// One pulse, so that somebody hears whether the relay clicks: [`DoorCommand::Open`] at a relay that is off.
    TestRelay,
    /// Hold the door open for this time from now, [`MIN_HOLD`] to [`MAX_HOLD`]. It replaces the end of a running hold.
    HoldOpen(Duration),
    /// Faces do not open the door, until [`DoorCommand::Normal`]. A running pulse or hold ends at once.
    LockDown,
    /// End a hold, with the relay off, or a lockdown.
    Normal,
    /// End a hold, with the relay off. A lockdown stays, and nothing happens to a door that is not held open.
    EndHold,
    /// End a lockdown. Nothing happens to a door that is not locked down.
    EndLockdown,
}

/// The name of a command. The names are stable: events contain them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandName {
    /// See [`DoorCommand::Open`].
    Open,
    /// See [`DoorCommand::TestRelay`].
    TestRelay,
    /// See [`DoorCommand::HoldOpen`].
    HoldOpen,
    /// See [`DoorCommand::LockDown`].
    LockDown,
    /// See [`DoorCommand::Normal`], [`DoorCommand::EndHold`] and [`DoorCommand::EndLockdown`].
    Normal,
    /// Let a person in. The door itself knows nothing of people.
    EnablePerson,
    /// Let a person in no longer.
    DisablePerson,
}

/// Why the door does not do what a command asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CommandRefusal {
    /// A fault has locked the door.
    #[error("the door is locked by a fault")]
    Locked,
    /// The door is locked down, and the command would open it.
    #[error("the door is locked down; end that first, with the command `door normal` for this door")]
    LockedDown,
    /// The relay is on already, so that it would not click.
    #[error(
        "the relay is on, so that it would not click; wait until it is at rest, or end the hold with the command `door normal`"
    )]
    RelayIsOn,
    /// The hold is too short or too long.
    #[error("a hold takes from {} s to {} h, and not {:.3} s", MIN_HOLD.as_secs(), MAX_HOLD.as_secs() / 3600, .0.as_secs_f64())]
    HoldLength(Duration),
}

impl DoorMode {
    /// The mode's stable name.
    pub fn name(self) -> ModeName {
        match self {
            Self::Normal => ModeName::Normal,
            Self::HeldOpen { .. } => ModeName::HeldOpen,
            Self::LockedDown => ModeName::LockedDown,
        }
    }
}

impl DoorCommand {
    /// The command's stable name.
    pub fn name(self) -> CommandName {
        match self {
            Self::Open => CommandName::Open,
            Self::TestRelay => CommandName::TestRelay,
            Self::HoldOpen(_) => CommandName::HoldOpen,
            Self::LockDown => CommandName::LockDown,
            Self::Normal | Self::EndHold | Self::EndLockdown => CommandName::Normal,
        }
    }
}

/// As JSON has it, without quotes.
impl fmt::Display for ModeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// As JSON has it, without quotes.
impl fmt::Display for CommandName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_stable() {
        let modes = [DoorMode::Normal, DoorMode::HeldOpen { until: MIN_HOLD }, DoorMode::LockedDown];
        assert_eq!(
            modes.map(|mode| mode.name().to_string()),
            ["normal", "held_open", "locked_down"].map(str::to_owned)
        );
        let commands = [
            DoorCommand::Open,
            DoorCommand::TestRelay,
            DoorCommand::HoldOpen(MIN_HOLD),
            DoorCommand::LockDown,
            DoorCommand::Normal,
        ];
        assert_eq!(
            commands.map(|command| command.name().to_string()),
            ["open", "test_relay", "hold_open", "lock_down", "normal"].map(str::to_owned)
        );
    }

    #[test]
    fn a_refusal_says_what_is_possible() {
        assert_eq!(
            CommandRefusal::HoldLength(Duration::from_millis(500)).to_string(),
            "a hold takes from 1 s to 12 h, and not 0.500 s"
        );
    }
}
