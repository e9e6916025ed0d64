//! The door with a real broker.

use super::*;

#[test]
fn a_prompt_reaches_a_subscriber_of_the_broker_in_the_language() {
    let broker = Broker::open();
    let config = config::Mqtt {
        enabled: true,
        host: "127.0.0.1".into(),
        port: broker.port(),
        ..config::Mqtt::default()
    };
    let mut door = TestDoor::with_outputs(Failure::None, false, |store| {
        let description = DoorDescription {
            name: "door",
            has_relay: false,
            has_contact: false,
            mode: ModeName::Normal,
            console_address: None,
            summary: DoorSummary {
                people: 1,
                model: "0123456789abcdef".into(),
                models: ModelVersions { installed: "bundle 7".into(), latest: "bundle 7".into() },
                temperature: None,
                household: None,
            },
        };
        vec![Box::new(Mqtt::start(&config, description, store.clone(), Box::new(|_| {})).unwrap())]
    });
    door.shared.set_language(config::Language::Vietnamese);
    let options = MqttOptions::new("display", rumqttc::Broker::tcp("127.0.0.1", broker.port()));
    let (client, mut connection) = Client::builder(options).capacity(4).build();
    client.subscribe("ostiary/door/prompt", QoS::AtMostOnce).unwrap();
    // The retained message says that the door is connected, and asks for nothing.
    let mut next = || loop {
        if let rumqttc::Event::Incoming(Packet::Publish(message)) = connection.recv().unwrap().unwrap() {
            return serde_json::from_slice::<serde_json::Value>(&message.payload).unwrap();
        }
    };
    assert_eq!(next()["prompt"], serde_json::Value::Null);
    let texts = Texts::new(config::Language::Vietnamese);
    for prompt in Prompt::ALL {
        door.ask(Some(prompt));
        let message = next();
        assert_eq!(message["prompt"], prompt.name());
        assert_eq!(message["text"], texts.text(Message::Prompt(prompt)));
    }
    door.workers.end(&Ok(()));
    assert_eq!(next()["prompt"], serde_json::Value::Null);
}

#[test]
fn what_a_message_asks_for_switches_the_relay() {
    let mut door = TestDoor::with(Failure::None);
    let sink = mqtt_commands::start(door.shared.clone(), "no-facebank".into()).unwrap();
    let give = |name, command| sink(Received { name, command });
    let mode = |door: &TestDoor| door.shared.mode().name();
    give(CommandName::Open, Ok(mqtt::Command::Door(DoorCommand::Open)));
    let granted = door.event(EventName::Granted, 0);
    assert_eq!(granted.kind, EventKind::Granted(Grant::Command { user: User::Mqtt }));
    let hold = DoorCommand::HoldOpen(Duration::from_secs(60));
    give(CommandName::HoldOpen, Ok(mqtt::Command::Door(hold)));
    door.wait_for("the hold", |door| mode(door) == ModeName::HeldOpen);
    give(CommandName::Normal, Ok(mqtt::Command::Door(DoorCommand::EndLockdown)));
    give(CommandName::Open, Err("it is old".to_owned()));
    let refused = door.event(EventName::CommandRefused, 0);
    let (command, detail) = (CommandName::Open, "it is old".to_owned());
    assert_eq!(refused.kind, EventKind::CommandRefused { command, detail, user: User::Mqtt });
    assert_eq!(mode(&door), ModeName::HeldOpen, "it ends no hold");
    let end_hold = || give(CommandName::Normal, Ok(mqtt::Command::Door(DoorCommand::EndHold)));
    end_hold();
    door.wait_for("the end of the hold", |door| mode(door) == ModeName::Normal);
    // It ends no lockdown, and is no event then: a house may lock all of its doors each night.
    give(CommandName::LockDown, Ok(mqtt::Command::Door(DoorCommand::LockDown)));
    door.wait_for("the lockdown", |door| mode(door) == ModeName::LockedDown);
    end_hold();
    give(CommandName::Open, Err("the last one".to_owned()));
    door.wait_for("all are carried out", |door| {
        door.kinds().iter().filter(|kind| **kind == EventName::CommandRefused).count() == 2
    });
    assert_eq!(mode(&door), ModeName::LockedDown);
    assert_eq!(door.kinds().iter().filter(|kind| **kind == EventName::ModeChanged).count(), 3);
    give(CommandName::Normal, Ok(mqtt::Command::Door(DoorCommand::EndLockdown)));
    door.wait_for("the end of the lockdown", |door| mode(door) == ModeName::Normal);
    // An old message would be new again by a clock that is behind.
    door.shared.wall.add_record(Some(jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)));
    let before = door.kinds().len();
    give(CommandName::Open, Ok(mqtt::Command::Door(DoorCommand::Open)));
    let refused = door.event(EventName::CommandRefused, before);
    let EventKind::CommandRefused { detail, .. } = &refused.kind else { panic!("{refused:?}") };
    assert!(detail.contains("before the newest event"), "{detail}");
    give(CommandName::LockDown, Ok(mqtt::Command::Door(DoorCommand::LockDown)));
    door.wait_for("the lockdown", |door| mode(door) == ModeName::LockedDown);
    let person = mqtt::Command::EnablePerson { person: mqtt::PersonRef::Id(1), enabled: false };
    let before = door.kinds().len();
    give(CommandName::DisablePerson, Ok(person));
    let refused = door.event(EventName::CommandRefused, before);
    let EventKind::CommandRefused { detail, .. } = &refused.kind else { panic!("{refused:?}") };
    assert!(detail.contains("no-facebank"), "{detail}");
    door.workers.end(&Ok(()));
}
