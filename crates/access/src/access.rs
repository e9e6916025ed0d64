//! Whether a person may come in, apart from the evidence of the visit.

use serde::{Deserialize, Serialize};

/// Whether an enrolled person may come in now. The serialized names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// The person may come in.
    Allowed,
    /// The person is disabled.
    Disabled,
    /// The model cannot tell the person apart from another enrolled one, and `door.alike` refuses both.
    Alike,
    /// The hours of the person's group do not include this time.
    OutsideHours,
    /// Other groups have hours, the person's group has none.
    NoHours,
    /// The person's group has hours, and the clock is not plausible.
    ClockImplausible,
    /// The person's way in by face pauses after too many attempts ([`Lockout`](crate::Lockout)).
    Paused,
    /// A command has locked the door down ([`DoorMode::LockedDown`](crate::DoorMode::LockedDown)).
    LockedDown,
}
