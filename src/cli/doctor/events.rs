//! The record of decisions.

use ostiary_events::{EventStore, StoreError, sentence};

use super::Door;
use super::finding::{Finding, Status};

pub fn check(door: &Door) -> Vec<Finding> {
    let path = &door.config().events.path;
    // Whether one can be made there is told with the permissions of its folder.
    if super::folder::folder_of(path).is_dir() && path.try_exists().is_ok_and(|exists| !exists) {
        return vec![Finding::ok(format!("{}: none yet, the daemon begins one", path.display()))];
    }
    vec![match newest(path) {
        Ok(newest) => Finding::ok(format!("{}: {newest}", path.display())),
        Err(error) => Finding::of_error(Status::Fault, &error, "move it away, and check the disk"),
    }]
}

fn newest(path: &std::path::Path) -> Result<String, StoreError> {
    let store = EventStore::open_read_only(path)?;
    if store.last_id() == 0 {
        return Ok("no event yet".to_owned());
    }
    Ok(match store.newest()? {
        Some(event) => {
            format!("{} events ever, the last at {}: {}", store.last_id(), event.time, sentence(&event))
        }
        None => format!("{} events ever, the last cannot be read", store.last_id()),
    })
}
