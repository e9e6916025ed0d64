//! The data that the threads share: queues, progress, the time, and the requests to stop and to lock the door.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ostiary_access::{Decision, DoorCommand, DoorMode};
use ostiary_capture::LatestFrame;
use ostiary_config::Language;
use ostiary_core::Prompt;
use ostiary_core::clock::Clock;
use ostiary_devices::{InputEvent, InputLevels};
use ostiary_events::{DecisionDetails, Event, EventKind, PromptMessage, PromptText, User};
use ostiary_texts::{Message, Texts};

use super::active_prompt::ActivePrompt;
use super::door_command::{
    DoorRefusal, DoorReply, REPLY_TIMEOUT, ReplyAfterSave, ReplySender, WaitingCommands,
};
use super::error::Fault;
use super::latest::Latest;
use super::live_view::LiveView;
use super::mode_file::SavedMode;
use super::progress::Progress;
use super::queue::Queue;
use super::snapshot_slots::SnapshotSlots;
use super::visit_file::VisitState;
use crate::wall_clock::WallClock;

/// Capacity of the queue of messages for the door thread.
const MAX_DOOR_MESSAGES: usize = 64;
/// Capacity of the queue of events for the store thread.
const MAX_EVENTS: usize = 256;

/// A message of another thread for the door thread.
pub enum DoorMessage {
    /// A decision.
    Decided {
        /// The decision.
        decision: Box<Decision>,
        /// What else is known of it.
        details: DecisionDetails,
    },
    /// An event that follows from decisions before it.
    Report(EventKind),
    /// What the person before the door is asked to do from now on; `None` if nothing is asked any more.
    Prompt(Option<ActivePrompt>),
    /// What a person asks the door to do.
    Command {
        /// The command.
        command: DoorCommand,
        /// Who asks.
        user: User,
        /// The monotonic time at which it was sent.
        sent: Duration,
        /// Where the reply goes.
        reply: ReplySender,
    },
    /// The recording has ended: there are no more decisions.
    End,
    /// An event of the inputs.
    Input {
        /// The event.
        event: InputEvent,
        /// The monotonic time at which it was read.
        now: Duration,
    },
}

/// A mode that the store thread is to save.
pub struct UnsavedMode {
    /// The mode.
    pub mode: SavedMode,
    /// The replies to send when it is saved, also those of the modes before that were not saved yet: it replaces them.
    pub replies: Vec<ReplyAfterSave>,
}

/// The data that all threads of a daemon share.
pub struct Shared {
    /// The monotonic clock of relay, watchdog and frame times.
    pub clock: Arc<dyn Clock>,
    /// The wall clock of events and opening hours.
    pub wall: WallClock,
    /// The progress of the threads.
    pub progress: Progress,
    /// The newest frame, from the capture thread to the vision thread.
    pub frames: LatestFrame,
    /// The newest frame, for those who watch.
    pub live_view: Arc<LiveView>,
    /// Pictures of strangers, for the store thread.
    pub snapshots: SnapshotSlots,
    /// Messages for the door thread.
    pub door_messages: Queue<DoorMessage, MAX_DOOR_MESSAGES>,
    /// The commands that wait for the door thread.
    waiting_commands: WaitingCommands,
    /// The mode of the door.
    mode: Mutex<DoorMode>,
    /// The levels of the inputs.
    input_levels: Mutex<InputLevels>,
    /// The mode that the store thread is to save.
    unsaved_mode: Latest<UnsavedMode>,
    /// The state of lockout and visits that the store thread is to save.
    unsaved_visits: Latest<VisitState>,
    events: Queue<Event, MAX_EVENTS>,
    /// What the store thread is to pass to the outputs.
    prompt: Latest<PromptMessage>,
    /// What the person before the door is asked to do now.
    active_prompt: Mutex<Option<ActivePrompt>>,
    /// The texts for people at the door.
    texts: Mutex<Texts>,
    /// The door's name.
    door: String,
    stop: AtomicBool,
    /// Whether no more events will be emitted.
    events_closed: AtomicBool,
    fault: Mutex<Option<String>>,
    locked: AtomicBool,
    /// Whether the camera was reported as lost.
    camera_lost: AtomicBool,
    /// The time between two frames that the vision thread needs, microseconds.
    frame_interval: AtomicU64,
    /// Number of lost events.
    lost_events: AtomicU64,
    /// Length of a pulse, milliseconds.
    pulse: AtomicU64,
    /// For how many days pictures of strangers are kept.
    snapshot_days: AtomicU32,
}

impl Shared {
    /// The data of a door with this name and this length of a pulse. Its texts are English.
    pub fn new(clock: Arc<dyn Clock>, wall: WallClock, door: &str, pulse_ms: u64) -> Self {
        Self {
            wall,
            progress: Progress::new(clock.clone()),
            clock,
            frames: LatestFrame::new(true),
            live_view: Arc::default(),
            snapshots: SnapshotSlots::default(),
            door_messages: Queue::default(),
            waiting_commands: WaitingCommands::default(),
            mode: Mutex::new(DoorMode::Normal),
            input_levels: Mutex::default(),
            unsaved_mode: Latest::default(),
            unsaved_visits: Latest::default(),
            events: Queue::default(),
            prompt: Latest::default(),
            active_prompt: Mutex::new(None),
            texts: Mutex::new(Texts::new(Language::English)),
            door: door.to_owned(),
            stop: AtomicBool::new(false),
            events_closed: AtomicBool::new(false),
            fault: Mutex::new(None),
            locked: AtomicBool::new(false),
            camera_lost: AtomicBool::new(false),
            frame_interval: AtomicU64::new(0),
            lost_events: AtomicU64::new(0),
            pulse: AtomicU64::new(pulse_ms),
            snapshot_days: AtomicU32::new(0),
        }
    }

    /// Sends a message to the door thread.
    ///
    /// # Errors
    /// The queue is full. The door thread handles messages in microseconds, so it hangs: the door is locked.
    pub fn send_to_door(&self, message: DoorMessage) -> Result<(), Fault> {
        self.door_messages.push(message).map_err(|_| {
            self.lock(&Fault::DoorQueueFull.to_string());
            Fault::DoorQueueFull
        })
    }

    /// Sends a command to the door thread. The reply arrives within milliseconds, or when the disk has the new mode.
    ///
    /// # Errors
    /// Too many commands wait, or the door thread has too much to do. No number of commands locks the door.
    pub fn send_command(&self, command: DoorCommand, user: User) -> Result<Receiver<DoorReply>, DoorRefusal> {
        let (reply, receiver) = self.waiting_commands.add().ok_or(DoorRefusal::Busy)?;
        let message = DoorMessage::Command { command, user, sent: self.clock.now(), reply };
        self.door_messages.push(message).map_err(|_| DoorRefusal::Busy)?;
        Ok(receiver)
    }

    /// Sends a command to the door thread, and waits for the reply: the mode after the command.
    ///
    /// # Errors
    /// The door refuses the command, or has not replied in time.
    pub fn command(&self, command: DoorCommand, user: User) -> DoorReply {
        let reply = self.send_command(command, user)?;
        reply.recv_timeout(REPLY_TIMEOUT).unwrap_or(Err(DoorRefusal::NoReply))
    }

    /// The mode of the door. The end of a hold is a time of [`Self::clock`]. A fault's lock ([`Self::is_locked`]) is above it.
    pub fn mode(&self) -> DoorMode {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the mode of the door. Only the door thread does this, and the main thread before it starts.
    pub fn set_mode(&self, mode: DoorMode) {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }

    /// The levels of the inputs, as they were last read.
    pub fn input_levels(&self) -> InputLevels {
        *self.input_levels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the levels of the inputs. Only the inputs thread does this.
    pub fn set_input_levels(&self, levels: InputLevels) {
        *self.input_levels.lock().unwrap_or_else(PoisonError::into_inner) = levels;
    }

    /// Hands the mode to the store thread, which saves it before the events that follow, and then sends the reply to the command
    /// that asked for the mode.
    pub fn save_mode(&self, mode: SavedMode, reply: Option<ReplyAfterSave>) {
        self.unsaved_mode.update(|before| {
            let mut replies = before.map_or_else(Vec::new, |before| before.replies);
            replies.extend(reply);
            UnsavedMode { mode, replies }
        });
        self.events.wake();
    }

    /// Takes the mode that is to be saved.
    pub fn take_unsaved_mode(&self) -> Option<UnsavedMode> {
        self.unsaved_mode.take()
    }

    /// Emits an event of this door with the current time, without waiting. If the queue of the store thread is full, the
    /// event is lost, with a line in the log.
    pub fn emit(&self, kind: EventKind) {
        if let Err(event) = self.events.push(self.event(kind)) {
            let lost = self.lost_events.fetch_add(1, Ordering::Relaxed) + 1;
            let name = event.kind.name();
            log::error!("an event ({name}) was lost, {lost} since the start: the disk is too slow");
        }
    }

    /// Hands what the person before the door is asked to do to the store thread, which passes it to the outputs before the events
    /// in its queue. A newer prompt replaces an older one.
    pub fn show_prompt(&self, active: Option<ActivePrompt>) {
        *self.active_prompt.lock().unwrap_or_else(PoisonError::into_inner) = active;
        self.prompt.put(self.prompt_message(active.map(|active| active.prompt)));
        self.events.wake();
    }

    /// What the person before the door is asked to do now.
    pub fn active_prompt(&self) -> Option<ActivePrompt> {
        *self.active_prompt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the prompt that is to be passed to the outputs.
    pub fn take_prompt(&self) -> Option<PromptMessage> {
        self.prompt.take()
    }

    /// A prompt of this door with its text and the current time.
    pub fn prompt_message(&self, prompt: Option<Prompt>) -> PromptMessage {
        let prompt = prompt.map(|prompt| PromptText { prompt, text: self.prompt_text(prompt) });
        PromptMessage { time: self.wall.stamp(), door: self.door.clone(), prompt }
    }

    /// A prompt in the language of the texts for people at the door.
    pub fn prompt_text(&self, prompt: Prompt) -> String {
        let texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.text(Message::Prompt(prompt))
    }

    /// Sets the language of the texts for people at the door, for the next prompts.
    pub fn set_language(&self, language: Language) {
        *self.texts.lock().unwrap_or_else(PoisonError::into_inner) = Texts::new(language);
    }

    /// Hands the state of lockout and visits to the store thread, which saves it. A newer state replaces an older one.
    pub fn save_visits(&self, state: VisitState) {
        self.unsaved_visits.put(state);
    }

    /// Takes the state that is to be saved.
    pub fn take_unsaved_visits(&self) -> Option<VisitState> {
        self.unsaved_visits.take()
    }

    /// An event of this door with the current time.
    pub fn event(&self, kind: EventKind) -> Event {
        Event::new(kind, self.wall.stamp(), &self.door)
    }

    /// Events for the store thread.
    pub fn events(&self) -> &Queue<Event, MAX_EVENTS> {
        &self.events
    }

    /// Locks the door until a restart, because of a fault. Only the first fault is reported.
    pub fn lock(&self, reason: &str) {
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        fault.get_or_insert_with(|| reason.to_owned());
    }

    /// The first fault, for which the door thread locks the door.
    pub fn fault(&self) -> Option<String> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets the time between two frames that the vision thread needs.
    pub fn set_frame_interval(&self, interval: Duration) {
        self.frame_interval.store(u64::try_from(interval.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The time between two frames that the vision thread needs.
    pub fn frame_interval(&self) -> Duration {
        Duration::from_micros(self.frame_interval.load(Ordering::Relaxed))
    }

    /// Records that the door thread has put the relay to rest and locked the door.
    pub fn set_locked(&self) {
        self.locked.store(true, Ordering::Release);
    }

    /// Whether the door is locked.
    pub fn is_locked(&self) -> bool {
        self.locked.load(Ordering::Acquire)
    }

    /// Records whether the camera gives no frames.
    pub fn set_camera_lost(&self, is_lost: bool) {
        self.camera_lost.store(is_lost, Ordering::Relaxed);
    }

    /// Whether the camera has given a frame, and was not reported as lost since.
    pub fn has_camera(&self) -> bool {
        self.progress.frames() > 0 && !self.camera_lost.load(Ordering::Relaxed)
    }

    /// The length of a pulse.
    pub fn pulse(&self) -> Duration {
        Duration::from_millis(self.pulse.load(Ordering::Relaxed))
    }

    /// Sets the length of the pulse of the next grants, milliseconds.
    pub fn set_pulse(&self, pulse_ms: u64) {
        self.pulse.store(pulse_ms, Ordering::Relaxed);
    }

    /// For how many days pictures of strangers are kept; 0 for no pictures.
    pub fn snapshot_days(&self) -> u32 {
        self.snapshot_days.load(Ordering::Relaxed)
    }

    /// Whether pictures of strangers are kept.
    pub fn keeps_snapshots(&self) -> bool {
        self.snapshot_days() > 0
    }

    /// Sets for how many days pictures of strangers are kept.
    pub fn set_snapshot_days(&self, days: u32) {
        self.snapshot_days.store(days, Ordering::Relaxed);
    }

    /// Requests the end of the capture, vision, inputs and door threads.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.frames.close();
    }

    /// Whether the end was requested.
    pub fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Records that no more events will be emitted: the store thread ends after it has handled those in the queue.
    pub fn close_events(&self) {
        self.events_closed.store(true, Ordering::Release);
    }

    /// Whether no more events will be emitted.
    pub fn events_are_closed(&self) -> bool {
        self.events_closed.load(Ordering::Acquire)
    }
}
