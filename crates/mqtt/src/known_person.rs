//! The people of a door that takes commands about people, as clients of the broker see them.

use serde::Serialize;

/// The most people that clients see: all of them are in one message.
pub(super) const MAX_SWITCHES: usize = 40;

/// A person who is enrolled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KnownPerson {
    /// The name.
    pub name: String,
    /// Whether the person is let in.
    pub enabled: bool,
}
