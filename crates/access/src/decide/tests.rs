use std::collections::HashMap;

use ostiary_config::LivenessLevel;
use ostiary_core::{Candidate, ChallengeFailure, PersonId, Quality, QualityFault, Score, Similarity};
use proptest::prelude::*;

use super::*;
use crate::{
    Access, CLEAR_EXCESS, ChallengeState, DenialReason, EARLY_EXCESS, LivenessEvidence, NetworkRules, Reason,
    VisitRecord,
};

const THRESHOLD: Similarity = Similarity(0.4);
const ANN: i64 = 1;
const BOB: i64 = 2;

fn rules() -> Door {
    Door::default()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn score(person: i64, similarity: f32) -> Score {
    let similarity = Similarity(similarity);
    Score { person: PersonId(person), similarity, cosine: similarity, threshold: THRESHOLD, photos: 5 }
}

/// A moment of a face whose track has enough moments for any decision, with this similarity to a person, and similarity 0 to
/// the second best.
fn face(track: u64, person: i64, similarity: f32) -> Observation {
    Observation {
        track: TrackId(track),
        first_seen: Duration::ZERO,
        quality: Quality::default(),
        fault: None,
        embedded: true,
        moments: 16,
        candidate: Some(Candidate {
            person: PersonId(person),
            similarity: Similarity(similarity),
            cosine: Similarity(similarity),
            threshold: THRESHOLD,
            photos: 5,
            second: Some(score(99, 0.0)),
            third: None,
        }),
        access: Access::Allowed,
        liveness: LivenessEvidence::default(),
    }
}

/// A clear match, but no early one.
fn ann(track: u64) -> Observation {
    face(track, ANN, THRESHOLD.0 + 0.07)
}

fn stranger(track: u64) -> Observation {
    face(track, BOB, 0.1)
}

fn faulty(track: u64, fault: QualityFault) -> Observation {
    Observation { fault: Some(fault), embedded: false, candidate: None, ..ann(track) }
}

/// Feeds frames to a decider, 100 ms apart, each a new moment of the tracks in it, and collects the decisions.
struct Scene {
    decider: Decider,
    now: Duration,
    moments: HashMap<TrackId, u32>,
}

impl Scene {
    fn new(door: &Door) -> Self {
        Self { decider: Decider::new(door, LivenessRules::OFF), now: ms(1000), moments: HashMap::new() }
    }

    fn show(&mut self, frames: usize, faces: &[Observation]) -> Vec<(u64, Reason)> {
        let mut decided = Vec::new();
        for _ in 0..frames {
            self.now += ms(100);
            let mut faces = faces.to_vec();
            for face in faces.iter_mut().filter(|face| face.embedded) {
                let moments = self.moments.entry(face.track).or_default();
                *moments += 1;
                face.moments = *moments;
            }
            let decisions = self.decider.observe(self.now, &faces);
            decided.extend(decisions.iter().map(|decision| (decision.track.0, decision.outcome.into())));
        }
        decided
    }

    fn end(&mut self, track: u64) -> Option<Reason> {
        self.decider.track_ended(self.now, TrackId(track)).map(|decision| decision.outcome.into())
    }
}

#[test]
fn enough_moments_are_one_grant() {
    let mut scene = Scene::new(&rules());
    assert_eq!(scene.show(2, &[ann(1)]), []);
    assert_eq!(scene.show(1, &[ann(1)]), [(1, Reason::Granted)]);
    assert_eq!(scene.show(300, &[ann(1)]), [], "one grant for each track");
    assert_eq!(scene.end(1), None);
}

#[test]
fn a_grant_has_the_values_that_led_to_it() {
    let mut decider = Decider::new(&rules(), LivenessRules::OFF);
    let seen = |moments| Observation { first_seen: ms(40), moments, ..ann(7) };
    decider.observe(ms(100), &[seen(1)]);
    decider.observe(ms(200), &[seen(2)]);
    let decisions = decider.observe(ms(300), &[seen(3), stranger(8)]);
    let visit = decisions[0].visit.clone();
    let steps: Vec<_> = visit.steps.iter().map(|step| (step.at_ms, step.moments, step.reported)).collect();
    assert_eq!(steps, [(60, 1, None), (160, 2, None), (260, 3, Some(Reason::Granted))]);
    let expected = Decision {
        time: ms(300),
        track: TrackId(7),
        first_seen: ms(40),
        outcome: Outcome::Granted,
        person: Some(PersonId(ANN)),
        nearest: Some(PersonId(ANN)),
        similarity: Some(Similarity(THRESHOLD.0 + 0.07)),
        cosine: Some(Similarity(THRESHOLD.0 + 0.07)),
        second: Some(Similarity(0.0)),
        threshold: Some(THRESHOLD),
        quality: Quality::default(),
        faces_in_view: 2,
        frames: 3,
        visit,
    };
    assert_eq!(decisions.as_slice(), [expected]);
}

#[test]
fn too_few_moments_are_no_match() {
    let mut decider = Decider::new(&rules(), LivenessRules::OFF);
    for n in 0..50 {
        assert!(decider.observe(ms(n * 100), &[Observation { moments: 2, ..ann(1) }]).is_empty());
    }
}

#[test]
fn a_similarity_near_the_threshold_takes_twice_as_many_moments() {
    let near = face(1, ANN, THRESHOLD.0 + CLEAR_EXCESS / 2.0);
    let mut scene = Scene::new(&rules());
    assert_eq!(scene.show(5, &[near]), []);
    assert_eq!(scene.show(1, &[near]), [(1, Reason::Granted)]);
    let clear = face(2, BOB, THRESHOLD.0 + CLEAR_EXCESS + 0.01);
    assert_eq!(scene.show(3, &[clear]), [(2, Reason::Granted)]);
}

#[test]
fn a_similarity_far_above_the_threshold_takes_a_moment_less() {
    let far = |track| face(track, ANN, THRESHOLD.0 + EARLY_EXCESS + 0.01);
    let mut scene = Scene::new(&rules());
    assert_eq!(scene.show(1, &[far(1)]), []);
    assert_eq!(scene.show(1, &[far(1)]), [(1, Reason::Granted)]);
    // Where the least number is two, one picture alone is never enough.
    let mut scene = Scene::new(&Door { frames: 2, ..rules() });
    assert_eq!(scene.show(1, &[far(1)]), []);
    assert_eq!(scene.show(1, &[far(1)]), [(1, Reason::Granted)]);
    // After an unknown face, and after too many attempts.
    let mut scene = Scene::new(&rules());
    assert_eq!(scene.show(8, &[stranger(1)]), [(1, Reason::Denied(DenialReason::Unknown))]);
    assert_eq!(scene.show(2, &[far(2)]), []);
    assert_eq!(scene.show(1, &[far(2)]), [(2, Reason::Granted)]);
    let mut scene = Scene::new(&rules());
    scene.decider.require_clear_match(true);
    assert_eq!(scene.show(2, &[far(1)]), []);
    assert_eq!(scene.show(1, &[far(1)]), [(1, Reason::Granted)]);
}

#[test]
fn two_people_at_an_early_moment_are_not_ambiguous_yet() {
    let mut both = face(1, ANN, THRESHOLD.0 + EARLY_EXCESS + 0.01);
    both.candidate.as_mut().unwrap().second = Some(score(BOB, THRESHOLD.0 + EARLY_EXCESS));
    let mut scene = Scene::new(&rules());
    assert_eq!(scene.show(2, &[both]), []);
    assert_eq!(scene.show(1, &[both]), [(1, Reason::Denied(DenialReason::Ambiguous))]);
}

#[test]
fn a_track_that_was_unknown_needs_a_clear_match() {
    let near = face(1, ANN, THRESHOLD.0 + CLEAR_EXCESS / 2.0);
    let mut scene = Scene::new(&rules());
    assert_eq!(scene.show(8, &[stranger(1)]), [(1, Reason::Denied(DenialReason::Unknown))]);
    assert_eq!(scene.show(50, &[near]), []);
    assert_eq!(scene.show(1, &[ann(1)]), [(1, Reason::Granted)]);
}

#[test]
fn a_track_that_follows_an_unknown_one_needs_a_clear_match() {
    let near = |track| face(track, ANN, THRESHOLD.0 + CLEAR_EXCESS / 2.0);
    let mut scene = Scene::new(&rules());
    assert_eq!(scene.show(8, &[stranger(1)]), [(1, Reason::Denied(DenialReason::Unknown))]);
    scene.end(1);
    assert_eq!(scene.show(50, &[near(2)]), [], "the stranger hid the face for a moment");
    assert_eq!(scene.end(2), Some(Reason::Denied(DenialReason::Unknown)), "a refused visit is reported");
    // Ten seconds after the unknown face was in view.
    assert_eq!(scene.show(60, &[]), []);
    assert_eq!(scene.show(6, &[near(3)]), [(3, Reason::Granted)]);
}

#[test]
fn after_too_many_attempts_at_the_door_everybody_must_be_a_clear_match() {
    let near = |track| face(track, ANN, THRESHOLD.0 + CLEAR_EXCESS / 2.0);
    let mut scene = Scene::new(&rules());
    scene.decider.require_clear_match(true);
    scene.decider.set_rules(&rules(), LivenessRules::OFF);
    assert_eq!(scene.show(50, &[near(1)]), []);
    assert_eq!(scene.show(3, &[face(2, BOB, 0.7)]), [(2, Reason::Granted)]);
    scene.decider.require_clear_match(false);
    assert_eq!(scene.show(1, &[near(1)]), [(1, Reason::Granted)]);
}

#[test]
fn frames_of_another_track_do_not_count() {
    let mut scene = Scene::new(&rules());
    for track in 0..10 {
        assert_eq!(scene.show(2, &[ann(track)]), []);
    }
}

#[test]
fn a_denial_is_reported_once_and_a_grant_can_follow() {
    let mut scene = Scene::new(&rules());
    assert_eq!(scene.show(7, &[stranger(1)]), []);
    assert_eq!(scene.show(1, &[stranger(1)]), [(1, Reason::Denied(DenialReason::Unknown))]);
    assert_eq!(scene.show(100, &[stranger(1)]), []);
    assert_eq!(scene.show(1, &[ann(1)]), [(1, Reason::Granted)]);
}

#[test]
fn with_an_empty_facebank_every_face_is_unknown() {
    let mut scene = Scene::new(&rules());
    let nobody = Observation { candidate: None, ..ann(1) };
    assert_eq!(scene.show(20, &[nobody]), [(1, Reason::Denied(DenialReason::Unknown))]);
}

#[test]
fn a_frame_without_an_embedding_does_not_count() {
    let mut scene = Scene::new(&rules());
    let followed = Observation { embedded: false, candidate: None, ..ann(1) };
    assert_eq!(scene.show(100, &[followed]), []);
    assert_eq!(scene.end(1), None);
}

#[test]
fn a_denial_does_not_name_the_best_candidate() {
    let mut decider = Decider::new(&rules(), LivenessRules::OFF);
    let unknown = (0..20).find_map(|n| decider.observe(ms(n * 100), &[stranger(1)]).pop()).unwrap();
    assert_eq!(
        (unknown.outcome, unknown.person, unknown.frames),
        (Outcome::Denied(DenialReason::Unknown), None, 16)
    );
}

#[test]
fn two_similar_people_are_ambiguous() {
    let mut scene = Scene::new(&rules());
    let mut twin = ann(1);
    twin.candidate.as_mut().unwrap().second = Some(score(BOB, 0.66));
    assert_eq!(scene.show(20, &[twin]), [(1, Reason::Denied(DenialReason::Ambiguous))]);
    assert_eq!(scene.show(1, &[ann(1)]), [(1, Reason::Granted)]);
}

#[test]
fn a_single_person_in_the_facebank_has_no_second() {
    let mut scene = Scene::new(&rules());
    let mut only = ann(1);
    only.candidate.as_mut().unwrap().second = None;
    assert_eq!(scene.show(3, &[only]), [(1, Reason::Granted)]);
}

#[test]
fn a_person_who_may_not_come_in_is_denied() {
    for (access, reason) in [
        (Access::Disabled, Reason::Denied(DenialReason::DisabledPerson)),
        (Access::Alike, Reason::Denied(DenialReason::Alike)),
        (Access::OutsideHours, Reason::Denied(DenialReason::OutsideHours)),
        (Access::NoHours, Reason::Denied(DenialReason::NoHours)),
        (Access::ClockImplausible, Reason::Denied(DenialReason::ClockImplausible)),
        (Access::Paused, Reason::Denied(DenialReason::Paused)),
        (Access::LockedDown, Reason::Denied(DenialReason::LockedDown)),
    ] {
        let mut scene = Scene::new(&rules());
        assert_eq!(scene.show(50, &[Observation { access, ..ann(1) }]), [(1, reason)]);
        // The access of another person, in a frame that does not agree, has no effect.
        assert_eq!(scene.show(1, &[stranger(1)]), []);
        // The hours begin, or the person is enabled, while the track continues.
        assert_eq!(scene.show(1, &[ann(1)]), [(1, Reason::Granted)]);
    }
}

#[test]
fn the_cool_down_applies_to_another_track_of_the_same_person() {
    let mut scene = Scene::new(&rules());
    assert_eq!(scene.show(3, &[ann(1)]), [(1, Reason::Granted)]);
    assert_eq!(scene.show(90, &[ann(2)]), [(2, Reason::Denied(DenialReason::CoolDown))]);
    let same_visit = Reason::Denied(DenialReason::SameVisit);
    assert_eq!(scene.show(20, &[ann(2)]), [(2, same_visit)], "10 s later, and never away");
    assert_eq!(scene.show(30, &[]), [], "away for 3 s");
    assert_eq!(scene.show(3, &[ann(4)]), [(4, Reason::Granted)], "a new visit");
    assert_eq!(
        scene.show(3, &[face(3, BOB, 0.7)]),
        [(3, Reason::Granted)],
        "the cool-down is for one person"
    );
}

#[test]
fn a_print_on_the_wall_is_one_visit_however_often_its_track_ends() {
    let mut scene = Scene::new(&rules());
    let mut granted = 0;
    // 45 s; each track ends after some seconds, and for some frames there is none or none that can be compared.
    for track in 0..10 {
        granted += scene.show(2, &[faulty(track, QualityFault::Blurred)]).len();
        let decided = scene.show(40, &[ann(track)]);
        granted += decided.iter().filter(|(_, reason)| *reason == Reason::Granted).count();
        scene.end(track);
        granted += scene.show(3, &[]).len();
    }
    assert_eq!(granted, 1);
}

#[test]
fn a_stranger_in_view_does_not_continue_the_visit_of_another_person() {
    let mut scene = Scene::new(&rules());
    assert_eq!(scene.show(3, &[ann(1)]), [(1, Reason::Granted)]);
    // The best candidate of the stranger, far below the threshold, is Ann.
    scene.show(120, &[face(2, ANN, 0.1)]);
    assert_eq!(scene.show(3, &[ann(3)]), [(3, Reason::Granted)]);
}

#[test]
fn a_static_face_is_denied_once_and_is_no_face_in_view() {
    let mut scene = Scene::new(&Door { second_face: SecondFace::Refuse, ..rules() });
    scene.show(1, &[stranger(1)]);
    let denied = scene.decider.deny_static(scene.now, &stranger(1)).unwrap();
    assert_eq!((denied.outcome, denied.person), (Outcome::Denied(DenialReason::StaticFace), None));
    assert_eq!(scene.decider.deny_static(scene.now, &stranger(1)), None);
    assert_eq!(scene.show(3, &[ann(2)]), [(2, Reason::Granted)], "alone in view");
    assert_eq!(scene.end(1), None);
}

#[test]
fn a_restart_keeps_the_visit() {
    let mut scene = Scene::new(&rules());
    assert_eq!(scene.show(3, &[ann(1)]), [(1, Reason::Granted)]);
    assert!(scene.decider.take_changed_visits() && !scene.decider.take_changed_visits());
    let saved = scene.decider.save_visits(scene.now);
    let mut scene = Scene::new(&rules());
    scene.decider.restore_visits(scene.now, &saved, Duration::from_secs(1));
    let cool_down = Reason::Denied(DenialReason::CoolDown);
    let same_visit = Reason::Denied(DenialReason::SameVisit);
    assert_eq!(scene.show(200, &[ann(1)]), [(1, cool_down), (1, same_visit)]);
}

#[test]
fn one_person_on_two_tracks_is_let_in_once() {
    let mut scene = Scene::new(&rules());
    assert_eq!(
        scene.show(3, &[ann(1), ann(2)]),
        [(1, Reason::Granted), (2, Reason::Denied(DenialReason::CoolDown))]
    );
}

#[test]
fn a_second_face_is_ignored_if_so_configured() {
    let mut scene = Scene::new(&rules());
    assert_eq!(scene.show(3, &[stranger(1), ann(2)]), [(2, Reason::Granted)]);
}

#[test]
fn a_second_face_prevents_a_grant_until_the_person_is_alone() {
    let mut scene = Scene::new(&Door { second_face: SecondFace::Refuse, ..rules() });
    let blurred = faulty(2, QualityFault::Blurred);
    assert_eq!(scene.show(50, &[ann(1), blurred]), [(1, Reason::Denied(DenialReason::SeveralFaces))]);
    assert_eq!(scene.show(2, &[ann(1)]), [], "frames with a second face do not count");
    assert_eq!(scene.show(1, &[ann(1)]), [(1, Reason::Granted)]);
}

#[test]
fn a_second_face_of_an_allowed_person_does_not_prevent_a_grant() {
    let mut scene = Scene::new(&Door { second_face: SecondFace::Known, ..rules() });
    assert_eq!(
        scene.show(50, &[ann(1), stranger(2)])[..1],
        [(1, Reason::Denied(DenialReason::SeveralFaces))]
    );

    let mut scene = Scene::new(&Door { second_face: SecondFace::Known, ..rules() });
    let decided = scene.show(10, &[ann(1), face(2, BOB, THRESHOLD.0 + 0.07)]);
    assert_eq!(decided, [(1, Reason::Granted), (2, Reason::Granted)]);

    let mut scene = Scene::new(&Door { second_face: SecondFace::Known, ..rules() });
    let disabled = Observation { access: Access::Disabled, ..face(2, BOB, THRESHOLD.0 + 0.07) };
    let decided = scene.show(20, &[ann(1), disabled]);
    assert!(!decided.iter().any(|(_, reason)| *reason == Reason::Granted), "{decided:?}");
}

#[test]
fn a_second_face_must_match_within_the_window() {
    let mut scene = Scene::new(&Door { second_face: SecondFace::Known, ..rules() });
    let hidden = faulty(2, QualityFault::TurnedAway);
    assert_eq!(scene.show(3, &[face(2, BOB, 0.7)]), [(2, Reason::Granted)]);
    assert_eq!(scene.show(25, &[hidden]), []);
    assert_eq!(scene.show(20, &[ann(1), hidden]), [(1, Reason::Denied(DenialReason::SeveralFaces))]);
}

#[test]
fn a_track_without_a_good_frame_is_denied_with_the_reason_at_its_end() {
    for (fault, reason) in [
        (QualityFault::TooSmall, Reason::Denied(DenialReason::TooFar)),
        (QualityFault::Blurred, Reason::Denied(DenialReason::LowQuality)),
        (QualityFault::TurnedAway, Reason::Denied(DenialReason::LowQuality)),
    ] {
        let mut scene = Scene::new(&rules());
        assert_eq!(scene.show(20, &[faulty(1, fault)]), []);
        assert_eq!(scene.end(1), Some(reason));
        assert_eq!(scene.end(1), None, "the track was removed");
    }
}

#[test]
fn a_short_track_is_not_denied() {
    let mut scene = Scene::new(&rules());
    scene.show(2, &[faulty(1, QualityFault::Blurred)]);
    assert_eq!(scene.end(1), None);
    assert_eq!(scene.end(2), None, "never seen");
}

#[test]
fn a_stranger_with_too_few_frames_is_denied_at_the_end_of_the_track() {
    let mut scene = Scene::new(&rules());
    scene.show(5, &[stranger(1)]);
    assert_eq!(scene.end(1), Some(Reason::Denied(DenialReason::Unknown)));
}

#[test]
fn numbers_that_are_not_finite_are_not_granted() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut second = ann(1);
        second.candidate.as_mut().unwrap().second = Some(score(BOB, bad));
        let mut threshold = ann(1);
        threshold.candidate.as_mut().unwrap().threshold = Similarity(bad);
        for seen in [face(1, ANN, bad), second, threshold] {
            let mut decider = Decider::new(&rules(), LivenessRules::OFF);
            for n in 0..20 {
                let decisions = decider.observe(ms(n * 100), &[seen]);
                assert!(decisions.iter().all(|decision| decision.outcome != Outcome::Granted));
            }
        }
    }
}

#[test]
fn new_rules_do_not_grant_the_same_track_again() {
    let mut scene = Scene::new(&rules());
    scene.show(3, &[ann(1)]);
    scene.decider.set_rules(&Door { cooldown_s: 0.0, ..rules() }, LivenessRules::OFF);
    assert_eq!(scene.show(20, &[ann(1)]), []);
}

#[test]
fn tracks_that_never_end_do_not_prevent_new_ones() {
    let mut scene = Scene::new(&rules());
    for track in 0..1000 {
        scene.show(1, &[stranger(track)]);
    }
    assert_eq!(scene.show(3, &[ann(5000)]), [(5000, Reason::Granted)]);
}

#[test]
fn faces_beyond_the_limit_get_no_decision() {
    let mut scene = Scene::new(&rules());
    let faces: Vec<_> = (0..100).map(|track| face(track, track as i64, 0.7)).collect();
    let decided = scene.show(3, &faces);
    assert_eq!(decided.len(), MAX_FACES);
    assert!(decided.iter().all(|(track, reason)| *track < MAX_FACES as u64 && *reason == Reason::Granted));
}

/// Frames of up to four tracks and three people, with similarities around the threshold.
fn frames() -> impl Strategy<Value = Vec<(u64, Vec<Observation>)>> {
    let similarity = prop_oneof![
        8 => 0.3f32..0.5,
        4 => Just(0.7f32),
        1 => Just(f32::NAN),
        1 => Just(f32::INFINITY),
    ];
    let one = (1i64..4, similarity, -0.1f32..0.5, 0u8..14, 0u32..16, evidence()).prop_map(
        |(person, similarity, second, kind, moments, liveness)| {
            let mut seen = Observation { moments, liveness, ..face(0, person, similarity) };
            seen.candidate.as_mut().unwrap().second = Some(score(50, second.min(similarity)));
            match kind {
                0 => seen.access = Access::Disabled,
                1 => seen.access = Access::OutsideHours,
                2 => seen.fault = Some(QualityFault::Blurred),
                3 => seen.embedded = false,
                4 => seen.candidate = None,
                5 => seen.access = Access::NoHours,
                6 => seen.access = Access::ClockImplausible,
                7 => seen.access = Access::Paused,
                8 => seen.access = Access::LockedDown,
                _ => {}
            }
            seen
        },
    );
    let faces = prop::collection::vec(prop::option::weighted(0.6, one), 4).prop_map(|faces| {
        let faces = faces.into_iter().enumerate();
        faces.filter_map(|(n, seen)| Some(Observation { track: TrackId(n as u64), ..seen? })).collect()
    });
    prop::collection::vec((0u64..600, faces), 0..120)
}

/// What the layers of liveness may have seen: mostly what passes.
fn evidence() -> impl Strategy<Value = LivenessEvidence> {
    let number = |usual: f32| {
        prop_oneof![
            6 => Just(Some(usual)),
            2 => (0.0f32..3.0).prop_map(Some),
            1 => Just(None),
            1 => Just(Some(f32::NAN)),
        ]
    };
    let challenge = prop_oneof![
        4 => Just(ChallengeState::Passed),
        1 => Just(ChallengeState::NotAsked),
        1 => Just(ChallengeState::Running),
        1 => prop::sample::select(ChallengeFailure::ALL.to_vec()).prop_map(ChallengeState::Failed),
    ];
    (number(2.7), number(0.99), challenge).prop_map(|(room, score, challenge)| LivenessEvidence {
        room,
        score,
        challenge,
    })
}

fn liveness_rules() -> impl Strategy<Value = LivenessRules> {
    let levels = [LivenessLevel::Off, LivenessLevel::Passive, LivenessLevel::Active].to_vec();
    let network = prop_oneof![
        4 => Just(NetworkRules::Scores { spoof_below: 0.1, pass_from: 0.5, min_room: 2.0 }),
        1 => Just(NetworkRules::NearInfrared),
        1 => Just(NetworkRules::Missing),
    ];
    (prop::sample::select(levels), network, any::<bool>())
        .prop_map(|(level, network, can_prompt)| LivenessRules { level, network, can_prompt })
}

/// Whether a level lets somebody in with this evidence, written down another time.
fn is_live(rules: &LivenessRules, evidence: &LivenessEvidence) -> bool {
    let network = match rules.network {
        NetworkRules::Scores { pass_from, .. } => {
            evidence.room.is_some_and(|room| room >= 2.0)
                && evidence.score.is_some_and(|score| score >= pass_from)
        }
        NetworkRules::NearInfrared => rules.level == LivenessLevel::Active,
        NetworkRules::Missing => false,
    };
    match rules.level {
        LivenessLevel::Off => true,
        LivenessLevel::Passive => network,
        LivenessLevel::Active => network && evidence.challenge == ChallengeState::Passed,
    }
}

fn doors() -> impl Strategy<Value = Door> {
    let policy = prop_oneof![Just(SecondFace::Ignore), Just(SecondFace::Refuse), Just(SecondFace::Known)];
    (1u32..6, 0.1f64..3.0, 0.0f64..20.0, 1u32..10, policy).prop_map(
        |(frames, within_s, cooldown_s, unknown_after, second_face)| Door {
            frames,
            within_s,
            cooldown_s,
            unknown_after,
            second_face,
            ..rules()
        },
    )
}

/// Whether a moment is a match with a person who can be let in on it.
fn is_match(seen: &Observation, person: PersonId, must_be_clear: bool, door: &Door) -> bool {
    let (least, excess) = match seen.moments {
        moments if moments < door.moments() && !must_be_clear => ((door.moments() - 1).max(2), EARLY_EXCESS),
        moments if must_be_clear || moments < 2 * door.moments() => (door.moments(), CLEAR_EXCESS),
        _ => (door.moments(), 0.0),
    };
    seen.fault.is_none()
        && seen.embedded
        && seen.moments >= least
        && seen.candidate.is_some_and(|candidate| {
            candidate.person == person
                && candidate.similarity.0.is_finite()
                && candidate.similarity.0 >= THRESHOLD.0 + excess
                && candidate
                    .second
                    .is_none_or(|second| candidate.similarity.0 - second.similarity.0 >= door.margin)
        })
}

/// The decision made again from its record, after it was written and read.
fn replay(decision: &Decision) -> Option<Outcome> {
    let json = serde_json::to_string(&decision.visit).unwrap();
    let visit: VisitRecord = serde_json::from_str(&json).unwrap();
    assert!(json.len() <= 4096, "{}", json.len());
    visit.replay(&visit.rules, |_| {})
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Checks every grant against the moment and the history of grants.
    #[test]
    fn a_grant_always_has_a_match_with_enough_moments(
        door in doors(), liveness in liveness_rules(), frames in frames(),
    ) {
        let mut decider = Decider::new(&door, liveness);
        let mut now = Duration::from_secs(1);
        let mut reported: Vec<(TrackId, Outcome)> = Vec::new();
        let mut grants: Vec<(PersonId, Duration)> = Vec::new();
        let mut is_clear_match_required = false;
        for (step, faces) in frames {
            now += ms(step);
            if step % 17 == 0 {
                // New rules in the middle of a visit: a changed margin, which grants need as before.
                let changed = Door { unknown_after: door.unknown_after + step as u32 % 3, ..door.clone() };
                decider.set_rules(&changed, liveness);
            }
            if step % 13 == 0 {
                is_clear_match_required = !is_clear_match_required;
                decider.require_clear_match(is_clear_match_required);
            }
            for decision in decider.observe(now, &faces) {
                prop_assert!(!reported.contains(&(decision.track, decision.outcome)), "reported twice");
                prop_assert!(!reported.contains(&(decision.track, Outcome::Granted)), "reported after the grant");
                let spoof = Outcome::Denied(DenialReason::Spoof);
                prop_assert!(!reported.contains(&(decision.track, spoof)), "reported after a picture");
                reported.push((decision.track, decision.outcome));
                prop_assert_eq!(replay(&decision), Some(decision.outcome), "another decision from the record");
                if decision.outcome != Outcome::Granted {
                    continue;
                }
                let person = decision.person.unwrap();
                let seen = faces.iter().find(|face| face.track == decision.track).unwrap();
                let unknown = (decision.track, Outcome::Denied(DenialReason::Unknown));
                let must_be_clear = is_clear_match_required || reported.contains(&unknown);
                prop_assert!(is_match(seen, person, must_be_clear, &door), "no match");
                prop_assert!(is_live(&liveness, &seen.liveness), "not shown to be live");
                prop_assert_eq!(seen.access, Access::Allowed);
                prop_assert!(decision.similarity.unwrap() >= THRESHOLD);
                prop_assert!(door.second_face != SecondFace::Refuse || faces.len() == 1);

                let cooldown = Duration::from_secs_f64(door.cooldown_s);
                let recent = grants.iter().any(|(other, time)| *other == person && now - *time < cooldown);
                prop_assert!(!recent, "granted within the cool-down");
                grants.push((person, now));
            }
        }
        for track in 0..4 {
            if let Some(decision) = decider.track_ended(now, TrackId(track)) {
                prop_assert_eq!(replay(&decision), Some(decision.outcome), "another decision from the record");
            }
        }
    }

    /// A single face that is clearly similar is granted after `door.frames` moments, one far above the threshold after one less,
    /// but two at least, and one near it after twice as many.
    #[test]
    fn a_similar_face_is_granted(door in doors(), excess in 0.001f32..0.6) {
        let seen = [face(1, ANN, THRESHOLD.0 + excess)];
        let least = match excess {
            excess if excess > EARLY_EXCESS => (door.moments() - 1).max(2).min(door.moments()),
            excess if excess > CLEAR_EXCESS => door.moments(),
            _ => 2 * door.moments(),
        } as usize;
        prop_assume!([CLEAR_EXCESS, EARLY_EXCESS].iter().all(|limit| (excess - limit).abs() > 0.001));
        let mut scene = Scene::new(&door);
        prop_assert_eq!(scene.show(least - 1, &seen), []);
        prop_assert_eq!(scene.show(1, &seen), [(1, Reason::Granted)]);
    }

    #[test]
    fn a_face_below_the_threshold_is_not_granted(
        door in doors(),
        similarities in prop::collection::vec(-1.0f32..THRESHOLD.0, 0..200),
    ) {
        let mut scene = Scene::new(&door);
        for similarity in similarities {
            let decided = scene.show(1, &[face(1, ANN, similarity)]);
            prop_assert!(decided.iter().all(|(_, reason)| *reason == Reason::Denied(DenialReason::Unknown)));
        }
    }
}

mod liveness;
