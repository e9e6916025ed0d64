//! The prompt that is shown now, with the face that it is for.

use std::time::Duration;

use ostiary_core::{Prompt, TrackId};

/// The prompt that is shown now, with the face that it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActivePrompt {
    /// What the person should do.
    pub prompt: Prompt,
    /// The track of the face.
    pub track: TrackId,
    /// The frame time at which the time for the challenge is over; `None` for a prompt that is not part of a challenge.
    pub until: Option<Duration>,
}
