//! The pictures of strangers, as the control API gives and deletes them.

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ostiary_control::interface;
use ostiary_events::{Action, Administration, EventKind, User};

use super::ControlApi;
use crate::snapshot_store::{Snapshot, SnapshotStore};

/// The id of an event, as a call names it.
pub(super) fn event_id(number: i64) -> Result<u64> {
    u64::try_from(number).ok().with_context(|| format!("no event has the id {number}"))
}

impl ControlApi {
    /// For how many days pictures are kept, and those that there are.
    pub(super) fn list_snapshots(&self) -> Result<(i64, Vec<interface::Snapshot>)> {
        let shown = |Snapshot { event, time }: Snapshot| interface::Snapshot {
            event: i64::try_from(event).unwrap_or(i64::MAX),
            time: time.to_string(),
        };
        let snapshots = self.snapshots().list()?.into_iter().map(shown).collect();
        Ok((self.shared.snapshot_days().into(), snapshots))
    }

    /// The time of an event, and the picture of the stranger that it is about.
    pub(super) fn snapshot(&self, event: i64) -> Result<(String, String)> {
        let (snapshot, jpeg) = self.snapshots().read(event_id(event)?)?;
        Ok((snapshot.time.to_string(), BASE64_STANDARD.encode(jpeg)))
    }

    /// Deletes the picture of a stranger, and records it.
    pub(super) fn delete_snapshot(&self, event: i64, user: User) -> Result<()> {
        let event = event_id(event)?;
        self.snapshots().delete(event)?;
        let detail = Some(SnapshotStore::deleted(event));
        let change = Administration { action: Action::SnapshotDeleted, person: None, detail, user };
        self.shared.emit(EventKind::Administered(change));
        Ok(())
    }

    /// The pictures of this door.
    pub(super) fn snapshots(&self) -> SnapshotStore {
        SnapshotStore::beside(&self.config().events.path)
    }
}
