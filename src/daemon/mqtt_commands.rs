//! Carries out what messages of MQTT ask for, on a thread of its own: the thread that talks to the broker waits neither for the
//! door nor for the facebank.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TrySendError, sync_channel};
use std::thread;

use anyhow::Context;
use ostiary_access::{CommandName, DoorCommand, DoorMode};
use ostiary_config::Hours;
use ostiary_events::{EventKind, User};
use ostiary_mqtt::{Command, CommandSink, PersonRef, Received};

use super::door_command::DoorRefusal;
use super::error::DaemonError;
use super::shared::Shared;
use crate::people_change::{PeopleChange, open_existing};

/// The most messages that wait.
const MAX_WAITING: usize = 8;

/// Takes the messages that ask for something, until it is dropped.
///
/// # Errors
/// The thread cannot be started.
pub fn start(shared: Arc<Shared>, facebank: PathBuf) -> Result<CommandSink, DaemonError> {
    let (sender, receiver) = sync_channel(MAX_WAITING);
    let worker = MqttCommands { shared: shared.clone(), facebank };
    thread::Builder::new()
        .name("mqtt-command".to_owned())
        .spawn(move || worker.run(&receiver))
        .map_err(|why| DaemonError::Thread { thread: "MQTT command", why })?;
    Ok(Box::new(move |received| match sender.try_send(received) {
        Ok(()) | Err(TrySendError::Disconnected(_)) => {}
        Err(TrySendError::Full(Received { name, .. })) => {
            refuse(&shared, name, DoorRefusal::Busy.to_string())
        }
    }))
}

struct MqttCommands {
    shared: Arc<Shared>,
    facebank: PathBuf,
}

impl MqttCommands {
    fn run(self, messages: &Receiver<Received>) {
        for Received { name, command } in messages {
            if let Err(why) = command.and_then(|command| self.carry_out(command)) {
                refuse(&self.shared, name, why);
            }
        }
    }

    /// Does what a message asks for.
    ///
    /// # Errors
    /// Why it is refused, unless the door has recorded that itself.
    fn carry_out(&self, command: Command) -> Result<(), String> {
        match command {
            Command::Door(command) => self.command(command),
            // Nothing happens to a door that is locked already: a house may lock all of its doors each night.
            Command::EndHold => match self.shared.mode() {
                DoorMode::HeldOpen { .. } => self.command(DoorCommand::Normal),
                DoorMode::Normal | DoorMode::LockedDown => Ok(()),
            },
            Command::EndLockdown => match self.shared.mode() {
                DoorMode::LockedDown => self.command(DoorCommand::Normal),
                DoorMode::Normal | DoorMode::HeldOpen { .. } => Ok(()),
            },
            Command::EnablePerson { person, enabled } => {
                enable(&self.shared, &self.facebank, person, enabled).map_err(|error| format!("{error:#}"))
            }
        }
    }

    fn command(&self, command: DoorCommand) -> Result<(), String> {
        match self.shared.command(command, User::Mqtt) {
            // The door thread has not seen it, or has said nothing of it yet.
            Err(refusal @ (DoorRefusal::Busy | DoorRefusal::NoReply)) => Err(refusal.to_string()),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

fn enable(shared: &Shared, facebank: &Path, person: PersonRef, enabled: bool) -> anyhow::Result<()> {
    let mut facebank = open_existing(facebank)?;
    let name = match person {
        PersonRef::Name(name) => name,
        PersonRef::Id(id) => {
            let known = facebank.people()?.into_iter().find(|known| known.person.id.0 == id);
            known.with_context(|| format!("nobody has the number {id}"))?.person.name
        }
    };
    let made = PeopleChange::SetEnabled { name, enabled }.apply(&mut facebank, &Hours::default())?;
    shared.emit(EventKind::Administered(made.administration(User::Mqtt)));
    Ok(())
}

fn refuse(shared: &Shared, command: CommandName, detail: String) {
    shared.emit(EventKind::CommandRefused { command, detail, user: User::Mqtt });
}
