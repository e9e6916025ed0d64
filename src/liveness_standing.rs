//! What the tests of liveness at a door prove under the present conditions.

use jiff::Timestamp;
use ostiary_config::Config;
use ostiary_events::{
    AttackCount, AttackKind, Event, EventKind, EventStore, LivenessReport, TestConditions, VisitCount,
};
use ostiary_models::Bundle;
use serde_json::Value;

use crate::error_rate::{ErrorRate, attack_sentence, visit_sentence};
use crate::liveness_conditions::test_conditions;

/// What no count can tell.
const PLACE: &str = "This holds for the place of the camera and the light of the test, which the door cannot know: after the camera was \
                     moved, or the light changed, run `ostiary liveness test` again.";

/// What the tests of liveness at a door prove under the present conditions.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LivenessStanding {
    /// The newest count of each kind of attack that was made under the present conditions, in the order of a test.
    pub attacks: Vec<AttackCount>,
    /// The newest count of own visits of each time.
    pub visits: Vec<VisitCount>,
    /// The newest report, if nothing was counted under the present conditions.
    pub void: Option<VoidReport>,
}

/// A report that was made under other conditions than the present ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoidReport {
    /// When it was recorded.
    pub time: Timestamp,
    /// What changed since, at least one thing.
    pub changes: Vec<&'static str>,
}

impl LivenessStanding {
    /// What tests prove: events with a report, newest first. A test of a part replaces earlier ones of the same part.
    pub fn of(tests: &[Event], present: &TestConditions) -> Self {
        let mut standing = Self::default();
        for (place, (time, report)) in tests.iter().filter_map(report).enumerate() {
            let changes = present.differences(&report.conditions);
            if changes.is_empty() {
                standing.add(report);
            } else if place == 0 {
                standing.void = Some(VoidReport { time, changes });
            }
        }
        if !standing.is_empty() {
            standing.void = None;
        }
        let place = |count: &AttackCount| AttackKind::ALL.iter().position(|kind| *kind == count.kind);
        standing.attacks.sort_by_key(place);
        standing
    }

    /// Reads what the tests prove from the event store of a door. A store that cannot be read has no tests: other checks
    /// report it. `None`: the models cannot be used.
    pub fn read(config: &Config, models: &Bundle) -> Option<Self> {
        let present = test_conditions(config, models).ok()?;
        let store = EventStore::open_read_only(&config.events.path);
        let tests = store.and_then(|store| store.liveness_tests()).unwrap_or_default();
        Some(Self::of(&tests, &present))
    }

    fn add(&mut self, report: &LivenessReport) {
        for count in &report.attacks {
            if self.attacks.iter().all(|known| known.kind != count.kind) {
                self.attacks.push(*count);
            }
        }
        for count in &report.visits {
            if self.visits.iter().all(|known| known.time != count.time) {
                self.visits.push(*count);
            }
        }
    }

    /// The kinds of attack of which no count is valid.
    pub fn not_run(&self) -> Vec<AttackKind> {
        let is_run = |kind: &AttackKind| self.attacks.iter().any(|count| count.kind == *kind);
        AttackKind::ALL.into_iter().filter(|kind| !is_run(kind)).collect()
    }

    /// The kinds of attack that opened the door.
    fn let_in(&self) -> Vec<AttackKind> {
        self.attacks.iter().filter(|count| count.let_in > 0).map(|count| count.kind).collect()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.attacks.is_empty() && self.visits.is_empty()
    }

    /// What attacks the door was not tested against, for the event of a start at the level passive.
    pub fn describe_not_run(&self) -> String {
        match self.not_run().as_slice() {
            [] => match self.let_in().as_slice() {
                [] => "tested against each kind of attack".to_owned(),
                kinds => format!("tested, and opened by {}", words(kinds)),
            },
            kinds => format!("not tested against {}", words(kinds)),
        }
    }
}

/// Kinds of attack, separated by commas.
pub fn words(kinds: &[AttackKind]) -> String {
    kinds.iter().map(|kind| kind.words()).collect::<Vec<_>>().join(", ")
}

/// What the counts prove, in sentences.
pub fn sentences(attacks: &[AttackCount], visits: &[VisitCount]) -> Vec<String> {
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
pub fn rates(attacks: &[AttackCount], visits: &[VisitCount]) -> Vec<Value> {
    let attacks = attacks.iter().map(|count| ErrorRate::from(count).json(count.kind.name(), "apcer"));
    let visits = visits.iter().map(|count| ErrorRate::from(count).json(count.time.name(), "bpcer"));
    attacks.chain(visits).collect()
}

/// The report of an event.
pub fn report(event: &Event) -> Option<(Timestamp, &LivenessReport)> {
    match &event.kind {
        EventKind::LivenessTested { report, .. } => Some((event.time, report)),
        _ => None,
    }
}

#[cfg(test)]
pub mod tests {
    use ostiary_events::{User, VisitTime};
    use ostiary_testkit::test_conditions as conditions;

    use super::*;

    /// An event of a test of one kind of attack.
    pub fn tested(second: i64, kind: AttackKind, let_in: u32, conditions: TestConditions) -> Event {
        let report = LivenessReport {
            conditions,
            attacks: vec![AttackCount { kind, presentations: 20, let_in }],
            visits: vec![VisitCount { time: VisitTime::Day, visits: 20, refused: 1 }],
            is_complete: true,
        };
        let user = User::Process { uid: 998, sudo_uid: None };
        let time = Timestamp::from_second(second).unwrap();
        Event::new(EventKind::LivenessTested { report, user }, time, "front")
    }

    #[test]
    fn the_newest_count_of_each_part_under_the_present_conditions_counts() {
        let mut other = conditions();
        other.camera.rotate = 90;
        let newest_first = [
            tested(9, AttackKind::Phone, 2, conditions()),
            tested(8, AttackKind::LargePrint, 9, other.clone()),
            tested(7, AttackKind::SmallPrint, 0, conditions()),
            tested(6, AttackKind::Phone, 7, conditions()),
        ];
        let standing = LivenessStanding::of(&newest_first, &conditions());
        let counts: Vec<_> = standing.attacks.iter().map(|count| (count.kind, count.let_in)).collect();
        assert_eq!(counts, [(AttackKind::SmallPrint, 0), (AttackKind::Phone, 2)]);
        assert_eq!((standing.visits.len(), &standing.void), (1, &None));
        assert_eq!(
            standing.describe_not_run(),
            "not tested against large print, bent print, folded print, film on a tablet"
        );

        let standing = LivenessStanding::of(&newest_first, &other);
        assert_eq!((standing.attacks.len(), standing.void), (1, None), "of the test under these conditions");
        let standing = LivenessStanding::of(&newest_first[..1], &other);
        assert!(standing.is_empty());
        let void = standing.void.unwrap();
        assert_eq!((void.time.as_second(), void.changes), (9, vec!["camera.rotate"]));
        assert_eq!(LivenessStanding::of(&[], &other), LivenessStanding::default());
    }
}
