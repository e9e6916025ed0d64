//! One moment of a track, as the decision saw it.

use std::time::Duration;

use ostiary_core::{Candidate, Score};
use serde::{Deserialize, Serialize};

use super::{Access, LivenessEvidence, Reason};

/// One moment of a track, as the decision saw it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Time since the first frame of the track, milliseconds.
    pub at_ms: u32,
    /// Weight of the face in the template, above 0, at most 1 ([`Quality::weight`](ostiary_core::Quality::weight)).
    pub weight: f32,
    /// Number of moments of the template, as evidence.
    pub moments: u32,
    /// Number of moments since another face last prevented a grant; 0 if one does in this frame.
    pub unblocked: u32,
    /// Time since the most similar person was let in before, milliseconds; `None` if this is not known. After a restart it was at
    /// least this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_grant_ms: Option<u32>,
    /// Whether that person had not been away since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_same_visit: bool,
    /// Whether the most similar person might come in.
    #[serde(default = "allowed", skip_serializing_if = "is_allowed")]
    pub access: Access,
    /// What is known of whether the face is a person's.
    #[serde(default, skip_serializing_if = "LivenessEvidence::is_empty")]
    pub liveness: LivenessEvidence,
    /// The people that the template was most similar to, best first.
    pub scores: [Option<Score>; 3],
    /// The decision that was reported at this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported: Option<Reason>,
}

/// The number of frames of a track, by what they showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FrameCounts {
    /// All frames.
    pub seen: u32,
    /// Moments.
    pub good: u32,
    /// Frames with a quality fault.
    pub faulty: u32,
    /// Frames in which the face was too small.
    pub too_small: u32,
}

impl Step {
    /// Sets when the most similar person was let in before.
    pub fn set_since_grant(&mut self, since: Option<Duration>) {
        // A part of a millisecond is dropped: the cool-down then ends later, not earlier.
        self.since_grant_ms = since.map(|since| u32::try_from(since.as_millis()).unwrap_or(u32::MAX));
    }

    /// Whether the most similar person was let in within a time.
    pub(super) fn was_granted_within(&self, time: Duration) -> bool {
        self.since_grant_ms.is_some_and(|since| Duration::from_millis(since.into()) < time)
    }

    /// The most similar person, with the next ones.
    pub fn candidate(&self) -> Option<Candidate> {
        Candidate::from_scores(self.scores)
    }
}

fn allowed() -> Access {
    Access::Allowed
}

fn is_allowed(access: &Access) -> bool {
    *access == Access::Allowed
}
