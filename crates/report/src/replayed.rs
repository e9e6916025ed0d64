//! What a replay of the record found.

use std::collections::BTreeMap;

use jiff::Timestamp;
use ostiary_access::Reason;
use serde::{Deserialize, Serialize};

/// A decision that would be another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The id of the event.
    pub id: u64,
    /// The person of the recorded decision.
    pub person: Option<String>,
    /// The recorded reason.
    pub recorded: Reason,
    /// The reason now; `None` for no decision.
    pub replayed: Option<Reason>,
    /// The time of the event.
    pub time: Timestamp,
}

/// What a replay found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplaySummary {
    /// The decisions that would be others, by their reasons.
    pub changes: Vec<ChangedDecisions>,
    /// Number of decisions that cannot be decided again, by the reason.
    pub not_decided: BTreeMap<String, u64>,
    /// Number of decisions that would be others.
    pub others: u64,
    /// Number of denials that were summed with another one, which alone is decided again.
    pub repeated: u64,
    /// Number of decisions that are the recorded ones.
    pub same: u64,
}

/// Number of decisions with the same recorded and the same replayed reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedDecisions {
    /// How many.
    pub number: u64,
    /// The recorded reason.
    pub recorded: String,
    /// The reason now.
    pub replayed: String,
}

/// A reason, or that there is no decision.
pub fn reason_in_words(reason: Option<Reason>) -> String {
    reason.map_or_else(|| "no decision".to_owned(), |reason| reason.to_string())
}
