//! Following faces from frame to frame.

use serde::Serialize;

/// Names one face through consecutive frames; never given twice by one tracker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct TrackId(pub u64);
