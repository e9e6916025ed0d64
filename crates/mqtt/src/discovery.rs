//! The description of the door for Home Assistant, by its device-based MQTT discovery
//! (<https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload>).

use serde_json::{Value, json};

use super::subject::Subject;
use super::topics::Topics;

/// The retained payload: one device with all of its entities.
pub(super) fn payload(topics: &Topics, door: &str, has_contact: bool) -> Value {
    let id = &topics.object_id;
    let version = env!("CARGO_PKG_VERSION");
    let contact = if has_contact {
        json!({
            "platform": "binary_sensor",
            "unique_id": format!("{id}_contact"),
            "name": "Door",
            // On means open.
            "device_class": "door",
            "state_topic": topics.state,
            "value_template": "{{ value_json.contact or 'None' }}",
            "payload_on": "open",
            "payload_off": "closed",
        })
    } else {
        // The platform alone removes an entity that was announced before.
        json!({ "platform": "binary_sensor" })
    };
    json!({
        "device": {
            "identifiers": [id],
            "name": format!("Door {door}"),
            "manufacturer": "Ostiary",
            "model": "Face doorkeeper",
            "sw_version": version,
        },
        "origin": { "name": "ostiary", "sw_version": version },
        "availability_topic": topics.availability,
        "components": {
            "visitor_event": event(topics, Subject::Visitor, "Visitor event", "mdi:face-recognition"),
            "door_event": event(topics, Subject::Door, "Door event", "mdi:door"),
            "system_event": event(topics, Subject::System, "System event", "mdi:cog"),
            // The platform alone removes the entity of earlier versions.
            "event": { "platform": "event" },
            "relay": {
                "platform": "binary_sensor",
                "unique_id": format!("{id}_relay"),
                "name": "Lock",
                // On means unlocked.
                "device_class": "lock",
                "state_topic": topics.state,
                "value_template": "{{ value_json.relay }}",
                "payload_on": "on",
                "payload_off": "off",
            },
            "contact": contact,
            "recording": {
                "platform": "binary_sensor",
                "unique_id": format!("{id}_recording"),
                "name": "Event record",
                // On means a problem.
                "device_class": "problem",
                "entity_category": "diagnostic",
                "state_topic": topics.state,
                "value_template": "{{ value_json.recording }}",
                "payload_on": "off",
                "payload_off": "on",
            },
            "prompt": {
                "platform": "sensor",
                "unique_id": format!("{id}_prompt"),
                "name": "Prompt",
                "icon": "mdi:account-voice",
                "state_topic": topics.prompt,
                "value_template": "{{ value_json.text or '' }}",
            },
            "last_person": {
                "platform": "sensor",
                "unique_id": format!("{id}_last_person"),
                "name": "Last person",
                "icon": "mdi:account",
                "state_topic": topics.state,
                // Home Assistant shows `None` as "unknown".
                "value_template": "{{ (value_json.last or {}).person or 'None' }}",
            },
            "last_reason": {
                "platform": "sensor",
                "unique_id": format!("{id}_last_reason"),
                "name": "Last reason",
                "icon": "mdi:comment-question-outline",
                "state_topic": topics.state,
                "value_template": "{{ (value_json.last or {}).reason or 'None' }}",
            },
        },
    })
}

/// The entity of new events about a subject. Home Assistant takes late events as new, and so does not get them.
fn event(topics: &Topics, subject: Subject, name: &str, icon: &str) -> Value {
    json!({
        "platform": "event",
        "unique_id": format!("{}_{}_event", topics.object_id, subject.name()),
        "name": name,
        "icon": icon,
        "state_topic": topics.live(subject),
        "qos": 1,
        // Home Assistant ignores an event whose type is not in this list.
        "event_types": subject.kinds(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ostiary_config as config;

    use super::*;

    #[test]
    fn every_entity_has_its_own_id_and_the_device_is_named() {
        let topics = Topics::new(&config::Mqtt::default(), "front").unwrap();
        let payload = payload(&topics, "front", true);
        assert_eq!(payload["device"]["identifiers"], json!(["ostiary_front"]));
        let components = payload["components"].as_object().unwrap();
        // The platform alone removes an entity.
        let entities: Vec<_> = components.values().filter(|one| one.get("name").is_some()).collect();
        let ids: BTreeSet<_> = entities.iter().map(|one| one["unique_id"].as_str().unwrap()).collect();
        assert_eq!((ids.len(), components.len()), (entities.len(), entities.len() + 1));
        assert!(components.values().all(|one| one["platform"].is_string()));
        assert_eq!(payload["availability_topic"], "ostiary/front/availability");
    }

    #[test]
    fn a_door_without_a_contact_has_no_entity_for_it() {
        let topics = Topics::new(&config::Mqtt::default(), "front").unwrap();
        let contact = |has_contact| payload(&topics, "front", has_contact)["components"]["contact"].clone();
        assert_eq!(contact(false), json!({ "platform": "binary_sensor" }));
        assert_eq!(contact(true)["device_class"], "door");
    }
}
