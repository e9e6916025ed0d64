//! What the configuration leaves open to pictures, and what keeps everybody out.

use std::fmt;

use ostiary_config::{CameraKind, Config, LivenessLevel};

/// A problem of `[liveness]` that the owner should know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LivenessProblem {
    /// Pictures are not refused.
    Off,
    /// The owner has not chosen a level: the door had no such test before.
    NotSet,
    /// The door cannot ask people to turn the head.
    NoPromptOutput,
    /// The models have no network for liveness.
    NoNetwork,
}

impl LivenessProblem {
    /// The problem of a configuration, if there is one. `has_network`: the models in use, or the installed ones, have a network for
    /// liveness. `can_prompt`: the door has an output for prompts.
    pub fn find(config: &Config, has_network: bool, can_prompt: bool) -> Option<Self> {
        let needs_network = config.camera.kind == CameraKind::Color;
        match config.liveness.level() {
            LivenessLevel::Off => Some(Self::Off),
            _ if needs_network && !has_network => Some(Self::NoNetwork),
            LivenessLevel::Active if !can_prompt => Some(Self::NoPromptOutput),
            _ if config.liveness.level.is_none() => Some(Self::NotSet),
            LivenessLevel::Passive | LivenessLevel::Active => None,
        }
    }

    /// How to fix it.
    pub fn fix(self) -> &'static str {
        match self {
            Self::Off => "set liveness.level to \"active\" or \"passive\"",
            Self::NotSet => {
                "set liveness.level: \"active\" asks people to turn the head, \"passive\" stays as it is"
            }
            Self::NoPromptOutput => {
                "configure lamps or the buzzer ([signals]) or [mqtt], or set liveness.level = \"passive\" after `ostiary liveness \
                 test`"
            }
            Self::NoNetwork => "activate a bundle of models that has one, or install the package again",
        }
    }

    /// Whether faces do not open the door because of it.
    pub fn keeps_everybody_out(self) -> bool {
        matches!(self, Self::NoPromptOutput | Self::NoNetwork)
    }
}

impl fmt::Display for LivenessProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "liveness.level is \"off\": a photo of an enrolled person opens the door",
            Self::NotSet => {
                "liveness.level is not set, so that the door uses \"passive\": a large print without a visible edge can open it"
            }
            Self::NoPromptOutput => {
                "liveness.level is \"active\", and the door has no output that asks people to turn the head: faces do not open the door"
            }
            Self::NoNetwork => "the models have no network for liveness: faces do not open the door",
        })
    }
}

/// What `[liveness]` does, in a few words, for the event of the start.
pub fn describe_level(level: LivenessLevel) -> &'static str {
    match level {
        LivenessLevel::Off => "liveness off: a photo of an enrolled person opens the door",
        LivenessLevel::Passive => "liveness passive",
        LivenessLevel::Active => "liveness active",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(
        level: Option<LivenessLevel>,
        kind: CameraKind,
        has_network: bool,
        can_prompt: bool,
    ) -> Option<LivenessProblem> {
        let mut config = Config::default();
        (config.liveness.level, config.camera.kind) = (level, kind);
        LivenessProblem::find(&config, has_network, can_prompt)
    }

    #[test]
    fn each_level_has_its_problem() {
        use LivenessLevel::{Active, Off, Passive};
        use LivenessProblem::{NoNetwork, NoPromptOutput, NotSet};
        let color = CameraKind::Color;
        assert_eq!(problem(Some(Off), color, true, true), Some(LivenessProblem::Off));
        assert_eq!(problem(None, color, true, false), Some(NotSet));
        assert_eq!(problem(None, color, false, false), Some(NoNetwork));
        assert_eq!(problem(Some(Passive), color, true, false), None);
        assert_eq!(problem(Some(Active), color, true, true), None);
        assert_eq!(problem(Some(Active), color, true, false), Some(NoPromptOutput));
        assert_eq!(problem(Some(Active), CameraKind::Nir, false, true), None);
    }
}
