//! What both sides of the connection share: the side that has news, and the thread that talks to the broker.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ostiary_events::{Event, EventStore};
use rumqttc::{Client, ClientError, PublishOptions, QoS};

use super::state::DoorState;
use super::topics::Topics;

/// Events at most that wait for the broker's word at one time.
const WINDOW: usize = 16;
/// Requests that the client may hold: the window, the retained topics and room for changes of state.
pub(super) const REQUESTS: usize = 64;
/// The time that the broker has to confirm `offline` before the client disconnects.
const CONFIRM_OFFLINE: Duration = Duration::from_millis(250);

pub(super) struct Shared {
    pub topics: Topics,
    /// The payload for Home Assistant's discovery.
    discovery: Vec<u8>,
    store: Arc<Mutex<EventStore>>,
    link: Mutex<Link>,
    /// Told when the window is empty or the connection gone.
    settled: Condvar,
}

struct Link {
    /// There while connected, and only then.
    client: Option<Client>,
    state: DoorState,
    /// The state is to be told anew.
    state_changed: bool,
    window: VecDeque<InFlight>,
    /// The newest event that was handed to this connection.
    handed: u64,
    stopping: bool,
}

/// An event that the broker has not yet confirmed.
struct InFlight {
    /// 0 where the event could not be recorded.
    id: u64,
    /// The packet's identifier, once it is known.
    packet: Option<u16>,
    confirmed: bool,
}

impl Shared {
    pub fn new(topics: Topics, discovery: Vec<u8>, store: Arc<Mutex<EventStore>>) -> Self {
        let mut state = DoorState::default();
        match lock(&store).last_access() {
            Ok(Some(event)) => drop(state.follow(&event)),
            Ok(None) => {}
            Err(error) => log::warn!("{error}"),
        }
        let link = Link {
            client: None,
            state,
            state_changed: true,
            window: VecDeque::with_capacity(WINDOW),
            handed: 0,
            stopping: false,
        };
        Self { topics, discovery, store, link: Mutex::new(link), settled: Condvar::new() }
    }

    /// Something happened: it was recorded, unless its id is 0.
    pub fn tell(&self, event: &Event) {
        let mut link = lock(&self.link);
        link.state_changed |= link.state.follow(event);
        if event.id == 0 {
            // It is in no spool: told now or never.
            self.hand(&mut link, event);
        }
        self.pump(&mut link);
    }

    /// The broker has accepted us: everything retained is told anew, and what waited goes out.
    pub fn connected(&self, client: &Client) -> Result<(), ClientError> {
        let mut link = lock(&self.link);
        if let Some(home_assistant) = &self.topics.home_assistant {
            client.try_subscribe(home_assistant.status.as_str(), QoS::AtMostOnce)?;
        }
        link.client = Some(client.clone());
        self.greet(&mut link)
    }

    /// Home Assistant has started and forgotten us.
    pub fn home_assistant_started(&self) -> Result<(), ClientError> {
        self.greet(&mut lock(&self.link))
    }

    fn greet(&self, link: &mut Link) -> Result<(), ClientError> {
        if let Some(client) = &link.client {
            let retained = |topic: &str, payload: &[u8]| {
                client.try_publish(topic, payload, PublishOptions::at_most_once().retained())
            };
            if let Some(home_assistant) = &self.topics.home_assistant {
                retained(&home_assistant.config, &self.discovery)?;
            }
            retained(&self.topics.availability, b"online")?;
        }
        link.state_changed = true;
        self.pump(link);
        Ok(())
    }

    /// The connection is gone: what was not confirmed is handed to the next one.
    pub fn disconnected(&self) {
        let mut link = lock(&self.link);
        link.client = None;
        link.window.clear();
        link.handed = 0;
        self.settled.notify_all();
    }

    /// A packet went out; identifier 0 is a message that nobody confirms.
    pub fn sent(&self, packet: u16) {
        let mut link = lock(&self.link);
        if packet != 0
            && let Some(first) = link.window.iter_mut().find(|one| one.packet.is_none())
        {
            first.packet = Some(packet);
        }
    }

    /// The broker has a packet: the events up to the first unconfirmed one need no more telling.
    pub fn confirmed(&self, packet: u16) {
        let mut link = lock(&self.link);
        if let Some(one) = link.window.iter_mut().find(|one| one.packet == Some(packet)) {
            one.confirmed = true;
        }
        let mut newest = 0;
        while link.window.front().is_some_and(|first| first.confirmed) {
            newest = newest.max(link.window.pop_front().map_or(0, |first| first.id));
        }
        if newest > 0
            && let Err(error) = lock(&self.store).mark_sent(newest)
        {
            // They will be told once more after the next connection; the ids show it.
            log::warn!("{error}");
        }
        self.pump(&mut link);
        if link.window.is_empty() {
            self.settled.notify_all();
        }
    }

    /// Hands the client whatever waits, as far as there is room. Never blocks on the network.
    fn pump(&self, link: &mut Link) {
        let Some(client) = &link.client else { return };
        if link.state_changed
            && let Ok(state) = serde_json::to_vec(&link.state)
        {
            let told = client.try_publish(
                self.topics.state.as_str(),
                state,
                PublishOptions::at_most_once().retained(),
            );
            link.state_changed = told.is_err();
        }
        let room = WINDOW.saturating_sub(link.window.len());
        if room == 0 {
            return;
        }
        let waiting = match lock(&self.store).unsent(link.handed, room as u32) {
            Ok(waiting) => waiting,
            Err(error) => return log::warn!("{error}"),
        };
        for event in &waiting {
            if !self.hand(link, event) {
                break;
            }
        }
    }

    /// Hands one event to the client; whether it took it.
    fn hand(&self, link: &mut Link, event: &Event) -> bool {
        let Some(client) = &link.client else { return false };
        let Ok(payload) = serde_json::to_vec(event) else { return false };
        if client.try_publish(self.topics.event.as_str(), payload, PublishOptions::at_least_once()).is_err() {
            return false;
        }
        link.window.push_back(InFlight { id: event.id, packet: None, confirmed: false });
        link.handed = link.handed.max(event.id);
        true
    }

    /// Waits at most `wait` for the broker to confirm what it was sent, then publishes `offline` and disconnects.
    pub fn disconnect(&self, wait: Duration) {
        let mut link = lock(&self.link);
        link.stopping = true;
        let busy = |link: &mut Link| link.client.is_some() && !link.window.is_empty();
        let (link, _) =
            self.settled.wait_timeout_while(link, wait, busy).unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = &link.client {
            // The client disconnects when the broker has confirmed it, and what is sent after the wait. If the broker does
            // not confirm it in time, the connection ends without a disconnect message, and the broker publishes the last will.
            let offline = PublishOptions::at_least_once().retained();
            let _ = client.try_publish(self.topics.availability.as_str(), "offline", offline);
            let _ = client.try_disconnect_with_timeout(CONFIRM_OFFLINE);
        }
    }

    pub fn is_stopping(&self) -> bool {
        lock(&self.link).stopping
    }
}

/// A thread that panicked while it held the lock must not take the others down with it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
