//! The values of a decision.

use std::time::Duration;

use ostiary_core::{ModelId, Quality, Similarity, TrackId};
use ostiary_events::Evidence;

/// The values of a decision about a face with similarity 0.71, of which 0.56 is needed.
pub fn evidence() -> Evidence {
    Evidence {
        track: TrackId(9),
        similarity: Some(Similarity(0.71)),
        cosine: Some(Similarity(0.84)),
        second: Some(Similarity(0.1)),
        threshold: Some(Similarity(0.56)),
        quality: Quality { size: 120.1, sharpness: 88.0, ..Quality::default() },
        faces_in_view: 2,
        frames: 3,
        latency: Duration::from_micros(213_250),
        model: ModelId("0123456789abcdef".into()),
        visit: None,
    }
}
