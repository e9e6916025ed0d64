//! The values on which a decision about a face is based, as fields of an event.

use std::time::Duration;

use ostiary_access::Decision;
use ostiary_core::{ModelId, Quality, Similarity, TrackId};

use super::{DecisionDetails, Visit};

/// What a decision about a face rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The face's track.
    pub track: TrackId,
    /// Normalized similarity to the most similar person; `None` if the face was not compared or nobody is enrolled.
    pub similarity: Option<Similarity>,
    /// Cosine similarity to the same person. Events of version 0.1.0 and 0.2.0 do not have it: their similarity is the cosine.
    pub cosine: Option<Similarity>,
    /// Normalized similarity to the second most similar person; `None` if there is none.
    pub second: Option<Similarity>,
    /// The least similarity that counts as the most similar person; `None` if there is none.
    pub threshold: Option<Similarity>,
    /// How well the face could be seen.
    pub quality: Quality,
    /// Faces in the frame of the decision.
    pub faces_in_view: u32,
    /// Moments that the decision rests on: good frames at least 150 ms apart.
    pub frames: u32,
    /// From the face's first frame to the decision. In JSON milliseconds (`latency_ms`).
    pub latency: Duration,
    /// The embedding model.
    pub model: ModelId,
    /// The moments that the decision rests on. Only the event store has it; `None` in events that were read from elsewhere.
    pub visit: Option<Box<Visit>>,
}

impl Evidence {
    /// What this decision rests on.
    pub fn new(decision: Decision, details: &DecisionDetails) -> Self {
        let DecisionDetails { model, people, fpir, .. } = details;
        Self {
            track: decision.track,
            similarity: decision.similarity,
            cosine: decision.cosine,
            second: decision.second,
            threshold: decision.threshold,
            quality: decision.quality,
            faces_in_view: decision.faces_in_view,
            frames: decision.frames,
            latency: decision.time.saturating_sub(decision.first_seen),
            model: model.clone(),
            visit: Some(Box::new(Visit { record: decision.visit, people: *people, fpir: *fpir })),
        }
    }

    /// Removes similarities and threshold.
    pub(super) fn remove_scores(&mut self) {
        (self.similarity, self.cosine, self.second, self.threshold) = (None, None, None, None);
    }
}
