//! The rows of the trail: a leaf for each event that was ever stored, the tree as a compact range, and the last signed head.

use rusqlite::{Connection, OptionalExtension, params};

use super::category::Category;
use super::error::damage;
use crate::trail::{CompactRange, Hash, commitment, leaf_hash};

/// The compact range of all leaves.
const RANGE: &str = "range";
/// The text of the last signed head, and the compact range of its tree.
pub(super) const HEAD: &str = "head";
pub(super) const HEAD_RANGE: &str = "head_range";

/// Inserts an event and its leaf, and returns the tree with it.
pub(super) fn insert(
    connection: &Connection,
    range: &mut CompactRange,
    id: u64,
    category: Category,
    json: &str,
    visit: Option<&str>,
    salt: &[u8],
) -> Result<(), rusqlite::Error> {
    let commitment = commitment(salt, json, visit);
    connection
        .prepare_cached("INSERT INTO events (id, json, category, salt, visit) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![id as i64, json, category.number(), salt, visit])?;
    connection
        .prepare_cached("INSERT INTO leaves (id, category, commitment) VALUES (?1, ?2, ?3)")?
        .execute(params![id as i64, category.number(), commitment])?;
    range.push(leaf_hash(id, category.number(), &commitment));
    Ok(())
}

/// The tree of all leaves.
pub(super) fn range(connection: &Connection) -> Result<CompactRange, rusqlite::Error> {
    stored_range(connection)?.ok_or_else(|| damage("the tree of the event trail is no tree"))
}

/// The tree of all leaves; `None` if what is stored is no tree.
pub(super) fn stored_range(connection: &Connection) -> Result<Option<CompactRange>, rusqlite::Error> {
    let stored = value(connection, RANGE)?;
    Ok(stored.map_or_else(|| Some(CompactRange::default()), |bytes| CompactRange::from_bytes(&bytes)))
}

pub(super) fn set_range(connection: &Connection, range: &CompactRange) -> Result<(), rusqlite::Error> {
    set_value(connection, RANGE, &range.to_bytes())
}

pub(super) fn value(connection: &Connection, name: &str) -> Result<Option<Vec<u8>>, rusqlite::Error> {
    connection
        .prepare_cached("SELECT value FROM trail WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

pub(super) fn set_value(connection: &Connection, name: &str, value: &[u8]) -> Result<(), rusqlite::Error> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO trail (name, value) VALUES (?1, ?2)")?
        .execute(params![name, value])?;
    Ok(())
}

/// A row of `leaves`.
pub(super) struct Leaf {
    pub id: u64,
    pub category: u8,
    pub commitment: Hash,
}

impl Leaf {
    pub fn from_row(row: &rusqlite::Row) -> Result<Self, rusqlite::Error> {
        // What is no number or hash of a leaf fits no tree.
        let id = u64::try_from(row.get::<_, i64>(0)?).unwrap_or(u64::MAX);
        let category = u8::try_from(row.get::<_, i64>(1)?).unwrap_or(u8::MAX);
        let commitment = Hash::try_from(row.get::<_, Vec<u8>>(2)?).unwrap_or_default();
        Ok(Self { id, category, commitment })
    }

    pub fn hash(&self) -> Hash {
        leaf_hash(self.id, self.category, &self.commitment)
    }
}
