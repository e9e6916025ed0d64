//! The two categories of events, which are kept for different times: grants by age, all others by number.

use super::super::{EventKind, EventName};

/// The category of an event, as the store has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Category {
    /// Denials and all other events.
    Other,
    /// Somebody was let in or out.
    Grant,
}

impl Category {
    pub fn of(kind: &EventKind) -> Self {
        Self::named(kind.name())
    }

    /// The category of an event whose JSON may be of another version.
    pub fn of_json(json: &str) -> Self {
        #[derive(serde::Deserialize)]
        struct Kind {
            kind: EventName,
        }
        serde_json::from_str(json).map_or(Self::Other, |Kind { kind }| Self::named(kind))
    }

    fn named(name: EventName) -> Self {
        if name == EventName::Granted { Self::Grant } else { Self::Other }
    }

    /// The number in the tables.
    pub fn number(self) -> u8 {
        match self {
            Self::Other => 0,
            Self::Grant => 1,
        }
    }
}
