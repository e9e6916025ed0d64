//! An MQTT subscriber that records the door's events.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;
use rumqttc::{Broker, Client, Event, MqttOptions, Packet, QoS};
use serde_json::Value;

/// Records the events that arrive over MQTT. Runs in a thread until it is dropped.
pub struct Subscriber {
    events: Arc<Mutex<Vec<ReceivedEvent>>>,
    stop: Arc<AtomicBool>,
}

/// An event with the time of its arrival.
#[derive(Debug, Clone)]
pub struct ReceivedEvent {
    /// When it arrived, by this machine's clock.
    pub at: Instant,
    /// The event as the door sent it (JSON).
    pub event: Value,
}

impl Subscriber {
    /// Connects to the broker and subscribes to `topic`. Reconnects when the connection breaks. The session is persistent:
    /// the broker stores events that arrive while the subscriber is disconnected.
    pub fn start(host: &str, port: u16, topic: &str) -> Self {
        let mut options = MqttOptions::new("ostiary-board", Broker::tcp(host, port));
        options.set_keep_alive(5).set_clean_session(false);
        let (client, mut connection) = Client::builder(options).capacity(64).build();
        let subscriber = Self { events: Arc::default(), stop: Arc::default() };
        let (events, stop) = (subscriber.events.clone(), subscriber.stop.clone());
        let topic = topic.to_owned();
        thread::spawn(move || {
            for notification in connection.iter() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                match notification {
                    Ok(Event::Incoming(Packet::ConnAck(_))) => {
                        let _ = client.try_subscribe(&topic, QoS::AtLeastOnce);
                    }
                    Ok(Event::Incoming(Packet::Publish(message))) => {
                        if let Ok(event) = serde_json::from_slice(&message.payload) {
                            let received = ReceivedEvent { at: Instant::now(), event };
                            events.lock().unwrap_or_else(PoisonError::into_inner).push(received);
                        }
                    }
                    Ok(_) => {}
                    Err(_) => thread::sleep(Duration::from_millis(300)),
                }
            }
        });
        subscriber
    }

    /// All events that have arrived, oldest first.
    pub fn received(&self) -> Vec<ReceivedEvent> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for an event of this kind that arrives after `since`, and returns the first one. Fails after `limit`.
    pub fn wait_for(&self, kind: &str, since: Instant, limit: Duration) -> anyhow::Result<ReceivedEvent> {
        let deadline = Instant::now() + limit;
        loop {
            let events = self.received();
            if let Some(received) =
                events.iter().find(|received| received.at >= since && received.event["kind"] == kind)
            {
                return Ok(received.clone());
            }
            if Instant::now() > deadline {
                let kinds: Vec<_> = events
                    .iter()
                    .filter(|received| received.at >= since)
                    .map(|received| format!("{} {}", received.event["kind"], received.event["reason"]))
                    .collect();
                bail!("no event {kind:?} arrived over MQTT within {} s, only {kinds:?}", limit.as_secs());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
