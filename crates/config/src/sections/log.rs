//! `[log]`

use serde::{Deserialize, Serialize};

use crate::rule::one_of;

section! {
    /// Messages in the journal, or on standard error outside of the service.
    [log] Log {
        /// The least severe messages that are written.
        level: LogLevel = LogLevel::Info => one_of::<LogLevel>().settable();
    }
}

/// How much is logged: each level with all that are more severe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Failures.
    Error,
    /// What may lead to a failure.
    Warn,
    /// What a person who runs a door wants to know.
    Info,
    /// Details, to find the cause of a failure.
    Debug,
    /// Everything.
    Trace,
}
