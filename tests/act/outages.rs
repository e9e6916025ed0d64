//! A broker that is away, and what was not sent meanwhile.

use super::*;

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
