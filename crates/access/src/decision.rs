//! Input and output of the decision.

use std::time::Duration;

use ostiary_core::{Candidate, PersonId, Quality, QualityFault, Similarity, TrackId};

use super::{Access, LivenessEvidence, Outcome, VisitRecord};

/// One tracked face in one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// The track that the face belongs to.
    pub track: TrackId,
    /// Frame time of the first frame of the track.
    pub first_seen: Duration,
    /// The quality of the face in this frame.
    pub quality: Quality,
    /// The first quality limit that the face does not meet; `None` if it meets all, so that the frame can count.
    pub fault: Option<QualityFault>,
    /// Whether the face was embedded in this frame, so that the template of the track has a new moment. A face that was only
    /// tracked has no identity in this frame, and the frame does not count.
    pub embedded: bool,
    /// Number of moments of the template, as evidence: those that agree with it, minus those that do not.
    pub moments: u32,
    /// The person that the template was most similar to at its latest moment; `None` if there was no moment or the facebank is
    /// empty.
    pub candidate: Option<Candidate>,
    /// Whether the candidate may come in at this time.
    pub access: Access,
    /// What is known of whether the face is a person's.
    pub liveness: LivenessEvidence,
}

/// A grant or a denial, with the values that led to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Frame time of the frame that decided.
    pub time: Duration,
    /// The track of the face.
    pub track: TrackId,
    /// Frame time of the first frame of the track.
    pub first_seen: Duration,
    /// Whether it is a grant, or why it is a denial.
    pub outcome: Outcome,
    /// The person; `None` for a stranger. The best candidate of a stranger is not named.
    pub person: Option<PersonId>,
    /// The best candidate at the last moment, also of a stranger: for the count of attempts, not for events.
    pub nearest: Option<PersonId>,
    /// Normalized similarity of the track's template and the best candidate at the last moment; `None` if there was none.
    pub similarity: Option<Similarity>,
    /// Cosine similarity of the same two, -1 to 1.
    pub cosine: Option<Similarity>,
    /// Normalized similarity to the second best person at the same moment.
    pub second: Option<Similarity>,
    /// The least similarity of a match with the best candidate; `None` if there was no candidate.
    pub threshold: Option<Similarity>,
    /// The quality of the face at the last moment.
    pub quality: Quality,
    /// Number of faces in the frame.
    pub faces_in_view: u32,
    /// Number of moments that the decision rests on.
    pub frames: u32,
    /// The moments themselves, and the rules.
    pub visit: VisitRecord,
}
