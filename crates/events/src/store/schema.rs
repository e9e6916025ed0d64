//! The tables of the event store, and what marks the file as one.

/// "OSTE": marks the file as an event store.
pub(super) const APPLICATION_ID: i64 = 0x4f53_5445;
pub(super) const SCHEMA_VERSION: i64 = 2;
/// `category` is a [`Category`](super::category::Category). `leaves` has a row for each event that was ever stored, `trail` the
/// tree of them.
pub(super) const SCHEMA: &str = "
    CREATE TABLE events (
        id INTEGER PRIMARY KEY, json TEXT NOT NULL, category INTEGER NOT NULL DEFAULT 0, salt BLOB, visit TEXT
    ) STRICT;
    CREATE INDEX events_by_category ON events (category, id);
    CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE leaves (id INTEGER PRIMARY KEY, category INTEGER NOT NULL, commitment BLOB NOT NULL) STRICT;
    CREATE TABLE trail (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
";
/// The tables of version 1, which 0.1.0 made.
pub(super) const SCHEMA_1: &str = "
    CREATE TABLE events (id INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;
    CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

/// The highest integer that all readers of JSON read exactly. No id that was counted comes near it.
pub(super) const MAX_ID: u64 = (1 << 53) - 1;

/// The tables of a version.
pub(super) fn schema(version: i64) -> &'static str {
    if version == 1 { SCHEMA_1 } else { SCHEMA }
}
