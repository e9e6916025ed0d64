use ostiary_core::Quality;
use proptest::prelude::*;

use super::*;
use crate::{DecisionRules, DenialReason, LivenessRules, VisitRecord};

const ANN: PersonId = PersonId(1);
const BOB: PersonId = PersonId(2);

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Three attempts in 100 s, pauses of 10 to 60 s.
fn config() -> config::Lockout {
    config::Lockout { attempts: 3, within_s: 100.0, pause_s: 10.0, max_pause_s: 60.0 }
}

fn lockout() -> Lockout {
    Lockout::new(&config())
}

fn paused(person: PersonId, pause: u64, number: u32) -> LockoutStep {
    LockoutStep::Paused { person, pause: s(pause), number }
}

fn denial(track: u64, similarity: f32, reason: DenialReason) -> Decision {
    Decision {
        time: s(track),
        track: TrackId(track),
        first_seen: Duration::ZERO,
        outcome: Outcome::Denied(reason),
        person: None,
        nearest: Some(ANN),
        similarity: Some(Similarity(similarity)),
        cosine: Some(Similarity(similarity)),
        second: None,
        threshold: Some(Similarity(0.5)),
        quality: Quality::default(),
        faces_in_view: 1,
        frames: 8,
        visit: VisitRecord::new(DecisionRules::new(&config::Door::default(), LivenessRules::OFF)),
    }
}

/// The steps for `attempts` attempts that claim a person, one a second from `from` on.
fn attempts(lockout: &mut Lockout, from: u64, attempts: u64, claimed: Option<PersonId>) -> Vec<LockoutStep> {
    (0..attempts).flat_map(|n| lockout.attempt(s(from + n), claimed)).collect()
}

fn ticks(lockout: &mut Lockout, now: u64) -> Vec<LockoutStep> {
    std::iter::from_fn(|| lockout.tick(s(now))).collect()
}

#[test]
fn too_many_attempts_pause_the_claimed_person_only() {
    let mut lockout = lockout();
    assert_eq!(attempts(&mut lockout, 1, 2, Some(ANN)), []);
    assert_eq!(lockout.pause_left(ANN, s(2)), None);
    let steps = attempts(&mut lockout, 3, 1, Some(ANN));
    assert_eq!(steps, [LockoutStep::ClearMatchesRequired, paused(ANN, 10, 1)]);
    assert_eq!(lockout.pause_left(ANN, s(4)), Some(s(9)));
    assert_eq!(lockout.pause_left(BOB, s(4)), None);
    assert_eq!(ticks(&mut lockout, 12), []);
    assert_eq!(ticks(&mut lockout, 13), [LockoutStep::Resumed { person: ANN }]);
    assert_eq!(lockout.pause_left(ANN, s(13)), None);
}

#[test]
fn each_further_attempt_doubles_the_pause_up_to_the_longest() {
    let mut lockout = lockout();
    attempts(&mut lockout, 1, 3, Some(ANN));
    let mut now = 3;
    for (number, (pause, next)) in [(10, 20), (20, 40), (40, 60), (60, 60), (60, 60)].into_iter().enumerate()
    {
        now += pause;
        assert!(ticks(&mut lockout, now).contains(&LockoutStep::Resumed { person: ANN }));
        let steps = attempts(&mut lockout, now, 1, Some(ANN));
        assert!(steps.contains(&paused(ANN, next, number as u32 + 2)), "{steps:?}");
    }
}

#[test]
fn attempts_in_a_pause_do_not_make_it_longer() {
    let mut lockout = lockout();
    attempts(&mut lockout, 1, 3, Some(ANN));
    assert_eq!(attempts(&mut lockout, 4, 5, Some(ANN)), []);
    assert_eq!(lockout.pause_left(ANN, s(9)), Some(s(4)));
}

#[test]
fn attempts_that_are_far_apart_pause_nobody() {
    let mut lockout = lockout();
    for n in 0..20 {
        ticks(&mut lockout, n * 51);
        assert_eq!(attempts(&mut lockout, n * 51, 1, Some(ANN)), []);
    }
}

#[test]
fn time_without_attempts_forgets_the_pauses() {
    let mut lockout = lockout();
    attempts(&mut lockout, 1, 3, Some(ANN));
    // The pause ends at 13 s, and is forgotten at 73 s.
    ticks(&mut lockout, 72);
    let mut other = lockout.clone();
    assert_eq!(attempts(&mut lockout, 72, 1, Some(ANN)).last(), Some(&paused(ANN, 20, 2)));
    ticks(&mut other, 73);
    assert_eq!(attempts(&mut other, 73, 1, Some(ANN)).last(), None);
}

#[test]
fn the_door_as_a_whole_asks_for_clear_matches_and_pauses_nobody() {
    let mut lockout = lockout();
    assert_eq!(attempts(&mut lockout, 1, 2, None), []);
    assert!(!lockout.needs_clear_match(s(2)));
    assert_eq!(attempts(&mut lockout, 3, 9, None), [LockoutStep::ClearMatchesRequired]);
    assert!(lockout.needs_clear_match(s(11)));
    assert_eq!(ticks(&mut lockout, 108), []);
    // Of the three newest attempts the first stops to count.
    assert_eq!(ticks(&mut lockout, 109), [LockoutStep::ClearMatchesEnded]);
    assert!(!lockout.needs_clear_match(s(109)));
}

#[test]
fn a_denied_visit_is_one_attempt_and_claims_a_person_near_the_threshold() {
    let mut lockout = lockout();
    let near = 0.5 - CLAIM_RANGE + 0.01;
    assert!(lockout.count(&denial(1, near, DenialReason::Unknown)).is_empty());
    for reason in [DenialReason::Ambiguous, DenialReason::Unknown] {
        assert!(lockout.count(&denial(1, near, reason)).is_empty(), "the same track");
    }
    assert!(lockout.count(&denial(2, 0.6, DenialReason::Ambiguous)).is_empty());
    for similarity in [0.5 - CLAIM_RANGE - 0.01, f32::NAN, f32::NEG_INFINITY] {
        let mut lockout = lockout.clone();
        let steps = lockout.count(&denial(3, similarity, DenialReason::Unknown));
        assert_eq!(steps.as_slice(), [LockoutStep::ClearMatchesRequired], "{similarity} claims nobody");
    }
    let steps = lockout.count(&denial(3, near, DenialReason::Unknown));
    assert_eq!(steps.last(), Some(&paused(ANN, 10, 1)));
}

#[test]
fn pictures_of_a_person_pause_that_person() {
    let mut lockout = lockout();
    for track in [1, 2] {
        lockout.count(&denial(track, 0.7, DenialReason::Spoof));
    }
    let steps = lockout.count(&denial(3, 0.7, DenialReason::Spoof));
    assert_eq!(steps.last(), Some(&paused(ANN, 10, 1)));
}

#[test]
fn other_decisions_are_no_attempts() {
    let mut lockout = lockout();
    let attempts_of = [DenialReason::Unknown, DenialReason::Ambiguous, DenialReason::Spoof];
    let others = DenialReason::ALL.into_iter().filter(|reason| !attempts_of.contains(reason));
    for (track, reason) in others.enumerate() {
        lockout.count(&denial(track as u64, 0.7, reason));
    }
    let granted =
        Decision { outcome: Outcome::Granted, person: Some(ANN), ..denial(50, 0.7, DenialReason::Unknown) };
    lockout.count(&granted);
    assert_eq!(attempts(&mut lockout, 60, 2, Some(ANN)), []);
}

#[test]
fn a_grant_does_not_reset_the_count() {
    let mut lockout = lockout();
    attempts(&mut lockout, 1, 2, Some(ANN));
    let granted =
        Decision { outcome: Outcome::Granted, person: Some(ANN), ..denial(50, 0.7, DenialReason::Unknown) };
    lockout.count(&granted);
    assert_eq!(attempts(&mut lockout, 60, 1, Some(ANN)).last(), Some(&paused(ANN, 10, 1)));
}

#[test]
fn a_restart_keeps_attempts_and_pauses() {
    let mut before = lockout();
    attempts(&mut before, 1001, 3, Some(ANN));
    attempts(&mut before, 1004, 2, Some(BOB));
    let saved = before.save(s(1005));

    // Two seconds later, and the monotonic clock begins again.
    let mut after = lockout();
    after.restore(s(0), &saved, s(2));
    assert_eq!(after.pause_left(ANN, s(0)), Some(s(6)));
    assert!(after.needs_clear_match(s(0)));
    assert_eq!(attempts(&mut after, 1, 1, Some(BOB)), [paused(BOB, 10, 1)]);
    assert_eq!(ticks(&mut after, 6), [LockoutStep::Resumed { person: ANN }]);
    assert_eq!(attempts(&mut after, 7, 1, Some(ANN)), [paused(ANN, 20, 2)]);

    let mut after = lockout();
    after.restore(s(0), &saved, s(500));
    // What was reported before the restart and has ended meanwhile is reported too.
    assert_eq!(ticks(&mut after, 0), [LockoutStep::Resumed { person: ANN }, LockoutStep::ClearMatchesEnded]);
    assert!(!after.needs_clear_match(s(0)));
}

#[test]
fn fewer_attempts_by_a_reload_are_reported() {
    let mut lockout = lockout();
    attempts(&mut lockout, 1, 2, None);
    assert_eq!(ticks(&mut lockout, 3), []);
    lockout.set_rules(&config::Lockout { attempts: 2, ..config() });
    assert_eq!(ticks(&mut lockout, 3), [LockoutStep::ClearMatchesRequired]);
    assert_eq!(ticks(&mut lockout, 500), [LockoutStep::ClearMatchesEnded]);
}

#[test]
fn no_saved_state_makes_a_pause_longer_than_the_longest() {
    let person = |person| SavedPerson {
        person,
        attempts_ms: vec![u64::MAX; 1000],
        pauses: u32::MAX,
        pause_ms: u64::MAX,
        forget_ms: u64::MAX,
    };
    let saved =
        SavedLockout { people: (0..500).map(person).collect(), door_attempts_ms: vec![u64::MAX; 1000] };
    let mut lockout = lockout();
    lockout.restore(s(5), &saved, Duration::ZERO);
    assert_eq!(lockout.pause_left(PersonId(0), s(5)), Some(s(60)));
    assert!(lockout.needs_clear_match(s(104)));
    assert!(!lockout.needs_clear_match(s(105)));
    ticks(&mut lockout, 65);
    assert_eq!(lockout.pause_left(PersonId(0), s(65)), None);
    assert_eq!(attempts(&mut lockout, 65, 1, Some(PersonId(0))), [paused(PersonId(0), 60, u32::MAX)]);
}

#[test]
fn an_unknown_state_asks_for_clear_matches_for_a_while() {
    let mut lockout = lockout();
    lockout.assume_attempts(s(1));
    assert!(lockout.take_changed() && !lockout.take_changed());
    assert!(lockout.needs_clear_match(s(100)));
    assert_eq!(ticks(&mut lockout, 101), [LockoutStep::ClearMatchesEnded]);
}

#[test]
fn a_shorter_longest_pause_shortens_a_pause() {
    let mut lockout = Lockout::new(&config::Lockout { pause_s: 60.0, ..config() });
    attempts(&mut lockout, 1, 3, Some(ANN));
    lockout.set_rules(&config::Lockout { pause_s: 5.0, max_pause_s: 5.0, ..config() });
    assert_eq!(lockout.pause_left(ANN, s(3)), Some(s(5)));
}

#[test]
fn people_beyond_the_limit_do_not_end_a_pause() {
    let mut lockout = Lockout::new(&config::Lockout { attempts: 1, pause_s: 60.0, ..config() });
    for person in 0..MAX_PEOPLE as i64 + 20 {
        lockout.attempt(s(1), Some(PersonId(person)));
    }
    for person in 0..MAX_PEOPLE as i64 {
        assert!(lockout.pause_left(PersonId(person), s(1)).is_some());
    }
    ticks(&mut lockout, 61);
    let steps = lockout.attempt(s(62), Some(PersonId(1000)));
    assert!(steps.contains(&paused(PersonId(1000), 60, 1)), "an ended pause makes room");
}

proptest! {
    /// Compares the pauses of one person with a simple model, and checks that nobody else pauses.
    #[test]
    fn a_pause_follows_from_attempts_and_ends(
        steps in prop::collection::vec((0u64..40, prop::bool::ANY, prop::bool::weighted(0.1)), 0..150),
    ) {
        let mut lockout = lockout();
        let mut now = 0;
        let (mut attempts, mut until, mut pauses) = (Vec::<u64>::new(), 0, 0u32);
        for (wait, is_attempt, restarts) in steps {
            now += wait;
            if restarts {
                let saved = lockout.save(s(now));
                lockout = super::Lockout::new(&config());
                lockout.restore(s(now), &saved, Duration::ZERO);
            }
            while lockout.tick(s(now)).is_some() {}
            if is_attempt {
                let found = lockout.attempt(s(now), Some(ANN)).iter().find_map(|step| match step {
                    LockoutStep::Paused { pause, .. } => Some(pause.as_secs()),
                    _ => None,
                });
                let mut expected = None;
                if now >= until {
                    if now >= until + 60 {
                        pauses = 0;
                    }
                    attempts.push(now);
                    attempts.retain(|attempt| attempt + 100 > now);
                    if pauses > 0 || attempts.len() >= 3 {
                        attempts.clear();
                        let pause = (10u64 << pauses.min(10)).min(60);
                        pauses += 1;
                        until = now + pause;
                        expected = Some(pause);
                    }
                }
                prop_assert_eq!(found, expected);
            }
            prop_assert_eq!(lockout.pause_left(ANN, s(now)).map(|left| left.as_secs()), until.checked_sub(now).filter(|left| *left > 0));
            prop_assert_eq!(lockout.pause_left(BOB, s(now)), None);
        }
    }
}
