//! `[door]`

use serde::{Deserialize, Serialize};

use crate::rule::{integer, name, number, one_of};

/// The highest value of `door.frames`.
pub const MAX_FRAMES: usize = 32;

section! {
    /// When the door opens.
    [door] Door {
        /// The door's name in messages and topics.
        name: String = "door".into() => name().restart();
        /// The share of comparisons in which a stranger may be taken for a given person. 1e-4 is one of 10,000.
        far: f64 = 1e-4 => number(1e-7, 0.1);
        /// By how much the similarity of the best person must exceed that of the second best, cosine.
        margin: f32 = 0.05 => number(0.0, 1.0);
        /// Let a person in after this number of agreeing frames.
        frames: u32 = 3 => integer(1, MAX_FRAMES as i64);
        /// These frames must come within this number of seconds.
        within_s: f64 = 2.0 => number(0.1, 60.0);
        /// Do not let the same person in again for this number of seconds.
        cooldown_s: f64 = 10.0 => number(0.0, 3600.0);
        /// Report a face as unknown after this number of good frames without a match.
        unknown_after: u32 = 8 => integer(1, 10_000);
        /// With a second face in view: `"ignore"` it, `"refuse"` everybody, or refuse unless all faces are `"known"`.
        second_face: SecondFace = SecondFace::Ignore => one_of::<SecondFace>();
    }
}

/// What a second face in view does to a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecondFace {
    /// Each face is decided on its own.
    Ignore,
    /// Nobody is let in while more than one face is in view.
    Refuse,
    /// Nobody is let in while a face in view is not a known person's.
    Known,
}
