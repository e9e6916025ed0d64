//! Records what commands change: who enrolled, removed or exported people, or changed the models.

use std::path::Path;

use ostiary_config::Config;
use ostiary_events::{Action, Administration, Event, EventKind, EventStore, User};
use rustix::process::getuid;

/// Records a change of this door's people or models in its event store. `facebank` is the file that was changed: changes of
/// other files than the door's are not recorded. If the change cannot be recorded, a warning is printed: it is made already.
pub fn record(
    config: &Config,
    facebank: &Path,
    action: Action,
    person: Option<&str>,
    detail: Option<String>,
) {
    if facebank != config.facebank.path {
        return;
    }
    let user = User { uid: getuid().as_raw(), sudo_uid: sudo_uid() };
    let change = Administration { action, person: person.map(str::to_owned), detail, user };
    let mut event = Event::new(EventKind::Administered(change), jiff::Timestamp::now(), &config.door.name);
    if let Err(error) = EventStore::append_once(&config.events, config.mqtt.enabled, &mut event) {
        eprintln!("warning: the change is made, but not recorded: {error}");
    }
}

/// The user who ran `sudo`. Only root's processes can have it from sudo.
fn sudo_uid() -> Option<u32> {
    let uid = std::env::var("SUDO_UID").ok()?.parse().ok()?;
    getuid().is_root().then_some(uid)
}
