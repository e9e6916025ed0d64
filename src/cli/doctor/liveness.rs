//! Checks how the door tells people from pictures.

use ostiary_config::{Config, LivenessLevel};
use ostiary_core::ModelRole;
use ostiary_models::Bundle;

use super::CheckContext;
use super::finding::Finding;
use crate::liveness_problem::LivenessProblem;

const SECOND_FACTOR: &str = "use it only where a person who does that is acceptable or would be noticed, or together with a second factor";

pub fn check(context: &CheckContext) -> Vec<Finding> {
    let config = context.config();
    // Models that cannot be read are reported by their own check.
    let has_network =
        [Bundle::find(&config.models, config.engine.precision), Bundle::shipped(config.engine.precision)]
            .iter()
            .flatten()
            .any(|bundle| bundle.entry(ModelRole::Liveness).is_ok());
    vec![evaluate(config, has_network)]
}

fn evaluate(config: &Config, has_network: bool) -> Finding {
    match LivenessProblem::find(config, has_network, config.has_prompt_output()) {
        Some(problem) if problem.keeps_everybody_out() => Finding::fault(problem.to_string(), problem.fix()),
        Some(problem) => Finding::warning(problem.to_string(), problem.fix()),
        None if config.liveness.level() == LivenessLevel::Active => Finding::ok(format!(
            "active: people are asked to turn the head {} times; a film of a person whose parts are chosen on command, and a mask, \
             can still open this door",
            config.liveness.steps
        )),
        None => Finding::warning(
            "passive: small prints and screens are refused; a large print without a visible edge can open this door",
            SECOND_FACTOR,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Status;

    #[test]
    fn what_keeps_everybody_out_is_a_fault_and_what_lets_pictures_in_a_warning() {
        let status = |level, has_network, has_lamp: bool| {
            let mut config = Config::default();
            config.liveness.level = level;
            config.signals.yes_line = has_lamp.then_some(22);
            evaluate(&config, has_network).status
        };
        assert_eq!(status(Some(LivenessLevel::Off), true, true), Status::Warning);
        assert_eq!(status(None, true, true), Status::Warning);
        assert_eq!(status(Some(LivenessLevel::Passive), true, false), Status::Warning);
        assert_eq!(status(Some(LivenessLevel::Passive), false, false), Status::Fault);
        assert_eq!(status(Some(LivenessLevel::Active), true, false), Status::Fault);
        assert_eq!(status(Some(LivenessLevel::Active), true, true), Status::Ok);
    }
}
