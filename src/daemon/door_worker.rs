//! The door thread: owns the relay and the lamps, and does what is decided; or locks the door.

use std::sync::Arc;
use std::time::Duration;

use ostiary_access::{Contact, Decision, DoorTransition, Reason, RelayCommand, RelayFsm, RelayState};
use ostiary_devices::{GpioError, InputEvent, Relay, Signals};
use ostiary_events::{Event, EventKind};

use super::progress::Worker;
use super::shared::{DoorMessage, Shared};

/// The longest that the thread sleeps: how late it can be to lock the door or to blink a lamp.
const NAP: Duration = Duration::from_millis(20);
/// How late the thread may be to end a pulse, before the relay's guard ends it.
const LATE: Duration = Duration::from_millis(250);
/// How long a press of the exit button is good for. Whoever pressed it before that waits no more, or presses again.
const FRESH: Duration = Duration::from_secs(2);

/// The thread's own. Dropped, it leaves the relay at rest.
pub struct DoorWorker {
    shared: Arc<Shared>,
    relay_fsm: RelayFsm,
    /// `None` where no relay is configured: decisions are told, and no door opens.
    relay: Option<Relay>,
    signals: Signals,
    contact: Contact,
}

impl DoorWorker {
    pub fn new(shared: Arc<Shared>, relay: Option<Relay>, signals: Signals, contact: Contact) -> Self {
        let relay_fsm = RelayFsm::new(shared.pulse());
        Self { shared, relay_fsm, relay, signals, contact }
    }

    /// Runs until the recording and the last pulse have ended, or the daemon stops. An error has locked the
    /// door.
    pub fn run(mut self) -> Result<(), String> {
        let result = self.keep();
        if let Err(reason) = &result {
            self.shared.lock(reason);
        }
        self.lock_on_fault();
        // Whatever happened: at rest, and said so, before the line is given back.
        if self.relay_fsm.state() != RelayState::Locked
            && self.relay_fsm.state() != RelayState::Resting
            && let Err(reason) = self.drive(RelayCommand::Off)
        {
            return result.and(Err(reason));
        }
        result
    }

    fn keep(&mut self) -> Result<(), String> {
        let mut ending = false;
        while !self.shared.is_stopping() {
            self.shared.progress.moved(Worker::Door);
            self.lock_on_fault();
            let now = self.shared.clock.now();
            if let Some(command) = self.relay_fsm.tick(now) {
                self.drive(command)?;
            }
            self.relay.as_ref().map_or(Ok(()), Relay::check).map_err(|error| error.to_string())?;
            self.signals.tick(now).map_err(|error| error.to_string())?;
            if let Some(transition) = self.contact.tick(now) {
                self.tell_of(transition);
            }
            if ending && !matches!(self.relay_fsm.state(), RelayState::Open { .. }) {
                break;
            }
            match self.shared.door_messages.pop(self.relay_fsm.due_in(now).unwrap_or(NAP).min(NAP)) {
                None => {}
                Some(DoorMessage::End) => ending = true,
                Some(DoorMessage::Decided { decision, person, detail, model }) => {
                    self.act(decision, person, detail, model)?;
                }
                Some(DoorMessage::Input { event, now }) => self.handle_input(event, now)?,
            }
        }
        Ok(())
    }

    /// Locks the door where a fault was found.
    fn lock_on_fault(&mut self) {
        if self.relay_fsm.state() == RelayState::Locked {
            return;
        }
        let Some(reason) = self.shared.fault() else { return };
        // To rest even where it is said to be there: a fault may be that what is said is wrong.
        self.relay_fsm.lock();
        let off = self.relay.as_mut().map_or(Ok(()), Relay::off);
        let detail = match off {
            Ok(()) => reason,
            Err(error) => format!("{reason}; and the relay may still be on: {error}"),
        };
        self.shared.tell_of(EventKind::Locked, detail);
        self.shared.set_locked();
    }

    fn act(
        &mut self,
        mut decision: Decision,
        person: Option<String>,
        detail: Option<String>,
        model: String,
    ) -> Result<(), String> {
        // Between the decision and now the door may have been locked.
        self.lock_on_fault();
        if decision.reason == Reason::Granted && self.relay_fsm.state() == RelayState::Locked {
            decision.reason = Reason::Locked;
        }
        self.answer(decision.reason == Reason::Granted, |door| Event {
            detail,
            ..door.event(&decision, person, model)
        })
    }

    /// Opens to whom that was granted, tells of it, and says yes or no.
    fn answer(&mut self, granted: bool, event: impl FnOnce(&Self) -> Event) -> Result<(), String> {
        let now = self.shared.clock.now();
        let mut command = None;
        if granted {
            self.relay_fsm.set_pulse(self.shared.pulse());
            command = self.relay_fsm.grant(now);
        }
        // The relay first: lamps and events are for people, who can wait for a millisecond.
        let driven = command.map_or(Ok(()), |command| self.drive(command));
        self.shared.tell(event(self));
        driven?;
        let lit = if granted { self.signals.yes(now) } else { self.signals.no(now) };
        lit.map_err(|error| error.to_string())
    }

    /// Takes in what the button or the contact said, as it was heard at that time.
    fn handle_input(&mut self, event: InputEvent, now: Duration) -> Result<(), String> {
        match event {
            InputEvent::Exit { age } => return self.let_out(now.saturating_sub(age)),
            InputEvent::Contact { open, age } => {
                let transition =
                    self.contact.told(open, now.saturating_sub(age), self.relay_fsm.free_until());
                if let Some(transition) = transition {
                    self.tell_of(transition);
                }
            }
            InputEvent::Lost(error) => {
                self.contact.lost();
                self.shared.tell_of(EventKind::InputsLost, error.to_string());
            }
            InputEvent::Back => self.shared.tell(self.shared.event(EventKind::InputsBack)),
        }
        Ok(())
    }

    /// The exit button was pressed. Neither hours nor faces are asked.
    fn let_out(&mut self, pressed: Duration) -> Result<(), String> {
        self.lock_on_fault();
        let age = self.shared.clock.now().saturating_sub(pressed);
        if age > FRESH {
            log::warn!("the exit button was pressed {:.0} s ago: too long to open now", age.as_secs_f64());
            return Ok(());
        }
        if self.relay_fsm.state() == RelayState::Locked {
            let press = Some("the exit button was pressed".to_owned());
            let (reason, kind) = (Some(Reason::Locked), EventKind::Denied);
            return self.answer(false, |door| Event { reason, detail: press, ..door.shared.event(kind) });
        }
        let (reason, kind) = (Some(Reason::RequestToExit), EventKind::Granted);
        self.answer(true, |door| Event { reason, ..door.shared.event(kind) })
    }

    /// Tells of what happened to the leaf.
    fn tell_of(&self, transition: DoorTransition) {
        let state = |open| if open { EventKind::DoorOpened } else { EventKind::DoorClosed };
        match transition {
            DoorTransition::Found { open } => self.shared.tell_of(state(open), "so it was found"),
            DoorTransition::Opened => self.shared.tell(self.shared.event(state(true))),
            DoorTransition::Forced => {
                self.shared.tell(self.shared.event(state(true)));
                self.shared.tell(self.shared.event(EventKind::DoorForced));
            }
            DoorTransition::Closed => self.shared.tell(self.shared.event(state(false))),
            DoorTransition::HeldOpen => {
                let seconds = self.contact.held_open().as_secs_f64();
                self.shared.tell_of(EventKind::DoorHeld, format!("it has been open for {seconds:.0} s"));
            }
        }
    }

    /// Switches the relay and tells of it.
    fn drive(&mut self, command: RelayCommand) -> Result<(), String> {
        let Some(relay) = &mut self.relay else { return Ok(()) };
        let at_most = self.relay_fsm.due_in(self.shared.clock.now()).unwrap_or_default() + LATE;
        let (driven, kind) = match command {
            RelayCommand::On => (relay.on(at_most), Some(EventKind::RelayOn)),
            RelayCommand::Stay => (relay.on(at_most), None),
            RelayCommand::Off => (relay.off(), Some(EventKind::RelayOff)),
        };
        driven.map_err(|error: GpioError| error.to_string())?;
        if let Some(kind) = kind {
            self.shared.tell(self.shared.event(kind));
        }
        Ok(())
    }

    fn event(&self, decision: &Decision, person: Option<String>, model: String) -> Event {
        let granted = decision.reason == Reason::Granted;
        let kind = if granted { EventKind::Granted } else { EventKind::Denied };
        let latency = decision.time.saturating_sub(decision.first_seen);
        Event {
            reason: Some(decision.reason),
            person,
            track: Some(decision.track.0),
            similarity: decision.similarity.map(|similarity| similarity.0),
            second: decision.second.map(|similarity| similarity.0),
            threshold: Some(decision.threshold.0),
            // Six numbers always have a JSON; were there one that has none, it would be left out.
            quality: serde_json::to_value(decision.quality).ok(),
            faces_in_view: Some(decision.faces_in_view),
            frames: Some(decision.frames),
            latency_ms: Some(latency.as_secs_f64() * 1000.0),
            model: Some(model),
            ..self.shared.event(kind)
        }
    }
}
