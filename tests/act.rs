//! Events in MQTT, with a real broker and subscribers, and in the file of the event store.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{fs, thread};

use ostiary_access::{DenialReason, ModeName};
use ostiary_config as config;
use ostiary_core::Prompt;
use ostiary_events::{
    Action, Administration, Denial, Event, EventKind, EventSink, EventStore, Grant, PromptMessage,
    PromptText, ReopeningStore, SPOOL, StoreError, User,
};
use ostiary_mqtt as mqtt;
use ostiary_mqtt::{DoorDescription, DoorSummary, KnownPerson, ModelVersions, Mqtt};
use ostiary_testkit::{Broker, TIMEOUT, evidence, free_port, wait_for};
use rumqttc::{Client, MqttOptions, Packet, Publish, PublishOptions, QoS};
use serde_json::Value;

// --- subscribers ---

/// A subscriber to all topics.
struct Subscriber {
    client: Client,
    received: Receiver<Publish>,
    /// Messages on other topics than the one that was asked for.
    pending: RefCell<Vec<Publish>>,
}

impl Subscriber {
    fn new(port: u16) -> Self {
        let mut options =
            MqttOptions::new(format!("subscriber-{}", free_port()), rumqttc::Broker::tcp("127.0.0.1", port));
        options.set_max_packet_size(1 << 20, 1 << 20);
        let (client, mut connection) = Client::builder(options).capacity(16).build();
        let (sender, received) = mpsc::channel();
        let (ready, subscribed) = mpsc::channel();
        client.subscribe("#", QoS::AtLeastOnce).unwrap();
        thread::spawn(move || {
            for notice in connection.iter() {
                let is_open = match notice {
                    Ok(rumqttc::Event::Incoming(Packet::SubAck(_))) => ready.send(()).is_ok(),
                    Ok(rumqttc::Event::Incoming(Packet::Publish(message))) => sender.send(message).is_ok(),
                    Ok(_) => true,
                    Err(_) => false,
                };
                if !is_open {
                    return;
                }
            }
        });
        subscribed.recv_timeout(TIMEOUT).expect("the subscription");
        Self { client, received, pending: RefCell::default() }
    }

    /// Waits for the next message on this topic. Messages on other topics are stored, because brokers keep the order only
    /// within a topic.
    fn next(&self, topic: &str) -> Publish {
        let mut pending = self.pending.borrow_mut();
        if let Some(at) = pending.iter().position(|message| message.topic == topic) {
            return pending.remove(at);
        }
        loop {
            let message =
                self.received.recv_timeout(TIMEOUT).unwrap_or_else(|_| panic!("nothing on {topic}"));
            if message.topic == topic {
                return message;
            }
            pending.push(message);
        }
    }

    /// The ids of the next events, without duplicates.
    fn ids(&self, count: usize) -> Vec<u64> {
        let mut ids: Vec<u64> = Vec::new();
        while ids.len() < count {
            let message = self.next("ostiary/front/event");
            assert_eq!(message.qos, QoS::AtLeastOnce);
            assert!(!message.retain);
            let id = json(&message)["id"].as_u64().unwrap();
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids
    }
}

fn json(message: &Publish) -> Value {
    serde_json::from_slice(&message.payload).unwrap()
}

/// A TCP proxy to the broker whose connections can be cut.
struct Proxy {
    port: u16,
    open: Arc<AtomicBool>,
    ends: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    fn new(broker: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let open = Arc::new(AtomicBool::new(true));
        let ends = Arc::new(Mutex::new(Vec::new()));
        let (is_open, shared_ends) = (open.clone(), ends.clone());
        thread::spawn(move || {
            for near in listener.incoming() {
                let near = near.unwrap();
                let mut ends = shared_ends.lock().unwrap();
                if !is_open.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(far) = TcpStream::connect(("127.0.0.1", broker)) else { continue };
                forward(near.try_clone().unwrap(), far.try_clone().unwrap());
                forward(far.try_clone().unwrap(), near.try_clone().unwrap());
                ends.extend([near, far]);
            }
        });
        Self { port, open, ends }
    }

    /// Cuts all connections, and refuses new ones.
    fn cut(&self) {
        let mut ends = self.ends.lock().unwrap();
        self.open.store(false, Ordering::SeqCst);
        for end in ends.drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    /// Accepts new connections again.
    fn restore(&self) {
        self.open.store(true, Ordering::SeqCst);
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            if to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}

// --- the daemon ---

struct Door {
    store: Arc<Mutex<ReopeningStore>>,
    mqtt: Mqtt,
    folder: tempfile::TempDir,
}

impl Door {
    fn new(port: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = ReopeningStore::open(&events(folder.path(), 10_000), true).unwrap();
        let store = Arc::new(Mutex::new(store));
        let mqtt = Mqtt::start(&broker_at(port), front(), store.clone(), Box::new(|_| {})).unwrap();
        Self { store, mqtt, folder }
    }

    /// Stores and publishes an event, as the daemon does.
    fn report(&mut self, mut event: Event) -> u64 {
        self.store.lock().unwrap().append(&mut event).unwrap();
        self.mqtt.report(&event).unwrap();
        event.id
    }

    /// Waits until the broker has acknowledged all events.
    fn wait_until_sent(&self) {
        wait_for("the acknowledgment of the broker", || {
            self.store.lock().unwrap().unsent(0, 1).unwrap().is_empty()
        });
    }
}

fn front() -> DoorDescription<'static> {
    let models = ModelVersions { installed: "bundle 7".into(), latest: "bundle 8".into() };
    let summary = DoorSummary {
        people: 2,
        model: "0123456789abcdef".into(),
        models,
        temperature: Some(47),
        household: None,
    };
    DoorDescription { name: "front", has_relay: true, has_contact: true, mode: ModeName::Normal, summary }
}

fn broker_at(port: u16) -> config::Mqtt {
    config::Mqtt { enabled: true, host: "127.0.0.1".into(), port, ..config::Mqtt::default() }
}

fn events(folder: &Path, keep: u32) -> config::Events {
    config::Events { path: folder.join("events.sqlite"), keep, ..config::Events::default() }
}

fn event(kind: EventKind) -> Event {
    Event::new(kind, jiff::Timestamp::now(), "front")
}

fn granted(person: &str) -> Event {
    event(EventKind::Granted(Grant::Face { person: Some(person.into()), evidence: evidence() }))
}

fn denied(reason: DenialReason, person: Option<&str>, detail: Option<&str>) -> Event {
    let (person, detail) = (person.map(str::to_owned), detail.map(str::to_owned));
    event(EventKind::Denied(Denial::Face { reason, person, evidence: evidence(), detail }))
}

fn event_of_exit() -> Event {
    event(EventKind::Granted(Grant::ExitButton))
}

fn unknown() -> Event {
    denied(DenialReason::Unknown, None, None)
}

const AVAILABILITY: &str = "ostiary/front/availability";
const STATE: &str = "ostiary/front/state";
const PROMPT: &str = "ostiary/front/prompt";
const INSTANCE: &str = "ostiary/front/instance";
const EVENT: &str = "ostiary/front/event";
const LIVE_VISITOR: &str = "ostiary/front/live/visitor";
const LIVE_DOOR: &str = "ostiary/front/live/door";
const DISCOVERY: &str = "homeassistant/device/ostiary_front/config";

// --- MQTT ---

#[test]
fn birth_state_events_and_offline_are_published() {
    let broker = Broker::open();
    let subscriber = Subscriber::new(broker.port());
    let mut door = Door::new(broker.port());
    let discovery = json(&subscriber.next(DISCOVERY));
    assert_eq!(discovery["components"]["visitor_event"]["state_topic"], LIVE_VISITOR);
    assert_eq!(discovery["components"]["contact"]["device_class"], "door");
    assert_eq!(&subscriber.next(AVAILABILITY).payload[..], b"online");
    let state = json(&subscriber.next(STATE));
    assert_eq!(
        (&state["relay"], &state["contact"], &state["last"]),
        (&"off".into(), &Value::Null, &Value::Null)
    );
    assert_eq!((&state["people"], &state["model"]), (&2.into(), &"0123456789abcdef".into()));

    assert_eq!(door.report(granted("Anna")), 1);
    let state = json(&subscriber.next(STATE));
    assert_eq!((&state["last"]["person"], &state["last"]["reason"]), (&"Anna".into(), &"granted".into()));
    let published = json(&subscriber.next("ostiary/front/event"));
    assert_eq!(
        (&published["id"], &published["kind"], &published["person"]),
        (&1.into(), &"granted".into(), &"Anna".into())
    );
    door.report(event(EventKind::RelayOn));
    assert_eq!(json(&subscriber.next(STATE))["relay"], "on");
    door.report(event(EventKind::RelayOff));
    assert_eq!(json(&subscriber.next(STATE))["relay"], "off");
    door.report(event(EventKind::DoorOpened { detail: None }));
    assert_eq!(json(&subscriber.next(STATE))["contact"], "open");
    door.report(unknown());
    assert_eq!(subscriber.ids(4), [2, 3, 4, 5]);
    door.wait_until_sent();

    // A new subscriber gets the retained state, and no events.
    let new_subscriber = Subscriber::new(broker.port());
    new_subscriber.client.publish("test/end", "", PublishOptions::at_least_once()).unwrap();
    let mut retained = Vec::new();
    loop {
        let message = new_subscriber.received.recv_timeout(TIMEOUT).unwrap();
        if message.topic == "test/end" {
            break;
        }
        assert!(message.retain, "{:?}", message.topic);
        retained.push(message.topic);
    }
    retained.sort();
    assert_eq!(retained, [DISCOVERY, AVAILABILITY, INSTANCE, PROMPT, STATE]);
    insta::assert_snapshot!("home_assistant_discovery", format!("{discovery:#}"));

    // An event that could not be stored is published too.
    door.mqtt.report(&unknown()).unwrap();
    assert_eq!(subscriber.ids(1), [0]);

    let end = door.report(event(EventKind::Stopped));
    door.mqtt.stop();
    assert_eq!(subscriber.ids(1), [end]);
    assert_eq!(&subscriber.next(AVAILABILITY).payload[..], b"offline");
    assert!(door.store.lock().unwrap().unsent(0, 1).unwrap().is_empty());
}

#[test]
fn an_event_that_waited_for_the_broker_is_late_and_not_on_the_topic_of_new_events() {
    let folder = tempfile::tempdir().unwrap();
    // It happens in an earlier run, which does not reach the broker.
    let mut store = EventStore::open(&events(folder.path(), 10_000), true).unwrap();
    let mut grant = granted("Anna");
    store.append(&mut grant).unwrap();
    drop(store);

    let broker = Broker::open();
    let subscriber = Subscriber::new(broker.port());
    let store = ReopeningStore::open(&events(folder.path(), 10_000), true).unwrap();
    let store = Arc::new(Mutex::new(store));
    let mqtt = Mqtt::start(&broker_at(broker.port()), front(), store.clone(), Box::new(|_| {})).unwrap();
    let mut door = Door { store, mqtt, folder };
    let late = json(&subscriber.next(EVENT));
    assert_eq!((&late["id"], &late["late"]), (&1.into(), &true.into()));
    assert_eq!(late["time"], serde_json::to_value(grant.time).unwrap());
    door.wait_until_sent();

    // New events come first on the topic of their subject.
    door.report(granted("{{ states }}"));
    let live = subscriber.next(LIVE_VISITOR);
    assert_eq!((live.qos, live.retain), (QoS::AtLeastOnce, false));
    let (live, event) = (json(&live), json(&subscriber.next(EVENT)));
    assert_eq!((&live["id"], &live["event_type"]), (&2.into(), &"granted".into()));
    // Home Assistant could read a name as a template.
    assert_eq!((&live["person"], &event["person"]), (&"{ { states }}".into(), &"{{ states }}".into()));
    assert_eq!((&live.get("late"), &event.get("late")), (&None, &None));
    door.report(event_of_exit());
    assert_eq!(json(&subscriber.next(LIVE_DOOR))["reason"], "request_to_exit");
    door.wait_until_sent();
    // Each was published once.
    subscriber.client.publish("test/end", "", PublishOptions::at_least_once()).unwrap();
    subscriber.next("test/end");
    let live = |topic: &&Publish| topic.topic.windows(6).any(|part| part == b"/live/");
    assert_eq!(subscriber.pending.borrow().iter().filter(live).count(), 0);
}

#[test]
fn two_doors_of_one_name_stay_connected_and_each_is_told_of_the_other_once() {
    let broker = Broker::open();
    let subscriber = Subscriber::new(broker.port());
    let mut doors = [Door::new(broker.port()), Door::new(broker.port())];
    // The first answers the second, so that each knows of the other.
    let announced: BTreeSet<String> =
        (0..4).map(|_| json(&subscriber.next(INSTANCE))["instance"].to_string()).collect();
    assert_eq!(announced.len(), 2);
    let contacts = [
        (EventKind::DoorOpened { detail: None }, "open"),
        (EventKind::DoorClosed { detail: None }, "closed"),
    ];
    for (door, (kind, contact)) in doors.iter_mut().zip(contacts) {
        wait_for("the problem", || {
            door.report(event(kind.clone()));
            let state = json(&subscriber.next(STATE));
            state["contact"] == contact && state["problems"] == serde_json::json!(["name"])
        });
        door.wait_until_sent();
    }
    // Longer than the pause before a door connects again.
    thread::sleep(Duration::from_millis(1500));
    let end = doors.each_mut().map(|door| door.report(unknown()));
    doors.iter().for_each(Door::wait_until_sent);
    assert!(end[0] > 1);
    subscriber.client.publish("test/end", "", PublishOptions::at_least_once()).unwrap();
    subscriber.next("test/end");
    let pending = subscriber.pending.borrow();
    let availability: Vec<_> = pending.iter().filter(|message| message.topic == AVAILABILITY).collect();
    assert!(availability.iter().all(|message| &message.payload[..] == b"online"), "{availability:?}");
    assert_eq!(availability.len(), 2, "each has connected once");
    assert_eq!(pending.iter().filter(|message| message.topic == INSTANCE).count(), 0, "no further answers");
}

#[test]
fn a_board_in_the_place_of_another_is_no_clash() {
    let broker = Broker::open();
    let door = Door::new(broker.port());
    let subscriber = Subscriber::new(broker.port());
    subscriber.next(INSTANCE);
    drop(door);
    let mut door = Door::new(broker.port());
    door.report(event(EventKind::RelayOn));
    while json(&subscriber.next(STATE))["relay"] != "on" {}
    door.report(event(EventKind::RelayOff));
    assert_eq!(json(&subscriber.next(STATE))["problems"], serde_json::json!([]));
    // Who clears the topics of a door that is there gets them published again.
    let empty = PublishOptions::at_least_once().retained();
    for topic in [STATE, PROMPT, INSTANCE] {
        subscriber.client.publish(topic, "", empty).unwrap();
    }
    while !subscriber.next(PROMPT).payload.is_empty() {}
    assert_eq!(json(&subscriber.next(PROMPT))["prompt"], Value::Null);
    assert!(subscriber.next(STATE).payload.is_empty());
    assert_eq!(json(&subscriber.next(STATE))["relay"], "off");
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
fn the_last_visit_and_changes_of_people_and_mode_are_in_the_state() {
    let broker = Broker::open();
    let subscriber = Subscriber::new(broker.port());
    let mut door = Door::new(broker.port());
    assert_eq!(json(&subscriber.next(STATE))["last_visit"], Value::Null);
    door.report(unknown());
    let stranger = json(&subscriber.next(STATE))["last_visit"].clone();
    assert_eq!((&stranger["visitor"], &stranger["reason"]), (&"stranger".into(), &"unknown".into()));
    let (mode, until) = (ModeName::HeldOpen, Some("2026-11-29T18:00:00Z".parse().unwrap()));
    door.report(event(EventKind::ModeChanged { mode, until, user: None }));
    let state = json(&subscriber.next(STATE));
    assert_eq!((&state["mode"], &state["mode_until"]), (&"held_open".into(), &"2026-11-29T18:00:00Z".into()));
    door.mqtt.summary().set(DoorSummary { people: 3, ..front().summary });
    assert_eq!(json(&subscriber.next(STATE))["people"], 3);
    door.report(event_of_exit());
    assert_eq!(json(&subscriber.next(STATE))["last"]["reason"], "request_to_exit");

    // After a restart the exit does not hide the visit.
    let Door { store, mqtt, folder } = door;
    drop(mqtt);
    let mqtt = Mqtt::start(&broker_at(broker.port()), front(), store.clone(), Box::new(|_| {})).unwrap();
    let state = json(&subscriber.next(STATE));
    assert_eq!((&state["last_visit"], &state["last"]["reason"]), (&stranger, &"request_to_exit".into()));
    drop((mqtt, store, folder));
}

#[test]
fn a_person_who_is_removed_or_erased_is_not_in_the_retained_state() {
    let broker = Broker::open();
    let mut door = Door::new(broker.port());
    let change = |action, person: Option<&str>| {
        let user = User::Process { uid: 0, sudo_uid: None };
        let person = person.map(str::to_owned);
        event(EventKind::Administered(Administration { action, person, detail: None, user: user.clone() }))
    };
    // What a subscriber gets that connects now.
    let shown = || json(&Subscriber::new(broker.port()).next(STATE))["last_visit"]["visitor"].clone();
    door.report(granted("Anna"));
    wait_for("the visit", || shown() == "Anna");
    door.report(granted("Bob"));
    wait_for("the visit", || shown() == "Bob");

    // By a command, while the daemon has the store open.
    let config = events(door.folder.path(), 10_000);
    let erased = EventStore::erase_person(&config, true, "Bob", |_| change(Action::Erased, None)).unwrap();
    assert_eq!(erased, 1);
    let unseen = door.store.lock().unwrap().take_unseen().unwrap();
    unseen.iter().for_each(|event| door.mqtt.report(event).unwrap());
    wait_for("the visit before", || shown() == "Anna");
    door.report(change(Action::Removed, Some("Anna")));
    wait_for("no name", || shown() == "removed person");
    // The record still has the name.
    let Door { store, mqtt, folder } = door;
    drop(mqtt);
    let subscriber = Subscriber::new(broker.port());
    let mqtt = Mqtt::start(&broker_at(broker.port()), front(), store.clone(), Box::new(|_| {})).unwrap();
    wait_for("the state after a restart", || {
        let state = subscriber.next(STATE);
        let text = String::from_utf8(state.payload.to_vec()).unwrap();
        assert!(!text.contains("Anna") && !text.contains("Bob"), "{text}");
        !state.retain
    });
    drop((mqtt, store, folder));
}

#[test]
fn events_have_scores_only_if_the_owner_asks_for_them() {
    let broker = Broker::open();
    let subscriber = Subscriber::new(broker.port());
    let scores = ["similarity", "cosine", "second", "threshold"];
    let is_in = |event: &Value| scores.map(|score| event.get(score).is_some());
    let mut door = Door::new(broker.port());
    door.report(granted("Anna"));
    door.report(unknown());
    for _ in 0..2 {
        let event = json(&subscriber.next("ostiary/front/event"));
        assert_eq!(is_in(&event), [false; 4], "{event}");
        assert!(event.get("frames").is_some() && event.get("reason").is_some(), "{event}");
    }
    // The store has them.
    door.wait_until_sent();
    let stored = EventStore::open_read_only(&door.folder.path().join("events.sqlite")).unwrap();
    assert_eq!(is_in(&serde_json::to_value(&stored.latest(2).unwrap()[0]).unwrap()), [true; 4]);

    let Door { store, mqtt, folder } = door;
    drop(mqtt);
    let config = config::Mqtt { scores: true, ..broker_at(broker.port()) };
    let mqtt = Mqtt::start(&config, front(), store.clone(), Box::new(|_| {})).unwrap();
    let mut door = Door { store, mqtt, folder };
    door.report(granted("Anna"));
    let event = json(&subscriber.next("ostiary/front/event"));
    assert_eq!(is_in(&event), [true; 4], "{event}");
}

#[test]
fn the_head_of_the_event_trail_is_retained() {
    let broker = Broker::open();
    let mut door = Door::new(broker.port());
    door.report(granted("Anna"));
    let head = door.store.lock().unwrap().sign_head().unwrap().unwrap();
    door.mqtt.head(&head);
    door.report(unknown());
    door.wait_until_sent();
    // A new subscriber gets it.
    let message = Subscriber::new(broker.port()).next("ostiary/front/head");
    assert!(message.retain);
    assert_eq!(&message.payload[..], head.note().as_bytes());
}

/// What the door asks for.
fn asked(prompt: Option<Prompt>) -> PromptMessage {
    let prompt = prompt.map(|prompt| PromptText { prompt, text: format!("Text of {}.", prompt.name()) });
    PromptMessage { time: "2026-11-29T08:15:00Z".parse().unwrap(), door: "front".into(), prompt }
}

#[test]
fn a_prompt_is_published_and_a_later_subscriber_gets_only_that_nothing_is_asked() {
    let broker = Broker::open();
    let subscriber = Subscriber::new(broker.port());
    let mut door = Door::new(broker.port());
    assert!(door.mqtt.shows_prompts());
    assert_eq!(json(&subscriber.next(PROMPT))["prompt"], Value::Null);
    door.mqtt.prompt(&asked(Some(Prompt::StepBack))).unwrap();
    let message = subscriber.next(PROMPT);
    assert_eq!(message.qos, QoS::AtMostOnce);
    let expected = serde_json::json!({
        "prompt": "step_back", "text": "Text of step_back.", "door": "front", "time": "2026-11-29T08:15:00Z"
    });
    assert_eq!(json(&message), expected);

    // A display that connects now does not get an instruction that may be old when it is shown.
    let display = Subscriber::new(broker.port());
    let message = display.next(PROMPT);
    assert!(message.retain);
    assert_eq!((&json(&message)["prompt"], &json(&message)["text"]), (&Value::Null, &Value::Null));
    door.mqtt.prompt(&asked(Some(Prompt::LookAtCamera))).unwrap();
    for subscriber in [&subscriber, &display] {
        assert_eq!(json(&subscriber.next(PROMPT))["prompt"], "look_at_camera");
    }
    door.mqtt.prompt(&asked(None)).unwrap();
    for subscriber in [&subscriber, &display] {
        assert_eq!(json(&subscriber.next(PROMPT))["prompt"], Value::Null);
    }
}

#[test]
fn after_an_outage_only_the_newest_prompt_is_published() {
    let broker = Broker::open();
    let subscriber = Subscriber::new(broker.port());
    let proxy = Proxy::new(broker.port());
    let mut door = Door::new(proxy.port);
    assert_eq!(json(&subscriber.next(PROMPT))["prompt"], Value::Null);
    door.mqtt.prompt(&asked(Some(Prompt::StepBack))).unwrap();
    assert_eq!(json(&subscriber.next(PROMPT))["prompt"], "step_back");
    proxy.cut();
    assert_eq!(&subscriber.next(AVAILABILITY).payload[..], b"online");
    assert_eq!(&subscriber.next(AVAILABILITY).payload[..], b"offline");
    door.mqtt.prompt(&asked(None)).unwrap();
    door.mqtt.prompt(&asked(Some(Prompt::LookAtCamera))).unwrap();
    proxy.restore();
    // First that nothing is asked, which is retained, and then what is asked now.
    assert_eq!(json(&subscriber.next(PROMPT))["prompt"], Value::Null);
    assert_eq!(json(&subscriber.next(PROMPT))["prompt"], "look_at_camera");
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

#[test]
fn a_lost_connection_publishes_the_last_will_and_a_new_one_the_birth() {
    let broker = Broker::open();
    let subscriber = Subscriber::new(broker.port());
    let proxy = Proxy::new(broker.port());
    let mut door = Door::new(proxy.port);
    assert_eq!(&subscriber.next(AVAILABILITY).payload[..], b"online");
    proxy.cut();
    assert_eq!(&subscriber.next(AVAILABILITY).payload[..], b"offline");
    for _ in 0..3 {
        door.report(unknown());
    }
    proxy.restore();
    assert_eq!(&subscriber.next(AVAILABILITY).payload[..], b"online");
    assert_eq!(subscriber.ids(3), [1, 2, 3]);
    door.wait_until_sent();
}

#[test]
fn events_are_stored_while_the_broker_is_away_and_sent_in_order() {
    let broker = Broker::open();
    let proxy = Proxy::new(broker.port());
    proxy.cut();
    let mut door = Door::new(proxy.port);
    // More events than can be in flight at the same time.
    for _ in 0..40 {
        door.report(unknown());
    }
    let subscriber = Subscriber::new(broker.port());
    proxy.restore();
    assert_eq!(subscriber.ids(40), (1..=40).collect::<Vec<_>>());
    door.wait_until_sent();
    drop(subscriber);

    // The broker stops while events are reported, and a new one replaces it.
    let broker = broker.replace();
    for _ in 0..20 {
        door.report(unknown());
    }
    let subscriber = Subscriber::new(broker.port());
    let Door { store, mqtt, folder } = door;
    drop(mqtt);
    let mqtt = Mqtt::start(&broker_at(broker.port()), front(), store.clone(), Box::new(|_| {})).unwrap();
    let mut door = Door { store, mqtt, folder };
    assert_eq!(subscriber.ids(20), (41..=60).collect::<Vec<_>>());
    door.wait_until_sent();

    // After a restart the daemon publishes no event again.
    let Door { store, mqtt, folder } = door;
    drop((mqtt, store));
    let store = ReopeningStore::open(&events(folder.path(), 10_000), true).unwrap();
    let store = Arc::new(Mutex::new(store));
    let mqtt = Mqtt::start(&broker_at(broker.port()), front(), store.clone(), Box::new(|_| {})).unwrap();
    door = Door { store, mqtt, folder };
    assert_eq!(door.report(unknown()), 61);
    assert_eq!(json(&subscriber.next("ostiary/front/event"))["id"], 61);
}

#[test]
fn new_events_wait_for_home_assistant_after_an_interruption_of_the_broker() {
    let broker = Broker::open();
    let proxy = Proxy::new(broker.port());
    let subscriber = Subscriber::new(broker.port());
    let mut door = Door::new(proxy.port);
    assert_eq!(&subscriber.next(AVAILABILITY).payload[..], b"online");
    let first = door.report(granted("Anna"));
    assert_eq!(json(&subscriber.next(LIVE_VISITOR))["id"], first);
    door.wait_until_sent();
    proxy.cut();
    assert_eq!(&subscriber.next(AVAILABILITY).payload[..], b"offline");
    proxy.restore();
    assert_eq!(&subscriber.next(AVAILABILITY).payload[..], b"online");
    let later = [door.report(granted("Anna")), door.report(granted("Ben"))];
    // Not on the topic of all events.
    assert_eq!(subscriber.ids(3), [first, later[0], later[1]]);
    door.wait_until_sent();
    let is_live = |message: &Publish| message.topic == LIVE_VISITOR.as_bytes();
    assert!(!subscriber.pending.borrow().iter().any(is_live), "it waits");
    let online = PublishOptions::at_least_once();
    subscriber.client.publish("homeassistant/status", "online", online).unwrap();
    assert_eq!(later.map(|_| json(&subscriber.next(LIVE_VISITOR))["id"].as_u64().unwrap()), later);
    // From then on none waits.
    let last = door.report(granted("Anna"));
    assert_eq!(json(&subscriber.next(LIVE_VISITOR))["id"], last);
}

#[test]
fn a_wrong_password_is_refused_and_the_right_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users");
    run("mosquitto_passwd", &["-c", "-b", users.to_str().unwrap(), "door", "right"], folder.path());
    let settings = format!("allow_anonymous false\npassword_file {}", users.display());
    let broker = Broker::start(free_port(), &settings, folder);
    let secret = broker.folder().join("secret");
    let with = |password: &str| {
        fs::write(&secret, password).unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        config::Mqtt {
            username: Some("door".into()),
            password_file: Some(secret.clone()),
            ..broker_at(broker.port())
        }
    };
    mqtt::check(&with("right\n"), "front", Path::new("events.sqlite")).unwrap();
    let message = mqtt::check(&with("wrong"), "front", Path::new("events.sqlite")).unwrap_err().to_string();
    assert!(message.contains("refused the credentials") && message.contains("mqtt.username"), "{message}");
    let message =
        mqtt::check(&broker_at(broker.port()), "front", Path::new("events.sqlite")).unwrap_err().to_string();
    assert!(message.contains("refused the credentials"), "{message}");
}

#[test]
fn a_check_does_not_disconnect_the_running_daemon() {
    let broker = Broker::open();
    let subscriber = Subscriber::new(broker.port());
    let mut door = Door::new(broker.port());
    assert_eq!(&subscriber.next(AVAILABILITY).payload[..], b"online");
    mqtt::check(&broker_at(broker.port()), "front", Path::new("events.sqlite")).unwrap();
    door.report(unknown());
    loop {
        let message = subscriber.received.recv_timeout(TIMEOUT).unwrap();
        assert_ne!(message.topic, AVAILABILITY);
        if message.topic.ends_with(b"/event") {
            break;
        }
    }
}

#[test]
fn an_unreachable_and_a_silent_broker_are_reported() {
    let message =
        mqtt::check(&broker_at(free_port()), "front", Path::new("events.sqlite")).unwrap_err().to_string();
    assert!(message.contains("not reachable") && message.contains("mqtt.port"), "{message}");
    // Accepts a connection and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let message = mqtt::check(&broker_at(port), "front", Path::new("events.sqlite")).unwrap_err().to_string();
    assert!(message.contains("no answer"), "{message}");
    let nowhere = config::Mqtt { host: "broker.invalid".into(), ..broker_at(1883) };
    let message = mqtt::check(&nowhere, "front", Path::new("events.sqlite")).unwrap_err().to_string();
    assert!(message.contains("not reachable") && message.contains("mqtt.host"), "{message}");
}

#[test]
fn tls_is_checked_both_ways() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    authority(folder.path(), "ca");
    authority(folder.path(), "other");
    certificate(folder.path(), "ca", "server", "subjectAltName=DNS:localhost");
    certificate(folder.path(), "ca", "client", "subjectAltName=DNS:door");
    let server = format!(
        "allow_anonymous true\ncafile {}\ncertfile {}\nkeyfile {}",
        at("ca.pem").display(),
        at("server.pem").display(),
        at("server.key").display()
    );
    let broker = Broker::start(free_port(), &server, tempfile::tempdir().unwrap());
    let good = config::Mqtt {
        host: "localhost".into(),
        tls: true,
        ca_file: Some(at("ca.pem")),
        ..broker_at(broker.port())
    };
    mqtt::check(&good, "front", Path::new("events.sqlite")).unwrap();
    let fails = |config: config::Mqtt, fix: &str| {
        let message = mqtt::check(&config, "front", Path::new("events.sqlite")).unwrap_err().to_string();
        assert!(message.contains(fix), "{message}");
    };
    fails(config::Mqtt { ca_file: Some(at("other.pem")), ..good.clone() }, "set mqtt.ca_file");
    fails(config::Mqtt { host: "127.0.0.1".into(), ..good.clone() }, "set mqtt.host");
    fails(broker_at(broker.port()), "set mqtt.tls = true");
    let plain = Broker::open();
    fails(config::Mqtt { port: plain.port(), ..good.clone() }, "check that mqtt.port");

    let strict = Broker::start(
        free_port(),
        &format!("{server}\nrequire_certificate true"),
        tempfile::tempdir().unwrap(),
    );
    let strict_good = config::Mqtt {
        port: strict.port(),
        cert_file: Some(at("client.pem")),
        key_file: Some(at("client.key")),
        ..good.clone()
    };
    mqtt::check(&strict_good, "front", Path::new("events.sqlite")).unwrap();
    fails(config::Mqtt { port: strict.port(), ..good.clone() }, "set mqtt.cert_file");
    fails(config::Mqtt { key_file: None, ..strict_good }, "set both");
}

fn run(program: &str, arguments: &[&str], folder: &Path) {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| panic!("{program} does not start ({error}): run scripts/setup"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

fn openssl(folder: &Path, command: &str) {
    run("openssl", &command.split_whitespace().collect::<Vec<_>>(), folder);
}

fn authority(folder: &Path, name: &str) {
    openssl(
        folder,
        &format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={name} \
             -keyout {name}.key -out {name}.pem -addext basicConstraints=critical,CA:TRUE"
        ),
    );
}

fn certificate(folder: &Path, authority: &str, name: &str, extension: &str) {
    openssl(
        folder,
        &format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name} -keyout {name}.key \
             -out {name}.csr"
        ),
    );
    fs::write(folder.join(format!("{name}.ext")), extension).unwrap();
    openssl(
        folder,
        &format!(
            "x509 -req -in {name}.csr -CA {authority}.pem -CAkey {authority}.key -CAcreateserial -days 2 \
             -extfile {name}.ext -out {name}.pem"
        ),
    );
}

// --- the event store ---

fn append(store: &mut EventStore) -> u64 {
    let mut event = unknown();
    store.append(&mut event).unwrap();
    event.id
}

fn ids(store: &EventStore, after: u64) -> Vec<u64> {
    store.unsent(after, 10_000).unwrap().iter().map(|event| event.id).collect()
}

fn moved_aside(folder: &Path) -> Vec<PathBuf> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    names.filter(|path| path.to_string_lossy().contains("events.sqlite.corrupt-")).collect()
}

#[test]
fn ids_continue_after_restart_and_pruning() {
    let folder = tempfile::tempdir().unwrap();
    let config = events(folder.path(), 3);
    let mut store = EventStore::open(&config, true).unwrap();
    for id in 1..=5 {
        assert_eq!(append(&mut store), id);
    }
    assert_eq!(ids(&store, 0), [3, 4, 5]);
    store.mark_sent(4).unwrap();
    // An older mark does not replace a newer one.
    store.mark_sent(2).unwrap();
    drop(store);
    // Also if all older events are deleted.
    let connection = rusqlite::Connection::open(&config.path).unwrap();
    connection.execute("DELETE FROM events WHERE id < 5", []).unwrap();
    drop(connection);
    let mut store = EventStore::open(&config, true).unwrap();
    assert_eq!(store.last_id(), 5);
    assert_eq!(ids(&store, 0), [5]);
    assert_eq!(append(&mut store), 6);
    assert_eq!(ids(&store, 5), [6]);
    let mode = fs::metadata(&config.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn all_fields_of_an_event_are_stored() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = EventStore::open(&events(folder.path(), 10), true).unwrap();
    let mut event = denied(DenialReason::NoHours, Some("Zoë"), Some("quoted \" and \n broken"));
    store.append(&mut event).unwrap();
    assert_eq!(store.unsent(0, 1).unwrap(), [event.clone()]);
    append(&mut store);
    store.append(&mut Event { ..event.clone() }).unwrap();
    assert_eq!(store.last_access().unwrap().unwrap().kind.person(), Some("Zoë"));
}

#[test]
fn the_spool_is_bounded_and_empty_without_mqtt() {
    let folder = tempfile::tempdir().unwrap();
    let config = events(folder.path(), 100_000);
    let mut store = EventStore::open(&config, false).unwrap();
    append(&mut store);
    assert_eq!(ids(&store, 0), [0; 0]);
    drop(store);
    let connection = rusqlite::Connection::open(&config.path).unwrap();
    let json = serde_json::to_string(&unknown()).unwrap();
    for id in 2..=SPOOL + 500 {
        let record = json.replacen("\"id\":0", &format!("\"id\":{id}"), 1);
        connection.execute("INSERT INTO events (id, json) VALUES (?1, ?2)", (id as i64, record)).unwrap();
    }
    drop(connection);
    let store = EventStore::open(&config, true).unwrap();
    assert_eq!(ids(&store, 0), (501..=SPOOL + 500).collect::<Vec<_>>());
}

#[test]
fn a_damaged_file_is_moved_aside_and_ids_keep_increasing() {
    let folder = tempfile::tempdir().unwrap();
    let config = events(folder.path(), 10_000);
    let mut store = EventStore::open(&config, true).unwrap();
    for _ in 0..200 {
        append(&mut store);
    }
    drop(store);
    let whole = fs::read(&config.path).unwrap();

    // One page of events is overwritten. The counter and the newest id can both be read, or neither.
    let mut bytes = whole.clone();
    bytes[5 * 4096..6 * 4096].fill(0xa5);
    fs::write(&config.path, &bytes).unwrap();
    let mut store = EventStore::open(&config, true).unwrap();
    assert!(append(&mut store) > 200);
    assert_eq!(moved_aside(folder.path()).len(), 1);
    // Whether the disk is full was found by a write of the header, before all of the file was read.
    assert!(fs::read(&moved_aside(folder.path())[0]).unwrap()[100..] == bytes[100..]);
    drop(store);

    // Nothing of the file can be read: new ids start from the time, which is above all earlier ids.
    fs::write(&config.path, b"this was never a database, and nobody knows what it was").unwrap();
    let mut store = EventStore::open(&config, true).unwrap();
    let id = append(&mut store);
    assert!(id > 1_700_000_000_000, "{id}");
    assert!(id < 1 << 53, "{id}");
    assert_eq!(ids(&store, 0), [id]);
    assert_eq!(append(&mut store), id + 1);
    assert_eq!(moved_aside(folder.path()).len(), 2);
    drop(store);
    assert_eq!(append(&mut EventStore::open(&config, true).unwrap()), id + 2);
}

#[test]
fn a_database_of_another_program_is_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let config = events(folder.path(), 10);
    let connection = rusqlite::Connection::open(&config.path).unwrap();
    connection.execute_batch("CREATE TABLE people (name TEXT)").unwrap();
    drop(connection);
    let before = fs::read(&config.path).unwrap();
    let error = EventStore::open(&config, true).err().unwrap();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    assert!(error.to_string().contains("events.path"), "{error}");
    assert_eq!(fs::read(&config.path).unwrap(), before);
    let nowhere = events(&folder.path().join("missing"), 10);
    let error = EventStore::open(&nowhere, true).err().unwrap().to_string();
    assert!(error.contains("missing/events.sqlite") && error.contains("events.path"), "{error}");
}

#[test]
fn the_store_can_be_read_while_events_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let config = events(folder.path(), 10_000);
    let mut store = EventStore::open(&config, true).unwrap();
    append(&mut store);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let connection = rusqlite::Connection::open(&config.path).unwrap();
            let mut seen = 0;
            loop {
                let is_last_read = done.load(Ordering::SeqCst);
                let (count, newest): (i64, i64) = connection
                    .query_row("SELECT count(*), max(id) FROM events", [], |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })
                    .unwrap();
                assert_eq!(count, newest);
                assert!(newest >= seen);
                seen = newest;
                if is_last_read {
                    return seen;
                }
            }
        });
        for _ in 0..300 {
            append(&mut store);
        }
        done.store(true, Ordering::SeqCst);
        assert_eq!(reader.join().unwrap(), 301);
    });
}
