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
    let change = Administration { action, person: person.map(str::to_owned), detail, user: user() };
    record_change(config, facebank, change);
}

/// Records a change that was made, as [`record`] does.
pub fn record_change(config: &Config, facebank: &Path, change: Administration) {
    if !is_same_file(facebank, &config.facebank.path) {
        return;
    }
    let mut event = Event::new(EventKind::Administered(change), jiff::Timestamp::now(), &config.door.name);
    if let Err(error) = EventStore::append_once(&config.events, config.mqtt.enabled, &mut event) {
        eprintln!("warning: the change is made, but not recorded: {error}");
    }
}

/// The user of this process.
pub fn user() -> User {
    User::Process { uid: getuid().as_raw(), sudo_uid: sudo_uid() }
}

/// Whether two paths name one file. A path that cannot be resolved is compared as it is written.
pub fn is_same_file(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

/// The user who ran `sudo`, also as another user than root. Processes of that other user can set it themselves.
fn sudo_uid() -> Option<u32> {
    std::env::var("SUDO_UID").ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn one_file_is_the_same_by_any_path() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("facebank.sqlite");
        let link = folder.path().join("link.sqlite");
        let around = folder.path().join("people/../facebank.sqlite");
        assert!(is_same_file(&file, &file), "also one that does not exist");
        fs::create_dir(folder.path().join("people")).unwrap();
        for name in [&file, &folder.path().join("other.sqlite")] {
            fs::write(name, "").unwrap();
        }
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(is_same_file(&around, &file) && is_same_file(&file, &link));
        assert!(!is_same_file(&folder.path().join("other.sqlite"), &file));
        assert!(!is_same_file(&folder.path().join("none.sqlite"), &file));
    }
}
