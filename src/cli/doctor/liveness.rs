//! Checks how the door tells people from pictures.

use ostiary_config::{Config, LivenessLevel};
use ostiary_events::AttackCount;
use ostiary_models::Bundle;

use super::CheckContext;
use super::finding::Finding;
use crate::error_rate::ErrorRate;
use crate::liveness_problem::LivenessProblem;
use crate::liveness_standing::{LivenessStanding, words};

/// Fewer presentations of a kind of attack prove little: 0 of 20 let in is at most 16.8 %.
const MIN_PRESENTATIONS: u32 = 20;
const SECOND_FACTOR: &str = "use it only where a person who does that is acceptable or would be noticed, or together with a second factor";

pub fn check(context: &CheckContext) -> Vec<Finding> {
    let config = context.config();
    // Models that cannot be read are reported by their own check.
    let models = Bundle::find(&config.models, config.engine.precision).ok();
    let has_network = models.as_ref().is_none_or(|models| models.with_liveness().is_some());
    let standing = models.and_then(|models| LivenessStanding::read(config, &models));
    let tests = standing.as_ref().and_then(|standing| evaluate_tests(config.liveness.level(), standing));
    [evaluate(config, has_network, standing.as_ref())].into_iter().chain(tests).collect()
}

/// What the level leaves open. `standing`: what tests at this door prove, if that is known.
fn evaluate(config: &Config, has_network: bool, standing: Option<&LivenessStanding>) -> Finding {
    match LivenessProblem::find(config, has_network, config.has_prompt_output()) {
        Some(problem) if problem.keeps_everybody_out() => Finding::fault(problem.to_string(), problem.fix()),
        Some(problem) => Finding::warning(problem.to_string(), problem.fix()),
        None if config.liveness.level() == LivenessLevel::Active => Finding::ok(format!(
            "active: people are asked to turn the head {} times; a film of a person whose parts are chosen on command, and a mask, \
             can still open this door",
            config.liveness.steps
        )),
        None if standing.is_some_and(is_each_attack_refused) => {
            Finding::ok("passive, after a test of each kind of attack at this door")
        }
        None => Finding::warning(
            "passive: small printed photos are refused; a large print without a visible edge can open this door",
            SECOND_FACTOR,
        ),
    }
}

/// Whether each kind of attack was tested often enough under the present conditions, and none was let in.
fn is_each_attack_refused(standing: &LivenessStanding) -> bool {
    let is_refused = |count: &AttackCount| count.let_in == 0 && count.presentations >= MIN_PRESENTATIONS;
    standing.not_run().is_empty() && standing.attacks.iter().all(is_refused)
}

/// What tests at this door prove; `None` if nothing was tested, and nothing has to be.
fn evaluate_tests(level: LivenessLevel, standing: &LivenessStanding) -> Option<Finding> {
    const TEST: &str = "run `ostiary liveness test`";
    if level == LivenessLevel::Off {
        return None;
    }
    if let Some(void) = &standing.void {
        let (date, changes) = (void.time.strftime("%Y-%m-%d"), void.changes.join(", "));
        let found = format!("the test of liveness of {date} is void: {changes} changed since");
        return Some(Finding::warning(found, format!("{TEST} again")));
    }
    if standing.is_empty() {
        let found = "no test of liveness at this door is in the record";
        return (level == LivenessLevel::Passive).then(|| Finding::warning(found, TEST));
    }
    let not_run = standing.not_run();
    let attacks = standing.attacks.iter().map(|count| {
        let rate = ErrorRate::from(count);
        format!("{} {rate} let in (at most {})", count.kind.words(), rate.at_most())
    });
    let visits = standing.visits.iter().map(|count| {
        let rate = ErrorRate::from(count);
        format!("{} {rate} refused (at most {})", count.time.words(), rate.at_most())
    });
    let counts = attacks.chain(visits).collect::<Vec<_>>().join(", ");
    let found = match not_run.as_slice() {
        [] => format!("tested at this door: {counts}"),
        kinds => format!("tested at this door: {counts}; not tested: {}", words(kinds)),
    };
    Some(if standing.attacks.iter().any(|count| count.let_in > 0) {
        Finding::warning(found, SECOND_FACTOR)
    } else if level == LivenessLevel::Passive && !not_run.is_empty() {
        Finding::warning(found, format!("{TEST} for these too"))
    } else {
        Finding::ok(found)
    })
}

#[cfg(test)]
mod tests {
    use ostiary_events::AttackKind;

    use ostiary_testkit::test_conditions as conditions;

    use super::*;
    use crate::cli::doctor::finding::Status;
    use crate::liveness_standing::tests::tested;

    #[test]
    fn what_keeps_everybody_out_is_a_fault_and_what_lets_pictures_in_a_warning() {
        let status = |level, has_network, has_lamp: bool| {
            let mut config = Config::default();
            config.liveness.level = level;
            config.signals.yes_line = has_lamp.then_some(22);
            evaluate(&config, has_network, None).status
        };
        assert_eq!(status(Some(LivenessLevel::Off), true, true), Status::Warning);
        assert_eq!(status(None, true, true), Status::Warning);
        assert_eq!(status(Some(LivenessLevel::Passive), true, false), Status::Warning);
        assert_eq!(status(Some(LivenessLevel::Passive), false, false), Status::Fault);
        assert_eq!(status(Some(LivenessLevel::Active), true, false), Status::Fault);
        assert_eq!(status(Some(LivenessLevel::Active), true, true), Status::Ok);
    }

    #[test]
    fn tests_at_the_door_are_told_with_what_they_prove() {
        let passive = LivenessLevel::Passive;
        let found = |standing: &LivenessStanding| evaluate_tests(passive, standing).unwrap();
        let standing = |tests: &[ostiary_events::Event]| LivenessStanding::of(tests, &conditions());
        let none = found(&standing(&[]));
        assert!(none.status == Status::Warning && none.to_string().contains("run `ostiary liveness test`"));
        assert_eq!(evaluate_tests(LivenessLevel::Active, &standing(&[])), None);
        assert_eq!(evaluate_tests(LivenessLevel::Off, &standing(&[])), None);

        let each: Vec<_> = AttackKind::ALL.iter().map(|kind| tested(5, *kind, 0, conditions())).collect();
        let all = found(&standing(&each));
        assert_eq!(all.status, Status::Ok);
        assert!(all.found.contains("small print 0 of 20 let in (at most 16.8 %)"), "{all}");
        assert!(all.found.contains("own visits by day 1 of 20 refused (at most 24.9 %)"), "{all}");
        let some = found(&standing(&each[..2]));
        assert!(some.status == Status::Warning && some.found.contains("not tested: bent print"), "{some}");
        let let_in = found(&standing(&[tested(6, AttackKind::Phone, 3, conditions()), each[0].clone()]));
        assert!(let_in.status == Status::Warning && let_in.found.contains("phone 3 of 20"), "{let_in}");

        let mut other = conditions();
        other.camera.source = "/dev/video1".into();
        let void = found(&standing(&[tested(7, AttackKind::Phone, 0, other)]));
        assert_eq!(
            void.to_string(),
            "the test of liveness of 1970-01-01 is void: camera.source changed since; run `ostiary liveness test` again"
        );
    }

    #[test]
    fn passive_is_no_warning_once_each_attack_was_refused() {
        let mut config = Config::default();
        config.liveness.level = Some(LivenessLevel::Passive);
        let mut each: Vec<_> = AttackKind::ALL.iter().map(|kind| tested(5, *kind, 0, conditions())).collect();
        let status = |tests: &[ostiary_events::Event]| {
            evaluate(&config, true, Some(&LivenessStanding::of(tests, &conditions()))).status
        };
        assert_eq!(status(&each), Status::Ok);
        assert_eq!(status(&each[1..]), Status::Warning);
        each[0] = tested(5, AttackKind::SmallPrint, 1, conditions());
        assert_eq!(status(&each), Status::Warning);
    }
}
