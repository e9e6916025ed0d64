//! Stores the pictures of strangers, when the event of the visit has its id, and deletes those that are not kept any longer. A part
//! of the store thread: the vision thread and the door thread never wait for it.

mod retention;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use ostiary_core::{Frame, TrackId};
use ostiary_events::{Event, EventKind, Grant, StoreError};

use self::retention::expired;
use super::jpeg::jpeg;
use super::snapshot_slots::SnapshotSlots;
use crate::snapshot_store::{Snapshot, SnapshotError, SnapshotStore};

/// JPEG quality, 0 to 100: enough that the face is recognized in the picture as in the frame.
const JPEG_QUALITY: u8 = 90;
/// The most pictures that are kept, about 15 MB.
pub const MAX_SNAPSHOTS: usize = 500;
/// A grant within this time after a visit shows that an enrolled person was not recognized at first: no picture is kept. It is the time
/// for which a person who was let in must be out of view to begin another visit.
const GRANT_WAIT: Duration = Duration::from_secs(3);
/// How long a picture waits for the event of its visit, which repeated refusals in a minute share.
const EVENT_WAIT: Duration = Duration::from_secs(120);
/// The most pictures that wait, and the most events of strangers whose picture may still come.
const MAX_WAITING: usize = 16;
/// The interval at which pictures are looked for that are not kept any longer.
const SWEEP_INTERVAL: Duration = Duration::from_secs(600);

/// Where the pictures of strangers are kept, and which of them.
pub struct SnapshotKeeper {
    store: SnapshotStore,
    /// The days for which pictures were kept at the last call; `None` before the first one.
    days: Option<u32>,
    /// The buffer that is exchanged for a picture.
    picture: Frame,
    waiting: VecDeque<Waiting>,
    /// The newest events of strangers, with the track of the face.
    strangers: VecDeque<(TrackId, Snapshot)>,
    /// When this process saw each stored picture first, by the event.
    seen: HashMap<u64, Duration>,
    /// When pictures are looked for that are not kept any longer.
    next_sweep: Duration,
    /// The pictures that are to be deleted: one at a time, because each takes the disk a moment, and the thread must not hang.
    doomed: VecDeque<Snapshot>,
    /// Whether the last attempt to write or delete failed.
    is_failing: bool,
}

/// A picture that waits until its visit is over and has an event.
struct Waiting {
    track: TrackId,
    jpeg: Vec<u8>,
    since: Duration,
}

/// What the keeper asks the event store.
pub type FindEvent<'a> = dyn Fn(u64) -> Result<Option<Event>, StoreError> + 'a;

impl SnapshotKeeper {
    /// Keeps pictures in this folder.
    pub fn new(store: SnapshotStore) -> Self {
        Self {
            store,
            days: None,
            picture: Frame::default(),
            waiting: VecDeque::new(),
            strangers: VecDeque::new(),
            seen: HashMap::new(),
            next_sweep: Duration::ZERO,
            doomed: VecDeque::new(),
            is_failing: false,
        }
    }

    /// Takes note of an event that was stored at the monotonic time `now`.
    pub fn recorded(&mut self, event: &Event, now: Duration) {
        if let Some((snapshot, track)) = Snapshot::of(event) {
            push(&mut self.strangers, (track, snapshot));
        } else if matches!(event.kind, EventKind::Granted(Grant::Face { .. })) {
            self.waiting.retain(|picture| now.saturating_sub(picture.since) > GRANT_WAIT);
        }
    }

    /// Takes the pictures that the vision thread has left, stores those whose visit is over, and deletes what is not kept for `days`
    /// any longer. `clock` is the time, if the clock can be right. At the end, pictures do not wait for a grant.
    pub fn tick(
        &mut self,
        slots: &SnapshotSlots,
        days: u32,
        (now, clock): (Duration, impl Fn() -> Option<Timestamp>),
        find: &FindEvent<'_>,
        is_end: bool,
    ) {
        if self.days.replace(days) != Some(days) {
            self.next_sweep = now;
        }
        while let Some(track) = slots.take(&mut self.picture) {
            match jpeg(&self.picture, JPEG_QUALITY) {
                Ok(jpeg) if days > 0 => push(&mut self.waiting, Waiting { track, jpeg, since: now }),
                Ok(_) => {}
                Err(error) => log::warn!("the picture of a stranger cannot be compressed: {error}"),
            }
        }
        let dropped = slots.take_dropped();
        if dropped > 0 {
            log::warn!("{dropped} pictures of strangers were lost: the disk is too slow");
        }
        if days == 0 {
            self.waiting.clear();
        }
        while self.store_next(now, is_end) && is_end {}
        if now >= self.next_sweep {
            self.next_sweep = now + SWEEP_INTERVAL;
            let swept = self.sweep(days, (now, clock()), find);
            self.report(swept);
        }
        if let Some(snapshot) = self.doomed.pop_front() {
            let deleted = self.delete(&snapshot);
            self.report(deleted);
            if days == 0 && self.doomed.is_empty() {
                let deleted = self.store.delete_all();
                self.report(deleted);
            }
        }
    }

    /// Stores a picture whose visit is over and has an event. Returns whether there was one.
    fn store_next(&mut self, now: Duration, is_end: bool) -> bool {
        // The picture of a repeated refusal that is not the one that the event tells of.
        let is_known = |picture: &Waiting| self.strangers.iter().any(|(track, _)| *track == picture.track);
        let age = |picture: &Waiting| now.saturating_sub(picture.since);
        self.waiting.retain(|picture| is_known(picture) || age(picture) <= EVENT_WAIT);
        let is_ready = |picture: &Waiting| is_known(picture) && (is_end || age(picture) > GRANT_WAIT);
        let index = self.waiting.iter().position(is_ready);
        let Some(Waiting { track, jpeg, .. }) = index.and_then(|index| self.waiting.remove(index)) else {
            return false;
        };
        let event = self.strangers.iter().rev().find(|(stranger, _)| *stranger == track);
        if let Some((_, snapshot)) = event.copied() {
            let written = self.store.write(&snapshot, &jpeg).and_then(|()| self.limit_number());
            self.report(written);
            self.seen.insert(snapshot.event, now);
        }
        true
    }

    /// Finds the oldest pictures, if there are too many.
    fn limit_number(&mut self) -> Result<(), SnapshotError> {
        let snapshots = self.store.list()?;
        let excess = snapshots.len().saturating_sub(MAX_SNAPSHOTS);
        self.doomed.extend(snapshots.iter().take(excess));
        Ok(())
    }

    /// Finds the pictures that are too old or too many, and those whose event is not in the record any longer.
    fn sweep(
        &mut self,
        days: u32,
        (now, clock): (Duration, Option<Timestamp>),
        find: &FindEvent<'_>,
    ) -> Result<(), SnapshotError> {
        let snapshots = self.store.list()?;
        if days == 0 {
            if snapshots.is_empty() {
                return self.store.delete_all();
            }
            log::info!(
                "snapshots.days is 0: the pictures of strangers are deleted, {} of them",
                snapshots.len()
            );
            self.doomed = snapshots.into();
            return Ok(());
        }
        self.store.delete_remains()?;
        self.seen.retain(|event, _| snapshots.iter().any(|snapshot| snapshot.event == *event));
        let ages: Vec<_> = snapshots
            .iter()
            .map(|snapshot| now.saturating_sub(*self.seen.entry(snapshot.event).or_insert(now)))
            .collect();
        self.doomed = expired(&snapshots, &ages, clock, days).into();
        self.doomed.extend(self.store.orphans(find)?);
        self.limit_number()
    }

    fn delete(&self, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        match self.store.delete(snapshot.event) {
            // By a command.
            Err(SnapshotError::Missing { .. }) => Ok(()),
            deleted => deleted.map(drop),
        }
    }

    /// Logs the first of several failures: a full disk must not fill the log.
    fn report(&mut self, result: Result<(), SnapshotError>) {
        match result {
            Ok(()) => self.is_failing = false,
            Err(error) if !std::mem::replace(&mut self.is_failing, true) => {
                log::error!("pictures of strangers: {error}");
            }
            Err(_) => {}
        }
    }
}

/// Adds an item; of too many, the oldest goes.
fn push<T>(items: &mut VecDeque<T>, item: T) {
    if items.len() >= MAX_WAITING {
        items.pop_front();
    }
    items.push_back(item);
}

#[cfg(test)]
mod tests;
