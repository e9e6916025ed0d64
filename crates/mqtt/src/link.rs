//! The connection's state, shared by the thread that reports events and the thread that exchanges messages with the broker.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ostiary_events::trail::SignedHead;
use ostiary_events::{Action, Event, EventKind, ReopeningStore, StoreError};
use rumqttc::{Client, ClientError, PublishOptions, QoS};

use super::discovery::Discovery;
use super::event_message::{EventMessage, LiveMessage, without_templates};
use super::held_events::{HeldEvent, HeldEvents};
use super::instance::{Consequence, Instance};
use super::lateness::Lateness;
use super::prompt_topic::PromptTopic;
use super::retained_topics::RetainedTopics;
use super::state::{DoorState, DoorSummary};
use super::subject::Subject;
use super::topics::Topics;

/// The most messages that are sent and not yet confirmed.
const WINDOW: usize = 32;
/// The most messages of one event: on the topic of its subject, and on that of all events.
const MESSAGES_PER_EVENT: usize = 2;
/// The client's queue: the window, the retained topics and room for changes of state.
pub(super) const REQUESTS: usize = 96;
/// The time that the broker has to confirm `offline` before the client disconnects.
const CONFIRM_OFFLINE: Duration = Duration::from_millis(250);

pub(super) struct Shared {
    pub topics: Topics,
    pub instance: Instance,
    pub prompt: PromptTopic,
    store: Arc<Mutex<ReopeningStore>>,
    /// Whether events have the similarities of faces.
    scores: bool,
    link: Mutex<Link>,
    /// Notified when the window is empty or the connection has ended.
    settled: Condvar,
}

struct Link {
    /// Present only while connected.
    client: Option<Client>,
    /// The message of Home Assistant's discovery.
    discovery: Discovery,
    /// Whether it has to be published again.
    discovery_changed: bool,
    state: DoorState,
    /// Whether the state has to be published again.
    state_changed: bool,
    /// The text of the last signed head of the event trail.
    head: Option<String>,
    /// Whether the head has to be published again.
    head_changed: bool,
    window: VecDeque<InFlight>,
    /// The newest event that was given to this connection, and the newest on the topic of its subject.
    newest: u64,
    newest_live: u64,
    lateness: Lateness,
    /// The new events that wait for Home Assistant.
    held: HeldEvents,
    /// Whether an earlier connection has ended.
    was_connected: bool,
    retained: RetainedTopics,
    stopping: bool,
}

/// A message that the broker has not yet confirmed.
struct InFlight {
    /// The event that is sent once the broker has confirmed this message and all before it; 0 if there is none.
    id: u64,
    /// The packet's identifier; `None` until the client reports it.
    packet: Option<u16>,
    confirmed: bool,
    /// Whether it clears the last of the topics that an earlier run has left.
    is_last_cleared: bool,
}

impl InFlight {
    fn new(id: u64) -> Self {
        Self { id, packet: None, confirmed: false, is_last_cleared: false }
    }
}

impl Shared {
    pub fn new(
        topics: Topics,
        instance: Instance,
        prompt: PromptTopic,
        mut discovery: Discovery,
        mut state: DoorState,
        scores: bool,
        store: Arc<Mutex<ReopeningStore>>,
    ) -> Self {
        let opened = lock(&store);
        read_last(&mut state, &opened);
        let last_id = opened.last_id();
        let retained = RetainedTopics::load(opened.path(), topics.retained());
        drop(opened);
        discovery.remove_earlier(retained.people());
        discovery.set_people(state.household());
        let link = Link {
            client: None,
            discovery,
            discovery_changed: false,
            state,
            state_changed: true,
            head: None,
            head_changed: false,
            window: VecDeque::with_capacity(WINDOW),
            newest: 0,
            newest_live: 0,
            lateness: Lateness::new(last_id),
            held: HeldEvents::default(),
            was_connected: false,
            retained,
            stopping: false,
        };
        Self { topics, instance, prompt, store, scores, link: Mutex::new(link), settled: Condvar::new() }
    }

    /// Reports an event, which is in the store unless its id is 0.
    pub fn report(&self, event: &Event) {
        let mut link = lock(&self.link);
        link.state_changed |= link.state.follow(event);
        if matches!(&event.kind, EventKind::Administered(change) if change.action == Action::Erased) {
            // The visits that the state shows may be among what was erased.
            read_last(&mut link.state, &lock(&self.store));
            link.state_changed = true;
        }
        link.lateness.happened(event.id, Instant::now());
        if event.id == 0 {
            // It is not in the store: sent now or never.
            self.send(&mut link, event);
        }
        self.pump(&mut link);
    }

    /// Reports a new head of the event trail.
    pub fn head(&self, head: &SignedHead) {
        let mut link = lock(&self.link);
        link.head = Some(head.note().to_owned());
        link.head_changed = true;
        self.pump(&mut link);
    }

    /// The broker accepted the connection: publishes all retained topics again and sends the events that wait.
    pub fn connected(&self, client: &Client) -> Result<(), ClientError> {
        self.prompt.connected(client)?;
        let mut link = lock(&self.link);
        if let Some(home_assistant) = &self.topics.home_assistant {
            client.try_subscribe(home_assistant.status.as_str(), QoS::AtMostOnce)?;
            if link.was_connected {
                link.held.begin(Instant::now());
            }
        }
        link.was_connected = true;
        // Before this door announces itself, so that it hears whether the broker has the announcement.
        client.try_subscribe(self.topics.instance.as_str(), QoS::AtMostOnce)?;
        link.client = Some(client.clone());
        self.clear_left(&mut link, client)?;
        self.publish_retained(&mut link)
    }

    /// Clears the retained topics that an earlier run has left.
    fn clear_left(&self, link: &mut Link, client: &Client) -> Result<(), ClientError> {
        for topic in link.retained.left() {
            client.try_publish(topic.as_str(), "", PublishOptions::at_least_once().retained())?;
            link.window.push_back(InFlight::new(0));
        }
        if let Some(last) = link.window.back_mut() {
            last.is_last_cleared = true;
        }
        Ok(())
    }

    /// Other people or another model are in use.
    pub fn set_summary(&self, summary: DoorSummary) {
        let mut link = lock(&self.link);
        let link = &mut *link;
        link.state_changed |= link.state.set_summary(summary);
        if link.discovery.set_people(link.state.household()) {
            link.discovery_changed = true;
        }
        self.pump(link);
    }

    /// A message on the topic of [`Instance`]. Tells the owner once of another door of the same name.
    pub fn hear(&self, payload: &[u8], is_retained: bool, broker: &str) -> Result<(), ClientError> {
        match self.instance.receive(payload, is_retained) {
            Consequence::None => Ok(()),
            Consequence::Cleared => {
                let mut link = lock(&self.link);
                if let Some(client) = &link.client {
                    self.prompt.publish_again(client)?;
                }
                self.publish_retained(&mut link)
            }
            Consequence::Clash { answer, tell } => {
                let mut link = lock(&self.link);
                if tell {
                    log::error!(
                        "mqtt {broker}: another door publishes on the topics of this one ({}), so that nobody can tell the \
                         two apart; set door.name to a name of its own for each door",
                        self.topics.state
                    );
                    link.state_changed |= link.state.found_other_door();
                    self.pump(&mut link);
                }
                match &link.client {
                    Some(client) if answer => self.announce(client),
                    _ => Ok(()),
                }
            }
        }
    }

    fn announce(&self, client: &Client) -> Result<(), ClientError> {
        let options = PublishOptions::at_most_once().retained();
        client.try_publish(self.topics.instance.as_str(), self.instance.announcement(), options)
    }

    /// Home Assistant has started, or is connected again, and has lost the retained topics' content.
    pub fn home_assistant_started(&self) -> Result<(), ClientError> {
        let mut link = lock(&self.link);
        link.held.end();
        self.publish_retained(&mut link)
    }

    /// The time until events that wait for Home Assistant are published without it; `None` if none has to wait.
    pub fn time_to_wait(&self) -> Option<Duration> {
        lock(&self.link).held.time_left(Instant::now())
    }

    /// The wait for Home Assistant is over: perhaps there is none, or it was there all the time.
    pub fn stop_waiting(&self) {
        let mut link = lock(&self.link);
        link.held.end();
        self.pump(&mut link);
    }

    fn publish_retained(&self, link: &mut Link) -> Result<(), ClientError> {
        if let Some(client) = &link.client {
            let retained = |topic: &str, payload: &[u8]| {
                client.try_publish(topic, payload, PublishOptions::at_most_once().retained())
            };
            retained(&self.topics.availability, b"online")?;
            self.announce(client)?;
        }
        link.discovery_changed = true;
        link.state_changed = true;
        link.head_changed = true;
        self.pump(link);
        Ok(())
    }

    fn publish_discovery(&self, client: &Client, discovery: &Discovery) -> Result<(), ClientError> {
        let Some(home_assistant) = &self.topics.home_assistant else { return Ok(()) };
        let options = PublishOptions::at_most_once().retained();
        client.try_publish(home_assistant.config.as_str(), discovery.payload(), options)
    }

    /// The connection has ended: events that were not confirmed are sent over the next one.
    pub fn disconnected(&self) {
        self.prompt.disconnected();
        self.instance.disconnected();
        let mut link = lock(&self.link);
        link.client = None;
        link.window.clear();
        (link.newest, link.newest_live) = (0, 0);
        self.settled.notify_all();
    }

    /// A packet was sent; identifier 0 is a message without confirmation.
    pub fn sent(&self, packet: u16) {
        let mut link = lock(&self.link);
        if packet != 0
            && let Some(first) = link.window.iter_mut().find(|one| one.packet.is_none())
        {
            first.packet = Some(packet);
        }
    }

    /// The broker confirmed a packet: marks the events before the first unconfirmed one as sent.
    pub fn confirmed(&self, packet: u16) {
        let mut link = lock(&self.link);
        if let Some(one) = link.window.iter_mut().find(|one| one.packet == Some(packet)) {
            one.confirmed = true;
        }
        let mut newest = 0;
        while let Some(first) = link.window.pop_front_if(|first| first.confirmed) {
            newest = newest.max(first.id);
            if first.is_last_cleared {
                link.retained.cleared();
            }
        }
        if newest > 0
            && let Err(error) = lock(&self.store).mark_sent(newest)
        {
            // They are sent once more over the next connection; the ids show it.
            log::warn!("{error}");
        }
        self.pump(&mut link);
        if link.window.is_empty() {
            self.settled.notify_all();
        }
    }

    /// Gives the client the state and the events that wait, as far as there is room. Never blocks on the network.
    fn pump(&self, link: &mut Link) {
        let Some(client) = &link.client else { return };
        // Before the state of a new switch.
        if link.discovery_changed {
            // The next run removes the switches of people who are removed while the door does not run.
            link.retained.set_people(link.discovery.announced().collect());
            link.discovery_changed = self.publish_discovery(client, &link.discovery).is_err();
            if !link.discovery_changed {
                link.retained.set_people(link.discovery.shown().collect());
            }
        }
        if link.state_changed
            && let Ok(state) = serde_json::to_string(&link.state)
        {
            let published = client.try_publish(
                self.topics.state.as_str(),
                without_templates(&state),
                PublishOptions::at_most_once().retained(),
            );
            link.state_changed = published.is_err();
        }
        if link.head_changed
            && let Some(head) = &link.head
        {
            let published = client.try_publish(
                self.topics.head.as_str(),
                head.as_str(),
                PublishOptions::at_most_once().retained(),
            );
            link.head_changed = published.is_err();
        }
        while link.window.len() < WINDOW
            && let Some(event) = link.held.next(Instant::now())
        {
            let options = PublishOptions::at_least_once();
            if client.try_publish(event.topic.as_str(), event.payload.as_str(), options).is_err() {
                return;
            }
            link.window.push_back(InFlight::new(0));
            link.held.published();
        }
        let room = WINDOW.saturating_sub(link.window.len()) / MESSAGES_PER_EVENT;
        if room == 0 {
            return;
        }
        let waiting = match lock(&self.store).unsent(link.newest, room as u32) {
            Ok(waiting) => waiting,
            Err(error) => return log::warn!("{error}"),
        };
        for event in &waiting {
            if !self.send(link, event) {
                break;
            }
        }
    }

    /// Gives one event to the client, on the topic of its subject unless it is late, and then on the topic of all events. Returns
    /// whether the client took it.
    fn send(&self, link: &mut Link, event: &Event) -> bool {
        let late = link.lateness.is_late(event.id, Instant::now());
        let Some(client) = &link.client else { return false };
        let shown = match self.scores {
            true => Cow::Borrowed(event),
            false => Cow::Owned(event.without_scores()),
        };
        let message = EventMessage { event: &shown, late };
        let live = LiveMessage { event_type: event.kind.name(), event: &shown };
        let (Ok(message), Ok(live)) = (serde_json::to_string(&message), serde_json::to_string(&live)) else {
            return false;
        };
        let give = |topic: &str, payload: String| {
            client.try_publish(topic, payload, PublishOptions::at_least_once()).is_ok()
        };
        // In the window before the other message, so that an event is marked as sent when both are confirmed. Not again, if the
        // client took only the first.
        if !late && (event.id == 0 || event.id > link.newest_live) && !link.held.has(event.id) {
            let (topic, payload) = (self.topics.live(Subject::of(&event.kind)), without_templates(&live));
            if link.held.is_waiting(Instant::now()) {
                link.held.push(HeldEvent { id: event.id, topic: topic.to_owned(), payload });
            } else if give(topic, payload) {
                link.window.push_back(InFlight::new(0));
            } else {
                return false;
            }
            link.newest_live = link.newest_live.max(event.id);
        }
        if !give(&self.topics.event, message) {
            return false;
        }
        link.window.push_back(InFlight::new(event.id));
        link.newest = link.newest.max(event.id);
        true
    }

    /// Waits at most `wait` for the broker to confirm the events, then publishes `offline` and disconnects.
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

/// Shows the last visit and the last access of the record, with the name that the person has now.
fn read_last(state: &mut DoorState, store: &ReopeningStore) {
    state.forget_last();
    if let Err(error) = follow_last(state, store) {
        // Rather nobody than a person who has been removed.
        state.forget_last();
        log::warn!("{error}");
    }
}

fn follow_last(state: &mut DoorState, store: &ReopeningStore) -> Result<(), StoreError> {
    // The exit button may have been pressed after the last visit.
    let (visit, access) = (store.last_visit()?, store.last_access()?);
    let changes = match &visit {
        Some(visit) => store.changes_after(visit.id)?,
        None => Vec::new(),
    };
    for event in visit.iter().chain(&access).chain(&changes) {
        state.follow(event);
    }
    Ok(())
}

/// Locks also after a panic of another thread that held the lock.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
