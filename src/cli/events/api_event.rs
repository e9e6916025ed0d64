//! Events and filters as the control API has them.

use anyhow::Context;
use ostiary_control::interface;
use ostiary_events::{Event, EventFilter};
use serde_json::Value;

/// The filter as the control API takes it.
pub(super) fn to_api(filter: &EventFilter) -> interface::EventFilter {
    interface::EventFilter {
        since: filter.since.map(|time| time.to_string()),
        until: filter.until.map(|time| time.to_string()),
        after: Some(i64::try_from(filter.after).unwrap_or(i64::MAX)),
        person: filter.person.clone(),
        reason: filter.reason.map(|reason| reason.to_string()),
        before: filter.before.map(|before| i64::try_from(before).unwrap_or(i64::MAX)),
        kinds: (!filter.kinds.is_empty()).then(|| filter.kinds.iter().map(ToString::to_string).collect()),
    }
}

/// An event as the control API gives it.
pub fn from_api(event: Value) -> anyhow::Result<Event> {
    serde_json::from_value(event)
        .context("the running door describes events in another way than this program")
}
