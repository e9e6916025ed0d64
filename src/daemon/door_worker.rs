//! The door thread: switches the relay and the lamps for each decision, the lamps for what the person is asked to do, and the
//! relay for each press of the exit button that is not too old, and for commands of people. It reports the state of the door contact, and locks the door after a fault.

use std::sync::Arc;
use std::time::Duration;

use ostiary_access::{
    CommandRefusal, Decision, DenialReason, DoorCommand, DoorMode, DoorMonitor, DoorTransition, Outcome,
    RelayCommand, RelayFsm, RelayState,
};
use ostiary_devices::{InputEvent, Relay, Signals};
use ostiary_events::{DecisionDetails, Denial, EventKind, Grant, User};

use super::active_prompt::ActivePrompt;
use super::door_command::{DoorRefusal, MAX_COMMAND_AGE, ReplyAfterSave, ReplySender};
use super::error::Fault;
use super::mode_file::SavedMode;
use super::progress::WorkerThread;
use super::shared::{DoorMessage, Shared};

/// The longest wait for a message. It limits how late the thread locks the door or switches a lamp.
const MAX_SLEEP: Duration = Duration::from_millis(20);
/// How late the thread may end a pulse, before the relay guard ends it.
const PULSE_TOLERANCE: Duration = Duration::from_millis(250);
/// An older press of the exit button opens nothing: the person has left, or presses again.
const MAX_PRESS_AGE: Duration = Duration::from_secs(2);

/// The state of the door thread. The relay is at rest when this is dropped.
pub struct DoorWorker {
    shared: Arc<Shared>,
    relay_fsm: RelayFsm,
    /// `None` if no relay is configured: decisions are reported, and no door opens.
    relay: Option<Relay>,
    signals: Signals,
    /// `None` if no contact is configured.
    contact: Option<DoorMonitor>,
}

impl DoorWorker {
    /// A worker with a relay at rest, in the mode of `shared`: normal, or locked down.
    pub fn new(
        shared: Arc<Shared>,
        relay: Option<Relay>,
        signals: Signals,
        contact: Option<DoorMonitor>,
    ) -> Self {
        let relay_fsm = match shared.mode() {
            DoorMode::LockedDown => RelayFsm::locked_down(shared.pulse()),
            DoorMode::Normal | DoorMode::HeldOpen { .. } => RelayFsm::new(shared.pulse()),
        };
        Self { shared, relay_fsm, relay, signals, contact }
    }

    /// Runs until the recording and the last pulse have ended, or the daemon stops.
    ///
    /// # Errors
    /// A fault, which has locked the door.
    pub fn run(mut self) -> Result<(), Fault> {
        let result = self.main_loop();
        if let Err(fault) = &result {
            self.shared.lock(&fault.to_string());
        }
        self.lock_on_fault();
        // In any case the relay goes to rest, with an event, before the line is released.
        result.and(self.rest())
    }

    /// Ends a hold and a pulse.
    fn rest(&mut self) -> Result<(), Fault> {
        let is_on = matches!(self.relay_fsm.state(), RelayState::Energized { .. });
        let rested = if is_on { self.switch_relay(RelayCommand::Off) } else { Ok(()) };
        if matches!(self.relay_fsm.mode(), DoorMode::HeldOpen { .. }) {
            // Only a fault refuses it, and has ended the hold.
            let _ = self.relay_fsm.command(DoorCommand::Normal, self.shared.clock.now());
        }
        self.report_end_of_hold();
        rested
    }

    fn main_loop(&mut self) -> Result<(), Fault> {
        let mut has_ended = false;
        while !self.shared.is_stopping() {
            self.shared.progress.record(WorkerThread::Door);
            self.lock_on_fault();
            let now = self.shared.clock.now();
            let command = self.relay_fsm.tick(now);
            command.map_or(Ok(()), |command| self.switch_relay(command))?;
            self.report_end_of_hold();
            self.relay.as_ref().map_or(Ok(()), Relay::check)?;
            self.signals.tick(now)?;
            let held_until = self.relay_fsm.held_until();
            if let Some(transition) = self.contact.as_mut().and_then(|contact| contact.tick(now, held_until))
            {
                self.emit_transition(transition);
            }
            if has_ended && !matches!(self.relay_fsm.state(), RelayState::Energized { .. }) {
                break;
            }
            let wait = self.relay_fsm.time_until_off(now).unwrap_or(MAX_SLEEP).min(MAX_SLEEP);
            match self.shared.door_messages.pop(wait) {
                None => {}
                Some(DoorMessage::End) => has_ended = true,
                Some(DoorMessage::Decided { decision, details }) => {
                    self.handle_decision(*decision, details)?
                }
                Some(DoorMessage::Report(kind)) => self.shared.emit(kind),
                Some(DoorMessage::Prompt(prompt)) => self.handle_prompt(prompt)?,
                Some(DoorMessage::Command { command, user, sent, reply }) => {
                    self.handle_command(command, user, sent, reply)?
                }
                Some(DoorMessage::Input { event, now }) => self.handle_input(event, now)?,
            }
        }
        Ok(())
    }

    /// Locks the door if there is a fault.
    fn lock_on_fault(&mut self) {
        if self.relay_fsm.state() == RelayState::Locked {
            return;
        }
        let Some(reason) = self.shared.fault() else { return };
        // The relay is switched off even if it should be off: the fault may be in the state that says so.
        self.relay_fsm.lock();
        let off = self.relay.as_mut().map_or(Ok(()), Relay::off);
        let detail = match off {
            Ok(()) => reason,
            Err(error) => format!("{reason}; and the relay may still be on: {error}"),
        };
        self.shared.emit(EventKind::Locked { detail });
        self.report_end_of_hold();
        self.shared.set_locked();
    }

    fn handle_decision(&mut self, mut decision: Decision, details: DecisionDetails) -> Result<(), Fault> {
        // The door may have been locked since the decision.
        self.lock_on_fault();
        if decision.outcome == Outcome::Granted
            && let Some(reason) = self.face_refusal()
        {
            decision.outcome = Outcome::Denied(reason);
        }
        self.respond(EventKind::decided(decision, details))
    }

    /// Why faces do not open the door now; `None` if they do.
    fn face_refusal(&self) -> Option<DenialReason> {
        if self.relay_fsm.state() == RelayState::Locked {
            return Some(DenialReason::Locked);
        }
        (self.relay_fsm.mode() == DoorMode::LockedDown).then_some(DenialReason::LockedDown)
    }

    /// Opens the door if the event is a grant, emits the event, and signals the result.
    fn respond(&mut self, kind: EventKind) -> Result<(), Fault> {
        let granted = matches!(kind, EventKind::Granted(_));
        let now = self.shared.clock.now();
        self.relay_fsm.set_pulse(self.shared.pulse());
        let command = match &kind {
            EventKind::Granted(Grant::ExitButton) => self.relay_fsm.request_exit(now),
            EventKind::Granted(Grant::Face { .. }) => self.relay_fsm.grant(now),
            _ => None,
        };
        // The relay is switched first. Lamps and events may be a millisecond later.
        let switched = command.map_or(Ok(()), |command| self.switch_relay(command));
        self.shared.emit(kind);
        switched?;
        if granted {
            self.signals.granted(now)?
        } else {
            self.signals.denied(now)?
        }
        Ok(())
    }

    /// Signals what the person should do, and hands it to the outputs.
    fn handle_prompt(&mut self, prompt: Option<ActivePrompt>) -> Result<(), Fault> {
        self.lock_on_fault();
        // Where faces do not open the door, nobody is asked for anything.
        let prompt = prompt.filter(|_| self.face_refusal().is_none());
        self.shared.show_prompt(prompt);
        self.signals.prompt(self.shared.clock.now(), prompt.map(|active| active.prompt))?;
        Ok(())
    }

    /// Does what a person asks for and reports it, or refuses it. The reply to a change of the mode follows when the mode is saved.
    fn handle_command(
        &mut self,
        command: DoorCommand,
        user: User,
        sent: Duration,
        reply: ReplySender,
    ) -> Result<(), Fault> {
        self.lock_on_fault();
        match self.accept(command, sent) {
            Ok(switch) => self.carry_out(command, user, switch, reply),
            Err(refusal) => {
                let (command, detail) = (command.name(), refusal.to_string());
                self.shared.emit(EventKind::CommandRefused { command, detail, user });
                reply.send(Err(refusal));
                Ok(())
            }
        }
    }

    /// What the relay has to do for a command. A refusal changes nothing.
    fn accept(&mut self, command: DoorCommand, sent: Duration) -> Result<Option<RelayCommand>, DoorRefusal> {
        let now = self.shared.clock.now();
        let age = now.saturating_sub(sent);
        let needs_relay =
            matches!(command, DoorCommand::Open | DoorCommand::TestRelay | DoorCommand::HoldOpen(_));
        if needs_relay && self.relay.is_none() && self.relay_fsm.state() != RelayState::Locked {
            return Err(DoorRefusal::NoRelay);
        }
        // What keeps people out is done at any age.
        let lets_in = match command {
            DoorCommand::Open | DoorCommand::TestRelay | DoorCommand::HoldOpen(_) => true,
            DoorCommand::Normal | DoorCommand::EndLockdown => self.relay_fsm.mode() == DoorMode::LockedDown,
            DoorCommand::LockDown | DoorCommand::EndHold => false,
        };
        if lets_in && age > MAX_COMMAND_AGE {
            return Err(DoorRefusal::TooOld(age));
        }
        if command == DoorCommand::TestRelay
            && self.contact.as_ref().is_some_and(|contact| !contact.is_closed())
        {
            return Err(DoorRefusal::NotClosed);
        }
        self.relay_fsm.set_pulse(self.shared.pulse());
        self.relay_fsm.command(command, now).map_err(|refusal| match refusal {
            CommandRefusal::Locked => DoorRefusal::Locked(self.shared.fault().unwrap_or_default()),
            refusal => DoorRefusal::Refused(refusal),
        })
    }

    /// Switches the relay for a command and reports it. A fault locks the door.
    fn carry_out(
        &mut self,
        command: DoorCommand,
        user: User,
        switch: Option<RelayCommand>,
        reply: ReplySender,
    ) -> Result<(), Fault> {
        let (now, mode) = (self.shared.clock.now(), self.relay_fsm.mode());
        let switched = switch.map_or(Ok(()), |switch| self.switch_relay(switch));
        let mut reply = Some(reply);
        if let Err(fault) = &switched
            && let Some(reply) = reply.take()
        {
            reply.send(Err(DoorRefusal::Locked(fault.to_string())));
        }
        let ends_one = matches!(command, DoorCommand::EndHold | DoorCommand::EndLockdown);
        let changes_nothing = ends_one && mode == self.shared.mode();
        let is_one_pulse = matches!(command, DoorCommand::Open | DoorCommand::TestRelay);
        if !is_one_pulse && !changes_nothing {
            self.report_mode(Some(user), reply.map(|reply| reply.after_save(mode)));
        } else {
            if is_one_pulse {
                self.shared.emit(EventKind::Granted(Grant::Command { user }));
            }
            if let Some(reply) = reply {
                reply.send(Ok(mode));
            }
        }
        switched?;
        match command {
            DoorCommand::Open | DoorCommand::TestRelay => self.signals.granted(now)?,
            // A person who was asked to do something could not be let in any more.
            DoorCommand::LockDown => {
                self.shared.show_prompt(None);
                self.signals.prompt(now, None)?;
            }
            DoorCommand::HoldOpen(_)
            | DoorCommand::Normal
            | DoorCommand::EndHold
            | DoorCommand::EndLockdown => {}
        }
        Ok(())
    }

    /// Reports a hold that has ended by itself, by a fault or with the daemon. Any call of the state machine may have ended it.
    fn report_end_of_hold(&self) {
        if self.relay_fsm.mode() != self.shared.mode() {
            self.report_mode(None, None);
        }
    }

    /// Publishes the mode, hands it to the store thread to be saved, and emits its event. `user` asked for it, and gets the reply
    /// when it is saved.
    fn report_mode(&self, user: Option<User>, reply: Option<ReplyAfterSave>) {
        let mode = self.relay_fsm.mode();
        let since = self.shared.wall.stamp();
        let until = match mode {
            DoorMode::HeldOpen { until } => {
                since.checked_add(until.saturating_sub(self.shared.clock.now())).ok()
            }
            DoorMode::Normal | DoorMode::LockedDown => None,
        };
        self.shared.set_mode(mode);
        // Before the event, so that a lockdown in the record survives a power cut.
        self.shared.save_mode(SavedMode::new(mode.name(), since, until, user.as_ref()), reply);
        self.shared.emit(EventKind::ModeChanged { mode: mode.name(), until, user });
    }

    /// Handles an event of the inputs that was read at `now`.
    fn handle_input(&mut self, event: InputEvent, now: Duration) -> Result<(), Fault> {
        match event {
            InputEvent::ExitPressed { age } => return self.handle_exit_press(now.saturating_sub(age)),
            InputEvent::Contact { open, age } => {
                let (at, unlocked_until) = (now.saturating_sub(age), self.relay_fsm.unlocked_until());
                let transition =
                    self.contact.as_mut().and_then(|contact| contact.update(open, at, unlocked_until));
                if let Some(transition) = transition {
                    self.emit_transition(transition);
                }
            }
            InputEvent::Lost(error) => {
                if let Some(contact) = &mut self.contact {
                    contact.set_unknown();
                }
                self.shared.emit(EventKind::InputsLost { detail: error.to_string() });
            }
            InputEvent::Recovered => self.shared.emit(EventKind::InputsBack),
        }
        Ok(())
    }

    /// Opens the door for a press of the exit button, at any hour and without a face.
    fn handle_exit_press(&mut self, pressed: Duration) -> Result<(), Fault> {
        self.lock_on_fault();
        let age = self.shared.clock.now().saturating_sub(pressed);
        if age > MAX_PRESS_AGE {
            log::warn!(
                "the exit button was pressed {:.0} s ago: the press is too old to open the door",
                age.as_secs_f64()
            );
            return Ok(());
        }
        if self.relay_fsm.state() == RelayState::Locked {
            return self.respond(EventKind::Denied(Denial::ExitButton));
        }
        self.respond(EventKind::Granted(Grant::ExitButton))
    }

    /// Emits the events of a change of the door's position.
    fn emit_transition(&self, transition: DoorTransition) {
        let initial = || Some("state when the contact was first read".to_owned());
        match transition {
            DoorTransition::Initial { open: true } => {
                self.shared.emit(EventKind::DoorOpened { detail: initial() })
            }
            DoorTransition::Initial { open: false } => {
                self.shared.emit(EventKind::DoorClosed { detail: initial() })
            }
            DoorTransition::Opened => self.shared.emit(EventKind::DoorOpened { detail: None }),
            DoorTransition::Forced => {
                self.shared.emit(EventKind::DoorOpened { detail: None });
                self.shared.emit(EventKind::DoorForced);
            }
            DoorTransition::Closed => self.shared.emit(EventKind::DoorClosed { detail: None }),
            DoorTransition::OpenTooLong => {
                let max_open = self.contact.as_ref().map(DoorMonitor::max_open).unwrap_or_default();
                let seconds = max_open.as_secs_f64();
                let detail = format!("it has been open for {seconds:.0} s");
                self.shared.emit(EventKind::DoorHeld { detail });
            }
        }
    }

    /// Switches the relay, and emits the event.
    fn switch_relay(&mut self, command: RelayCommand) -> Result<(), Fault> {
        let Some(relay) = &mut self.relay else { return Ok(()) };
        let at_most =
            self.relay_fsm.time_until_off(self.shared.clock.now()).unwrap_or_default() + PULSE_TOLERANCE;
        let (result, kind) = match command {
            RelayCommand::On => (relay.on(at_most), Some(EventKind::RelayOn)),
            RelayCommand::Extend => (relay.on(at_most), None),
            RelayCommand::Off => (relay.off(), Some(EventKind::RelayOff)),
        };
        result?;
        if let Some(kind) = kind {
            self.shared.emit(kind);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
