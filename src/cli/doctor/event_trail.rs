//! Checks the trail of the event store.

use ostiary_events::trail::SigningKey;
use ostiary_events::{EventStore, StoreError, key_path};

use super::CheckContext;
use super::finding::{Finding, Status};

const FIX: &str =
    "run `ostiary events verify`, and compare with the heads that the broker and the journal have kept";

pub fn check(context: &CheckContext) -> Vec<Finding> {
    let path = &context.config().events.path;
    let store = match EventStore::open_read_only(path) {
        Ok(store) => store,
        Err(_) => return vec![Finding::ok("no record yet, or see the line `events`")],
    };
    let key = SigningKey::load(&key_path(path));
    let mut findings = Vec::new();
    if let Err(error) = &key
        && store.last_id() > 0
    {
        let fix = "restore the file, or remove it: the daemon then makes a new key";
        findings.push(Finding::from_error(Status::Warning, error, fix));
    }
    match store.verify_trail(key.as_ref().ok().map(SigningKey::public), None) {
        Ok(report) => findings.push(match report.fault {
            None => Finding::ok(format!("{} events fit the trail of {}", report.events, report.leaves)),
            Some(fault) => Finding::fault(fault.to_string(), FIX),
        }),
        Err(StoreError::NoTrail { .. }) => {
            findings.push(Finding::ok("the record is of an earlier version; the daemon adds the trail"));
        }
        Err(error) => findings.push(Finding::from_error(Status::Fault, &error, FIX)),
    }
    findings
}
