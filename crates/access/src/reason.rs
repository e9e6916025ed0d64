//! The closed lists of reasons of a decision.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The name of the reason of a decision, of a grant or of a denial. The names are stable: commands print them, the journal
/// and MQTT messages contain them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// An enabled person is identified in enough frames of good quality.
    Granted,
    /// The exit button was pressed. This is a grant without a face.
    RequestToExit,
    /// See [`DenialReason::Unknown`].
    Unknown,
    /// See [`DenialReason::Ambiguous`].
    Ambiguous,
    /// See [`DenialReason::LowQuality`].
    LowQuality,
    /// See [`DenialReason::TooFar`].
    TooFar,
    /// See [`DenialReason::SeveralFaces`].
    SeveralFaces,
    /// See [`DenialReason::CoolDown`].
    CoolDown,
    /// See [`DenialReason::DisabledPerson`].
    DisabledPerson,
    /// See [`DenialReason::OutsideHours`].
    OutsideHours,
    /// See [`DenialReason::NoHours`].
    NoHours,
    /// See [`DenialReason::ClockImplausible`].
    ClockImplausible,
    /// See [`DenialReason::Locked`].
    Locked,
}

/// Why the door does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DenialReason {
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

/// The reason is the reason of a grant, not of a denial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is the reason of a grant")]
pub struct NotADenial(pub Reason);

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

/// As JSON has it, without quotes.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl From<DenialReason> for Reason {
    fn from(reason: DenialReason) -> Self {
        match reason {
            DenialReason::Unknown => Self::Unknown,
            DenialReason::Ambiguous => Self::Ambiguous,
            DenialReason::LowQuality => Self::LowQuality,
            DenialReason::TooFar => Self::TooFar,
            DenialReason::SeveralFaces => Self::SeveralFaces,
            DenialReason::CoolDown => Self::CoolDown,
            DenialReason::DisabledPerson => Self::DisabledPerson,
            DenialReason::OutsideHours => Self::OutsideHours,
            DenialReason::NoHours => Self::NoHours,
            DenialReason::ClockImplausible => Self::ClockImplausible,
            DenialReason::Locked => Self::Locked,
        }
    }
}

impl TryFrom<Reason> for DenialReason {
    type Error = NotADenial;

    fn try_from(reason: Reason) -> Result<Self, NotADenial> {
        match reason {
            Reason::Granted | Reason::RequestToExit => Err(NotADenial(reason)),
            Reason::Unknown => Ok(Self::Unknown),
            Reason::Ambiguous => Ok(Self::Ambiguous),
            Reason::LowQuality => Ok(Self::LowQuality),
            Reason::TooFar => Ok(Self::TooFar),
            Reason::SeveralFaces => Ok(Self::SeveralFaces),
            Reason::CoolDown => Ok(Self::CoolDown),
            Reason::DisabledPerson => Ok(Self::DisabledPerson),
            Reason::OutsideHours => Ok(Self::OutsideHours),
            Reason::NoHours => Ok(Self::NoHours),
            Reason::ClockImplausible => Ok(Self::ClockImplausible),
            Reason::Locked => Ok(Self::Locked),
        }
    }
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

    #[test]
    fn every_reason_but_those_of_a_grant_is_one_of_a_denial() {
        for reason in Reason::ALL {
            match DenialReason::try_from(reason) {
                Ok(denial) => assert_eq!(Reason::from(denial), reason),
                Err(NotADenial(granted)) => {
                    assert_eq!(granted, reason);
                    assert!(matches!(reason, Reason::Granted | Reason::RequestToExit));
                }
            }
        }
        assert_eq!(Reason::OutsideHours.to_string(), "outside_hours");
    }
}
