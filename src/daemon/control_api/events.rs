//! The record of events, as the control API reads it.

use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use ostiary_access::Reason;
use ostiary_control::Session;
use ostiary_control::interface::{self, Call_FollowEvents};
use ostiary_events::{Event, EventFilter, EventStore};
use serde_json::Value;

use super::ControlApi;

/// The most events in one reply.
const MAX_EVENTS: u32 = 1000;
/// The number of events if the caller gives none.
const DEFAULT_EVENTS: u32 = 100;
/// The pause between two looks at the store.
const PAUSE: Duration = Duration::from_millis(500);

impl ControlApi {
    /// The newest events that fit, oldest first.
    pub(super) fn list_events(
        &self,
        filter: interface::EventFilter,
        limit: Option<i64>,
    ) -> Result<Vec<Value>> {
        let filter = parse(filter)?;
        let limit = limit.map_or(Ok(DEFAULT_EVENTS), u32::try_from).unwrap_or(0);
        ensure!((1..=MAX_EVENTS).contains(&limit), "limit must be 1 to {MAX_EVENTS}");
        let _call = self.heavy_calls.begin();
        let store = EventStore::open_read_only(&self.config().events.path)?;
        let mut events = Vec::new();
        store.find(&filter, Some(limit), |event| {
            events.push(json(&event)?);
            anyhow::Ok(())
        })?;
        Ok(events)
    }

    /// Sends events that fit as they are recorded, until the client or the server ends.
    pub(super) fn follow_events(
        &self,
        filter: interface::EventFilter,
        session: &Session,
        call: &mut dyn Call_FollowEvents,
    ) -> Result<varlink::Result<()>> {
        let is_after = filter.after.is_some();
        let mut filter = parse(filter)?;
        let mut store = EventStore::open_read_only(&self.config().events.path)?;
        if !is_after {
            filter.after = store.last_id();
        }
        call.set_continues(true);
        while session.is_open() {
            store.refresh()?;
            // Events that do not fit are not searched again; those that are recorded during the search may be sent.
            let mut newest = store.newest()?.map_or(0, |event| event.id).max(filter.after);
            let mut sent = Ok(());
            let mut found = Vec::new();
            if newest > filter.after {
                store.find(&filter, None, |event| {
                    newest = newest.max(event.id);
                    found.push(json(&event)?);
                    anyhow::Ok(())
                })?;
            }
            for event in found {
                sent = sent.and_then(|()| call.reply(event));
            }
            if sent.is_err() {
                return Ok(sent);
            }
            filter.after = newest;
            thread::sleep(PAUSE);
        }
        Ok(Ok(()))
    }
}

/// The JSON of an event, as commands print it.
fn json(event: &Event) -> Result<Value> {
    // By text, so that a number has as many digits as the commands print.
    Ok(serde_json::from_str(&serde_json::to_string(event)?)?)
}

/// The filter that a caller gives.
fn parse(filter: interface::EventFilter) -> Result<EventFilter> {
    let time = |name: &str, text: Option<String>| -> Result<Option<Timestamp>> {
        let parse = |text: String| text.parse().with_context(|| format!("{name}: {text:?} is no time"));
        text.map(parse).transpose()
    };
    let reason =
        |text: String| -> Result<Reason> { serde_json::from_value(Value::String(text)).context("reason") };
    Ok(EventFilter {
        since: time("since", filter.since)?,
        until: time("until", filter.until)?,
        after: filter.after.map_or(Ok(0), u64::try_from).context("after must not be negative")?,
        person: filter.person,
        reason: filter.reason.map(reason).transpose()?,
    })
}
