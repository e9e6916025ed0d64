//! The trail of a store: signed heads, a quick check when the store is opened, and the full check.

use std::path::{Path, PathBuf};

use ostiary_core::durable;
use rusqlite::{Connection, TransactionBehavior};

use super::erase::is_erased;
use super::error::sql_error;
use super::file::{FileKind, kind};
use super::schema::SCHEMA_VERSION;
use super::trail_rows::{self, HEAD, HEAD_RANGE, Leaf};
use super::{EventStore, StoreError};
use crate::trail::{CompactRange, HeadError, PublicKey, SignedHead, SigningKey, commitment};

/// What does not fit in the trail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrailFault {
    /// An event differs from its leaf.
    #[error("event {id} was changed after it was recorded")]
    Changed {
        /// The event.
        id: u64,
    },
    /// An event was removed, and older events that are kept no longer are present.
    #[error("event {id} was removed, while older events of its kind are present")]
    Removed {
        /// The event.
        id: u64,
    },
    /// An event has no leaf.
    #[error("event {id} was added without its leaf")]
    Added {
        /// The event.
        id: u64,
    },
    /// The leaves are not those of a signed head.
    #[error(
        "the leaves of the first {size} events are not those of the signed head: events were removed, or leaves were changed"
    )]
    Leaves {
        /// The number of leaves of the head.
        size: u64,
    },
    /// The head has more events than the trail.
    #[error(
        "the signed head has {head} events and the trail only {trail}: the end of the record was removed, or the store was replaced"
    )]
    Shorter {
        /// The number of leaves of the head.
        head: u64,
        /// The number of leaves of the trail.
        trail: u64,
    },
    /// The stored tree is not that of the leaves.
    #[error("the stored tree is not that of the leaves")]
    Tree,
    /// There are leaves, and no head was ever signed, or it was removed.
    #[error(
        "the trail has no signed head: it was removed, or the key could not be used when the record began"
    )]
    NoHead,
    /// The stored head is not signed by the key of the trail.
    #[error("the last stored head: {0}")]
    Head(#[from] HeadError),
}

/// The result of the full check of a trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailReport {
    /// The number of leaves: of all events since the trail began.
    pub leaves: u64,
    /// The number of events that are kept, and fit their leaves unless there is a fault.
    pub events: u64,
    /// The number of events that a command has erased.
    pub erased: u64,
    /// The last head that the store signed, if it was checked.
    pub signed: Option<u64>,
    /// The first thing that does not fit.
    pub fault: Option<TrailFault>,
}

/// The file with the key of the trail: beside the store.
pub fn key_path(store: &Path) -> PathBuf {
    durable::with_suffix(store, ".key")
}

impl EventStore {
    /// Signs the present tree and stores the head, if there is an event since the last head. `None` if there is none, the key
    /// cannot be used, or the trail has a fault that no event tells of yet: a new head would hide it.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn sign_head(&mut self) -> Result<Option<SignedHead>, StoreError> {
        let Some(key) = self.key.as_ref().filter(|_| self.trail_fault.is_none()) else { return Ok(None) };
        let path = self.path.clone();
        let mut sign = || {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let range = trail_rows::range(&transaction)?;
            let bytes = range.to_bytes();
            if range.size() == 0 || trail_rows::value(&transaction, HEAD_RANGE)?.as_ref() == Some(&bytes) {
                return Ok(None);
            }
            let head = store_head(&transaction, &range, key)?;
            transaction.commit()?;
            Ok(Some(head))
        };
        sign().map_err(|why| sql_error(&path, why))
    }

    /// What the quick check found when the store was opened, until an [`EventKind::TrailBroken`](crate::EventKind::TrailBroken)
    /// is stored: that one continues a tree of the leaves that are there. Until then each start finds the fault again.
    pub fn trail_fault(&self) -> Option<&TrailFault> {
        self.trail_fault.as_ref()
    }

    /// Computes the whole tree from leaves and events again. Compares it with the last stored head, whose signature is checked
    /// if there is a `key`, and with `outside`, a head that was kept elsewhere.
    ///
    /// # Errors
    /// If the file cannot be read, or is of a version without a trail.
    pub fn verify_trail(
        &self,
        key: Option<&PublicKey>,
        outside: Option<&SignedHead>,
    ) -> Result<TrailReport, StoreError> {
        let sql = |why| sql_error(&self.path, why);
        if kind(&self.path, &self.connection)? != FileKind::Store(SCHEMA_VERSION) {
            return Err(StoreError::NoTrail { path: self.path.clone() });
        }
        // Events that are recorded during the check are not part of it.
        let transaction = self.connection.unchecked_transaction().map_err(sql)?;
        let mut report = TrailReport { leaves: 0, events: 0, erased: 0, signed: None, fault: None };
        let mut heads: Vec<(u64, [u8; 32])> =
            outside.map(|head| (head.size(), *head.root())).into_iter().collect();
        if let Some(key) = key {
            match last_head(&transaction, Some(key)).map_err(sql)? {
                Ok(head) => {
                    report.signed = head.as_ref().map(CompactRange::size);
                    heads.extend(head.map(|head| (head.size(), head.root())));
                }
                Err(fault) => report.fault = Some(fault),
            }
        }
        let walked = walk(&transaction, &heads, &mut report).map_err(sql)?;
        // A row says more than the head.
        report.fault = walked.or(report.fault);
        Ok(report)
    }
}

/// Walks over all leaves and events. Returns the first thing that does not fit.
fn walk(
    connection: &Connection,
    heads: &[(u64, [u8; 32])],
    report: &mut TrailReport,
) -> Result<Option<TrailFault>, rusqlite::Error> {
    let mut statement = connection.prepare(
        "SELECT leaves.id, leaves.category, leaves.commitment, events.json, events.salt, events.visit, events.category
         FROM leaves LEFT JOIN events ON events.id = leaves.id ORDER BY leaves.id",
    )?;
    let mut rows = statement.query([])?;
    let mut range = CompactRange::default();
    let mut fault = None;
    // Per category, whether an older event is present: the oldest are removed first.
    let mut is_kept = [false; 2];
    let check_heads = |range: &CompactRange, fault: &mut Option<TrailFault>| {
        let differs = heads.iter().any(|(size, root)| *size == range.size() && *root != range.root());
        if differs && fault.is_none() {
            *fault = Some(TrailFault::Leaves { size: range.size() });
        }
    };
    check_heads(&range, &mut fault);
    while let Some(row) = rows.next()? {
        let leaf = Leaf::from_row(row)?;
        range.push(leaf.hash());
        let kept = is_kept.get_mut(usize::from(leaf.category));
        let found = match (row.get::<_, Option<String>>(3)?, kept) {
            (_, None) => Some(TrailFault::Changed { id: leaf.id }),
            (Some(json), Some(kept)) => {
                *kept = true;
                let (salt, visit): (Option<Vec<u8>>, Option<String>) = (row.get(4)?, row.get(5)?);
                let is_erased = is_erased(leaf.id, &json, salt.as_deref(), visit.as_deref());
                report.erased += u64::from(is_erased);
                report.events += u64::from(!is_erased);
                let category: i64 = row.get(6)?;
                let is_same = is_erased
                    || commitment(&salt.unwrap_or_default(), &json, visit.as_deref()) == leaf.commitment;
                let is_same = is_same && category == i64::from(leaf.category);
                (!is_same).then_some(TrailFault::Changed { id: leaf.id })
            }
            (None, Some(kept)) => kept.then_some(TrailFault::Removed { id: leaf.id }),
        };
        fault = fault.or(found);
        check_heads(&range, &mut fault);
    }
    report.leaves = range.size();
    let added = "SELECT min(id) FROM events WHERE id NOT IN (SELECT id FROM leaves)";
    let added: Option<i64> = connection.query_row(added, [], |row| row.get(0))?;
    let added = added.map(|id| TrailFault::Added { id: u64::try_from(id).unwrap_or(0) });
    let longest = heads.iter().map(|(size, _)| *size).max().filter(|size| *size > range.size());
    let shorter = longest.map(|head| TrailFault::Shorter { head, trail: range.size() });
    let tree = (trail_rows::stored_range(connection)?.as_ref() != Some(&range)).then_some(TrailFault::Tree);
    Ok(fault.or(added).or(shorter).or(tree))
}

/// Signs the first head of a new trail, so that a missing head shows. A trail that was begun for a store of version 1 has leaves.
pub(super) fn begin(
    connection: &mut Connection,
    key: &SigningKey,
    is_migrated: bool,
) -> Result<(), rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if trail_rows::value(&transaction, HEAD)?.is_some() || (has_leaves(&transaction)? && !is_migrated) {
        return Ok(());
    }
    store_head(&transaction, &trail_rows::range(&transaction)?, key)?;
    transaction.commit()
}

/// Signs a tree and stores the head.
fn store_head(
    connection: &Connection,
    range: &CompactRange,
    key: &SigningKey,
) -> Result<SignedHead, rusqlite::Error> {
    let head = SignedHead::sign(range, key);
    trail_rows::set_value(connection, HEAD, head.note().as_bytes())?;
    trail_rows::set_value(connection, HEAD_RANGE, &range.to_bytes())?;
    Ok(head)
}

fn has_leaves(connection: &Connection) -> Result<bool, rusqlite::Error> {
    connection.query_row("SELECT EXISTS (SELECT 1 FROM leaves)", [], |row| row.get(0))
}

/// The tree of all leaves as they are, for a record that does not fit its trail: it goes on from there, and the next head
/// signs it, here if there is a key. For the transaction of the caller.
pub(super) fn rebuild(
    connection: &Connection,
    key: Option<&SigningKey>,
) -> Result<CompactRange, rusqlite::Error> {
    let mut range = CompactRange::default();
    push_leaves(connection, &mut range, 0)?;
    connection.execute("DELETE FROM trail", [])?;
    if let Some(key) = key {
        store_head(connection, &range, key)?;
    }
    Ok(range)
}

/// Adds the leaves after the first `skipped` ones.
fn push_leaves(
    connection: &Connection,
    range: &mut CompactRange,
    skipped: u64,
) -> Result<(), rusqlite::Error> {
    let skipped = i64::try_from(skipped).unwrap_or(i64::MAX);
    let mut statement =
        connection.prepare("SELECT id, category, commitment FROM leaves ORDER BY id LIMIT -1 OFFSET ?1")?;
    let mut rows = statement.query([skipped])?;
    while let Some(row) = rows.next()? {
        range.push(Leaf::from_row(row)?.hash());
    }
    Ok(())
}

/// The check at the start: the stored tree is that of the last signed head and of the leaves since.
pub(super) fn quick_check(
    connection: &Connection,
    key: Option<&PublicKey>,
) -> Result<Option<TrailFault>, rusqlite::Error> {
    let Some(stored) = trail_rows::stored_range(connection)? else { return Ok(Some(TrailFault::Tree)) };
    let mut range = match last_head(connection, key)? {
        Ok(head) => head.unwrap_or_default(),
        Err(fault) => return Ok(Some(fault)),
    };
    let skipped = range.size();
    push_leaves(connection, &mut range, skipped)?;
    Ok((stored != range).then_some(TrailFault::Tree))
}

/// The tree of the last stored head; `None` if no head was signed yet. It is a fault if the head is missing although there are
/// leaves, or does not fit its tree; without a `key`, no head can have been signed, and signatures are not checked.
fn last_head(
    connection: &Connection,
    key: Option<&PublicKey>,
) -> Result<Result<Option<CompactRange>, TrailFault>, rusqlite::Error> {
    let Some(note) = trail_rows::value(connection, HEAD)? else {
        let is_missing = key.is_some() && has_leaves(connection)?;
        return Ok(if is_missing { Err(TrailFault::NoHead) } else { Ok(None) });
    };
    let range = trail_rows::value(connection, HEAD_RANGE)?;
    let Some(range) = range.and_then(|range| CompactRange::from_bytes(&range)) else {
        return Ok(Err(TrailFault::Tree));
    };
    let Some(key) = key else { return Ok(Ok(Some(range))) };
    Ok(match SignedHead::verify(&String::from_utf8_lossy(&note), key) {
        Ok(head) if head.size() == range.size() && *head.root() == range.root() => Ok(Some(range)),
        Ok(head) => Err(TrailFault::Leaves { size: head.size() }),
        Err(error) => Err(error.into()),
    })
}

#[cfg(test)]
mod tests;
