//! An enrolled person.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::PersonId;

/// An enrolled person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Number in the facebank.
    pub id: PersonId,
    /// Name, by the rule of [`PersonName`](super::PersonName); one that an earlier program stored can break it.
    pub name: String,
    /// A disabled person is recognized but not admitted.
    pub enabled: bool,
    /// The group whose opening hours apply, normalized by [`fold_group`](super::fold_group); `None` without a group.
    pub group: Option<String>,
    /// Time of the first enrollment.
    pub created: Timestamp,
}
