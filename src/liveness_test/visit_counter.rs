//! Counts the visits of one part of a test, as the door has decided them.
//!
//! A presentation is all that the door decides about what is shown once: decisions less than `door.away_s` apart, and those
//! about one track. Of several decisions the one that is worse for the door counts.

use jiff::{SignedDuration, Timestamp};
use ostiary_access::{ChallengeState, DenialReason, LivenessRules, Reason};
use ostiary_config::Door;
use ostiary_core::TrackId;
use ostiary_events::{Event, Evidence, TestConditions, TestPart};
use serde::Serialize;

use crate::error_rate::ErrorRate;
use crate::liveness_advice::liveness_advice;

/// The visits of one part of a test.
pub(super) struct VisitCounter {
    part: TestPart,
    door: Door,
    /// What each counted visit must have been decided by.
    conditions: TestConditions,
    /// Faces that were in view before this time do not count.
    begins: Timestamp,
    count: ErrorRate,
    latest: Option<Presentation>,
}

/// The latest presentation.
struct Presentation {
    /// The time of its latest decision.
    until: Timestamp,
    /// The track of that decision.
    track: TrackId,
    is_error: bool,
}

/// What the door did with a visit. The names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum VisitResult {
    /// It found a picture.
    RefusedAsPicture,
    /// It was not shown that it is a person.
    RefusedNotLive,
    /// It let the face in.
    LetIn,
    /// It refused the face for a reason that says nothing of liveness.
    NotTested,
}

/// How a visit was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Counted {
    /// As a presentation of its own.
    New,
    /// It belongs to the presentation before.
    SamePresentation,
    /// It belongs to the presentation before, and is worse for the door: that one counts as an error now.
    SamePresentationWorse,
    /// Not at all.
    No,
}

/// A visit as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct CountedVisit {
    /// The id of the event.
    pub id: u64,
    pub result: VisitResult,
    pub counted: Counted,
    /// Whom the door took the face for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// In words.
    pub text: String,
}

impl VisitCounter {
    /// A counter for visits that begin at this time or later.
    pub fn new(part: TestPart, door: &Door, conditions: &TestConditions, begins: Timestamp) -> Self {
        let (door, conditions) = (door.clone(), conditions.clone());
        Self { part, door, conditions, begins, count: ErrorRate { errors: 0, trials: 0 }, latest: None }
    }

    /// Errors and presentations so far.
    pub fn count(&self) -> ErrorRate {
        self.count
    }

    /// Adds an event; `None` if it is no decision about a face.
    pub fn add(&mut self, event: &Event) -> Option<CountedVisit> {
        let (reason, evidence) = event.kind.face()?;
        let person = event.kind.person();
        let result = match reason {
            Reason::Granted | Reason::RequestToExit | Reason::Command => VisitResult::LetIn,
            Reason::Denied(DenialReason::Spoof) => VisitResult::RefusedAsPicture,
            Reason::Denied(DenialReason::NotLive) => VisitResult::RefusedNotLive,
            Reason::Denied(_) => VisitResult::NotTested,
        };
        let latency = SignedDuration::try_from(evidence.latency).unwrap_or(SignedDuration::MAX);
        let first_seen = event.time.checked_sub(latency).unwrap_or(Timestamp::MIN);
        let why_not = if first_seen < self.begins {
            Some("the face was in view before this part began".to_owned())
        } else {
            self.why_not_counted(reason, evidence, person)
        };
        let (counted, text) = match why_not {
            Some(why) => {
                self.extend(first_seen, event.time, evidence.track);
                (Counted::No, format!("not counted: {why}"))
            }
            None => self.count_presentation(result, first_seen, event.time, evidence),
        };
        Some(CountedVisit { id: event.id, result, counted, person: person.map(str::to_owned), text })
    }

    /// Counts a visit whose liveness was tested.
    fn count_presentation(
        &mut self,
        result: VisitResult,
        first_seen: Timestamp,
        time: Timestamp,
        evidence: &Evidence,
    ) -> (Counted, String) {
        let is_error = match self.part {
            TestPart::Attack(_) => result == VisitResult::LetIn,
            TestPart::Visits(_) => result != VisitResult::LetIn,
        };
        let counted = if self.extend(first_seen, time, evidence.track) {
            match &mut self.latest {
                Some(latest) if is_error && !latest.is_error => {
                    latest.is_error = true;
                    self.count.errors += 1;
                    Counted::SamePresentationWorse
                }
                _ => Counted::SamePresentation,
            }
        } else {
            self.latest = Some(Presentation { until: time, track: evidence.track, is_error });
            self.count.trials += 1;
            self.count.errors += u32::from(is_error);
            Counted::New
        };
        let advice = evidence.visit.as_ref().and_then(|visit| liveness_advice(&visit.record));
        let text = match (result, advice) {
            (VisitResult::LetIn, _) => "LET IN".to_owned(),
            (VisitResult::RefusedNotLive, Some(advice)) => {
                format!("refused: it was not shown to be a person ({advice})")
            }
            (VisitResult::RefusedNotLive, None) => "refused: it was not shown to be a person".to_owned(),
            (VisitResult::RefusedAsPicture | VisitResult::NotTested, _) => "refused as a picture".to_owned(),
        };
        let text = match counted {
            Counted::New | Counted::No => text,
            Counted::SamePresentation => format!("{text}; the same presentation as before"),
            Counted::SamePresentationWorse => format!("{text}; the presentation before counts as this one"),
        };
        (counted, text)
    }

    /// Makes a decision a part of the latest presentation, if it is one. Returns whether it is.
    fn extend(&mut self, first_seen: Timestamp, time: Timestamp, track: TrackId) -> bool {
        let away = SignedDuration::try_from_secs_f64(self.door.away_s).unwrap_or(SignedDuration::MAX);
        let Some(latest) = &mut self.latest else { return false };
        let is_same = latest.track == track || first_seen.duration_since(latest.until) < away;
        if is_same {
            (latest.until, latest.track) = (latest.until.max(time), track);
        }
        is_same
    }

    /// Why a decision says nothing of liveness under the conditions of the test; `None` if it does.
    fn why_not_counted(&self, reason: Reason, evidence: &Evidence, person: Option<&str>) -> Option<String> {
        if let Reason::Denied(reason) = reason
            && let Some(why) = self.other_reason(reason, person.unwrap_or("this person"))
        {
            return Some(why);
        }
        let Some(visit) = &evidence.visit else {
            return Some("the record of this visit cannot be read".to_owned());
        };
        let LivenessRules { level, network, .. } = visit.record.rules.liveness;
        let TestConditions { embedder, .. } = &self.conditions;
        let is_same = level == self.conditions.level
            && network == self.conditions.network
            && evidence.model.to_string() == *embedder;
        // An attack that was too near, or in view for too short a time, shows nothing of what would happen otherwise.
        let evidence = visit.record.last().map(|step| step.liveness).unwrap_or_default();
        let is_judged = evidence.score.is_some() || matches!(evidence.challenge, ChallengeState::Failed(_));
        if matches!(self.part, TestPart::Attack(_))
            && reason == Reason::Denied(DenialReason::NotLive)
            && !is_judged
        {
            let advice = liveness_advice(&visit.record).unwrap_or("nothing was measured");
            return Some(format!("the test did not come to liveness: {advice}"));
        }
        (!is_same).then(|| {
            "the door decided by another level, other thresholds or other models than those of its configuration now: reload it \
             (`sudo systemctl reload ostiary`), and start the test again"
                .to_owned()
        })
    }

    /// Why a denial for another reason than liveness is not counted.
    fn other_reason(&self, reason: DenialReason, person: &str) -> Option<String> {
        let Door { away_s, cooldown_s, .. } = self.door;
        Some(match reason {
            DenialReason::Spoof | DenialReason::NotLive => return None,
            DenialReason::Unknown => {
                "the face was not recognized, so that the test did not come to liveness".to_owned()
            }
            DenialReason::Ambiguous => {
                "the face is too alike to two people, so that the test did not come to liveness".to_owned()
            }
            DenialReason::LowQuality => {
                "the face was blurred, too dark, too bright or turned away: hold it still, in even light".to_owned()
            }
            DenialReason::TooFar => "the face was too small: come nearer".to_owned(),
            DenialReason::StaticFace => {
                "the face did not move for minutes, as a picture on a wall: take it out of view and show it again".to_owned()
            }
            DenialReason::SeveralFaces => "a second face was in view: show one at a time".to_owned(),
            DenialReason::CoolDown => format!(
                "{person} was let in a moment ago: keep out of view for {} s (door.cooldown_s)",
                cooldown_s.max(away_s)
            ),
            DenialReason::SameVisit => format!(
                "{person} was let in before, and has not been out of view since: keep out of view for more than {away_s} s \
                 (door.away_s)"
            ),
            DenialReason::DisabledPerson => format!("{person} is disabled: take another person"),
            DenialReason::Alike => {
                format!("{person} and another enrolled person look too much alike: take another person")
            }
            DenialReason::OutsideHours => format!("{person} may not come in at this hour: take another person"),
            DenialReason::NoHours => format!("{person} is in a group without hours: take another person"),
            DenialReason::ClockImplausible => {
                format!("the clock is not plausible, and {person} is in a group with hours: set the clock")
            }
            DenialReason::Paused => format!(
                "the way in by face of {person} pauses after too many attempts: take another person, or wait for the end of the \
                 pause"
            ),
            DenialReason::Locked => "a fault has locked the door: see `ostiary doctor`".to_owned(),
            DenialReason::LockedDown => "the door is locked down: end that first".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ostiary_access::{DecisionRules, LivenessEvidence, NetworkRules, VisitRecord};
    use ostiary_config::LivenessLevel;
    use ostiary_core::ModelId;
    use ostiary_events::{AttackKind, Denial, EventKind, Grant, Visit, VisitTime};
    use ostiary_testkit::{evidence, moment, test_conditions as conditions};

    use super::*;

    /// A decision at a second about a track that was first seen half a second before. It is by the rules of [`conditions`].
    fn decision(second: f64, track: u64, reason: Reason) -> Event {
        scored(second, track, reason, Some(0.3))
    }

    /// A decision after which the network had this median score.
    fn scored(second: f64, track: u64, reason: Reason, score: Option<f32>) -> Event {
        let liveness =
            LivenessRules { level: LivenessLevel::Passive, network: conditions().network, can_prompt: false };
        let mut record = VisitRecord::new(DecisionRules::new(&Door::default(), liveness));
        let liveness = LivenessEvidence { room: Some(2.4), score, ..LivenessEvidence::default() };
        record.steps.extend([moment(liveness)]);
        let evidence = Evidence {
            track: TrackId(track),
            latency: Duration::from_millis(500),
            visit: Some(Box::new(Visit { record, people: 2, fpir: None })),
            ..evidence()
        };
        let person = Some("Ann".to_owned());
        let kind = match reason {
            Reason::Denied(reason) => {
                EventKind::Denied(Denial::Face { reason, person, evidence, detail: None })
            }
            _ => EventKind::Granted(Grant::Face { person, evidence }),
        };
        let time = Timestamp::from_millisecond((1000.0 * second) as i64).unwrap();
        Event::new(kind, time, "front")
    }

    const SPOOF: Reason = Reason::Denied(DenialReason::Spoof);
    const NOT_LIVE: Reason = Reason::Denied(DenialReason::NotLive);
    const ATTACK: TestPart = TestPart::Attack(AttackKind::SmallPrint);
    const VISITS: TestPart = TestPart::Visits(VisitTime::Day);

    /// How each decision is counted in a part that begins at second 0, and errors and presentations at the end.
    fn counted(part: TestPart, decisions: &[(f64, u64, Reason)]) -> (Vec<Counted>, (u32, u32)) {
        let (door, conditions) = (Door::default(), conditions());
        let mut counter = VisitCounter::new(part, &door, &conditions, Timestamp::UNIX_EPOCH);
        let each = decisions
            .iter()
            .map(|(second, track, reason)| counter.add(&decision(*second, *track, *reason)).unwrap().counted);
        let each = each.collect();
        (each, (counter.count().errors, counter.count().trials))
    }

    #[test]
    fn attacks_that_are_let_in_and_own_visits_that_liveness_refuses_are_errors() {
        let decisions = [(1.0, 1, SPOOF), (10.0, 2, NOT_LIVE), (20.0, 3, Reason::Granted)];
        assert_eq!(counted(ATTACK, &decisions), (vec![Counted::New; 3], (1, 3)));
        assert_eq!(counted(VISITS, &decisions), (vec![Counted::New; 3], (2, 3)));
    }

    #[test]
    fn an_attack_that_no_layer_judged_does_not_count_and_an_own_visit_does() {
        let (door, conditions) = (Door::default(), conditions());
        for (part, expected) in [(ATTACK, Counted::No), (VISITS, Counted::New)] {
            let mut counter = VisitCounter::new(part, &door, &conditions, Timestamp::UNIX_EPOCH);
            let visit = counter.add(&scored(1.0, 1, NOT_LIVE, None)).unwrap();
            assert_eq!(visit.counted, expected, "{}", visit.text);
        }
    }

    #[test]
    fn one_presentation_counts_once_and_its_worst_decision_counts() {
        use Counted::{New, SamePresentation, SamePresentationWorse};
        let again = [
            (1.0, 1, NOT_LIVE),
            // The same track, long after.
            (30.0, 1, SPOOF),
            // Another track that begins 2.5 s after the last decision.
            (33.0, 2, Reason::Granted),
            (34.0, 3, SPOOF),
            // 3 s out of view.
            (37.6, 4, SPOOF),
        ];
        let (each, count) = counted(ATTACK, &again);
        assert_eq!(each, [New, SamePresentation, SamePresentationWorse, SamePresentation, New]);
        assert_eq!(count, (1, 2));
        assert_eq!(counted(VISITS, &[(1.0, 1, NOT_LIVE), (3.0, 1, Reason::Granted)]).1, (1, 1));
        // A clock that goes back begins no presentation.
        assert_eq!(counted(ATTACK, &[(100.0, 1, SPOOF), (50.0, 2, SPOOF)]).1, (0, 1));
    }

    #[test]
    fn denials_for_other_reasons_are_shown_with_the_reason_and_do_not_count() {
        let (door, conditions) = (Door::default(), conditions());
        for part in [ATTACK, VISITS] {
            let mut counter = VisitCounter::new(part, &door, &conditions, Timestamp::UNIX_EPOCH);
            let mut texts = Vec::new();
            for (number, reason) in DenialReason::ALL.into_iter().enumerate() {
                if matches!(reason, DenialReason::Spoof | DenialReason::NotLive) {
                    continue;
                }
                let second = 10.0 * number as f64 + 1.0;
                let visit = counter.add(&decision(second, number as u64, Reason::Denied(reason))).unwrap();
                assert_eq!(
                    (visit.counted, visit.result),
                    (Counted::No, VisitResult::NotTested),
                    "{reason:?}"
                );
                texts.push(visit.text);
            }
            assert_eq!(counter.count().trials, 0);
            assert!(texts.iter().all(|text| text.starts_with("not counted: ")));
            let count = texts.len();
            texts.sort_unstable();
            texts.dedup();
            assert_eq!(texts.len(), count, "each has its own text");
            assert!(texts.iter().any(|text| text.contains("for 10 s (door.cooldown_s)")), "{texts:?}");
        }
        let stopped = Event::new(EventKind::Stopped, Timestamp::UNIX_EPOCH, "front");
        let mut counter = VisitCounter::new(ATTACK, &door, &conditions, Timestamp::UNIX_EPOCH);
        assert_eq!(counter.add(&stopped), None);
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let (door, conditions) = (Door::default(), conditions());
        let mut counter = VisitCounter::new(VISITS, &door, &conditions, Timestamp::UNIX_EPOCH);
        let visit = counter.add(&decision(1.0, 1, NOT_LIVE)).unwrap();
        assert!(visit.text.contains("step back so that your shoulders are in the picture"), "{visit:?}");
        assert_eq!(visit.person.as_deref(), Some("Ann"));
    }

    #[test]
    fn what_was_not_decided_under_the_conditions_of_the_test_does_not_count() {
        let door = Door::default();
        let text = |event: &Event, conditions: &TestConditions, begins: i64| {
            let begins = Timestamp::from_millisecond(begins).unwrap();
            let mut counter = VisitCounter::new(ATTACK, &door, conditions, begins);
            let visit = counter.add(event).unwrap();
            assert_eq!((visit.counted, counter.count().trials), (Counted::No, 0));
            visit.text
        };
        let spoof = decision(1.0, 1, SPOOF);
        assert!(text(&spoof, &conditions(), 501).contains("before this part began"));
        for other in [
            TestConditions { level: LivenessLevel::Active, ..conditions() },
            TestConditions { network: NetworkRules::NearInfrared, ..conditions() },
            TestConditions { embedder: "0000000000000000".into(), ..conditions() },
        ] {
            assert!(text(&spoof, &other, 0).contains("reload it"));
        }
        let mut unread = spoof;
        if let EventKind::Denied(Denial::Face { evidence, .. }) = &mut unread.kind {
            evidence.visit = None;
            evidence.model = ModelId(conditions().embedder);
        }
        assert!(text(&unread, &conditions(), 0).contains("cannot be read"));
    }
}
