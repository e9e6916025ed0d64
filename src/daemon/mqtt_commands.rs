//! Carries out what messages of MQTT ask for. The thread that talks to the broker waits neither for the door nor for the facebank:
//! the door thread does what concerns the door, and records what becomes of it; a thread of its own changes people.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use ostiary_access::{CommandName, DoorCommand};
use ostiary_config::Hours;
use ostiary_events::{EventKind, User};
use ostiary_facebank::FacebankError;
use ostiary_mqtt::{Command, CommandSink, PersonRef, Received};

use super::door_command::DoorRefusal;
use super::error::DaemonError;
use super::shared::Shared;
use crate::people_change::{PeopleChange, open_existing};

/// The most changes of people that wait.
const MAX_WAITING: usize = 8;

/// Takes the messages that ask for something, until it is dropped.
///
/// # Errors
/// The thread cannot be started.
pub fn start(shared: Arc<Shared>, facebank: PathBuf) -> Result<CommandSink, DaemonError> {
    let (sender, changes) = sync_channel::<(CommandName, PersonRef, bool)>(MAX_WAITING);
    let people = shared.clone();
    thread::Builder::new()
        .name("mqtt-people".to_owned())
        .spawn(move || {
            for (name, person, enabled) in changes {
                if let Err(error) = enable(&people, &facebank, person, enabled) {
                    refuse(&people, name, format!("{error:#}"));
                }
            }
        })
        .map_err(|why| DaemonError::Thread { thread: "MQTT people", why })?;
    Ok(Box::new(move |Received { name, command }| {
        let given = command.map_err(|why| anyhow!(why)).and_then(|command| {
            check_clock(&shared, &command)?;
            match command {
                // Nobody waits for the reply.
                Command::Door(command) => {
                    shared.send_command(command, User::Mqtt)?;
                }
                Command::EnablePerson { person, enabled } => {
                    sender.try_send((name, person, enabled)).map_err(|_| DoorRefusal::Busy)?;
                }
            }
            Ok(())
        });
        if let Err(why) = given {
            refuse(&shared, name, format!("{why:#}"));
        }
    }))
}

/// Refuses what lets somebody in while the clock cannot be right: an old message would be new again.
fn check_clock(shared: &Shared, command: &Command) -> Result<()> {
    let lets_in = match command {
        Command::Door(command) => match command {
            DoorCommand::Open
            | DoorCommand::TestRelay
            | DoorCommand::HoldOpen(_)
            | DoorCommand::Normal
            | DoorCommand::EndLockdown => true,
            DoorCommand::LockDown | DoorCommand::EndHold => false,
        },
        Command::EnablePerson { enabled, .. } => *enabled,
    };
    if !lets_in {
        return Ok(());
    }
    match shared.wall.plausible_time() {
        Ok(_) => Ok(()),
        Err(fault) => bail!("{fault}; {}", fault.fix()),
    }
}

fn enable(shared: &Shared, facebank: &Path, person: PersonRef, enabled: bool) -> Result<()> {
    let mut facebank = open_existing(facebank)?;
    let name = match person {
        PersonRef::Name(name) => name,
        PersonRef::Id(id) => {
            let known = facebank.people()?.into_iter().find(|known| known.person.id.0 == id);
            known.with_context(|| format!("nobody has the number {id}"))?.person.name
        }
    };
    // Without the name, which could not be erased from the record: it is that of nobody.
    let nameless = |error: anyhow::Error| match error.downcast_ref() {
        Some(FacebankError::NoSuchPerson { .. }) => {
            anyhow!("nobody has this name; `ostiary people list` lists all people")
        }
        _ => error,
    };
    let change = PeopleChange::SetEnabled { name, enabled };
    let made = change.apply(&mut facebank, &Hours::default()).map_err(nameless)?;
    shared.emit(EventKind::Administered(made.administration(User::Mqtt)));
    Ok(())
}

fn refuse(shared: &Shared, command: CommandName, detail: String) {
    shared.emit(EventKind::CommandRefused { command, detail, user: User::Mqtt });
}
