//! How things stand at the door, as the retained state topic tells it.

use ostiary_access::Reason;
use ostiary_events::{Event, EventKind};
use serde::Serialize;

/// The state topic's JSON.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct DoorState {
    relay: Switch,
    /// What the door's contact says; `null` where there is none, or none that can be read.
    contact: Option<Leaf>,
    /// The last grant or denial.
    last: Option<Last>,
}

#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Switch {
    On,
    #[default]
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Leaf {
    Open,
    Closed,
}

#[derive(Debug, PartialEq, Serialize)]
struct Last {
    kind: EventKind,
    reason: Option<Reason>,
    person: Option<String>,
    time: jiff::Timestamp,
}

impl DoorState {
    /// Takes in what happened; whether that changed anything.
    pub fn follow(&mut self, event: &Event) -> bool {
        match event.kind {
            EventKind::RelayOn => self.relay = Switch::On,
            EventKind::RelayOff | EventKind::Started | EventKind::Stopped => self.relay = Switch::Off,
            EventKind::DoorOpened => self.contact = Some(Leaf::Open),
            EventKind::DoorClosed => self.contact = Some(Leaf::Closed),
            EventKind::InputsLost => self.contact = None,
            EventKind::Granted | EventKind::Denied => {
                self.last = Some(Last {
                    kind: event.kind,
                    reason: event.reason,
                    person: event.person.clone(),
                    time: event.time,
                });
            }
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn relay_and_last_access_are_followed() {
        let mut state = DoorState::default();
        let time = jiff::Timestamp::UNIX_EPOCH;
        assert_eq!(
            serde_json::to_value(&state).unwrap(),
            json!({"relay": "off", "contact": null, "last": null})
        );
        let granted = Event {
            reason: Some(Reason::Granted),
            person: Some("Anna".into()),
            ..Event::new(EventKind::Granted, time, "front")
        };
        assert!(state.follow(&granted));
        assert!(state.follow(&Event::new(EventKind::RelayOn, time, "front")));
        assert!(!state.follow(&Event::new(EventKind::CameraLost, time, "front")));
        let last = json!({
            "kind": "granted", "reason": "granted", "person": "Anna", "time": "1970-01-01T00:00:00Z"
        });
        assert_eq!(
            serde_json::to_value(&state).unwrap(),
            json!({"relay": "on", "contact": null, "last": last})
        );
        assert!(state.follow(&Event::new(EventKind::RelayOff, time, "front")));
        assert_eq!(state.relay, Switch::Off);
    }

    #[test]
    fn the_contact_is_followed_until_it_cannot_be_read() {
        let mut state = DoorState::default();
        for (kind, expected) in [
            (EventKind::DoorClosed, json!("closed")),
            (EventKind::DoorOpened, json!("open")),
            (EventKind::Started, json!("open")),
            (EventKind::InputsLost, json!(null)),
        ] {
            assert!(state.follow(&Event::new(kind, jiff::Timestamp::UNIX_EPOCH, "front")));
            assert_eq!(serde_json::to_value(&state).unwrap()["contact"], expected);
        }
    }
}
