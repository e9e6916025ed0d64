//! The names of the kinds of events, as JSON, the journal and MQTT have them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The name of a kind of event. The names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventName {
    /// See [`EventKind::Started`](crate::EventKind::Started).
    Started,
    /// See [`EventKind::Stopped`](crate::EventKind::Stopped).
    Stopped,
    /// See [`EventKind::Granted`](crate::EventKind::Granted).
    Granted,
    /// See [`EventKind::Denied`](crate::EventKind::Denied).
    Denied,
    /// See [`EventKind::RelayOn`](crate::EventKind::RelayOn).
    RelayOn,
    /// See [`EventKind::RelayOff`](crate::EventKind::RelayOff).
    RelayOff,
    /// See [`EventKind::CameraLost`](crate::EventKind::CameraLost).
    CameraLost,
    /// See [`EventKind::CameraBack`](crate::EventKind::CameraBack).
    CameraBack,
    /// See [`EventKind::Reloaded`](crate::EventKind::Reloaded).
    Reloaded,
    /// See [`EventKind::ReloadRefused`](crate::EventKind::ReloadRefused).
    ReloadRefused,
    /// See [`EventKind::RolledBack`](crate::EventKind::RolledBack).
    RolledBack,
    /// See [`EventKind::Locked`](crate::EventKind::Locked).
    Locked,
    /// See [`EventKind::DoorOpened`](crate::EventKind::DoorOpened).
    DoorOpened,
    /// See [`EventKind::DoorClosed`](crate::EventKind::DoorClosed).
    DoorClosed,
    /// See [`EventKind::DoorForced`](crate::EventKind::DoorForced).
    DoorForced,
    /// See [`EventKind::DoorHeld`](crate::EventKind::DoorHeld).
    DoorHeld,
    /// See [`EventKind::InputsLost`](crate::EventKind::InputsLost).
    InputsLost,
    /// See [`EventKind::InputsBack`](crate::EventKind::InputsBack).
    InputsBack,
    /// See [`EventKind::Lockout`](crate::EventKind::Lockout).
    Lockout,
    /// See [`EventKind::LockoutEnded`](crate::EventKind::LockoutEnded).
    LockoutEnded,
    /// See [`EventKind::ModeChanged`](crate::EventKind::ModeChanged).
    ModeChanged,
    /// See [`EventKind::CommandRefused`](crate::EventKind::CommandRefused).
    CommandRefused,
    /// See [`EventKind::Administered`](crate::EventKind::Administered).
    Administered,
    /// See [`EventKind::LivenessTested`](crate::EventKind::LivenessTested).
    LivenessTested,
    /// See [`EventKind::StoreLost`](crate::EventKind::StoreLost).
    StoreLost,
    /// See [`EventKind::StoreBack`](crate::EventKind::StoreBack).
    StoreBack,
    /// See [`EventKind::TrailBroken`](crate::EventKind::TrailBroken).
    TrailBroken,
    /// See [`EventKind::Erased`](crate::EventKind::Erased).
    Erased,
}

impl EventName {
    /// Whether the door, or something that it depends on, did not work, or was used against its purpose.
    pub fn is_fault(self) -> bool {
        match self {
            Self::CameraLost
            | Self::ReloadRefused
            | Self::RolledBack
            | Self::Locked
            | Self::DoorForced
            | Self::DoorHeld
            | Self::InputsLost
            | Self::Lockout
            | Self::StoreLost
            | Self::TrailBroken => true,
            Self::Started
            | Self::Stopped
            | Self::Granted
            | Self::Denied
            | Self::RelayOn
            | Self::RelayOff
            | Self::CameraBack
            | Self::Reloaded
            | Self::DoorOpened
            | Self::DoorClosed
            | Self::InputsBack
            | Self::LockoutEnded
            | Self::ModeChanged
            | Self::CommandRefused
            | Self::Administered
            | Self::LivenessTested
            | Self::StoreBack
            | Self::Erased => false,
        }
    }

    /// Every name.
    pub const ALL: [Self; 28] = [
        Self::Started,
        Self::Stopped,
        Self::Granted,
        Self::Denied,
        Self::RelayOn,
        Self::RelayOff,
        Self::CameraLost,
        Self::CameraBack,
        Self::Reloaded,
        Self::ReloadRefused,
        Self::RolledBack,
        Self::Locked,
        Self::DoorOpened,
        Self::DoorClosed,
        Self::DoorForced,
        Self::DoorHeld,
        Self::InputsLost,
        Self::InputsBack,
        Self::Lockout,
        Self::LockoutEnded,
        Self::ModeChanged,
        Self::CommandRefused,
        Self::Administered,
        Self::LivenessTested,
        Self::StoreLost,
        Self::StoreBack,
        Self::TrailBroken,
        Self::Erased,
    ];
}

/// As JSON has it, without quotes.
impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_left_out() {
        // A new name does not compile here until it has its place.
        let place = |name| match name {
            EventName::Started => 0,
            EventName::Stopped => 1,
            EventName::Granted => 2,
            EventName::Denied => 3,
            EventName::RelayOn => 4,
            EventName::RelayOff => 5,
            EventName::CameraLost => 6,
            EventName::CameraBack => 7,
            EventName::Reloaded => 8,
            EventName::ReloadRefused => 9,
            EventName::RolledBack => 10,
            EventName::Locked => 11,
            EventName::DoorOpened => 12,
            EventName::DoorClosed => 13,
            EventName::DoorForced => 14,
            EventName::DoorHeld => 15,
            EventName::InputsLost => 16,
            EventName::InputsBack => 17,
            EventName::Lockout => 18,
            EventName::LockoutEnded => 19,
            EventName::ModeChanged => 20,
            EventName::CommandRefused => 21,
            EventName::Administered => 22,
            EventName::LivenessTested => 23,
            EventName::StoreLost => 24,
            EventName::StoreBack => 25,
            EventName::TrailBroken => 26,
            EventName::Erased => 27,
        };
        assert!(EventName::ALL.iter().enumerate().all(|(number, name)| place(*name) == number));
        assert_eq!(EventName::RelayOn.to_string(), "relay_on");
    }
}
