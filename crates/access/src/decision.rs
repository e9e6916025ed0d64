//! What the decision is made from, and what it says.

use std::time::Duration;

use ostiary_core::{Candidate, PersonId, Quality, QualityFault, Similarity, TrackId};

use super::{DenialReason, Reason};

/// One tracked face in one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// The face's track.
    pub track: TrackId,
    /// When the track began.
    pub first_seen: Duration,
    /// How well the face can be seen in this frame.
    pub quality: Quality,
    /// What is wrong with the face; `None` if it is good enough to count.
    pub fault: Option<QualityFault>,
    /// Whether the face was embedded in this frame. A face that is only tracked has no new embedding, and the frame does
    /// not count.
    pub embedded: bool,
    /// The most similar person; `None` if the face was not embedded or the facebank is empty.
    pub candidate: Option<Candidate>,
    /// Whether the candidate may come in at this hour.
    pub access: Access,
}

/// Whether an enrolled person may come in now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The person may come in.
    Allowed,
    /// The person is disabled.
    Disabled,
    /// The person's group has hours, and now is outside them.
    OutsideHours,
    /// Other groups have hours, the person's group has none.
    NoHours,
    /// The person's group has hours, and the clock cannot be right.
    ClockImplausible,
}

/// Whether the door opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It opens for an enabled person, similar enough in enough good frames.
    Granted,
    /// It does not open.
    Denied(DenialReason),
}

/// A grant or a denial, with all that it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The frame's time.
    pub time: Duration,
    /// The face's track.
    pub track: TrackId,
    /// When the track began.
    pub first_seen: Duration,
    /// Whether the door opens, and if not, why.
    pub outcome: Outcome,
    /// The person that it is about; `None` for a stranger: the best candidate of a stranger is not reported.
    pub person: Option<PersonId>,
    /// To the most similar person, in the last frame that counted.
    pub similarity: Option<Similarity>,
    /// To the second most similar person, in the same frame.
    pub second: Option<Similarity>,
    /// The least similarity that counts as a person.
    pub threshold: Similarity,
    /// In the same frame.
    pub quality: Quality,
    /// Faces in the frame of the decision.
    pub faces_in_view: u32,
    /// Good frames that the decision rests on.
    pub frames: u32,
}

impl From<Outcome> for Reason {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Granted => Self::Granted,
            Outcome::Denied(reason) => reason.into(),
        }
    }
}
