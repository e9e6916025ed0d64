//! The tables of the event store, and what marks the file as one.

/// "OSTE": marks the file as an event store.
pub(super) const APPLICATION_ID: i64 = 0x4f53_5445;
pub(super) const SCHEMA_VERSION: i64 = 1;
pub(super) const SCHEMA: &str = "
    CREATE TABLE events (id INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;
    CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

/// The highest integer that all readers of JSON read exactly. No id that was counted comes near it.
pub(super) const MAX_ID: u64 = (1 << 53) - 1;
