//! Shows what the tests of liveness at a door prove now.

use std::process::ExitCode;

use ostiary_events::{AttackCount, EventStore, VisitCount};
use ostiary_models::Bundle;
use serde_json::{Value, json};

use crate::cli::Globals;
use crate::cli::clock::shown;
use crate::cli::output::{json_line, line};
use crate::error_rate::{ErrorRate, attack_sentence, visit_sentence};
use crate::liveness_conditions::test_conditions;
use crate::liveness_standing::{LivenessStanding, report, words};

/// What no count can tell.
const PLACE: &str = "This holds for the place of the camera and the light of the test, which the door cannot know: after the camera was \
                     moved, or the light changed, run `ostiary liveness test` again.";

pub(super) fn run(globals: &Globals) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    let present = test_conditions(&config, &Bundle::find(&config.models, config.engine.precision)?)?;
    let tests = EventStore::open_read_only(&config.events.path)?.liveness_tests()?;
    let standing = LivenessStanding::of(&tests, &present);
    let LivenessStanding { attacks, visits, void } = &standing;
    let is_valid = !standing.is_empty();
    if globals.json {
        let latest = tests.first();
        let void = void.as_ref().map(|void| &void.changes);
        json_line(&json!({
            "latest": latest, "is_valid": is_valid, "changed_since": void, "rates": rates(attacks, visits),
            "not_run": standing.not_run(), "text": sentences(attacks, visits),
        }))?;
        return Ok(ExitCode::from(u8::from(!is_valid)));
    }
    match tests.iter().find_map(report) {
        None => line("No test of liveness is in the record. Run `ostiary liveness test`.")?,
        Some((time, report)) => {
            let end = if report.is_complete { "" } else { ", ended early" };
            line(&format!("The latest test, {}{end}: {report}.", shown(time)))?;
        }
    }
    if let Some(void) = void {
        line(&format!(
            "It is void: {} changed since. Run `ostiary liveness test` again.",
            void.changes.join(", ")
        ))?;
    }
    if !standing.is_empty() {
        line("Under the present conditions the newest counts are:")?;
        sentences(attacks, visits).iter().try_for_each(|sentence| line(sentence))?;
    }
    if !standing.not_run().is_empty() && !tests.is_empty() {
        line(&format!("Not tested: {}.", words(&standing.not_run())))?;
    }
    Ok(ExitCode::from(u8::from(!is_valid)))
}

/// What the counts prove, in sentences.
pub(super) fn sentences(attacks: &[AttackCount], visits: &[VisitCount]) -> Vec<String> {
    let attacks = attacks.iter().map(attack_sentence);
    let mut sentences: Vec<String> = attacks.chain(visits.iter().map(visit_sentence)).collect();
    sentences.push(
        "Intervals are exact (95 %, Clopper-Pearson): 0 of 20 proves at most 16.8 %, 0 of 59 about 6 %."
            .to_owned(),
    );
    sentences.push(PLACE.to_owned());
    sentences
}

/// The rates with their intervals, as JSON objects.
pub(super) fn rates(attacks: &[AttackCount], visits: &[VisitCount]) -> Vec<Value> {
    let attacks = attacks.iter().map(|count| ErrorRate::from(count).json(count.kind.name(), "apcer"));
    let visits = visits.iter().map(|count| ErrorRate::from(count).json(count.time.name(), "bpcer"));
    attacks.chain(visits).collect()
}
