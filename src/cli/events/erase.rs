//! Erases what the record says of a person.

use std::process::ExitCode;

use ostiary_events::{Action, Administration, Event, EventKind, EventStore};
use ostiary_facebank::Facebank;
use serde_json::json;

use crate::cli::Globals;
use crate::cli::administration::user;
use crate::cli::output::{json_line, line};
use crate::snapshot_store::SnapshotStore;

pub(super) fn run(globals: &Globals, name: &str) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    let path = &config.events.path;
    // A record that is not there, or cannot be read, is an error.
    EventStore::open_read_only(path)?;
    let tells = |number: u64| {
        let detail = Some(format!("{number} event{}", if number == 1 { "" } else { "s" }));
        let change = Administration { action: Action::Erased, person: None, detail, user: user() };
        Event::new(EventKind::Administered(change), jiff::Timestamp::now(), &config.door.name)
    };
    let erased = EventStore::erase_person(&config.events, config.mqtt.enabled, name, tells)?;
    let record = EventStore::open_read_only(path)?;
    let snapshots = SnapshotStore::beside(path);
    let orphans = snapshots.orphans(|id| record.event(id));
    let deleted = orphans.and_then(|orphans| {
        orphans.iter().try_for_each(|snapshot| snapshots.delete(snapshot.event).map(drop))
    });
    if let Err(error) = deleted {
        eprintln!("warning: {error}");
    }
    if globals.json {
        json_line(&json!({ "erased": erased }))?;
    } else if erased > 0 {
        line(&format!("erased what {erased} event{} said of {name}", if erased == 1 { "" } else { "s" }))?;
    }
    if erased == 0 {
        eprintln!(
            "Nobody named {name:?} is in the record {}; `ostiary events` shows the names in it.",
            path.display()
        );
        return Ok(ExitCode::FAILURE);
    }
    let facebank = Facebank::open_read_only(&config.facebank.path);
    if facebank.is_ok_and(|facebank| facebank.show(name).is_ok()) {
        eprintln!(
            "warning: {name} is still enrolled, and later visits are recorded; `ostiary people remove {name:?}` removes them"
        );
    }
    Ok(ExitCode::SUCCESS)
}
