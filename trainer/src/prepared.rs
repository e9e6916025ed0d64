//! How the folder that `ostiary-trainer prepare` writes is recognised.

/// The journal's name, in the folder that is written.
pub const JOURNAL: &str = "journal.jsonl";
