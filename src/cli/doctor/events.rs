//! Checks the event store.

use ostiary_events::{EventStore, StoreError, sentence};

use super::CheckContext;
use super::finding::{Finding, Status};

pub fn check(context: &CheckContext) -> Vec<Finding> {
    let path = &context.config().events.path;
    // The check of permissions reports if it cannot be created.
    if super::folder::folder_of(path).is_dir() && path.try_exists().is_ok_and(|exists| !exists) {
        return vec![Finding::ok(format!("{}: does not exist yet; the daemon creates it", path.display()))];
    }
    vec![match newest(path) {
        Ok(newest) => Finding::ok(format!("{}: {newest}", path.display())),
        Err(error) => Finding::from_error(Status::Fault, &error, "move it away, and check the disk"),
    }]
}

/// The number of events, and the newest one as a sentence.
fn newest(path: &std::path::Path) -> Result<String, StoreError> {
    let store = EventStore::open_read_only(path)?;
    store.check_file()?;
    if store.last_id() == 0 {
        return Ok("no event yet".to_owned());
    }
    Ok(match store.newest()? {
        Some(event) => {
            format!("{} events in total, the last at {}: {}", store.last_id(), event.time, sentence(&event))
        }
        None => format!("{} events in total, the last cannot be read", store.last_id()),
    })
}
