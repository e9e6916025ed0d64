//! The trail of a store: signed heads, a quick check when the store is opened, and the full check.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::error::sql_error;
use super::file::{FileKind, kind, with_suffix};
use super::schema::SCHEMA_VERSION;
use super::trail_rows::{self, HEAD, HEAD_RANGE, Leaf};
use super::{EventStore, StoreError};
use crate::trail::{CompactRange, HeadError, PublicKey, SignedHead, commitment};

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
    /// The last head that the store signed, if it was checked.
    pub signed: Option<u64>,
    /// The first thing that does not fit.
    pub fault: Option<TrailFault>,
}

/// The file with the key of the trail: beside the store.
pub fn key_path(store: &Path) -> PathBuf {
    with_suffix(store, ".key")
}

impl EventStore {
    /// Signs the present tree and stores the head, if there is an event since the last head. `None` if there is none, or the
    /// key cannot be used.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn sign_head(&mut self) -> Result<Option<SignedHead>, StoreError> {
        let Some(key) = &self.key else { return Ok(None) };
        let path = self.path.clone();
        let mut sign = || {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let range = trail_rows::range(&transaction)?;
            let bytes = range.to_bytes();
            if range.size() == 0 || trail_rows::value(&transaction, HEAD_RANGE)?.as_ref() == Some(&bytes) {
                return Ok(None);
            }
            let head = SignedHead::sign(&range, key);
            trail_rows::set_value(&transaction, HEAD, head.note().as_bytes())?;
            trail_rows::set_value(&transaction, HEAD_RANGE, &bytes)?;
            transaction.commit()?;
            Ok(Some(head))
        };
        sign().map_err(|why| sql_error(&path, why))
    }

    /// What the quick check found when the store was opened.
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
        let mut report = TrailReport { leaves: 0, events: 0, signed: None, fault: None };
        let mut heads: Vec<(u64, [u8; 32])> =
            outside.map(|head| (head.size(), *head.root())).into_iter().collect();
        if let Some(key) = key
            && let Some(note) = trail_rows::value(&transaction, HEAD).map_err(sql)?
        {
            match SignedHead::verify(&String::from_utf8_lossy(&note), key) {
                Ok(head) => {
                    report.signed = Some(head.size());
                    heads.push((head.size(), *head.root()));
                }
                Err(error) => report.fault = Some(error.into()),
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
                report.events += 1;
                let (salt, visit): (Option<Vec<u8>>, Option<String>) = (row.get(4)?, row.get(5)?);
                let category: i64 = row.get(6)?;
                let is_same = commitment(&salt.unwrap_or_default(), &json, visit.as_deref())
                    == leaf.commitment
                    && category == i64::from(leaf.category);
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

/// The tree of all leaves as they are, for a record that does not fit its trail: it goes on from there, and the next head signs
/// it.
pub(super) fn rebuild(connection: &Connection) -> Result<(), rusqlite::Error> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let mut range = CompactRange::default();
    {
        let mut statement = transaction.prepare("SELECT id, category, commitment FROM leaves ORDER BY id")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            range.push(Leaf::from_row(row)?.hash());
        }
    }
    transaction.execute("DELETE FROM trail", [])?;
    trail_rows::set_range(&transaction, &range)?;
    transaction.commit()
}

/// The check at the start: the stored tree is that of the last signed head and of the leaves since.
pub(super) fn quick_check(
    connection: &Connection,
    key: Option<&PublicKey>,
) -> Result<Option<TrailFault>, rusqlite::Error> {
    let Some(stored) = trail_rows::stored_range(connection)? else { return Ok(Some(TrailFault::Tree)) };
    let Some(note) = trail_rows::value(connection, HEAD)? else { return Ok(None) };
    let range = trail_rows::value(connection, HEAD_RANGE)?;
    let Some(mut range) = range.and_then(|range| CompactRange::from_bytes(&range)) else {
        return Ok(Some(TrailFault::Tree));
    };
    if let Some(key) = key {
        match SignedHead::verify(&String::from_utf8_lossy(&note), key) {
            Ok(head) if head.size() == range.size() && *head.root() == range.root() => {}
            Ok(head) => return Ok(Some(TrailFault::Leaves { size: head.size() })),
            Err(error) => return Ok(Some(error.into())),
        }
    }
    let size = i64::try_from(range.size()).unwrap_or(i64::MAX);
    let mut statement =
        connection.prepare("SELECT id, category, commitment FROM leaves ORDER BY id LIMIT -1 OFFSET ?1")?;
    let mut rows = statement.query([size])?;
    while let Some(row) = rows.next()? {
        range.push(Leaf::from_row(row)?.hash());
    }
    Ok((stored != range).then_some(TrailFault::Tree))
}

#[cfg(test)]
mod tests;
