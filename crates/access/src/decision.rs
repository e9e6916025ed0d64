//! What the decision is made from, and what it says.

use std::time::Duration;

use ostiary_core::{Candidate, PersonId, Quality, QualityFault, Similarity, TrackId};

use super::Reason;

/// One tracked face in one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    pub track: TrackId,
    /// When the track began.
    pub first_seen: Duration,
    pub quality: Quality,
    /// What is wrong with the face, `None` where it is good enough to count.
    pub fault: Option<QualityFault>,
    /// Whether the face was embedded in this frame. One that is merely followed says nothing of who it is, and
    /// does not count.
    pub embedded: bool,
    /// Whom it is most alike; `None` where the face was not embedded or the facebank is empty.
    pub candidate: Option<Candidate>,
    /// Whether the candidate may come in at this hour.
    pub access: Access,
}

/// Whether a known person may come in now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Allowed,
    Disabled,
    OutsideHours,
    /// Other groups have hours, the person's group has none.
    NoHours,
    /// The person's group has hours, and the clock cannot be right.
    ClockImplausible,
}

/// A grant or a denial, with all that it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The frame's time.
    pub time: Duration,
    pub track: TrackId,
    /// When the track began.
    pub first_seen: Duration,
    pub reason: Reason,
    /// Whom it is about; `None` for a stranger: who was merely the best candidate is not told.
    pub person: Option<PersonId>,
    /// Of the last frame that counted.
    pub similarity: Option<Similarity>,
    pub second: Option<Similarity>,
    pub threshold: Similarity,
    pub quality: Quality,
    pub faces_in_view: u32,
    /// Good frames that the decision rests on.
    pub frames: u32,
}
