//! Faces that must be shown to be people's.

use super::*;

const NETWORK: NetworkRules = NetworkRules::Scores { spoof_below: 0.1, pass_from: 0.5, min_room: 2.0 };
const NOT_LIVE: Reason = Reason::Denied(DenialReason::NotLive);
const SPOOF: Reason = Reason::Denied(DenialReason::Spoof);

fn level(level: LivenessLevel) -> LivenessRules {
    LivenessRules { level, network: NETWORK, can_prompt: true }
}

fn scene(liveness: LivenessRules) -> Scene {
    Scene { decider: Decider::new(&rules(), liveness), now: ms(1000), moments: HashMap::new() }
}

/// Ann with what is known of whether she is live.
fn seen(room: f32, score: impl Into<Option<f32>>, challenge: ChallengeState) -> [Observation; 1] {
    [Observation {
        liveness: LivenessEvidence { room: Some(room), score: score.into(), challenge },
        ..ann(1)
    }]
}

fn passive(score: impl Into<Option<f32>>) -> [Observation; 1] {
    seen(2.7, score, ChallengeState::NotAsked)
}

#[test]
fn off_lets_a_picture_in() {
    assert_eq!(scene(level(LivenessLevel::Off)).show(3, &passive(0.0)), [(1, Reason::Granted)]);
}

#[test]
fn passive_waits_for_the_network_and_then_lets_a_live_face_in() {
    let mut scene = scene(level(LivenessLevel::Passive));
    assert_eq!(scene.show(20, &[ann(1)]), [], "the network has not run");
    assert_eq!(scene.show(20, &passive(None)), [], "too few scores");
    assert_eq!(scene.show(20, &passive(f32::NAN)), [], "no number");
    assert_eq!(scene.show(1, &passive(0.5)), [(1, Reason::Granted)]);
}

#[test]
fn a_face_that_the_network_never_scored_is_refused_at_its_end() {
    let mut scene = scene(level(LivenessLevel::Passive));
    assert_eq!(scene.show(20, &passive(None)), []);
    assert_eq!(scene.end(1), Some(NOT_LIVE));
}

#[test]
fn a_picture_is_refused_at_once_and_for_the_rest_of_its_track() {
    let mut scene = scene(level(LivenessLevel::Passive));
    assert_eq!(scene.show(3, &passive(0.09)), [(1, SPOOF)]);
    assert_eq!(scene.show(50, &passive(0.99)), []);
    assert_eq!(scene.end(1), None);
}

#[test]
fn a_face_that_nothing_can_be_said_of_is_refused_after_some_moments_and_can_be_let_in_later() {
    for unclear in [passive(0.3), seen(1.9, 0.99, ChallengeState::NotAsked)] {
        let mut scene = scene(level(LivenessLevel::Passive));
        assert_eq!(scene.show(9, &unclear), []);
        assert_eq!(scene.show(1, &unclear), [(1, NOT_LIVE)]);
        assert_eq!(scene.show(50, &unclear), [], "once");
        assert_eq!(scene.show(1, &passive(0.9)), [(1, Reason::Granted)]);
    }
}

#[test]
fn who_is_too_near_is_asked_to_step_back() {
    let mut scene = scene(level(LivenessLevel::Passive));
    let near = seen(1.9, None, ChallengeState::NotAsked);
    scene.show(2, &near);
    assert_eq!(scene.decider.liveness_need(scene.now), None, "no match yet");
    scene.show(1, &near);
    assert_eq!(scene.decider.liveness_need(scene.now), Some((TrackId(1), LivenessNeed::StepBack)));
    scene.show(1, &passive(0.9));
    assert_eq!(scene.decider.liveness_need(scene.now), None, "let in");
}

#[test]
fn active_asks_for_turns_only_of_a_person_who_would_be_let_in() {
    let need = |face: Observation| {
        let mut scene = scene(level(LivenessLevel::Active));
        let decided = scene.show(20, &[Observation { liveness: passive(0.9)[0].liveness, ..face }]);
        let granted = decided.iter().any(|(_, reason)| *reason == Reason::Granted);
        assert!(!granted);
        scene.decider.liveness_need(scene.now)
    };
    assert_eq!(need(ann(1)), Some((TrackId(1), LivenessNeed::TurnHead)));
    assert_eq!(need(stranger(1)), None);
    for access in [Access::Disabled, Access::OutsideHours, Access::Paused, Access::Alike, Access::LockedDown]
    {
        assert_eq!(need(Observation { access, ..ann(1) }), None);
    }
    let mut scene = scene(level(LivenessLevel::Active));
    assert_eq!(scene.show(3, &passive(0.05)), [(1, SPOOF)], "a picture is not asked");
    assert_eq!(scene.decider.liveness_need(scene.now), None);
}

#[test]
fn active_lets_in_who_turned_the_head() {
    let mut scene = scene(level(LivenessLevel::Active));
    assert_eq!(scene.show(30, &seen(2.7, 0.9, ChallengeState::Running)), []);
    assert_eq!(scene.show(1, &seen(2.7, 0.4, ChallengeState::Passed)), [], "the network is required too");
    assert_eq!(scene.show(1, &seen(2.7, 0.9, ChallengeState::Passed)), [(1, Reason::Granted)]);
}

#[test]
fn a_challenge_that_failed_refuses_at_once_and_a_second_wrong_turn_is_an_attack() {
    for failure in ChallengeFailure::ALL {
        let mut scene = scene(level(LivenessLevel::Active));
        let expected = if failure == ChallengeFailure::WrongTurnAgain { SPOOF } else { NOT_LIVE };
        let failed = seen(2.7, 0.9, ChallengeState::Failed(failure));
        assert_eq!(scene.show(50, &failed), [(1, expected)]);
        assert_eq!(scene.decider.liveness_need(scene.now), None);
    }
}

#[test]
fn who_walks_off_in_a_challenge_is_refused() {
    let mut scene = scene(level(LivenessLevel::Active));
    assert_eq!(scene.show(10, &seen(2.7, 0.9, ChallengeState::Running)), []);
    assert_eq!(scene.end(1), Some(NOT_LIVE));
}

#[test]
fn active_without_an_output_for_prompts_lets_nobody_in() {
    let liveness = LivenessRules { can_prompt: false, ..level(LivenessLevel::Active) };
    let mut scene = scene(liveness);
    assert_eq!(scene.show(20, &passive(0.9)), [(1, NOT_LIVE)]);
    assert_eq!(scene.decider.liveness_need(scene.now), None);
}

#[test]
fn without_the_network_nobody_is_let_in_but_at_the_level_off() {
    for (of_level, expected) in [
        (LivenessLevel::Off, Reason::Granted),
        (LivenessLevel::Passive, NOT_LIVE),
        (LivenessLevel::Active, NOT_LIVE),
    ] {
        let liveness = LivenessRules { network: NetworkRules::Missing, ..level(of_level) };
        let passed = seen(2.7, 0.9, ChallengeState::Passed);
        assert_eq!(scene(liveness).show(20, &passed), [(1, expected)]);
    }
}

#[test]
fn in_near_infrared_the_challenge_decides_alone() {
    let nir = |of_level| LivenessRules { network: NetworkRules::NearInfrared, ..level(of_level) };
    let mut active = scene(nir(LivenessLevel::Active));
    assert_eq!(active.show(20, &[ann(1)]), []);
    assert_eq!(active.decider.liveness_need(active.now), Some((TrackId(1), LivenessNeed::TurnHead)));
    let passed = LivenessEvidence { challenge: ChallengeState::Passed, ..LivenessEvidence::default() };
    assert_eq!(active.show(1, &[Observation { liveness: passed, ..ann(1) }]), [(1, Reason::Granted)]);
    let passive = [Observation { liveness: passed, ..ann(1) }];
    assert_eq!(scene(nir(LivenessLevel::Passive)).show(20, &passive), [(1, NOT_LIVE)]);
}

#[test]
fn a_refusal_names_the_person_who_was_recognized() {
    let not_live = Outcome::Denied(DenialReason::NotLive);
    let ended = |scene: &mut Scene| {
        let decision = scene.decider.track_ended(scene.now, TrackId(1)).unwrap();
        (decision.outcome, decision.person, decision.nearest)
    };
    let (ann, bob) = (Some(PersonId(ANN)), Some(PersonId(BOB)));
    // At a moment.
    let mut at_moment = scene(level(LivenessLevel::Passive));
    at_moment.show(9, &passive(0.3));
    at_moment.now += ms(100);
    let face = Observation { moments: 10, ..passive(0.3)[0] };
    let decisions = at_moment.decider.observe(at_moment.now, &[face]);
    assert_eq!((decisions[0].outcome, decisions[0].person), (not_live, ann));
    // At the end.
    let mut at_end = scene(level(LivenessLevel::Passive));
    at_end.show(10, &passive(None));
    assert_eq!(ended(&mut at_end), (not_live, ann, ann));
    // The last moments show a face that matches another person.
    let mut replaced = scene(level(LivenessLevel::Passive));
    replaced.show(10, &passive(None));
    replaced.show(2, &[stranger(1)]);
    assert_eq!(ended(&mut replaced), (not_live, None, bob));
}
