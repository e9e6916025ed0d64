//! Why a decision is what it is: a closed list.

use serde::{Deserialize, Serialize};

/// The reason of a decision. The names are stable: they are printed, logged and sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// An enabled person, alike enough in enough good frames.
    Granted,
    /// The exit button was pressed, by whom is not asked.
    RequestToExit,
    /// Enough good frames, and nobody alike enough.
    Unknown,
    /// Alike enough to two people: the margin between them is too small to tell which.
    Ambiguous,
    /// The face was never good enough: blurred, too dark, too bright or turned away.
    LowQuality,
    /// The face was too small to judge: the person is too far away.
    TooFar,
    /// A second face in view, and the policy refuses.
    SeveralFaces,
    /// The same person was let in a moment ago.
    CoolDown,
    /// Known, but disabled.
    DisabledPerson,
    /// Known, but not at this hour.
    OutsideHours,
    /// Known, but in a group that has no hours while others have.
    NoHours,
    /// Known, but the clock that their hours go by cannot be right.
    ClockImplausible,
    /// The door is locked by a fault and opens for nobody.
    Locked,
}

impl Reason {
    /// Every reason there is.
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
    fn no_reason_is_left_out() {
        // A new reason does not compile here until it has its place.
        let place = |reason| match reason {
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
        assert!(Reason::ALL.iter().enumerate().all(|(number, reason)| place(*reason) == number));
    }
}
