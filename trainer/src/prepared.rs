//! How a folder that `ostiary-trainer prepare` wrote is recognized.

/// File name of the journal in the output folder.
pub const JOURNAL: &str = "journal.jsonl";
