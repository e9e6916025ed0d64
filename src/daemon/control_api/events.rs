//! The record of events, as the control API reads it.

use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use ostiary_access::Reason;
use ostiary_control::Session;
use ostiary_control::interface::{self, Call_FollowEvents, Call_ListEvents};
use ostiary_events::{Event, EventFilter, EventName, EventStore, StoreError};
use serde_json::Value;

use super::ControlApi;

/// The most events in one reply.
const MAX_EVENTS: u32 = 1000;
/// The events of one of several replies.
const PAGE: usize = 200;
/// The pause between two looks at the store.
const PAUSE: Duration = Duration::from_millis(500);

impl ControlApi {
    /// The newest events that fit, oldest first.
    pub(super) fn newest_events(&self, filter: interface::EventFilter, limit: i64) -> Result<Vec<Value>> {
        let limit = u32::try_from(limit).ok().filter(|limit| (1..=MAX_EVENTS).contains(limit));
        let limit = limit.with_context(|| format!("limit must be 1 to {MAX_EVENTS}"))?;
        let filter = parse(filter)?;
        let _call = self.heavy_calls.begin();
        let mut events = Vec::new();
        self.open_store()?.find(&filter, Some(limit), |event| {
            events.push(json(&event)?);
            anyhow::Ok(())
        })?;
        Ok(events)
    }

    /// Sends all events that fit, oldest first. The last reply has those that are left, if any.
    pub(super) fn all_events(
        &self,
        filter: interface::EventFilter,
        session: &Session,
        call: &mut dyn Call_ListEvents,
    ) -> Result<varlink::Result<()>> {
        let mut filter = parse(filter)?;
        let store = self.open_store()?;
        call.set_continues(true);
        loop {
            let mut page = {
                let _call = self.heavy_calls.begin();
                Page::read(&store, &filter)?
            };
            let is_last = !page.is_full();
            if !is_last && !session.is_open() {
                // Nobody waits for the rest, and a part is not taken for all.
                return Ok(Ok(()));
            }
            filter.after = page.newest;
            call.set_continues(!is_last);
            let sent = call.reply(std::mem::take(&mut page.events));
            if is_last || sent.is_err() {
                return Ok(sent);
            }
        }
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
        let mut store = self.open_store()?;
        if !is_after {
            filter.after = store.last_id();
        }
        call.set_continues(true);
        while session.is_open() {
            match store.refresh() {
                // The door makes a new record with its next event.
                Err(StoreError::Missing { .. }) => {
                    thread::sleep(PAUSE);
                    continue;
                }
                refreshed => refreshed?,
            }
            // Events that do not fit are not searched again; those that are recorded during the search may be sent.
            let newest = store.newest()?.map_or(0, |event| event.id);
            if newest <= filter.after {
                thread::sleep(PAUSE);
                continue;
            }
            let page = Page::read(&store, &filter)?;
            filter.after = if page.is_full() { page.newest } else { page.newest.max(newest) };
            for event in page.events {
                if let Err(error) = call.reply(event) {
                    return Ok(Err(error));
                }
            }
        }
        Ok(Ok(()))
    }

    fn open_store(&self) -> Result<EventStore, StoreError> {
        EventStore::open_read_only(&self.config().events.path)
    }
}

/// Some of the events that fit, oldest first.
struct Page {
    events: Vec<Value>,
    /// The id of the newest one, or that after which the search began.
    newest: u64,
}

/// Why a search ended before the last event.
enum SearchEnd {
    Failed(anyhow::Error),
    PageFull,
}

impl From<StoreError> for SearchEnd {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl Page {
    fn read(store: &EventStore, filter: &EventFilter) -> Result<Self> {
        let mut page = Self { events: Vec::new(), newest: filter.after };
        let found = store.find(filter, None, |event| {
            page.newest = event.id;
            page.events.push(json(&event).map_err(SearchEnd::Failed)?);
            if page.is_full() { Err(SearchEnd::PageFull) } else { Ok(()) }
        });
        match found {
            Ok(()) | Err(SearchEnd::PageFull) => Ok(page),
            Err(SearchEnd::Failed(error)) => Err(error),
        }
    }

    /// Whether there may be more events.
    fn is_full(&self) -> bool {
        self.events.len() >= PAGE
    }
}

/// The JSON of an event, as commands print it.
fn json(event: &Event) -> Result<Value> {
    // By text, so that a number has as many digits as the commands print.
    Ok(serde_json::from_str(&serde_json::to_string(event)?)?)
}

/// The time that a caller gives.
pub(super) fn time(name: &str, text: Option<String>) -> Result<Option<Timestamp>> {
    let parse = |text: String| text.parse().with_context(|| format!("{name}: {text:?} is no time"));
    text.map(parse).transpose()
}

/// The filter that a caller gives.
fn parse(filter: interface::EventFilter) -> Result<EventFilter> {
    let reason =
        |text: String| -> Result<Reason> { serde_json::from_value(Value::String(text)).context("reason") };
    let kind =
        |text: String| -> Result<EventName> { serde_json::from_value(Value::String(text)).context("kinds") };
    Ok(EventFilter {
        since: time("since", filter.since)?,
        until: time("until", filter.until)?,
        after: filter.after.map_or(Ok(0), u64::try_from).context("after must not be negative")?,
        person: filter.person,
        reason: filter.reason.map(reason).transpose()?,
        before: filter.before.map(u64::try_from).transpose().context("before must not be negative")?,
        kinds: filter.kinds.unwrap_or_default().into_iter().map(kind).collect::<Result<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use ostiary_core::Similarity;
    use ostiary_events::{EventKind, Evidence, Grant};
    use ostiary_testkit::evidence;

    use super::*;

    #[test]
    fn numbers_keep_all_digits_on_their_way_to_a_client() {
        for n in 1..1000u16 {
            let fraction = f32::from(n) / 1013.0;
            let latency = Duration::from_secs_f32(fraction);
            let evidence = Evidence { latency, cosine: Some(Similarity(fraction)), ..evidence() };
            let kind = EventKind::Granted(Grant::Face { person: None, evidence });
            let event = Event::new(kind, Timestamp::UNIX_EPOCH, "front");
            let stored = serde_json::to_string(&event).unwrap();
            // As a reply and a client have it.
            let received: Value = serde_json::from_str(&json(&event).unwrap().to_string()).unwrap();
            assert_eq!(received, serde_json::from_str::<Value>(&stored).unwrap());
            assert_eq!(received["latency_ms"].to_string(), latency_of(&stored));
            assert_eq!(serde_json::from_value::<Event>(received).unwrap(), event);
        }
    }

    /// The digits of a field, as the record has them.
    fn latency_of(json: &str) -> &str {
        json.split_once("\"latency_ms\":").unwrap().1.split_once(',').unwrap().0
    }
}
