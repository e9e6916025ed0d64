//! A subscriber to what a door publishes.

use super::*;

/// A subscriber to all topics.
pub struct Subscriber {
    pub client: Client,
    pub received: Receiver<Publish>,
    /// Messages on other topics than the one that was asked for.
    pub pending: RefCell<Vec<Publish>>,
}

impl Subscriber {
    pub fn new(port: u16) -> Self {
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
    pub fn next(&self, topic: &str) -> Publish {
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
    pub fn ids(&self, count: usize) -> Vec<u64> {
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

/// The JSON of a message.
pub fn json(message: &Publish) -> Value {
    serde_json::from_slice(&message.payload).unwrap()
}
