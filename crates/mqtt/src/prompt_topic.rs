//! The topic that says what the person before the door is asked to do.
//!
//! What is asked is published without being retained: a display that connects later, or after a crash of the door, must not show an
//! old instruction. That nothing is asked is retained, so that a display that connects knows it. A display that connects in the
//! middle of a challenge gets the next instruction, seconds later.

use std::sync::{Mutex, MutexGuard, PoisonError};

use ostiary_events::PromptMessage;
use rumqttc::{Client, ClientError, PublishOptions};

/// The topic of prompts. It has a lock of its own, because the lock of the other topics may be held while the event store is
/// written, and a prompt must not wait.
pub(super) struct PromptTopic {
    topic: String,
    link: Mutex<Link>,
}

struct Link {
    /// Present only while connected.
    client: Option<Client>,
    /// The last message.
    message: PromptMessage,
}

impl PromptTopic {
    /// The topic of a door that asks for nothing.
    pub fn new(topic: String, door: &str) -> Self {
        let message = PromptMessage { time: jiff::Timestamp::now(), door: door.to_owned(), prompt: None };
        Self { topic, link: Mutex::new(Link { client: None, message }) }
    }

    /// The broker accepted the connection: replaces what other clients know from an earlier one.
    pub fn connected(&self, client: &Client) -> Result<(), ClientError> {
        self.lock().client = Some(client.clone());
        self.publish_again(client)
    }

    /// Publishes that nothing is asked, which is retained, and then what is asked.
    pub fn publish_again(&self, client: &Client) -> Result<(), ClientError> {
        let link = self.lock();
        self.publish(client, &PromptMessage { prompt: None, ..link.message.clone() })?;
        if link.message.prompt.is_some() {
            self.publish(client, &link.message)?;
        }
        Ok(())
    }

    /// The connection has ended.
    pub fn disconnected(&self) {
        self.lock().client = None;
    }

    /// Publishes a message, now or, if it is still the newest, at the next connection.
    pub fn prompt(&self, message: &PromptMessage) {
        let mut link = self.lock();
        link.message = message.clone();
        if let Some(client) = &link.client
            && let Err(error) = self.publish(client, message)
        {
            // Later it would be wrong. A connection that takes no messages ends soon.
            log::warn!("a prompt was not published: {error}");
        }
    }

    fn publish(&self, client: &Client, message: &PromptMessage) -> Result<(), ClientError> {
        let Ok(payload) = serde_json::to_vec(message) else { return Ok(()) };
        let options = PublishOptions::at_most_once();
        let options = if message.prompt.is_none() { options.retained() } else { options };
        client.try_publish(self.topic.as_str(), payload, options)
    }

    /// Locks also after a panic of another thread that held the lock.
    fn lock(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
