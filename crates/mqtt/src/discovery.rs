//! The description of the door for Home Assistant, by its device-based MQTT discovery
//! (<https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload>).
//!
//! A template must render something for every message, also for one that is empty or no JSON: otherwise Home Assistant logs a warning.
//! It shows `None` as "unknown".

use std::collections::BTreeMap;

use ostiary_access::ModeName;
use ostiary_config::MqttCommands;
use serde_json::{Value, json};

use super::event_message::without_templates;
use super::known_person::{KnownPerson, MAX_SWITCHES};
use super::subject::Subject;
use super::topics::Topics;

/// The message, if it is an object, and an empty object otherwise.
const OBJECT: &str = "(value_json | default({}, true))";

/// The template of an event: nothing if Home Assistant has it already. A broker may give an event twice, and so does the door if a
/// connection ends before the broker has confirmed it. A door with a new record begins with small ids, and a clock that is set back with
/// earlier times.
const NEW_EVENT: &str = "{% set event = value_json | default({}, true) %}{% set last = this.attributes %}\
    {% set is_old = (event.id | default(0)) <= (last.id | default(-1)) \
    and as_datetime(event.time | default('1970-01-01T00:00:00Z')) \
    <= as_datetime(last.time | default('1970-01-01T00:00:00Z')) %}{{ '' if is_old else value }}";

/// The longest hold that the lock in Home Assistant asks for, seconds.
const HOLD_S: u32 = 3600;

/// What the door can be asked for, and what it has.
#[derive(Debug, Clone)]
pub(super) struct Offered {
    /// The commands that it takes.
    pub commands: Vec<MqttCommands>,
    /// Whether it has a relay.
    pub has_relay: bool,
    /// Whether it has a contact that shows whether it is open.
    pub has_contact: bool,
    /// Whether its board has a sensor of its temperature.
    pub has_temperature: bool,
    /// The address of the web console, if the owner has set one.
    pub console_address: Option<String>,
}

/// The message of discovery: the entities of the door, and the switches of people.
pub(super) struct Discovery {
    /// The payload without people.
    door: Value,
    /// The topics and the id that switches of people need.
    command_topic: String,
    state_topic: String,
    id: String,
    /// The people with a switch. One whose switch is to be removed has no name any longer.
    people: BTreeMap<i64, Option<String>>,
}

impl Discovery {
    /// A door that knows nobody.
    pub fn new(topics: &Topics, door: &str, offered: &Offered) -> Self {
        Self {
            door: payload(topics, door, offered),
            command_topic: topics.command.clone(),
            state_topic: topics.state.clone(),
            id: topics.object_id.clone(),
            people: BTreeMap::new(),
        }
    }

    /// The switches that an earlier run has announced are removed, unless [`Self::set_people`] names them.
    pub fn remove_earlier(&mut self, ids: &[i64]) {
        self.people.extend(ids.iter().map(|id| (*id, None)));
    }

    /// The people with a switch, and those whose switch is removed.
    pub fn announced(&self) -> impl Iterator<Item = i64> {
        self.people.keys().copied()
    }

    /// The people with a switch.
    pub fn shown(&self) -> impl Iterator<Item = i64> {
        self.people.iter().filter(|(_, name)| name.is_some()).map(|(id, _)| *id)
    }

    /// Replaces the people with a switch. Returns whether the payload changed.
    pub fn set_people<'a>(&mut self, people: impl Iterator<Item = (i64, &'a KnownPerson)>) -> bool {
        let mut new: BTreeMap<i64, Option<String>> = self.people.keys().map(|id| (*id, None)).collect();
        let mut left_out = 0;
        for (number, (id, person)) in people.enumerate() {
            match number < MAX_SWITCHES {
                true => drop(new.insert(id, Some(person.name.clone()))),
                false => left_out += 1,
            }
        }
        if new == self.people {
            return false;
        }
        if left_out > 0 {
            log::warn!("Home Assistant gets switches for {MAX_SWITCHES} people; {left_out} have none");
        }
        self.people = new;
        true
    }

    /// The retained payload: one device with all of its entities.
    pub fn payload(&self) -> String {
        let mut payload = self.door.clone();
        if let Some(components) = payload.get_mut("components").and_then(Value::as_object_mut) {
            for (id, name) in &self.people {
                let switch = name.as_ref().map_or_else(|| removed("switch"), |name| self.switch(*id, name));
                components.insert(format!("person_{id}"), switch);
            }
        }
        payload.to_string()
    }

    /// The switch that lets a person in. The person's name stands in no template.
    fn switch(&self, id: i64, name: &str) -> Value {
        let person = format!("({} | default({{}}, true)).get('{id}', {{}})", field("household"));
        json!({
            "platform": "switch",
            "name": without_templates(name),
            "unique_id": format!("{}_person_{id}", self.id),
            "icon": "mdi:account-check",
            "command_topic": self.command_topic,
            "command_template": command(&format!("'person': {id}")),
            "payload_on": "enable_person",
            "payload_off": "disable_person",
            "state_topic": self.state_topic,
            "value_template": format!("{{{{ 'on' if {person}.get('enabled') else 'off' }}}}"),
            "state_on": "on",
            "state_off": "off",
            "qos": 1,
        })
    }
}

/// One device with the entities of the door itself.
fn payload(topics: &Topics, door: &str, offered: &Offered) -> Value {
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
        "lock": {
            "platform": "lock",
            "name": "Lock",
            "command_topic": topics.command,
            "command_template": command(&format!("'seconds': {HOLD_S}")),
            "payload_open": "open",
            "payload_unlock": "hold_open",
            "payload_lock": "lock",
            "state_topic": topics.state,
            "value_template": format!("{{{{ 'UNLOCKED' if {} == 'on' else 'LOCKED' }}}}", field("relay")),
            "qos": 1,
        },
        "lockdown": {
            "platform": "switch",
            "name": "Lockdown",
            "icon": "mdi:shield-lock",
            "command_topic": topics.command,
            "command_template": command(&format!("'seconds': {HOLD_S}")),
            "payload_on": "lock_down",
            "payload_off": "end_lockdown",
            "state_topic": topics.state,
            "value_template": format!("{{{{ 'on' if {} == 'locked_down' else 'off' }}}}", field("mode")),
            "state_on": "on",
            "state_off": "off",
            "qos": 1,
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
        // Without a command topic: an update is activated at the door.
        "model_update": {
            "platform": "update",
            "name": "Model update",
            "icon": "mdi:brain",
            "entity_category": "diagnostic",
            "state_topic": topics.state,
            // Home Assistant ignores an empty object.
            "value_template": format!("{{{{ {} | default({{}}, true) | to_json }}}}", field("models")),
        },
        "temperature": {
            "platform": "sensor",
            "name": "Board temperature",
            "device_class": "temperature",
            "state_class": "measurement",
            "unit_of_measurement": "°C",
            "entity_category": "diagnostic",
            "state_topic": topics.state,
            "value_template": format!("{{{{ {} | default('None') }}}}", field("temperature")),
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
        if !offered.has_contact {
            components.insert("contact".to_owned(), removed("binary_sensor"));
        }
        if !offered.has_temperature {
            components.insert("temperature".to_owned(), removed("sensor"));
        }
        match offered.has_relay && offered.commands.contains(&MqttCommands::Open) {
            // The lock has the state of the relay too.
            true => components.insert("relay".to_owned(), removed("binary_sensor")),
            false => components.insert("lock".to_owned(), removed("lock")),
        };
        if !offered.commands.contains(&MqttCommands::Lockdown) {
            components.insert("lockdown".to_owned(), removed("switch"));
        }
    }
    let mut device = json!({
        "identifiers": [id],
        "name": format!("Door {door}"),
        "manufacturer": "Ostiary",
        "model": "Face doorkeeper",
        "sw_version": version,
    });
    if let (Some(address), Value::Object(device)) = (&offered.console_address, &mut device) {
        // Home Assistant links to it from the page of the device.
        device.insert("configuration_url".to_owned(), address.as_str().into());
    }
    json!({
        "device": device,
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
        "value_template": NEW_EVENT,
        "qos": 1,
        // Home Assistant ignores an event whose type is not in this list.
        "event_types": subject.kinds(),
    })
}

/// The platform alone removes an entity that was announced before.
fn removed(platform: &str) -> Value {
    json!({ "platform": platform })
}

/// The template of a command, whose word is the value, with one more field. Home Assistant allows no longer range.
fn command(field: &str) -> String {
    let nonce = "utcnow().timestamp() ~ '-' ~ (range(100000) | random)";
    format!(
        "{{{{ {{'command': value, 'time': utcnow().isoformat(), 'nonce': {nonce}, {field}}} | to_json }}}}"
    )
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

    fn topics() -> Topics {
        Topics::new(&config::Mqtt::default(), "front").unwrap()
    }

    fn of_door(offered: &Offered) -> Value {
        payload(&topics(), "front", offered)
    }

    fn all() -> Offered {
        use MqttCommands::{Lockdown, Open, People};
        Offered {
            commands: vec![Open, Lockdown, People],
            has_relay: true,
            has_contact: true,
            has_temperature: true,
            console_address: None,
        }
    }

    #[test]
    fn the_device_links_to_the_console_if_its_address_is_set() {
        assert_eq!(of_door(&all())["device"]["configuration_url"], Value::Null);
        let offered = Offered { console_address: Some("https://front.example:8443".to_owned()), ..all() };
        assert_eq!(of_door(&offered)["device"]["configuration_url"], "https://front.example:8443");
    }

    fn without_commands() -> Offered {
        Offered { commands: Vec::new(), ..all() }
    }

    fn without_contact() -> Offered {
        Offered { has_contact: false, ..without_commands() }
    }

    #[test]
    fn every_entity_has_its_own_id_and_the_device_is_named() {
        let payload = of_door(&without_commands());
        assert_eq!(payload["device"]["identifiers"], json!(["ostiary_front"]));
        let components = payload["components"].as_object().unwrap();
        let entities: Vec<_> = components.values().filter(|one| one.get("name").is_some()).collect();
        let ids: BTreeSet<_> = entities.iter().map(|one| one["unique_id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), entities.len());
        assert!(ids.contains("ostiary_front_relay"));
        let gone: Vec<_> = components.iter().filter(|(_, one)| one.get("name").is_none()).collect();
        assert_eq!(
            gone.iter().map(|(name, _)| name.as_str()).collect::<BTreeSet<_>>(),
            ["event", "last_person", "lock", "lockdown"].into()
        );
        assert!(gone.iter().all(|(_, one)| one.as_object().unwrap().len() == 1));
        assert!(components.values().all(|one| one["platform"].is_string()));
        assert_eq!(payload["availability_topic"], "ostiary/front/availability");
        // Home Assistant refuses an empty address.
        assert_eq!(payload["device"].get("configuration_url"), None);
    }

    #[test]
    fn a_door_without_a_contact_has_no_entity_for_it() {
        assert_eq!(
            of_door(&without_contact())["components"]["contact"],
            json!({ "platform": "binary_sensor" })
        );
        assert_eq!(of_door(&all())["components"]["contact"]["device_class"], "door");
    }

    #[test]
    fn a_board_without_a_sensor_has_no_temperature() {
        let components =
            |has_temperature| of_door(&Offered { has_temperature, ..all() })["components"].clone();
        assert_eq!(components(false)["temperature"], json!({ "platform": "sensor" }));
        assert_eq!(components(true)["temperature"]["unit_of_measurement"], "°C");
    }

    #[test]
    fn an_update_of_the_models_cannot_be_installed_by_a_message() {
        assert_eq!(of_door(&all())["components"]["model_update"].get("command_topic"), None);
    }

    #[test]
    fn a_lock_takes_commands_only_if_they_are_allowed_and_there_is_a_relay() {
        let components = |offered: Offered| of_door(&offered)["components"].clone();
        let offered = components(all());
        assert_eq!(offered["lock"]["command_topic"], "ostiary/front/command");
        assert_eq!(offered["relay"], json!({ "platform": "binary_sensor" }));
        assert_eq!(offered["lockdown"]["payload_on"], "lock_down");
        for least in [components(without_contact()), components(without_commands())] {
            assert_eq!(least["lock"], json!({ "platform": "lock" }));
            assert_eq!(least["lockdown"], json!({ "platform": "switch" }));
            assert_eq!(least["relay"]["device_class"], "lock");
            assert!(!least.to_string().contains("ostiary/front/command"));
        }
        assert_eq!(
            components(Offered { has_relay: false, ..all() })["lock"],
            json!({ "platform": "lock" }),
            "nothing could open"
        );
    }

    #[test]
    fn templates_allow_for_missing_fields() {
        assert_eq!(state("relay"), "{{ (value_json | default({}, true)).relay | default('None', true) }}");
        assert_eq!(
            state_in("last", "reason"),
            "{{ ((value_json | default({}, true)).last | default({}, true)).reason | default('None', true) }}"
        );
    }

    fn household(names: &[(i64, &str)]) -> BTreeMap<i64, KnownPerson> {
        names
            .iter()
            .map(|(id, name)| (*id, KnownPerson { name: (*name).to_owned(), enabled: true }))
            .collect()
    }

    #[test]
    fn people_have_switches_which_go_with_them() {
        let mut discovery = Discovery::new(&topics(), "front", &all());
        let components = |discovery: &Discovery| {
            serde_json::from_str::<Value>(&discovery.payload()).unwrap()["components"].clone()
        };
        let mut set = |names: &[(i64, &str)]| {
            let people = household(names);
            let changed = discovery.set_people(people.iter().map(|(id, person)| (*id, person)));
            (changed, components(&discovery))
        };
        let (changed, payload) = set(&[(7, "Ann"), (9, "{{ states }}")]);
        assert!(changed);
        assert_eq!(payload["person_7"]["name"], "Ann");
        assert_eq!(payload["person_9"]["name"], "{ { states }}", "no name is a template");
        assert!(!payload["person_9"]["command_template"].as_str().unwrap().contains("states"));
        assert!(!set(&[(7, "Ann"), (9, "{{ states }}")]).0);
        let (changed, payload) = set(&[(7, "Anna")]);
        assert!(changed);
        assert_eq!(payload["person_7"]["name"], "Anna");
        assert_eq!(payload["person_9"], json!({ "platform": "switch" }), "it is removed");
    }

    #[test]
    fn the_payload_fits_in_a_packet() {
        let mut discovery = Discovery::new(&topics(), "front", &all());
        let name = "\u{1f6aa}".repeat(16);
        let people = household(&(0..200).map(|id| (id, name.as_str())).collect::<Vec<_>>());
        discovery.set_people(people.iter().map(|(id, person)| (*id, person)));
        assert!(discovery.payload().len() < crate::options::MAX_PACKET * 3 / 4);
    }
}
