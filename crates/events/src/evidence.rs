//! The values on which a decision about a face is based, as fields of an event.

use std::time::Duration;

use ostiary_access::Decision;
use ostiary_core::{ModelId, Quality, Similarity, TrackId};

/// What a decision about a face rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The face's track.
    pub track: TrackId,
    /// To the most similar person; `None` if the face was not compared or nobody is enrolled.
    pub similarity: Option<Similarity>,
    /// To the second most similar person; `None` if there is none.
    pub second: Option<Similarity>,
    /// The least similarity that counts as a person.
    pub threshold: Similarity,
    /// How well the face could be seen.
    pub quality: Quality,
    /// Faces in the frame of the decision.
    pub faces_in_view: u32,
    /// Good frames that the decision rests on.
    pub frames: u32,
    /// From the face's first frame to the decision. In JSON milliseconds (`latency_ms`).
    pub latency: Duration,
    /// The embedding model.
    pub model: ModelId,
}

impl Evidence {
    /// What this decision rests on; its embeddings are of `model`.
    pub fn new(decision: &Decision, model: ModelId) -> Self {
        Self {
            track: decision.track,
            similarity: decision.similarity,
            second: decision.second,
            threshold: decision.threshold,
            quality: decision.quality,
            faces_in_view: decision.faces_in_view,
            frames: decision.frames,
            latency: decision.time.saturating_sub(decision.first_seen),
            model,
        }
    }
}
