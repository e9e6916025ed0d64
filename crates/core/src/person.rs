//! An enrolled person.

use jiff::Timestamp;
use serde::Serialize;

use super::PersonId;

/// Somebody who is enrolled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    pub id: PersonId,
    pub name: String,
    /// A disabled person is recognized and not let in.
    pub enabled: bool,
    /// Whose hours apply, folded ([`fold_group`]).
    pub group: Option<String>,
    /// When the person was first enrolled.
    pub created: Timestamp,
}

/// The form in which groups are stored and compared: without spaces at the ends, in lower case.
pub fn fold_group(group: &str) -> String {
    group.trim().to_lowercase()
}
