//! What a door publishes: its state, its events and the head of its trail.

use super::*;

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
