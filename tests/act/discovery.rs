//! The discovery of Home Assistant.

use super::*;

#[test]
fn home_assistant_gets_a_lock_and_switches_if_commands_are_allowed() {
    use config::MqttCommands::{Lockdown, Open, People};

    let broker = Broker::open();
    let subscriber = Subscriber::new(broker.port());
    let folder = tempfile::tempdir().unwrap();
    let store = ReopeningStore::open(&events(folder.path(), 9), true).unwrap();
    let config = config::Mqtt { commands: vec![Open, Lockdown, People], ..broker_at(broker.port()) };
    // Home Assistant could read this name as a template.
    let ada = KnownPerson { name: "Ada {{ states }}".to_owned(), enabled: true };
    let summary = DoorSummary { household: Some([(7, ada.clone())].into()), ..front().summary };
    let store = Arc::new(Mutex::new(store));
    let start = |summary: DoorSummary| {
        let description = DoorDescription { summary, ..front() };
        Mqtt::start(&config, description, store.clone(), Box::new(|_| {})).unwrap()
    };
    let mqtt = start(summary.clone());
    let components = || json(&subscriber.next(DISCOVERY))["components"].clone();
    let offered = components();
    let commands = serde_json::json!({
        "lock": offered["lock"], "lockdown": offered["lockdown"], "person": offered["person_7"],
    });
    insta::assert_snapshot!("home_assistant_commands", format!("{commands:#}"));
    assert_eq!(json(&subscriber.next(STATE))["household"]["7"]["enabled"], true);
    // Disabled: no other switch. Removed: the switch goes.
    let disabled = KnownPerson { enabled: false, ..ada };
    mqtt.summary().set(DoorSummary { household: Some([(7, disabled)].into()), ..summary.clone() });
    assert_eq!(json(&subscriber.next(STATE))["household"]["7"]["enabled"], false);
    mqtt.summary().set(DoorSummary { household: Some([].into()), ..summary.clone() });
    assert_eq!(components()["person_7"], serde_json::json!({ "platform": "switch" }));
    assert_eq!(json(&subscriber.next(STATE))["household"], serde_json::json!({}));
    // Removed while the door does not run.
    drop(mqtt);
    let mqtt = start(summary.clone());
    assert_eq!(components()["person_7"]["platform"], "switch");
    drop(mqtt);
    let mqtt = start(DoorSummary { household: None, ..summary.clone() });
    assert_eq!(components()["person_7"], serde_json::json!({ "platform": "switch" }));
    drop(mqtt);
    let _mqtt = start(DoorSummary { household: None, ..summary });
    assert_eq!(components()["person_7"], Value::Null, "Home Assistant has removed it");
}

#[test]
fn what_a_door_has_left_under_an_earlier_name_or_discovery_is_cleared() {
    let broker = Broker::open();
    let subscriber = Subscriber::new(broker.port());
    let Door { store, mqtt, folder } = Door::new(broker.port());
    assert!(!subscriber.next(DISCOVERY).payload.is_empty());
    subscriber.next(INSTANCE);
    drop(mqtt);

    // With another name.
    let back = || DoorDescription { name: "back", ..front() };
    let mqtt = Mqtt::start(&broker_at(broker.port()), back(), store.clone(), Box::new(|_| {})).unwrap();
    for topic in [DISCOVERY, AVAILABILITY, STATE, PROMPT, INSTANCE] {
        while !subscriber.next(topic).payload.is_empty() {}
    }
    let discovery = "homeassistant/device/ostiary_back/config";
    assert!(!subscriber.next(discovery).payload.is_empty());
    let saved = folder.path().join("events.sqlite.mqtt.json");
    let is_saved = |topic: &str| fs::read_to_string(&saved).unwrap().contains(topic);
    wait_for("the confirmation", || !is_saved("ostiary_front"));
    drop(mqtt);

    // Without discovery.
    let config = config::Mqtt { discovery_prefix: String::new(), ..broker_at(broker.port()) };
    let mqtt = Mqtt::start(&config, back(), store.clone(), Box::new(|_| {})).unwrap();
    while !subscriber.next(discovery).payload.is_empty() {}
    wait_for("the confirmation", || !is_saved("ostiary_back"));
    let later = Subscriber::new(broker.port());
    later.client.publish("test/end", "", PublishOptions::at_least_once()).unwrap();
    later.next("test/end");
    let retained: BTreeSet<String> = later
        .pending
        .borrow()
        .iter()
        .filter(|message| message.retain)
        .map(|message| String::from_utf8_lossy(&message.topic).into_owned())
        .collect();
    assert!(retained.contains("ostiary/back/instance"), "{retained:?}");
    assert!(retained.iter().all(|topic| topic.starts_with("ostiary/back/")), "{retained:?}");
    drop((mqtt, store));
}

#[test]
fn discovery_is_published_again_after_a_start_of_home_assistant() {
    let broker = Broker::open();
    let subscriber = Subscriber::new(broker.port());
    let _door = Door::new(broker.port());
    let first = subscriber.next(DISCOVERY);
    assert_eq!(&subscriber.next(AVAILABILITY).payload[..], b"online");
    subscriber.next(STATE);
    subscriber.client.publish("homeassistant/status", "offline", PublishOptions::at_least_once()).unwrap();
    subscriber.client.publish("homeassistant/status", "online", PublishOptions::at_least_once()).unwrap();
    assert_eq!(subscriber.next(DISCOVERY).payload, first.payload);
    assert_eq!(&subscriber.next(AVAILABILITY).payload[..], b"online");
    subscriber.next(STATE);
}
