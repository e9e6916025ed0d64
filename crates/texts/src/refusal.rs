//! Why somebody is refused, as far as the person may be told.

use ostiary_access::DenialReason;

/// Why somebody is refused, as far as the person may be told. Several reasons of the record are one refusal here, where the
/// difference would help a stranger, or would mean nothing to a visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The face is not clearly that of one enrolled person.
    NotRecognized,
    /// The face is blurred, too dark, too bright, covered or turned away.
    FaceNotClear,
    /// The person is too far away.
    TooFar,
    /// It is not certain that there is a living person and not a picture.
    NotLive,
    /// A second face is in view.
    SeveralFaces,
    /// The door opened for the person within `door.cooldown_s`.
    JustLetIn,
    /// The door opened for the person, who has not been out of view since.
    StillInView,
    /// The person may not come in at any time.
    NoAccess,
    /// The person may come in at other times.
    OutsideHours,
    /// The way in by face pauses after too many attempts.
    Paused,
    /// The door has a fault.
    OutOfOrder,
}

impl Refusal {
    /// All refusals, in the order of declaration.
    pub const ALL: [Self; 11] = [
        Self::NotRecognized,
        Self::FaceNotClear,
        Self::TooFar,
        Self::NotLive,
        Self::SeveralFaces,
        Self::JustLetIn,
        Self::StillInView,
        Self::NoAccess,
        Self::OutsideHours,
        Self::Paused,
        Self::OutOfOrder,
    ];
}

impl From<DenialReason> for Refusal {
    fn from(reason: DenialReason) -> Self {
        match reason {
            // A stranger must not learn that the face is near that of somebody.
            DenialReason::Unknown | DenialReason::Ambiguous | DenialReason::Alike => Self::NotRecognized,
            DenialReason::LowQuality => Self::FaceNotClear,
            DenialReason::TooFar => Self::TooFar,
            DenialReason::StaticFace | DenialReason::Spoof | DenialReason::NotLive => Self::NotLive,
            DenialReason::SeveralFaces => Self::SeveralFaces,
            DenialReason::CoolDown => Self::JustLetIn,
            DenialReason::SameVisit => Self::StillInView,
            DenialReason::DisabledPerson | DenialReason::NoHours => Self::NoAccess,
            // Why nobody is let in now is the owner's to tell.
            DenialReason::OutsideHours | DenialReason::LockedDown => Self::OutsideHours,
            DenialReason::Paused => Self::Paused,
            // The clock is the owner's to repair.
            DenialReason::ClockImplausible | DenialReason::Locked => Self::OutOfOrder,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_is_that_of_a_reason() {
        for refusal in Refusal::ALL {
            assert!(
                DenialReason::ALL.into_iter().any(|reason| Refusal::from(reason) == refusal),
                "{refusal:?}"
            );
        }
    }

    #[test]
    fn a_stranger_does_not_learn_of_a_person_who_is_alike() {
        let stranger = Refusal::from(DenialReason::Unknown);
        assert_eq!(Refusal::from(DenialReason::Ambiguous), stranger);
        assert_eq!(Refusal::from(DenialReason::Alike), stranger);
    }
}
