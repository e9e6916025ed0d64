//! A subscriber, as a house would have one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;
use rumqttc::{Broker, Client, Event, MqttOptions, Packet, QoS};
use serde_json::Value;

/// What the door told, since the subscriber began.
pub struct Subscriber {
    events: Arc<Mutex<Vec<Heard>>>,
    stop: Arc<AtomicBool>,
}

/// An event that came.
#[derive(Debug, Clone)]
pub struct Heard {
    pub at: Instant,
    pub event: Value,
}

impl Subscriber {
    /// Listens until it is dropped; connects again whenever the broker goes away. Its session is kept by the broker, so
    /// that it misses nothing meanwhile.
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
                            let heard = Heard { at: Instant::now(), event };
                            events.lock().unwrap_or_else(PoisonError::into_inner).push(heard);
                        }
                    }
                    Ok(_) => {}
                    Err(_) => thread::sleep(Duration::from_millis(300)),
                }
            }
        });
        subscriber
    }

    /// All that came.
    pub fn heard(&self) -> Vec<Heard> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first event of this kind that came since then; waits for it.
    pub fn wait(&self, kind: &str, since: Instant, limit: Duration) -> anyhow::Result<Heard> {
        let deadline = Instant::now() + limit;
        loop {
            let events = self.heard();
            if let Some(heard) = events.iter().find(|heard| heard.at >= since && heard.event["kind"] == kind)
            {
                return Ok(heard.clone());
            }
            if Instant::now() > deadline {
                let kinds: Vec<_> = events
                    .iter()
                    .filter(|heard| heard.at >= since)
                    .map(|heard| format!("{} {}", heard.event["kind"], heard.event["reason"]))
                    .collect();
                bail!("no event {kind:?} came by MQTT within {} s, but {kinds:?}", limit.as_secs());
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
