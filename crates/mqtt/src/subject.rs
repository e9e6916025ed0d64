//! What an event is about. Each subject has a topic of its own, and an event entity in Home Assistant.

use ostiary_events::{Denial, EventKind, EventName, Grant};

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// A face: somebody was let in or refused.
    Visitor,
    /// The door: it moved, or somebody opened it without a face.
    Door,
    /// The device.
    System,
}

impl Subject {
    /// Every subject.
    pub const ALL: [Self; 3] = [Self::Visitor, Self::Door, Self::System];

    /// The last part of the topic.
    pub fn name(self) -> &'static str {
        match self {
            Self::Visitor => "visitor",
            Self::Door => "door",
            Self::System => "system",
        }
    }

    /// The kinds of events about it.
    pub fn kinds(self) -> Vec<EventName> {
        EventName::ALL.into_iter().filter(|kind| self.has(*kind)).collect()
    }

    fn has(self, kind: EventName) -> bool {
        match kind {
            // By face, and without one.
            EventName::Granted | EventName::Denied => self != Self::System,
            EventName::RelayOn
            | EventName::RelayOff
            | EventName::DoorOpened
            | EventName::DoorClosed
            | EventName::DoorForced
            | EventName::DoorHeld => self == Self::Door,
            EventName::Started
            | EventName::Stopped
            | EventName::CameraLost
            | EventName::CameraBack
            | EventName::Reloaded
            | EventName::ReloadRefused
            | EventName::RolledBack
            | EventName::Locked
            | EventName::InputsLost
            | EventName::InputsBack
            | EventName::Lockout
            | EventName::LockoutEnded
            | EventName::ModeChanged
            | EventName::CommandRefused
            | EventName::Administered
            | EventName::LivenessTested
            | EventName::StoreLost
            | EventName::StoreBack
            | EventName::TrailBroken
            | EventName::Erased => self == Self::System,
        }
    }

    /// What an event of this kind is about.
    pub fn of(kind: &EventKind) -> Self {
        match kind {
            EventKind::Granted(Grant::Face { .. })
            | EventKind::Denied(Denial::Face { .. } | Denial::Repeated { .. }) => Self::Visitor,
            EventKind::Granted(Grant::ExitButton | Grant::Command { .. })
            | EventKind::Denied(Denial::ExitButton) => Self::Door,
            other => match Self::Door.has(other.name()) {
                true => Self::Door,
                false => Self::System,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use ostiary_testkit::evidence;

    use super::*;

    #[test]
    fn every_kind_has_a_subject() {
        let kinds = Subject::ALL.map(Subject::kinds);
        assert!(EventName::ALL.iter().all(|kind| kinds.iter().any(|kinds| kinds.contains(kind))));
        assert_eq!(kinds[0], [EventName::Granted, EventName::Denied]);
    }

    #[test]
    fn a_grant_without_a_face_is_about_the_door() {
        let face = Grant::Face { person: None, evidence: evidence() };
        assert_eq!(Subject::of(&EventKind::Granted(face)), Subject::Visitor);
        assert_eq!(Subject::of(&EventKind::Granted(Grant::ExitButton)), Subject::Door);
        assert_eq!(Subject::of(&EventKind::DoorForced), Subject::Door);
        assert_eq!(Subject::of(&EventKind::CameraBack), Subject::System);
    }
}
