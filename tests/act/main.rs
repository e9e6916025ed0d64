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

mod connection;
mod discovery;
mod event_store;
mod instances;
mod outages;
mod prompts;
mod proxy;
mod published;
mod subscriber;

use proxy::Proxy;
use subscriber::{Subscriber, json};

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
    DoorDescription {
        name: "front",
        has_relay: true,
        has_contact: true,
        mode: ModeName::Normal,
        console_address: None,
        summary,
    }
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
