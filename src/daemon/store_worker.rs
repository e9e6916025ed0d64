//! The store thread: sums repeated denials, writes events to the store, then passes them to the outputs. It passes what the person
//! before the door is asked to do to the outputs too, at once and without storing it. It signs the head of
//! the event trail from time to time, and saves the mode of the door and the state of lockout and visits. It keeps the pictures of
//! strangers, if the owner wants them.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ostiary_core::Prompt;
use ostiary_events::{
    DenialWindows, Event, EventKind, EventSink, OutputError, PromptMessage, ReopeningStore,
};

use super::mode_file::{self, SavedMode};
use super::progress::WorkerThread;
use super::saved_state::SavedState;
use super::shared::{Shared, UnsavedMode};
use super::snapshot_keeper::SnapshotKeeper;
use super::visit_file::{self, VisitState};
use crate::snapshot_store::SnapshotStore;

/// The longest wait for an event, before the thread records its progress.
const EVENT_WAIT: Duration = Duration::from_millis(50);
/// The interval at which events of commands are looked for.
const UNSEEN_INTERVAL: Duration = Duration::from_secs(1);
/// The interval at which the head of the event trail is signed.
const HEAD_INTERVAL: Duration = Duration::from_secs(3600);

/// The state of the store thread. The outputs are closed when it ends.
pub struct StoreWorker {
    shared: Arc<Shared>,
    store: Arc<Mutex<ReopeningStore>>,
    outputs: Vec<OutputState>,
    denials: DenialWindows,
    /// What the outputs show.
    prompt: Option<Prompt>,
    /// The number of events that were not stored since the last that was; `None` if all are stored.
    lost: Option<u64>,
    /// When events of commands are looked for next.
    next_unseen: Duration,
    /// When the head of the trail is signed next.
    next_head: Duration,
    /// What survives a restart; `None` for a recording.
    saved_states: Option<SavedStates>,
    /// The pictures of strangers.
    snapshots: SnapshotKeeper,
}

/// What survives a restart.
struct SavedStates {
    /// The mode of the door.
    mode: SavedState<SavedMode>,
    /// Lockout and visits.
    visits: SavedState<VisitState>,
}

/// An output, and whether it failed for the last event.
struct OutputState {
    output: Box<dyn EventSink>,
    is_failing: bool,
}

impl StoreWorker {
    /// A worker with this store and these outputs. The mode of the door, lockout and visits are saved in files beside
    /// `saved_beside`, if there is one.
    pub fn new(
        shared: Arc<Shared>,
        store: Arc<Mutex<ReopeningStore>>,
        outputs: Vec<Box<dyn EventSink>>,
        saved_beside: Option<&Path>,
    ) -> Self {
        let outputs = outputs.into_iter().map(|output| OutputState { output, is_failing: false }).collect();
        let now = shared.clock.now();
        let denials = DenialWindows::default();
        let events = store.lock().unwrap_or_else(PoisonError::into_inner).path().to_owned();
        let snapshots = SnapshotKeeper::new(SnapshotStore::beside(&events));
        let saved_states = saved_beside.map(|events| SavedStates {
            mode: SavedState::new(
                mode_file::path_beside(events),
                mode_file::write,
                "a restart would bring back the mode before",
            ),
            visits: SavedState::new(
                visit_file::path_beside(events),
                visit_file::write,
                "a restart would forget pauses and cool-downs",
            ),
        });
        Self {
            shared,
            store,
            outputs,
            denials,
            prompt: None,
            lost: None,
            next_unseen: now,
            next_head: now,
            saved_states,
            snapshots,
        }
    }

    /// Runs until the queue is empty and no more events will be emitted.
    pub fn run(mut self) {
        let error = self.store().error().map(ToString::to_string);
        match error {
            Some(error) => self.report_loss(error),
            None => self.report_trail(),
        }
        loop {
            self.shared.progress.record(WorkerThread::Store);
            // Read before the queue, so that an event that is emitted in between is not lost.
            let closed = self.shared.events_are_closed();
            let event = self.shared.events().pop(EVENT_WAIT);
            // Before the disk, which may be slow: a person waits.
            if let Some(prompt) = self.shared.take_prompt() {
                self.output_prompt(&prompt);
            }
            // Before the event, so that a recorded lockdown and the cool-down of a recorded grant are not forgotten if the power
            // fails.
            let now = self.shared.clock.now();
            self.save_states(now);
            let is_end = closed && event.is_none();
            if is_end && let Some(SavedStates { mode, visits }) = &mut self.saved_states {
                mode.finish(now);
                visits.finish(now);
            }
            let events = match event {
                Some(event) => self.denials.take(event, now),
                None if is_end => self.denials.take_all(),
                None => self.denials.take_ended(now),
            };
            self.reopen();
            if is_end || !events.is_empty() || now >= self.next_unseen {
                self.next_unseen = now + UNSEEN_INTERVAL;
                self.output_unseen();
            }
            events.into_iter().for_each(|event| self.record(event));
            self.keep_snapshots(now, is_end);
            if is_end || now >= self.next_head {
                self.next_head = now + HEAD_INTERVAL;
                self.sign_head();
            }
            if is_end {
                self.output_prompt(&self.shared.prompt_message(None));
                return;
            }
        }
    }

    /// Saves the newest mode, and the newest state of lockout and visits. What could not be written is tried again. Then sends the
    /// replies to the commands that asked for the mode.
    fn save_states(&mut self, now: Duration) {
        let (mode, replies) = match self.shared.take_unsaved_mode() {
            Some(UnsavedMode { mode, replies }) => (Some(mode), replies),
            None => (None, Vec::new()),
        };
        let visits = self.shared.take_unsaved_visits();
        // A recording has no files: nothing of it survives a restart.
        let saved = self.saved_states.as_mut().map_or(Ok(()), |states| states.mode.save(mode, now));
        replies.into_iter().for_each(|reply| reply.send(&saved));
        if let Some(states) = &mut self.saved_states {
            // Nobody waits for it, and a failure is logged.
            let _ = states.visits.save(visits, now);
        }
    }

    /// Opens a store that could not be opened, if it is time for another attempt.
    fn reopen(&mut self) {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        if !store.reopen() {
            return;
        }
        if let Ok(Some(newest)) = store.newest_time() {
            self.shared.wall.add_record(newest.time);
        }
        drop(store);
        self.report_return();
    }

    /// Passes events that commands have stored to the outputs.
    fn output_unseen(&mut self) {
        // If the store cannot be read, the next event of this process reports it.
        let unseen = self.store().take_unseen().unwrap_or_default();
        unseen.iter().for_each(|event| self.output(event));
    }

    /// Stores an event and passes it to the outputs. Without a record, the outputs get it all the same.
    fn record(&mut self, mut event: Event) {
        let stored = self.store().append(&mut event);
        if let Err(error) = &stored {
            // The first failure and the next success are reported: a full disk must not fill the log.
            if self.lost.is_none() {
                self.report_loss(error.to_string());
            }
            self.lost = self.lost.map(|lost| lost + 1);
        }
        self.output(&event);
        if stored.is_ok() {
            self.snapshots.recorded(&event, self.shared.clock.now());
            self.report_return();
        }
    }

    /// Stores the pictures of strangers whose visits are over, and deletes those that are not kept any longer.
    fn keep_snapshots(&mut self, now: Duration, is_end: bool) {
        let Self { shared, store, snapshots, .. } = self;
        let find = |id| store.lock().unwrap_or_else(PoisonError::into_inner).event(id);
        let clock = || shared.wall.plausible_time().ok();
        snapshots.tick(&shared.snapshots, shared.snapshot_days(), (now, clock), &find, is_end);
    }

    /// Reports that events are not recorded.
    fn report_loss(&mut self, detail: String) {
        self.lost = Some(0);
        self.output(&self.shared.event(EventKind::StoreLost { detail }));
    }

    /// Reports that events are recorded again, if they were not, and a fault of the trail that could not be recorded.
    fn report_return(&mut self) {
        let Some(lost) = self.lost.take() else { return };
        self.report_trail();
        let detail = match lost {
            1 => "1 event was not recorded".to_owned(),
            lost => format!("{lost} events were not recorded"),
        };
        let event = self.shared.event(EventKind::StoreBack { detail });
        self.record(event);
    }

    /// Reports once that the store does not fit its trail.
    fn report_trail(&mut self) {
        let fault = self.store().trail_fault().map(ToString::to_string);
        if let Some(fault) = fault {
            let detail = format!("{fault}; see `ostiary events verify`");
            let event = self.shared.event(EventKind::TrailBroken { detail });
            self.record(event);
        }
    }

    /// Signs the head of the trail, if there is a new event, and passes it to the outputs.
    fn sign_head(&mut self) {
        let signed = self.store().sign_head();
        match signed {
            Ok(Some(head)) => self.outputs.iter_mut().for_each(|state| state.output.head(&head)),
            Ok(None) => {}
            Err(error) => log::warn!("{error}; the event trail is signed later"),
        }
    }

    /// Passes a prompt to the outputs, if they do not show it already.
    fn output_prompt(&mut self, message: &PromptMessage) {
        let prompt = message.prompt.as_ref().map(|asked| asked.prompt);
        if std::mem::replace(&mut self.prompt, prompt) != prompt {
            self.each_output(|output| output.prompt(message));
        }
    }

    fn output(&mut self, event: &Event) {
        self.each_output(|output| output.report(event));
    }

    /// Does this with each output. The first of several failures is logged.
    fn each_output(&mut self, action: impl Fn(&mut dyn EventSink) -> Result<(), OutputError>) {
        for OutputState { output, is_failing } in &mut self.outputs {
            match action(output.as_mut()) {
                Ok(()) => *is_failing = false,
                Err(error) if !std::mem::replace(is_failing, true) => {
                    log::error!("{}: {error}", output.describe());
                }
                Err(_) => {}
            }
        }
    }

    /// Locks the store for one operation only: the MQTT output locks it too.
    fn store(&self) -> MutexGuard<'_, ReopeningStore> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use ostiary_access::{DoorMode, ModeName, SavedLockout, SavedVisits};
    use ostiary_config as config;
    use ostiary_core::TrackId;
    use ostiary_core::clock::VirtualClock;
    use ostiary_events::{EventName, EventStore};

    use super::*;
    use crate::daemon::active_prompt::ActivePrompt;
    use crate::daemon::door_command::WaitingCommands;
    use crate::daemon::mode_file::ModeOnDisk;
    use crate::daemon::saved_state::RETRY;
    use crate::wall_clock::WallClock;

    /// What an output got, in order.
    #[derive(Clone, Default)]
    struct RecordedOrder(Arc<Mutex<Vec<String>>>);

    impl EventSink for RecordedOrder {
        fn report(&mut self, event: &Event) -> Result<(), OutputError> {
            self.0.lock().unwrap().push(event.kind.name().to_string());
            Ok(())
        }

        fn prompt(&mut self, message: &PromptMessage) -> Result<(), OutputError> {
            let name = message.prompt.as_ref().map_or("none", |asked| asked.prompt.name());
            self.0.lock().unwrap().push(name.to_owned());
            Ok(())
        }

        fn describe(&self) -> String {
            "test".into()
        }
    }

    /// The configuration of a record in a folder of its own, and what the threads share.
    fn door() -> (tempfile::TempDir, config::Events, Arc<Shared>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.sqlite");
        let shared = Shared::new(Arc::new(VirtualClock::default()), WallClock::new(None), "door", 1000);
        (folder, config::Events { path, ..config::Events::default() }, Arc::new(shared))
    }

    #[test]
    fn a_prompt_does_not_wait_for_the_events_in_the_queue_and_ends_with_the_daemon() {
        let (_folder, config, shared) = door();
        let store = Arc::new(Mutex::new(ReopeningStore::open(&config, false).unwrap()));
        let order = RecordedOrder::default();
        let worker = StoreWorker::new(shared.clone(), store, vec![Box::new(order.clone())], None);
        shared.emit(EventKind::RelayOn);
        shared.emit(EventKind::RelayOff);
        for prompt in [Prompt::LookAtCamera, Prompt::StepBack] {
            shared.show_prompt(Some(ActivePrompt { prompt, track: TrackId(1), until: None }));
        }
        shared.close_events();
        worker.run();
        assert_eq!(*order.0.lock().unwrap(), ["step_back", "relay_on", "relay_off", "none"]);
    }

    #[test]
    fn a_fault_of_the_trail_is_recorded_when_events_are_recorded_again() {
        let (_folder, config, shared) = door();
        let mut store = EventStore::open(&config, false).unwrap();
        store.append(&mut shared.event(EventKind::Stopped)).unwrap();
        store.sign_head().unwrap().unwrap();
        drop(store);
        // The head is signed by another key.
        std::fs::remove_file(ostiary_events::key_path(&config.path)).unwrap();
        let store = Arc::new(Mutex::new(ReopeningStore::open(&config, false).unwrap()));
        let mut worker = StoreWorker::new(shared, store, Vec::new(), None);
        worker.lost = Some(2);
        worker.report_return();
        let events = EventStore::open_read_only(&config.path).unwrap().latest(9).unwrap();
        let kinds: Vec<_> = events.iter().map(|event| event.kind.name()).collect();
        assert_eq!(kinds, [EventName::Stopped, EventName::TrailBroken, EventName::StoreBack]);
        assert_eq!(worker.store().trail_fault(), None);
    }

    #[test]
    fn commands_are_replied_to_when_the_newest_mode_is_saved() {
        let (_folder, config, shared) = door();
        let store = Arc::new(Mutex::new(ReopeningStore::open(&config, false).unwrap()));
        let mut worker = StoreWorker::new(shared.clone(), store, Vec::new(), Some(&config.path));
        let waiting = WaitingCommands::default();
        let modes = [(DoorMode::LockedDown, ModeName::LockedDown), (DoorMode::Normal, ModeName::Normal)];
        let replies = modes.map(|(mode, name)| {
            let (reply, receiver) = waiting.add().unwrap();
            let saved = SavedMode::new(name, Timestamp::UNIX_EPOCH, None, None);
            shared.save_mode(saved, Some(reply.after_save(mode)));
            receiver
        });
        assert!(replies.iter().all(|reply| reply.try_recv().is_err()), "no mode is saved yet");
        worker.save_states(Duration::ZERO);
        assert_eq!(mode_file::read(&mode_file::path_beside(&config.path)), ModeOnDisk::Normal);
        assert_eq!(replies.map(|reply| reply.try_recv().unwrap()), modes.map(|(mode, _)| Ok(mode)));
    }

    #[test]
    fn a_state_that_could_not_be_written_is_written_at_the_end() {
        let (folder, config, shared) = door();
        let store = Arc::new(Mutex::new(ReopeningStore::open(&config, false).unwrap()));
        let events = folder.path().join("missing").join("events.sqlite");
        let mut worker = StoreWorker::new(shared.clone(), store, Vec::new(), Some(&events));
        shared.save_visits(VisitState::new(SavedLockout::default(), SavedVisits::default()));
        shared.save_mode(SavedMode::new(ModeName::LockedDown, Timestamp::UNIX_EPOCH, None, None), None);
        worker.save_states(Duration::ZERO);
        std::fs::create_dir(folder.path().join("missing")).unwrap();
        // No time passes.
        shared.close_events();
        worker.run();
        assert!(visit_file::read(&visit_file::path_beside(&events)).unwrap().is_some());
        assert!(mode_file::read(&mode_file::path_beside(&events)).lockdown().is_some());
    }

    #[test]
    fn a_state_that_could_not_be_written_is_written_later() {
        let (folder, config, shared) = door();
        let store = Arc::new(Mutex::new(ReopeningStore::open(&config, false).unwrap()));
        let events = folder.path().join("missing").join("events.sqlite");
        let mut worker = StoreWorker::new(shared.clone(), store, Vec::new(), Some(&events));
        shared.save_visits(VisitState::new(SavedLockout::default(), SavedVisits::default()));
        shared.save_mode(SavedMode::new(ModeName::LockedDown, Timestamp::UNIX_EPOCH, None, None), None);
        worker.save_states(Duration::ZERO);
        std::fs::create_dir(folder.path().join("missing")).unwrap();
        worker.save_states(RETRY / 2);
        let (visits, mode) = (visit_file::path_beside(&events), mode_file::path_beside(&events));
        assert!(!visits.exists() && !mode.exists(), "not tried again at once");
        worker.save_states(RETRY);
        assert!(visit_file::read(&visits).unwrap().is_some());
        assert!(mode_file::read(&mode).lockdown().is_some());
    }
}
