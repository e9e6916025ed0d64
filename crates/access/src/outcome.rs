//! The outcome of a decision.

use super::{DenialReason, Reason};

/// The outcome of a decision: whether the door opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The door opens: an enabled person is identified in enough frames of good quality.
    Granted,
    /// The door does not open, for this reason.
    Denied(DenialReason),
}

impl Outcome {
    /// The outcome with this reason; `None` if it is not about a face.
    pub(super) fn of(reason: Reason) -> Option<Self> {
        match reason {
            Reason::Granted => Some(Self::Granted),
            Reason::Denied(reason) => Some(Self::Denied(reason)),
            Reason::RequestToExit | Reason::Command => None,
        }
    }
}

impl From<Outcome> for Reason {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Granted => Self::Granted,
            Outcome::Denied(reason) => Self::Denied(reason),
        }
    }
}
