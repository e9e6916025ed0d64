//! The state of the door, as the retained state topic reports it.

use std::collections::BTreeSet;

use ostiary_access::Reason;
use ostiary_events::{Denial, Event, EventKind, EventName};
use serde::Serialize;

/// The state topic's JSON.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct DoorState {
    relay: Switch,
    /// The position of the door; `null` if there is no contact, or it cannot be read.
    contact: Option<DoorPosition>,
    /// The last grant or denial.
    last: Option<Last>,
    /// Whether events are recorded.
    recording: Switch,
    /// What has to be looked after.
    problems: BTreeSet<Problem>,
}

/// Why somebody has to look after the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Problem {
    /// Another door publishes under the same name.
    Name,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Switch {
    On,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum DoorPosition {
    Open,
    Closed,
}

#[derive(Debug, PartialEq, Serialize)]
struct Last {
    kind: EventName,
    reason: Reason,
    person: Option<String>,
    time: jiff::Timestamp,
}

/// The state at the start.
impl Default for DoorState {
    fn default() -> Self {
        Self {
            relay: Switch::Off,
            contact: None,
            last: None,
            recording: Switch::On,
            problems: BTreeSet::new(),
        }
    }
}

impl DoorState {
    /// There is another door of this name. Returns whether the state changed.
    pub fn found_other_door(&mut self) -> bool {
        self.problems.insert(Problem::Name)
    }

    /// Updates the state with an event. Returns whether the state changed.
    pub fn follow(&mut self, event: &Event) -> bool {
        match &event.kind {
            EventKind::RelayOn => self.relay = Switch::On,
            EventKind::RelayOff | EventKind::Started { .. } | EventKind::Stopped => self.relay = Switch::Off,
            EventKind::DoorOpened { .. } => self.contact = Some(DoorPosition::Open),
            EventKind::DoorClosed { .. } => self.contact = Some(DoorPosition::Closed),
            EventKind::InputsLost { .. } => self.contact = None,
            EventKind::StoreLost { .. } => self.recording = Switch::Off,
            EventKind::StoreBack { .. } => self.recording = Switch::On,
            EventKind::Granted(grant) => self.last = Some(Last::new(event, grant.reason())),
            EventKind::Denied(denial) => self.last = Some(Last::new(event, denial.reason())),
            EventKind::CameraLost { .. }
            | EventKind::CameraBack
            | EventKind::Reloaded { .. }
            | EventKind::ReloadRefused { .. }
            | EventKind::RolledBack { .. }
            | EventKind::Locked { .. }
            | EventKind::DoorForced
            | EventKind::DoorHeld { .. }
            | EventKind::InputsBack
            | EventKind::Lockout { .. }
            | EventKind::LockoutEnded { .. }
            | EventKind::ModeChanged { .. }
            | EventKind::CommandRefused { .. }
            | EventKind::Administered(_)
            | EventKind::LivenessTested { .. }
            | EventKind::TrailBroken { .. }
            | EventKind::Erased => return false,
        }
        true
    }
}

impl Last {
    fn new(event: &Event, reason: Reason) -> Self {
        let person = event.kind.person().map(str::to_owned);
        let time = match &event.kind {
            EventKind::Denied(Denial::Repeated { until, .. }) => *until,
            _ => event.time,
        };
        Self { kind: event.kind.name(), reason, person, time }
    }
}

#[cfg(test)]
mod tests {
    use ostiary_events::Grant;
    use ostiary_testkit::evidence;
    use serde_json::json;

    use super::*;

    fn event(kind: EventKind) -> Event {
        Event::new(kind, jiff::Timestamp::UNIX_EPOCH, "front")
    }

    #[test]
    fn relay_and_last_access_are_followed() {
        let mut state = DoorState::default();
        assert_eq!(
            serde_json::to_value(&state).unwrap(),
            json!({"relay": "off", "contact": null, "last": null, "recording": "on", "problems": []})
        );
        let granted = Grant::Face { person: Some("Anna".into()), evidence: evidence() };
        assert!(state.follow(&event(EventKind::Granted(granted))));
        assert!(state.follow(&event(EventKind::RelayOn)));
        assert!(!state.follow(&event(EventKind::CameraLost { detail: "gone".into() })));
        let last = json!({
            "kind": "granted", "reason": "granted", "person": "Anna", "time": "1970-01-01T00:00:00Z"
        });
        assert_eq!(
            serde_json::to_value(&state).unwrap(),
            json!({"relay": "on", "contact": null, "last": last, "recording": "on", "problems": []})
        );
        assert!(state.follow(&event(EventKind::RelayOff)));
        assert_eq!(state.relay, Switch::Off);
        assert!(state.follow(&event(EventKind::Denied(Denial::ExitButton))));
        let last = json!({
            "kind": "denied", "reason": "locked", "person": null, "time": "1970-01-01T00:00:00Z"
        });
        assert_eq!(serde_json::to_value(&state).unwrap()["last"], last);
    }

    #[test]
    fn a_lost_record_is_shown_until_events_are_recorded_again() {
        let mut state = DoorState::default();
        assert!(state.follow(&event(EventKind::StoreLost { detail: "full".into() })));
        assert_eq!(state.recording, Switch::Off);
        assert!(state.follow(&event(EventKind::StoreBack { detail: "2 events".into() })));
        assert_eq!(state.recording, Switch::On);
    }

    #[test]
    fn the_contact_is_followed_until_it_cannot_be_read() {
        let mut state = DoorState::default();
        for (kind, expected) in [
            (EventKind::DoorClosed { detail: None }, json!("closed")),
            (EventKind::DoorOpened { detail: None }, json!("open")),
            (EventKind::Started { detail: "1 person".into() }, json!("open")),
            (EventKind::InputsLost { detail: "gone".into() }, json!(null)),
        ] {
            assert!(state.follow(&event(kind)));
            assert_eq!(serde_json::to_value(&state).unwrap()["contact"], expected);
        }
    }
}
