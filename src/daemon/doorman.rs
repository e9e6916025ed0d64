//! The door thread: owns the relay and the lamps, and does what is decided; or locks the door.

use std::sync::Arc;
use std::time::Duration;

use super::progress::Worker;
use super::shared::{Shared, Word};
use crate::act::gpio::{GpioError, Relay, Signals};
use crate::act::{Event, EventKind};
use crate::door::{Decision, Machine, Reason, RelayCommand, State};

/// The longest that the thread sleeps: how late it can be to lock the door or to blink a lamp.
const NAP: Duration = Duration::from_millis(20);
/// How late the thread may be to end a pulse, before the relay's guard ends it.
const LATE: Duration = Duration::from_millis(250);

/// The thread's own. Dropped, it leaves the relay at rest.
pub struct Doorman {
    shared: Arc<Shared>,
    machine: Machine,
    /// `None` where no relay is configured: decisions are told, and no door opens.
    relay: Option<Relay>,
    signals: Signals,
}

impl Doorman {
    pub fn new(shared: Arc<Shared>, relay: Option<Relay>, signals: Signals) -> Self {
        let machine = Machine::new(shared.pulse());
        Self { shared, machine, relay, signals }
    }

    /// Runs until the recording and the last pulse have ended, or the daemon stops. An error has locked the
    /// door.
    pub fn run(mut self) -> Result<(), String> {
        let result = self.keep();
        if let Err(reason) = &result {
            self.shared.lock(reason);
        }
        self.obey_fault();
        // Whatever happened: at rest, and said so, before the line is given back.
        if self.machine.state() != State::Locked
            && self.machine.state() != State::Resting
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
            self.obey_fault();
            let now = self.shared.clock.now();
            if let Some(command) = self.machine.tick(now) {
                self.drive(command)?;
            }
            self.relay.as_ref().map_or(Ok(()), Relay::check).map_err(|error| error.to_string())?;
            self.signals.tick(now).map_err(|error| error.to_string())?;
            if ending && !matches!(self.machine.state(), State::Open { .. }) {
                break;
            }
            match self.shared.words.pop(self.machine.due_in(now).unwrap_or(NAP).min(NAP)) {
                None => {}
                Some(Word::End) => ending = true,
                Some(Word::Decided { decision, person, model }) => self.act(decision, person, model)?,
            }
        }
        Ok(())
    }

    /// Locks the door where a fault was found.
    fn obey_fault(&mut self) {
        if self.machine.state() == State::Locked {
            return;
        }
        let Some(reason) = self.shared.fault() else { return };
        // To rest even where it is said to be there: a fault may be that what is said is wrong.
        self.machine.lock();
        let off = self.relay.as_mut().map_or(Ok(()), Relay::off);
        let detail = match off {
            Ok(()) => reason,
            Err(error) => format!("{reason}; and the relay may still be on: {error}"),
        };
        self.shared.tell_of(EventKind::Locked, detail);
        self.shared.set_locked();
    }

    fn act(&mut self, mut decision: Decision, person: Option<String>, model: String) -> Result<(), String> {
        // Between the decision and now the door may have been locked.
        self.obey_fault();
        let now = self.shared.clock.now();
        let mut command = None;
        if decision.reason == Reason::Granted {
            if self.machine.state() == State::Locked {
                decision.reason = Reason::Locked;
            } else {
                self.machine.set_pulse(self.shared.pulse());
                command = self.machine.grant(now);
            }
        }
        let granted = decision.reason == Reason::Granted;
        // The relay first: lamps and events are for people, who can wait for a millisecond.
        let driven = command.map_or(Ok(()), |command| self.drive(command));
        self.shared.tell(self.event(&decision, person, model));
        driven?;
        let lit = if granted { self.signals.yes(now) } else { self.signals.no(now) };
        lit.map_err(|error| error.to_string())
    }

    /// Switches the relay and tells of it.
    fn drive(&mut self, command: RelayCommand) -> Result<(), String> {
        let Some(relay) = &mut self.relay else { return Ok(()) };
        let at_most = self.machine.due_in(self.shared.clock.now()).unwrap_or_default() + LATE;
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
