//! Finds the running door of a configuration.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ostiary_config::Config;
use ostiary_control::interface::{State, VarlinkClientInterface};
use ostiary_control::{CallError, Client};
use ostiary_events::User;
use ostiary_facebank::{DaemonLock, FacebankError};

use super::administration::{is_same_file, user};

/// A connection to the running door that uses this facebank; `None` if none runs, or if the one that listens is another door:
/// then the command opens the files itself.
///
/// # Errors
/// A door runs, and this user may not ask it.
pub fn running_door(config: &Config, facebank: &Path) -> Result<Option<Client>, CallError> {
    Ok(connect(config, facebank)?.map(|(client, _)| client))
}

/// A connection to the running door that writes the record of events of this configuration; `None` if none runs, or if the record is
/// another one, for example a copy.
///
/// # Errors
/// A door runs, and this user may not ask it.
pub fn running_record(config: &Config) -> Result<Option<Client>, CallError> {
    let door = connect(config, &config.facebank.path)?;
    let door = door.filter(|(_, state)| is_same_file(Path::new(&state.events), &config.events.path));
    Ok(door.map(|(client, _)| client))
}

/// A connection to the running door that uses this facebank, and its state.
fn connect(config: &Config, facebank: &Path) -> Result<Option<(Client, State)>, CallError> {
    if !is_same_file(facebank, &config.facebank.path) {
        return Ok(None);
    }
    let Some(mut client) = Client::connect(&config.control_socket())? else { return Ok(None) };
    let state = client.door().get_state().call()?.state;
    if !is_same_file(Path::new(&state.facebank), facebank) {
        return Ok(None);
    }
    // The door takes this from root and from its own user.
    if let User::Process { uid, sudo_uid: Some(sudo_uid) } = user()
        && (uid == 0 || facebank.metadata().is_ok_and(|file| file.uid() == uid))
    {
        client.door().set_sudo_user(sudo_uid.into()).call()?;
    }
    Ok(Some((client, state)))
}

/// A connection to the running door of a configuration.
///
/// # Errors
/// None runs, or this user may not ask it.
pub fn required_door(config: &Config) -> anyhow::Result<Client> {
    running_door(config, &config.facebank.path)?.ok_or_else(|| {
        anyhow::anyhow!(
            "no door runs with this configuration ({}): start its service with `sudo systemctl start ostiary`",
            config.control_socket().display()
        )
    })
}

/// Checks that no door runs that cannot be asked: it would not use what is changed in its files.
///
/// # Errors
/// The door of this facebank runs, although none answers at its socket.
pub fn refuse_deaf_door(config: &Config) -> anyhow::Result<()> {
    match DaemonLock::check(&config.facebank.path) {
        Err(running @ FacebankError::DaemonRunning { .. }) => Err(anyhow::anyhow!(
            "{running}, and does not answer at its control socket ({}), so that it would not use the change: stop the door \
             first, or restart it",
            config.control_socket().display()
        )),
        // A lock that cannot be read is the daemon's trouble at its start.
        Ok(()) | Err(_) => Ok(()),
    }
}
