//! Whether another door publishes under the name of this one now, as the retained topics of both say.

use std::time::{Duration, Instant};

use rumqttc::{Client, Connection, Event as Notice, Packet, QoS};
use serde::Deserialize;

use super::instance::Instance;
use super::topics::Topics;

/// The longest wait for the retained messages. Without them no other door is found.
const LIMIT: Duration = Duration::from_secs(2);

/// Reads the retained topics.
pub(super) struct OtherDoorCheck {
    instance: Instance,
    instance_topic: String,
    availability_topic: String,
    state_topic: String,
}

/// The part of the state that tells of another door.
#[derive(Deserialize)]
struct State {
    problems: Vec<String>,
}

impl OtherDoorCheck {
    /// `instance` is this door.
    pub fn new(topics: &Topics, instance: Instance) -> Self {
        Self {
            instance,
            instance_topic: topics.instance.clone(),
            availability_topic: topics.availability.clone(),
            state_topic: topics.state.clone(),
        }
    }

    /// Whether there is one, with a connection that the broker has accepted.
    pub fn run(&self, client: &Client, connection: &mut Connection) -> bool {
        // A broker answers in order: when it confirms the last subscription, it has sent the retained messages of those before.
        let topics =
            [&self.state_topic, &self.availability_topic, &self.instance_topic, &self.instance_topic];
        if topics.iter().any(|topic| client.try_subscribe(topic.as_str(), QoS::AtMostOnce).is_err()) {
            return false;
        }
        let deadline = Instant::now() + LIMIT;
        let (mut confirmed, mut is_online, mut is_of_another, mut is_told) = (0, false, false, false);
        while confirmed < topics.len()
            && let Some(left) = deadline.checked_duration_since(Instant::now())
            && let Ok(Ok(notice)) = connection.recv_timeout(left)
        {
            match notice {
                Notice::Incoming(Packet::SubAck(_)) => confirmed += 1,
                Notice::Incoming(Packet::Publish(message)) => {
                    let (topic, payload) = (&message.topic, &message.payload);
                    if *topic == self.availability_topic {
                        is_online = payload.as_ref() == b"online";
                    } else if *topic == self.instance_topic {
                        is_of_another = self.instance.is_of_another(payload);
                    } else if *topic == self.state_topic {
                        is_told = serde_json::from_slice::<State>(payload)
                            .is_ok_and(|state| state.problems.iter().any(|problem| problem == "name"));
                    }
                }
                _ => {}
            }
        }
        // A door that is not connected any longer may have been this one, before it moved to another machine.
        is_online && (is_of_another || is_told)
    }
}
