//! The JSON of an event on the topics.

use ostiary_events::{Event, EventName};
use serde::Serialize;

/// An event on the topic of all events.
#[derive(Serialize)]
pub(super) struct EventMessage<'a> {
    #[serde(flatten)]
    pub event: &'a Event,
    /// Whether it is published later than it happened.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub late: bool,
}

/// A new event on the topic of its subject. Home Assistant asks for the field `event_type`.
#[derive(Serialize)]
pub(super) struct LiveMessage<'a> {
    pub event_type: EventName,
    #[serde(flatten)]
    pub event: &'a Event,
}

/// JSON in which no text can be read as a template by Home Assistant: `{{`, `{%` and `{#`, which JSON has only in texts, get a
/// space between.
pub(super) fn without_templates(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let mut before = None;
    for character in json.chars() {
        if before == Some('{') && matches!(character, '{' | '%' | '#') {
            text.push(' ');
        }
        text.push(character);
        before = Some(character);
    }
    text
}

#[cfg(test)]
mod tests {
    use ostiary_events::{Administration, EventKind, Grant, User};
    use ostiary_testkit::evidence;
    use serde_json::Value;

    use super::*;

    fn granted(person: &str) -> Event {
        let grant = Grant::Face { person: Some(person.into()), evidence: evidence() };
        Event::new(EventKind::Granted(grant), jiff::Timestamp::UNIX_EPOCH, "front")
    }

    #[test]
    fn the_fields_of_an_event_are_as_in_the_store_and_only_a_late_one_says_so() {
        let event = granted("Anna");
        let stored = serde_json::to_string(&event).unwrap();
        let on_time = serde_json::to_string(&EventMessage { event: &event, late: false }).unwrap();
        assert_eq!(on_time, stored);
        let late = serde_json::to_string(&EventMessage { event: &event, late: true }).unwrap();
        assert_eq!(late, format!("{},\"late\":true}}", stored.strip_suffix('}').unwrap()));
        let live = LiveMessage { event_type: event.kind.name(), event: &event };
        let live = serde_json::to_string(&live).unwrap();
        assert_eq!(live, stored.replacen('{', "{\"event_type\":\"granted\",", 1));
    }

    #[test]
    fn a_name_cannot_be_a_template() {
        let name = "{{{ states }} {% if %}{#{{";
        let json = serde_json::to_string(&granted(name)).unwrap();
        let inert = without_templates(&json);
        for opening in ["{{", "{%", "{#"] {
            assert!(json.contains(opening) && !inert.contains(opening), "{inert}");
        }
        let person = serde_json::from_str::<Value>(&inert).unwrap()["person"].clone();
        assert_eq!(person, "{ { { states }} { % if %}{ #{ {");
        // Objects in objects are not texts.
        let user = User::Process { uid: 1, sudo_uid: None };
        let change =
            Administration { action: ostiary_events::Action::Configured, person: None, detail: None, user };
        for kind in [EventKind::Administered(change), granted("Anna").kind] {
            let event = Event::new(kind, jiff::Timestamp::UNIX_EPOCH, "front");
            let json = serde_json::to_string(&event).unwrap();
            assert_eq!(without_templates(&json), json);
        }
    }
}
