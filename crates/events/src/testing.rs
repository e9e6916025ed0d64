//! Events for the tests of this crate.

use std::time::Duration;

use ostiary_core::{ModelId, Quality, Similarity, TrackId};

use super::{Event, EventKind, Evidence};

/// An event at the start of 1970.
pub fn event(kind: EventKind) -> Event {
    Event::new(kind, jiff::Timestamp::UNIX_EPOCH, "front")
}

/// What a decision about a face with similarity 0.71 rests on.
pub fn evidence() -> Evidence {
    Evidence {
        track: TrackId(3),
        similarity: Some(Similarity(0.71)),
        cosine: Some(Similarity(0.84)),
        second: Some(Similarity(0.1)),
        threshold: Some(Similarity(0.56)),
        quality: Quality { size: 120.1, sharpness: 88.25, exposure: 0.3, yaw: -12.7, pitch: 4.0, roll: 0.1 },
        faces_in_view: 2,
        frames: 3,
        latency: Duration::from_millis(213),
        model: ModelId("0123456789abcdef".into()),
        visit: None,
    }
}
