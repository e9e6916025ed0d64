//! Doors and boards with the same name at one broker.

use super::*;

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
