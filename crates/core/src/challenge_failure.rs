//! Why a challenge to turn the head was not passed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a challenge to turn the head was not passed. The serialized names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChallengeFailure {
    /// The time ended without a turn.
    TimedOut,
    /// The head turned in a direction that was not asked for.
    WrongTurn,
    /// It did so in two challenges of the person in a row, as in a film.
    WrongTurnAgain,
    /// The landmarks were lost twice.
    LostLandmarks,
    /// More than one face was in view.
    SeveralFaces,
    /// The face left the view.
    FaceLeft,
    /// Another track began: it may be another face.
    OtherTrack,
    /// The face matches another person than before.
    OtherPerson,
    /// The face is wider or narrower than the person's at enrollment, or, if that is not known, than people's.
    OtherAspect,
    /// There were fewer than five frames a second.
    TooFewFrames,
    /// The time of a frame was not after that of the one before.
    TimeWentBack,
}

impl ChallengeFailure {
    /// All failures.
    pub const ALL: [Self; 11] = [
        Self::TimedOut,
        Self::WrongTurn,
        Self::WrongTurnAgain,
        Self::LostLandmarks,
        Self::SeveralFaces,
        Self::FaceLeft,
        Self::OtherTrack,
        Self::OtherPerson,
        Self::OtherAspect,
        Self::TooFewFrames,
        Self::TimeWentBack,
    ];
}

/// As JSON has it, without quotes.
impl fmt::Display for ChallengeFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
