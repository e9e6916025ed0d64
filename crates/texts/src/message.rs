//! What a text says, independent of the language.

use ostiary_core::{Direction, Prompt};

use super::Refusal;

/// What a text says, independent of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// What the person should do.
    Prompt(Prompt),
    /// The person with this name is let in.
    Welcome {
        /// The name of the person, as enrolled.
        name: &'a str,
    },
    /// Somebody is let in or out whose name is not known, for example by the exit button.
    Unlocked,
    /// The person is not let in.
    Refused(Refusal),
}

impl<'a> Message<'a> {
    /// The identifier in the files of the languages.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Prompt(Prompt::StepBack) => "prompt-step-back",
            Self::Prompt(Prompt::LookAtCamera) => "prompt-look-at-camera",
            Self::Prompt(Prompt::Turn(Direction::Left)) => "prompt-turn-left",
            Self::Prompt(Prompt::Turn(Direction::Right)) => "prompt-turn-right",
            Self::Prompt(Prompt::Turn(Direction::Up)) => "prompt-turn-up",
            Self::Prompt(Prompt::Turn(Direction::Down)) => "prompt-turn-down",
            Self::Welcome { .. } => "welcome",
            Self::Unlocked => "unlocked",
            Self::Refused(Refusal::NotRecognized) => "refused-not-recognized",
            Self::Refused(Refusal::FaceNotClear) => "refused-face-not-clear",
            Self::Refused(Refusal::TooFar) => "refused-too-far",
            Self::Refused(Refusal::NotLive) => "refused-not-live",
            Self::Refused(Refusal::SeveralFaces) => "refused-several-faces",
            Self::Refused(Refusal::JustLetIn) => "refused-just-let-in",
            Self::Refused(Refusal::StillInView) => "refused-still-in-view",
            Self::Refused(Refusal::NoAccess) => "refused-no-access",
            Self::Refused(Refusal::OutsideHours) => "refused-outside-hours",
            Self::Refused(Refusal::Paused) => "refused-paused",
            Self::Refused(Refusal::OutOfOrder) => "refused-out-of-order",
        }
    }

    /// The value of the placeholder `name`; `None` for a message without it.
    pub(super) fn name(self) -> Option<&'a str> {
        match self {
            Self::Welcome { name } => Some(name),
            Self::Prompt(_) | Self::Unlocked | Self::Refused(_) => None,
        }
    }
}
