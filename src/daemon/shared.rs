//! What the threads share: queues, progress, the time, and the words "stop" and "lock".

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ostiary_access::Decision;
use ostiary_capture::LatestFrame;
use ostiary_core::clock::Clock;
use ostiary_devices::InputEvent;
use ostiary_events::{Event, EventKind};

use super::progress::Progress;
use super::queue::Queue;
use crate::wall_clock::WallClock;

/// Words that may wait for the door.
const MAX_DOOR_MESSAGES: usize = 64;
/// Events that may wait for the disk.
const EVENTS: usize = 256;

/// What the vision thread and the inputs thread tell the door.
pub enum DoorMessage {
    Decided {
        decision: Decision,
        /// The name of whom it is about.
        person: Option<String>,
        /// What more there is to say about the reason.
        detail: Option<String>,
        /// The embedding model.
        model: String,
    },
    /// The recording has ended: nothing more will be decided.
    End,
    /// What the button or the contact said.
    Input {
        event: InputEvent,
        /// When it was heard.
        now: Duration,
    },
}

/// Shared by all threads of one daemon.
pub struct Shared {
    pub clock: Arc<dyn Clock>,
    /// What events and opening hours go by.
    pub wall: WallClock,
    pub progress: Progress,
    pub frames: LatestFrame,
    pub door_messages: Queue<DoorMessage, MAX_DOOR_MESSAGES>,
    events: Queue<Event, EVENTS>,
    /// The door's name.
    door: String,
    stop: AtomicBool,
    closed: AtomicBool,
    fault: Mutex<Option<String>>,
    locked: AtomicBool,
    lost: AtomicU64,
    /// Milliseconds.
    pulse: AtomicU64,
}

impl Shared {
    pub fn new(clock: Arc<dyn Clock>, wall: WallClock, door: &str, pulse_ms: u64) -> Self {
        Self {
            wall,
            progress: Progress::new(clock.clone()),
            clock,
            frames: LatestFrame::new(true),
            door_messages: Queue::default(),
            events: Queue::default(),
            door: door.to_owned(),
            stop: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            fault: Mutex::new(None),
            locked: AtomicBool::new(false),
            lost: AtomicU64::new(0),
            pulse: AtomicU64::new(pulse_ms),
        }
    }

    /// Tells the door. It takes words in microseconds: where there is no room for one, the door hangs, and is locked.
    pub fn say(&self, word: DoorMessage) -> Result<(), String> {
        self.door_messages.push(word).map_err(|_| {
            let full = "the door does not take its decisions: their queue is full".to_owned();
            self.lock(&full);
            full
        })
    }

    /// Tells of an event. Nobody waits: where the disk is too far behind, the event is lost, and that is said.
    pub fn tell(&self, event: Event) {
        if let Err(event) = self.events.push(event) {
            let lost = self.lost.fetch_add(1, Ordering::Relaxed) + 1;
            log::error!("an event ({:?}) was lost, {lost} by now: the disk does not keep up", event.kind);
        }
    }

    /// An event of this door, now.
    pub fn event(&self, kind: EventKind) -> Event {
        Event::new(kind, self.wall.stamp(), &self.door)
    }

    /// Tells of an event that a sentence explains.
    pub fn tell_of(&self, kind: EventKind, detail: impl Into<String>) {
        self.tell(Event { detail: Some(detail.into()), ..self.event(kind) });
    }

    /// The events that wait.
    pub fn events(&self) -> &Queue<Event, EVENTS> {
        &self.events
    }

    /// Locks the door for good, because of a fault. The first fault is the one that is told.
    pub fn lock(&self, reason: &str) {
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        fault.get_or_insert_with(|| reason.to_owned());
    }

    /// The fault for which the door is to be locked.
    pub fn fault(&self) -> Option<String> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The door has put the relay to rest and opens no more.
    pub fn set_locked(&self) {
        self.locked.store(true, Ordering::Release);
    }

    /// Whether the door is locked.
    pub fn is_locked(&self) -> bool {
        self.locked.load(Ordering::Acquire)
    }

    /// How long the relay is on after a grant.
    pub fn pulse(&self) -> Duration {
        Duration::from_millis(self.pulse.load(Ordering::Relaxed))
    }

    /// Changes it for the grants to come.
    pub fn set_pulse(&self, pulse_ms: u64) {
        self.pulse.store(pulse_ms, Ordering::Relaxed);
    }

    /// Asks capture, vision and door to end.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.frames.close();
    }

    /// Whether they were asked to end.
    pub fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// No more events will come: the store may end once it has dealt with those that wait.
    pub fn close_events(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// Whether no more events will come.
    pub fn events_are_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}
