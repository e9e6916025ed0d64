//! The description of the door for Home Assistant, by its device-based MQTT discovery
//! (<https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload>).
//!
//! A template must render something for every message, also for one that is empty or no JSON: otherwise Home Assistant logs a warning.
//! It shows `None` as "unknown".

use ostiary_access::ModeName;
use serde_json::{Value, json};

use super::subject::Subject;
use super::topics::Topics;

/// The message, if it is an object, and an empty object otherwise.
const OBJECT: &str = "(value_json | default({}, true))";

/// The retained payload: one device with all of its entities.
pub(super) fn payload(topics: &Topics, door: &str, has_contact: bool) -> Value {
    let id = &topics.object_id;
    let version = env!("CARGO_PKG_VERSION");
    let mut components = json!({
        "visitor_event": event(topics, Subject::Visitor, "Visitor event", "mdi:face-recognition"),
        "door_event": event(topics, Subject::Door, "Door event", "mdi:door"),
        "system_event": event(topics, Subject::System, "System event", "mdi:cog"),
        "relay": {
            "platform": "binary_sensor",
            "name": "Lock",
            // On means unlocked.
            "device_class": "lock",
            "state_topic": topics.state,
            "value_template": state("relay"),
            "payload_on": "on",
            "payload_off": "off",
        },
        "contact": {
            "platform": "binary_sensor",
            "name": "Door",
            // On means open.
            "device_class": "door",
            "state_topic": topics.state,
            "value_template": state("contact"),
            "payload_on": "open",
            "payload_off": "closed",
        },
        "last_visitor": {
            "platform": "sensor",
            "name": "Last visitor",
            "icon": "mdi:account",
            "state_topic": topics.state,
            "value_template": state_in("last_visit", "visitor"),
            "json_attributes_topic": topics.state,
            "json_attributes_template": format!("{{{{ {} | default({{}}, true) | to_json }}}}", field("last_visit")),
        },
        "last_visit": {
            "platform": "sensor",
            "name": "Last visit",
            "device_class": "timestamp",
            "state_topic": topics.state,
            "value_template": state_in("last_visit", "time"),
        },
        "last_reason": {
            "platform": "sensor",
            "name": "Last reason",
            "icon": "mdi:comment-question-outline",
            "state_topic": topics.state,
            "value_template": state_in("last", "reason"),
        },
        "mode": {
            "platform": "sensor",
            "name": "Mode",
            "icon": "mdi:door-sliding-lock",
            "device_class": "enum",
            "options": [ModeName::Normal, ModeName::HeldOpen, ModeName::LockedDown],
            "state_topic": topics.state,
            "value_template": state("mode"),
            "json_attributes_topic": topics.state,
            "json_attributes_template":
                format!("{{{{ {{'until': {} | default(none)}} | to_json }}}}", field("mode_until")),
        },
        "prompt": {
            "platform": "sensor",
            "name": "Prompt",
            "icon": "mdi:account-voice",
            "state_topic": topics.prompt,
            "value_template": format!("{{{{ {} | default('', true) }}}}", field("text")),
        },
        "camera": {
            "platform": "binary_sensor",
            "name": "Camera",
            // On means that frames come.
            "device_class": "connectivity",
            "entity_category": "diagnostic",
            "state_topic": topics.state,
            "value_template": state("camera"),
            "payload_on": "on",
            "payload_off": "off",
        },
        "problem": {
            "platform": "binary_sensor",
            "name": "Problem",
            "device_class": "problem",
            "entity_category": "diagnostic",
            "state_topic": topics.state,
            "value_template":
                format!("{{{{ 'on' if {} | default([], true) else 'off' }}}}", field("problems")),
            "payload_on": "on",
            "payload_off": "off",
            "json_attributes_topic": topics.state,
            "json_attributes_template":
                format!("{{{{ {{'problems': {} | default([], true)}} | to_json }}}}", field("problems")),
        },
        "recording": {
            "platform": "binary_sensor",
            "name": "Event record",
            // On means a problem.
            "device_class": "problem",
            "entity_category": "diagnostic",
            "state_topic": topics.state,
            "value_template": state("recording"),
            "payload_on": "off",
            "payload_off": "on",
        },
        "people": {
            "platform": "sensor",
            "name": "People",
            "icon": "mdi:account-group",
            "entity_category": "diagnostic",
            "state_class": "measurement",
            "state_topic": topics.state,
            "value_template": format!("{{{{ {} | default('None') }}}}", field("people")),
        },
        "model": {
            "platform": "sensor",
            "name": "Model",
            "icon": "mdi:brain",
            "entity_category": "diagnostic",
            "state_topic": topics.state,
            "value_template": state("model"),
        },
        // Entities of earlier versions.
        "event": removed("event"),
        "last_person": removed("sensor"),
    });
    if let Some(components) = components.as_object_mut() {
        for (name, component) in &mut *components {
            if let Some(component) = component.as_object_mut()
                && component.len() > 1
            {
                component.insert("unique_id".to_owned(), format!("{id}_{name}").into());
            }
        }
        if !has_contact {
            components.insert("contact".to_owned(), removed("binary_sensor"));
        }
    }
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
        "components": components,
    })
}

/// The entity of new events about a subject. Home Assistant takes late events as new, and so does not get them.
fn event(topics: &Topics, subject: Subject, name: &str, icon: &str) -> Value {
    json!({
        "platform": "event",
        "name": name,
        "icon": icon,
        "state_topic": topics.live(subject),
        "qos": 1,
        // Home Assistant ignores an event whose type is not in this list.
        "event_types": subject.kinds(),
    })
}

/// The platform alone removes an entity that was announced before.
fn removed(platform: &str) -> Value {
    json!({ "platform": platform })
}

/// A field of the message, which may be missing.
fn field(name: &str) -> String {
    format!("{OBJECT}.{name}")
}

/// The template of a field of the state.
fn state(name: &str) -> String {
    format!("{{{{ {} | default('None', true) }}}}", field(name))
}

/// The template of a field of an object in the state.
fn state_in(object: &str, name: &str) -> String {
    format!("{{{{ ({} | default({{}}, true)).{name} | default('None', true) }}}}", field(object))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ostiary_config as config;

    use super::*;

    fn of_door(has_contact: bool) -> Value {
        payload(&Topics::new(&config::Mqtt::default(), "front").unwrap(), "front", has_contact)
    }

    #[test]
    fn every_entity_has_its_own_id_and_the_device_is_named() {
        let payload = of_door(true);
        assert_eq!(payload["device"]["identifiers"], json!(["ostiary_front"]));
        let components = payload["components"].as_object().unwrap();
        let entities: Vec<_> = components.values().filter(|one| one.get("name").is_some()).collect();
        let ids: BTreeSet<_> = entities.iter().map(|one| one["unique_id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), entities.len());
        assert!(ids.contains("ostiary_front_relay"));
        let gone: Vec<_> = components.iter().filter(|(_, one)| one.get("name").is_none()).collect();
        assert_eq!(
            gone.iter().map(|(name, _)| name.as_str()).collect::<BTreeSet<_>>(),
            ["event", "last_person"].into()
        );
        assert!(gone.iter().all(|(_, one)| one.as_object().unwrap().len() == 1));
        assert!(components.values().all(|one| one["platform"].is_string()));
        assert_eq!(payload["availability_topic"], "ostiary/front/availability");
        // Home Assistant refuses an empty address.
        assert_eq!(payload["device"].get("configuration_url"), None);
    }

    #[test]
    fn a_door_without_a_contact_has_no_entity_for_it() {
        assert_eq!(of_door(false)["components"]["contact"], json!({ "platform": "binary_sensor" }));
        assert_eq!(of_door(true)["components"]["contact"]["device_class"], "door");
    }

    #[test]
    fn templates_allow_for_missing_fields() {
        assert_eq!(state("relay"), "{{ (value_json | default({}, true)).relay | default('None', true) }}");
        assert_eq!(
            state_in("last", "reason"),
            "{{ ((value_json | default({}, true)).last | default({}, true)).reason | default('None', true) }}"
        );
    }

    #[test]
    fn the_payload_fits_in_a_packet() {
        assert!(of_door(true).to_string().len() < crate::options::MAX_PACKET / 2);
    }
}
