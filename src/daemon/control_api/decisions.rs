//! What the record of decisions shows, as the control API computes it: a report, an explanation, a replay.

use std::ops::ControlFlow;
use std::sync::PoisonError;

use anyhow::{Context, Result, bail, ensure};
use ostiary_config as config;
use ostiary_control::Session;
use ostiary_control::interface::Call_Replay;
use ostiary_events::{Event, EventFilter, EventStore};
use serde::Serialize;
use serde_json::Value;

use super::ControlApi;
use super::events::time;
use super::heavy_calls::HeavyCall;
use crate::explain::ExplainedDecision;
use crate::replay::{ChangeError, Changes, RecordReplay, is_changeable, is_place, key_of};
use crate::report::Measurement;

/// The decisions that are processed at a time.
const PAGE: usize = 200;
/// The most keys that a replay changes.
const MAX_CHANGES: usize = 64;

impl ControlApi {
    /// What the door measured on itself.
    pub(super) fn report(&self, since: Option<String>, session: &Session) -> Result<Value> {
        let since = time("since", since)?;
        let mut measurement = Measurement::new(&self.config());
        let filter = EventFilter { since, ..EventFilter::default() };
        self.decisions(filter, session, |events, _call| {
            events.iter().for_each(|event| measurement.add(event));
            Ok(())
        })?;
        json(&measurement.finish())
    }

    /// Explains a decision, by default the newest one.
    pub(super) fn explain_decision(&self, id: Option<i64>) -> Result<Value> {
        let id = id.map(u64::try_from).transpose().context("id must not be negative")?;
        let _call = self.heavy_calls.begin();
        ExplainedDecision::find(&self.config(), id)?.json()
    }

    /// Decides the record again with changed keys, and sends the differences.
    pub(super) fn replay(
        &self,
        [since, until]: [Option<String>; 2],
        changes: &[String],
        session: &Session,
        call: &mut dyn Call_Replay,
    ) -> Result<varlink::Result<()>> {
        let (since, until) = (time("since", since)?, time("until", until)?);
        let changes = self.changes(changes)?;
        let mut replay = {
            let _call = self.heavy_calls.begin();
            RecordReplay::new(&self.config(), changes, since)?
        };
        call.set_continues(true);
        let filter = EventFilter { until, ..EventFilter::default() };
        self.decisions(filter, session, |events, heavy_call| {
            let differences = events.iter().filter_map(|event| replay.next(event));
            let differences = differences.map(|difference| json(&difference)).collect::<Result<Vec<_>>>()?;
            // Nobody waits for a client that does not read.
            drop(heavy_call);
            if !differences.is_empty() {
                call.reply(differences, None).context("the client has gone")?;
            }
            Ok(())
        })?;
        let summary = json(&replay.finish())?;
        call.set_continues(false);
        Ok(call.reply(Vec::new(), Some(summary)))
    }

    /// The changes of a replay. Only keys that act on recorded values can be changed, so that no call makes the door read other files.
    fn changes(&self, changes: &[String]) -> Result<Changes> {
        ensure!(changes.len() <= MAX_CHANGES, "a replay changes at most {MAX_CHANGES} keys");
        let keys = || changes.iter().map(|change| key_of(change));
        if let Some(key) = keys().find(|key| !is_changeable(key)) {
            ensure!(
                !is_place(key),
                "{key} cannot be changed in a replay by the running door, which uses its own record, people and models"
            );
            return Err(ChangeError::NotRecorded { key: key.to_owned() }.into());
        }
        let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if settings.is_empty() && !changes.is_empty() {
            bail!("this door runs without a configuration file: no key can be changed");
        }
        let changed = config::with_changes(&settings, changes)?;
        Ok(Changes::new(keys(), &changed)?)
    }

    /// Gives the decisions that fit, oldest first and some at a time, as heavy calls take turns: each turn ends with what is given.
    fn decisions(
        &self,
        mut filter: EventFilter,
        session: &Session,
        mut each: impl FnMut(&[Event], HeavyCall<'_>) -> Result<()>,
    ) -> Result<()> {
        let store = EventStore::open_read_only(&self.config().events.path)?;
        loop {
            let heavy_call = self.heavy_calls.begin();
            let mut page = Vec::new();
            store.decisions(&filter, |event| {
                page.push(event);
                if page.len() < PAGE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
            each(&page, heavy_call)?;
            match page.last() {
                Some(last) if page.len() == PAGE => filter.after = last.id,
                _ => return Ok(()),
            }
            ensure!(
                session.is_open(),
                "the call ends: the client has gone, its token was revoked, or the door ends"
            );
        }
    }
}

/// A value as commands print it.
fn json(value: &impl Serialize) -> Result<Value> {
    // By text, so that a number has as many digits as the commands print.
    Ok(serde_json::from_str(&serde_json::to_string(value)?)?)
}
