//! Reports events to a broker by MQTT: birth and last will, events, state, prompts, and Home Assistant's discovery.
//!
//! What comes in: stored events, and what the person before the door is asked to do. What goes out: messages to the broker, on a
//! separate thread. It reconnects without end, and no other thread waits for it. Without a connection, events wait in the
//! [`ReopeningStore`]. It subscribes to Home Assistant's status and the door's own announcement, and to [commands](Command) only if
//! the owner allows some.

mod command;
mod discovery;
mod error;
mod event_message;
mod held_events;
mod instance;
mod known_person;
mod lateness;
mod link;
mod options;
mod other_door_check;
mod prompt_topic;
mod retained_topics;
mod state;
mod subject;
mod topics;

use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use command::CommandReader;
pub use command::{Command, PersonRef, Received};
use discovery::{Discovery, Offered};
pub use error::MqttError;
use instance::Instance;
use jiff::Timestamp;
pub use known_person::KnownPerson;
use link::{REQUESTS, Shared, lock};
pub use options::DEFAULT_PASSWORD_FILE;
use ostiary_access::ModeName;
use ostiary_config as config;
use ostiary_events::trail::SignedHead;
use ostiary_events::{Event, EventSink, OutputError, PromptMessage, ReopeningStore};
use other_door_check::OtherDoorCheck;
use prompt_topic::PromptTopic;
use rumqttc::{Client, Connection, Event as Notice, LastWill, MqttOptions, Outgoing, Packet, QoS};
use state::DoorState;
pub use state::{DoorSummary, ModelVersions};
use topics::Topics;

/// The pauses between attempts to connect; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The longest that connecting takes, with TLS and the broker's answer, seconds.
const CONNECT_S: u64 = 5;
/// The longest that [`Mqtt::stop`] takes, and its share for events that are not yet confirmed.
const STOP: Duration = Duration::from_secs(1);
const STOP_EVENTS: Duration = Duration::from_millis(500);

/// What clients of the broker are told of the door at its start.
pub struct DoorDescription<'a> {
    /// The door's name.
    pub name: &'a str,
    /// Whether the door has a relay that commands can switch.
    pub has_relay: bool,
    /// Whether the door has a contact that shows whether it is open.
    pub has_contact: bool,
    /// The mode with which the door starts.
    pub mode: ModeName,
    /// The address of the web console, if the owner has set one.
    pub console_address: Option<&'a str>,
    /// Who is known to the door.
    pub summary: DoorSummary,
}

/// Is given each message that asks for something, on the thread that talks to the broker. It must return at once.
pub type CommandSink = Box<dyn Fn(Received) + Send>;

/// Tells clients of other people and models, also after [`Mqtt`] was given to another thread.
pub struct SummaryHandle(Arc<Shared>);

impl SummaryHandle {
    /// Other people or another model are in use.
    pub fn set(&self, summary: DoorSummary) {
        self.0.set_summary(summary);
    }
}

/// The connection to the broker. Dropping it disconnects.
pub struct Mqtt {
    broker: String,
    shared: Arc<Shared>,
    /// Dropped to end the thread's pause.
    stop: Option<Sender<()>>,
    /// Closed when the thread has ended.
    ended: Receiver<()>,
}

impl Mqtt {
    /// Starts to connect, and tries again without end.
    ///
    /// The store is locked only for short times. A caller of [`EventSink::report`] must not hold its lock.
    ///
    /// # Errors
    /// For what a later attempt cannot fix: a password or a certificate that cannot be read, a name that cannot be in a
    /// topic, a thread that cannot be started.
    pub fn start(
        config: &config::Mqtt,
        description: DoorDescription<'_>,
        store: Arc<Mutex<ReopeningStore>>,
        commands: CommandSink,
    ) -> Result<Self, MqttError> {
        let DoorDescription { name: door, has_relay, has_contact, mode, console_address, summary } =
            description;
        let topics = Topics::new(config, door)?;
        // Now rather than at the first connection, so that a file that cannot be read is an error at the start.
        let store_path = lock(&store).path().to_owned();
        let instance = Instance::new(&store_path, &config.prefix, door);
        options::options(config, &instance.client_id(&topics.object_id))?;
        let state = DoorState::new(mode, summary);
        let has_temperature = state.has_temperature();
        let offered = Offered {
            commands: config.commands.clone(),
            has_relay,
            has_contact,
            has_temperature,
            console_address: console_address.map(str::to_owned),
        };
        let discovery = Discovery::new(&topics, door, &offered);
        let prompt = PromptTopic::new(topics.prompt.clone(), door);
        let shared = Arc::new(Shared::new(topics, instance, prompt, discovery, state, config.scores, store));
        let (stop, stopped) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        let (config, broker) = (config.clone(), broker(config));
        let reader = CommandReader::new(&config.commands);
        let worker = Worker {
            config,
            broker: broker.clone(),
            shared: shared.clone(),
            start: Instant::now(),
            reader,
            commands,
            stopped,
            _end: end,
        };
        thread::Builder::new()
            .name("mqtt".to_owned())
            .spawn(move || worker.run())
            .map_err(MqttError::Thread)?;
        Ok(Self { broker, shared, stop: Some(stop), ended })
    }

    /// A handle that tells clients of other people and models.
    pub fn summary(&self) -> SummaryHandle {
        SummaryHandle(self.shared.clone())
    }

    /// Sends what can be sent at once, publishes `offline` and disconnects, all within a second. Events that the broker did
    /// not confirm are sent after the next start.
    pub fn stop(&mut self) {
        let Some(stop) = self.stop.take() else { return };
        let deadline = Instant::now() + STOP;
        self.shared.disconnect(STOP_EVENTS);
        drop(stop);
        // A thread that hangs in a connection attempt is left running: the process ends anyway.
        let _ = self.ended.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    }
}

impl Drop for Mqtt {
    fn drop(&mut self) {
        self.stop();
    }
}

impl EventSink for Mqtt {
    fn report(&mut self, event: &Event) -> Result<(), OutputError> {
        self.shared.report(event);
        Ok(())
    }

    fn head(&mut self, head: &SignedHead) {
        self.shared.head(head);
    }

    fn shows_prompts(&self) -> bool {
        true
    }

    fn prompt(&mut self, prompt: &PromptMessage) -> Result<(), OutputError> {
        self.shared.prompt.prompt(prompt);
        Ok(())
    }

    fn describe(&self) -> String {
        format!("mqtt {}", self.broker)
    }
}

/// Checks what [`Mqtt::start`] needs of the configuration and its files. Connects to nothing.
///
/// # Errors
/// A password or a certificate cannot be read, or a name cannot be in a topic.
pub fn check_settings(config: &config::Mqtt, door: &str) -> Result<(), MqttError> {
    let topics = Topics::new(config, door)?;
    options::options(config, &topics.object_id).map(drop)
}

/// Connects once and disconnects, within five seconds, for `ostiary doctor`. Publishes nothing and does not disturb a running
/// daemon. `store` is the event store of the door. Returns whether another door publishes under the same name, as far as the broker
/// lets this client read.
///
/// # Errors
/// If the broker cannot be reached, refuses the connection, or the configuration cannot work.
pub fn check(config: &config::Mqtt, door: &str, store: &Path) -> Result<bool, MqttError> {
    let topics = Topics::new(config, door)?;
    let other_door = OtherDoorCheck::new(&topics, Instance::new(store, &config.prefix, door));
    let options = options::options(config, &format!("{}_check_{}", topics.object_id, instance::run_id()))?;
    let broker = broker(config);
    let late =
        MqttError::Unreachable { broker: broker.clone(), reason: format!("no answer within {CONNECT_S} s") };
    let (answer, answered) = mpsc::channel();
    // On a thread, because a name lookup has no time limit.
    thread::Builder::new()
        .name("mqtt check".to_owned())
        .spawn(move || {
            let result = connect(options).and_then(|(client, mut connection)| {
                if let Ok(Err(error)) = connection.recv() {
                    return Err(error::classify(&broker, &error));
                }
                let has_other_door = other_door.run(&client, &mut connection);
                if client.try_disconnect().is_ok() {
                    leave(&mut connection);
                }
                Ok(has_other_door)
            });
            // After the limit, nobody receives it.
            let _ = answer.send(result);
        })
        .map_err(MqttError::Thread)?;
    // A little longer than the attempt itself, whose error is more precise.
    let limit = Duration::from_millis(CONNECT_S * 1000 + 500);
    answered.recv_timeout(limit).unwrap_or(Err(late))
}

/// The thread that talks to the broker.
struct Worker {
    config: config::Mqtt,
    broker: String,
    shared: Arc<Shared>,
    start: Instant,
    reader: CommandReader,
    commands: CommandSink,
    stopped: Receiver<()>,
    _end: Sender<()>,
}

impl Worker {
    /// Connects, exchanges messages, and after a failure waits and connects again, until it is stopped. A failure that
    /// repeats is logged once.
    fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        let mut failure = String::new();
        loop {
            let mut was_connected = false;
            let result = self.run_once(&mut was_connected);
            self.shared.disconnected();
            if self.shared.is_stopping() {
                return;
            }
            if was_connected {
                pause = FIRST_PAUSE;
                failure.clear();
            }
            if let Err(error) = result {
                let message = error.to_string();
                if message != failure {
                    log::warn!("{message}; events wait, and it is tried again");
                    failure = message;
                }
            }
            if !matches!(self.stopped.recv_timeout(pause), Err(RecvTimeoutError::Timeout)) {
                return;
            }
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
    }

    /// One connection, from its start to its end.
    fn run_once(&mut self, was_connected: &mut bool) -> Result<(), MqttError> {
        let topics = &self.shared.topics;
        let client_id = self.shared.instance.client_id(&topics.object_id);
        let mut options = options::options(&self.config, &client_id)?;
        options.set_last_will(LastWill::new(&topics.availability, "offline", QoS::AtLeastOnce, true));
        let (client, mut connection) = connect(options)?;
        let full = |_| MqttError::Broken {
            broker: self.broker.clone(),
            reason: "too many messages wait".to_owned(),
        };
        loop {
            let notice = match self.shared.time_to_wait() {
                None => connection.recv().ok(),
                Some(left) => match connection.recv_timeout(left) {
                    Ok(notice) => Some(notice),
                    Err(rumqttc::RecvTimeoutError::Timeout { .. }) => {
                        self.shared.stop_waiting();
                        continue;
                    }
                    Err(_) => None,
                },
            };
            let notice = match notice {
                Some(Ok(notice)) => notice,
                Some(Err(error)) => return Err(error::classify(&self.broker, &error)),
                None => return Ok(()),
            };
            match notice {
                Notice::Incoming(Packet::ConnAck(_)) => {
                    *was_connected = true;
                    log::info!("mqtt {}: connected", self.broker);
                    if self.reader.reads_any() {
                        // At most once: the broker keeps no command for a door that is not connected.
                        client.try_subscribe(topics.command.as_str(), QoS::AtMostOnce).map_err(full)?;
                    }
                    self.shared.connected(&client).map_err(full)?;
                    if self.shared.is_stopping() {
                        self.shared.disconnect(Duration::ZERO);
                    }
                }
                Notice::Incoming(Packet::Publish(message)) => {
                    let is_status =
                        topics.home_assistant.as_ref().is_some_and(|topics| message.topic == topics.status);
                    if is_status && message.payload.as_ref() == b"online" {
                        self.shared.home_assistant_started().map_err(full)?;
                    } else if message.topic == topics.instance {
                        self.shared.hear(&message.payload, message.retain, &self.broker).map_err(full)?;
                    } else if message.topic == topics.command && self.reader.reads_any() {
                        let (now, uptime) = (Timestamp::now(), self.start.elapsed());
                        match self.reader.read(&message.payload, message.retain, now, uptime) {
                            None => {}
                            Some(Ok(received)) => (self.commands)(received),
                            Some(Err(why)) => {
                                log::warn!(
                                    "mqtt {}: a message on {} is no command: {why}",
                                    self.broker,
                                    topics.command
                                )
                            }
                        }
                    }
                }
                Notice::Incoming(Packet::PubAck(ack)) => self.shared.confirmed(ack.pkid),
                Notice::Outgoing(Outgoing::Publish(packet)) => self.shared.sent(packet),
                // It is sent, and the broker has confirmed all messages before it.
                Notice::Outgoing(Outgoing::Disconnect) => return Ok(()),
                _ => {}
            }
        }
    }
}

fn connect(options: MqttOptions) -> Result<(Client, Connection), MqttError> {
    let (client, mut connection) = Client::builder(options).capacity(REQUESTS).try_build()?;
    let mut network = connection.eventloop.network_options();
    network.set_connection_timeout(CONNECT_S);
    // A grant must be on a panel before the visitor has passed the door.
    network.set_tcp_nodelay(true);
    connection.eventloop.set_network_options(network);
    Ok((client, connection))
}

/// After [`Client::try_disconnect`]: lets the client send its disconnect message.
fn leave(connection: &mut Connection) {
    let deadline = Instant::now() + STOP_EVENTS / 2;
    while let Some(left) = deadline.checked_duration_since(Instant::now()) {
        if !matches!(connection.recv_timeout(left), Ok(Ok(_))) {
            return;
        }
    }
}

fn broker(config: &config::Mqtt) -> String {
    format!("{}:{}", config.host, config.port)
}
