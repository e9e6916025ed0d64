//! The closed lists of reasons of a decision.

use std::fmt;

use serde::de::IntoDeserializer;
use serde::{Deserialize, Deserializer, Serialize};

/// The name of the reason of a decision, of a grant or of a denial. The names are stable: commands print them, the journal
/// and MQTT messages contain them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// An enabled person is identified in enough frames of good quality.
    Granted,
    /// The exit button was pressed. This is a grant without a face.
    RequestToExit,
    /// A person opened the door by a command. This is a grant without a face.
    Command,
    /// The door does not open.
    #[serde(untagged)]
    Denied(DenialReason),
}

/// Why the door does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DenialReason {
    /// There are enough frames of good quality, and no enrolled person is similar enough.
    Unknown,
    /// Two people are similar enough, and the margin between them is too small.
    Ambiguous,
    /// No frame has enough quality: the face is blurred, too dark, too bright or turned away.
    LowQuality,
    /// The face is too small: the person is too far away.
    TooFar,
    /// The face has not moved for `door.static_s`: it is a picture.
    StaticFace,
    /// The face is a person's who may come in, but a picture of it was shown.
    Spoof,
    /// The face is a person's who may come in, but it was not shown that it is not a picture.
    NotLive,
    /// A second face is in view, and `door.second_face` refuses it.
    SeveralFaces,
    /// The same person was let in within `door.cooldown_s`.
    CoolDown,
    /// The person was let in and has not been out of view for `door.away_s` since.
    SameVisit,
    /// The person is enrolled, but disabled.
    DisabledPerson,
    /// The model cannot tell the person apart from another enrolled one, and `door.alike` refuses both.
    Alike,
    /// The person is enrolled, but the hours of the group do not include this time.
    OutsideHours,
    /// The person is enrolled, but in a group without hours while other groups have hours.
    NoHours,
    /// The person is enrolled in a group with hours, but the clock is not plausible.
    ClockImplausible,
    /// The person's way in by face pauses, after too many attempts to be taken for the person.
    Paused,
    /// A fault has locked the door. It opens for nobody.
    Locked,
    /// A command has locked the door down. Faces do not open it.
    LockedDown,
}

impl DenialReason {
    /// Whether a visit with this reason is an attempt to be taken for somebody ([`Lockout`](crate::Lockout)).
    pub fn is_attempt(self) -> bool {
        matches!(self, Self::Unknown | Self::Ambiguous | Self::Spoof)
    }

    /// All reasons, in the order of declaration.
    pub const ALL: [Self; 18] = [
        Self::Unknown,
        Self::Ambiguous,
        Self::LowQuality,
        Self::TooFar,
        Self::StaticFace,
        Self::Spoof,
        Self::NotLive,
        Self::SeveralFaces,
        Self::CoolDown,
        Self::SameVisit,
        Self::DisabledPerson,
        Self::Alike,
        Self::OutsideHours,
        Self::NoHours,
        Self::ClockImplausible,
        Self::Paused,
        Self::Locked,
        Self::LockedDown,
    ];
}

/// Written by hand, because the error of a derived implementation does not name an unknown reason.
impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match &*String::deserialize(deserializer)? {
            "granted" => Self::Granted,
            "request_to_exit" => Self::RequestToExit,
            "command" => Self::Command,
            name => Self::Denied(DenialReason::deserialize(name.into_deserializer())?),
        })
    }
}

/// As JSON has it, without quotes.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_contains_every_reason_in_order() {
        // The match does not compile until a new reason has its index here.
        let index = |reason| match reason {
            DenialReason::Unknown => 0,
            DenialReason::Ambiguous => 1,
            DenialReason::LowQuality => 2,
            DenialReason::TooFar => 3,
            DenialReason::StaticFace => 4,
            DenialReason::Spoof => 5,
            DenialReason::NotLive => 6,
            DenialReason::SeveralFaces => 7,
            DenialReason::CoolDown => 8,
            DenialReason::SameVisit => 9,
            DenialReason::DisabledPerson => 10,
            DenialReason::Alike => 11,
            DenialReason::OutsideHours => 12,
            DenialReason::NoHours => 13,
            DenialReason::ClockImplausible => 14,
            DenialReason::Paused => 15,
            DenialReason::Locked => 16,
            DenialReason::LockedDown => 17,
        };
        assert!(DenialReason::ALL.iter().enumerate().all(|(number, reason)| index(*reason) == number));
    }

    #[test]
    fn a_name_is_the_same_in_text_and_json_and_is_read_back() {
        assert_eq!(Reason::RequestToExit.to_string(), "request_to_exit");
        assert_eq!(Reason::Denied(DenialReason::OutsideHours).to_string(), "outside_hours");
        let denials = DenialReason::ALL.map(Reason::Denied);
        for reason in [Reason::Granted, Reason::RequestToExit, Reason::Command].into_iter().chain(denials) {
            let json = serde_json::to_string(&reason).unwrap();
            assert_eq!(json, format!("\"{reason}\""));
            assert_eq!(serde_json::from_str::<Reason>(&json).unwrap(), reason);
        }
        let error = serde_json::from_str::<Reason>("\"never\"").unwrap_err();
        assert!(error.to_string().contains("`never`"), "{error}");
    }
}
