//! The closed list of reasons of a decision.

use serde::{Deserialize, Serialize};

/// The reason of a decision. The names are stable: commands print them, the journal and MQTT messages contain them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// An enabled person is identified in enough frames of good quality.
    Granted,
    /// The exit button was pressed. This is a grant without a face.
    RequestToExit,
    /// There are enough frames of good quality, and no enrolled person is similar enough.
    Unknown,
    /// Two people are similar enough, and the margin between them is too small.
    Ambiguous,
    /// No frame has enough quality: the face is blurred, too dark, too bright or turned away.
    LowQuality,
    /// The face is too small: the person is too far away.
    TooFar,
    /// A second face is in view, and `door.second_face` refuses it.
    SeveralFaces,
    /// The same person was let in within `door.cooldown_s`.
    CoolDown,
    /// The person is enrolled, but disabled.
    DisabledPerson,
    /// The person is enrolled, but the hours of the group do not include this time.
    OutsideHours,
    /// The person is enrolled, but in a group without hours while other groups have hours.
    NoHours,
    /// The person is enrolled in a group with hours, but the clock is not plausible.
    ClockImplausible,
    /// A fault has locked the door. It opens for nobody.
    Locked,
}

impl Reason {
    /// All reasons, in the order of declaration.
    pub const ALL: [Self; 13] = [
        Self::Granted,
        Self::RequestToExit,
        Self::Unknown,
        Self::Ambiguous,
        Self::LowQuality,
        Self::TooFar,
        Self::SeveralFaces,
        Self::CoolDown,
        Self::DisabledPerson,
        Self::OutsideHours,
        Self::NoHours,
        Self::ClockImplausible,
        Self::Locked,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_contains_every_reason_in_order() {
        // The match does not compile until a new reason has its index here.
        let index = |reason| match reason {
            Reason::Granted => 0,
            Reason::RequestToExit => 1,
            Reason::Unknown => 2,
            Reason::Ambiguous => 3,
            Reason::LowQuality => 4,
            Reason::TooFar => 5,
            Reason::SeveralFaces => 6,
            Reason::CoolDown => 7,
            Reason::DisabledPerson => 8,
            Reason::OutsideHours => 9,
            Reason::NoHours => 10,
            Reason::ClockImplausible => 11,
            Reason::Locked => 12,
        };
        assert!(Reason::ALL.iter().enumerate().all(|(number, reason)| index(*reason) == number));
    }
}
