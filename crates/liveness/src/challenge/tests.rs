use proptest::prelude::*;

use super::*;
use crate::turn::AxisTurn;

const ANNA: PersonId = PersonId(1);
const TRACK: TrackId = TrackId(7);
const STILL: Turn = turned(0.0, 0.0);

const fn turned(u: f32, v: f32) -> Turn {
    Turn {
        sideways: AxisTurn { shift: u, cross_shift: v, foreshortening: 0.94 },
        vertical: AxisTurn { shift: v, cross_shift: u, foreshortening: 0.94 },
        skew_change: 3.0,
    }
}

fn toward(direction: Direction) -> Turn {
    match direction {
        Direction::Left => turned(0.2, 0.0),
        Direction::Right => turned(-0.2, 0.0),
        Direction::Up => turned(0.0, -0.2),
        Direction::Down => turned(0.0, 0.2),
    }
}

fn matched(enrolled_aspect: Option<f32>) -> ObservedFace {
    ObservedFace {
        track: TRACK,
        matched: Some(MatchedPerson { person: ANNA, enrolled_aspect }),
        frontal_aspect: Some(0.95),
        tracking: Tracking::Lost,
    }
}

fn frontal() -> View {
    View::OneFace(matched(None))
}

fn turning(turn: Turn) -> View {
    View::OneFace(ObservedFace {
        matched: None,
        frontal_aspect: None,
        tracking: Tracking::Followed(turn),
        ..matched(None)
    })
}

const LOST: View = View::OneFace(ObservedFace {
    track: TRACK,
    matched: None,
    frontal_aspect: None,
    tracking: Tracking::Lost,
});

/// Ten frames a second.
struct Door {
    challenge: Challenge,
    time: Duration,
    status: Status,
}

impl Door {
    /// Asks for left and up; the second try for down and left.
    fn new() -> Self {
        let steps = |directions: [Direction; 2]| {
            let draw = |random| Steps::draw(&Direction::ALL, 2, random).unwrap();
            let wanted = |steps: &Steps| [0, 1].map(|number| steps.get(number)) == directions.map(Some);
            (0..12).map(draw).find(wanted).unwrap()
        };
        let start = Duration::from_secs(100);
        let (first, second) =
            (steps([Direction::Left, Direction::Up]), steps([Direction::Down, Direction::Left]));
        Self { challenge: Challenge::new(first, second, start), time: start, status: Status::LookAtCamera }
    }

    fn show(&mut self, view: View) -> Status {
        self.after(100, view)
    }

    fn after(&mut self, milliseconds: u64, view: View) -> Status {
        self.time += Duration::from_millis(milliseconds);
        self.status = self.challenge.observe(self.time, view);
        self.status
    }

    fn step(&mut self, direction: Direction) -> Status {
        assert_eq!(self.show(frontal()), Status::Turn { direction, is_start: true });
        assert_eq!(self.show(turning(STILL)), Status::Turn { direction, is_start: false });
        self.show(turning(toward(direction)))
    }
}

#[test]
fn a_person_who_makes_all_turns_and_looks_back_passes() {
    let mut door = Door::new();
    assert_eq!(door.show(View::NoFace), Status::LookAtCamera);
    assert_eq!(door.show(LOST), Status::LookAtCamera, "a face that was not compared yet");
    assert_eq!(door.step(Direction::Left), Status::LookAtCamera);
    assert_eq!(door.show(LOST), Status::LookAtCamera, "on the way back");
    assert_eq!(door.step(Direction::Up), Status::LookAtCamera);
    assert_eq!(door.show(frontal()), Status::Passed(ANNA));
    assert_eq!(door.show(View::SeveralFaces), Status::Passed(ANNA), "the end stays");
    let record = door.challenge.record();
    assert_eq!((record.person, record.losses, record.frames), (Some(ANNA), 0, 10));
    let milliseconds = |time: Duration| time.as_millis();
    let steps = record
        .steps
        .iter()
        .map(|step| (step.direction, milliseconds(step.asked), step.seen.map(milliseconds), step.furthest));
    let expected = [
        (Direction::Left, 300, Some(500), Some(toward(Direction::Left))),
        (Direction::Up, 700, Some(900), Some(toward(Direction::Up))),
    ];
    assert!(steps.eq(expected), "{record:?}");
}

#[test]
fn a_turn_before_its_prompt_does_not_count() {
    let mut door = Door::new();
    door.show(turning(toward(Direction::Left)));
    assert_eq!(door.status, Status::LookAtCamera);
    assert_eq!(door.show(frontal()), Status::Turn { direction: Direction::Left, is_start: true });
}

#[test]
fn a_turn_in_another_direction_ends_the_challenge() {
    for direction in [Direction::Right, Direction::Up, Direction::Down] {
        let mut door = Door::new();
        door.show(frontal());
        assert_eq!(door.show(turning(toward(direction))), Status::Failed(ChallengeFailure::WrongTurn));
    }
}

#[test]
fn the_turn_that_went_furthest_is_recorded() {
    let mut door = Door::new();
    door.show(frontal());
    for shift in [0.05, 0.11, 0.02] {
        door.show(turning(turned(shift, 0.0)));
        assert_eq!(door.status, Status::Turn { direction: Direction::Left, is_start: false });
    }
    assert_eq!(door.challenge.record().steps[0].furthest, Some(turned(0.11, 0.0)));
}

#[test]
fn time_runs_out_after_8_seconds() {
    let mut door = Door::new();
    door.step(Direction::Left);
    let statuses: std::vec::Vec<Status> = (0..90).map(|_| door.show(LOST)).collect();
    assert!(statuses[..77].iter().all(|status| *status == Status::LookAtCamera));
    assert!(statuses[77..].iter().all(|status| *status == Status::Failed(ChallengeFailure::TimedOut)));
    assert_eq!(door.show(frontal()), Status::Failed(ChallengeFailure::TimedOut));
}

#[test]
fn lost_landmarks_give_one_more_try_with_other_steps() {
    let mut door = Door::new();
    door.step(Direction::Left);
    door.show(frontal());
    assert_eq!(door.show(LOST), Status::LookAtCamera);
    assert_eq!(door.step(Direction::Down), Status::LookAtCamera);
    let mut again = door.challenge.clone();
    assert_eq!(door.step(Direction::Left), Status::LookAtCamera);
    assert_eq!(door.show(frontal()), Status::Passed(ANNA));
    assert_eq!(door.challenge.record().losses, 1);
    let mut at = |view| again.observe(again.now + Duration::from_millis(100), view);
    at(frontal());
    assert_eq!(at(LOST), Status::Failed(ChallengeFailure::LostLandmarks));
    assert_eq!(at(frontal()), Status::Failed(ChallengeFailure::LostLandmarks));
}

#[test]
fn each_interruption_has_its_reason() {
    let other_track = ObservedFace { track: TrackId(8), ..matched(None) };
    let other_person = MatchedPerson { person: PersonId(2), enrolled_aspect: None };
    let other_person = ObservedFace { matched: Some(other_person), ..matched(None) };
    let interruptions = [
        (View::NoFace, 100, ChallengeFailure::FaceLeft),
        (View::SeveralFaces, 100, ChallengeFailure::SeveralFaces),
        (View::OneFace(other_track), 100, ChallengeFailure::OtherTrack),
        (View::OneFace(other_person), 100, ChallengeFailure::OtherPerson),
        (turning(toward(Direction::Left)), 401, ChallengeFailure::TooFewFrames),
        (turning(toward(Direction::Left)), 0, ChallengeFailure::TimeWentBack),
    ];
    for (view, gap, reason) in interruptions {
        // While the person turns, and while the person looks back.
        for steps in 0..2 {
            let mut door = Door::new();
            for direction in [Direction::Left].into_iter().take(steps) {
                door.step(direction);
            }
            if steps == 0 {
                door.show(frontal());
            }
            assert_eq!(door.after(gap, view), Status::Failed(reason));
            assert_eq!(door.show(frontal()), Status::Failed(reason));
        }
    }
}

#[test]
fn several_faces_before_the_start_abstain_too() {
    assert_eq!(Door::new().show(View::SeveralFaces), Status::Failed(ChallengeFailure::SeveralFaces));
}

#[test]
fn fewer_than_five_frames_a_second_abstain() {
    for (gap, ended) in [(200, false), (201, true)] {
        let mut door = Door::new();
        door.show(frontal());
        let statuses: std::vec::Vec<Status> = (0..10).map(|_| door.after(gap, turning(STILL))).collect();
        let slow = Status::Failed(ChallengeFailure::TooFewFrames);
        assert_eq!(statuses[4] == slow, ended, "{gap}");
        assert!(statuses[..4].iter().all(|status| *status != slow));
    }
}

#[test]
fn the_aspect_must_be_that_of_enrollment_if_it_is_known() {
    for (enrolled, passes) in
        [(Some(0.95), true), (Some(1.0), true), (Some(1.1), false), (Some(0.8), false), (None, true)]
    {
        let status = Door::new().show(View::OneFace(matched(enrolled)));
        let wanted = if passes {
            Status::Turn { direction: Direction::Left, is_start: true }
        } else {
            Status::Failed(ChallengeFailure::OtherAspect)
        };
        assert_eq!(status, wanted, "{enrolled:?}");
    }
}

#[test]
fn without_an_own_aspect_the_face_must_have_the_aspect_of_a_person() {
    for (aspect, passes) in [
        (0.79, false),
        (0.81, true),
        (0.95, true),
        (1.24, true),
        (1.26, false),
        (f32::NAN, false),
        (f32::INFINITY, false),
    ] {
        let face = ObservedFace { frontal_aspect: Some(aspect), ..matched(None) };
        let mut door = Door::new();
        let status = door.show(View::OneFace(face));
        let wanted = if passes {
            Status::Turn { direction: Direction::Left, is_start: true }
        } else {
            Status::Failed(ChallengeFailure::OtherAspect)
        };
        assert_eq!((status, door.challenge.record().relative_aspect), (wanted, None), "{aspect}");
    }
    // Later in the challenge too.
    let mut door = Door::new();
    door.step(Direction::Left);
    let narrow = ObservedFace { frontal_aspect: Some(0.7), ..matched(None) };
    assert_eq!(door.show(View::OneFace(narrow)), Status::Failed(ChallengeFailure::OtherAspect));
    // A person with an own aspect outside of these is compared with it.
    let unusual = MatchedPerson { person: ANNA, enrolled_aspect: Some(0.75) };
    let face = ObservedFace { matched: Some(unusual), frontal_aspect: Some(0.76), ..matched(None) };
    assert_eq!(
        Door::new().show(View::OneFace(face)),
        Status::Turn { direction: Direction::Left, is_start: true }
    );
}

/// What an actor does in a frame: what it is asked for, or something else.
fn actions() -> impl Strategy<Value = std::vec::Vec<(u8, i64)>> {
    let gap = prop_oneof![20 => 30i64..210, 1 => Just(0i64), 1 => -2000i64..0, 1 => 210i64..900];
    prop::collection::vec((0u8..60, gap), 1..80)
}

fn view(action: u8, status: Status) -> View {
    match (action, status) {
        (0, _) => View::NoFace,
        (1, _) => View::SeveralFaces,
        (2, _) => LOST,
        (3, _) => View::OneFace(ObservedFace { track: TrackId(8), ..matched(None) }),
        (4, _) => View::OneFace(ObservedFace {
            matched: Some(MatchedPerson { person: PersonId(2), enrolled_aspect: None }),
            ..matched(None)
        }),
        (5, _) => View::OneFace(matched(Some(2.0))),
        (10, _) => View::OneFace(ObservedFace { frontal_aspect: Some(0.7), ..matched(None) }),
        (6..10, _) => turning(toward(Direction::ALL[usize::from(action - 6)])),
        (11..20, _) => turning(STILL),
        (_, Status::Turn { direction, .. }) => turning(toward(direction)),
        _ => frontal(),
    }
}

/// What passing requires, told from the views and statuses alone: for each step a frontal, matching face when it
/// is asked for, then the turn, and at the end a frontal, matching face again; nothing but one track of one person since the
/// first; time that only goes on.
fn may_pass(frames: &[(i64, View, Status)], steps: &Steps, person: PersonId) -> bool {
    let has_own_aspect = |face: &ObservedFace, matched: &MatchedPerson| {
        face.frontal_aspect.is_some_and(|aspect| is_possible_aspect(aspect, matched.enrolled_aspect))
    };
    let is_frontal = |view: &View| matches!(view, View::OneFace(face) if face.matched.is_some_and(|m| m.person == person && has_own_aspect(face, &m)));
    let starts = frames
        .iter()
        .enumerate()
        .filter(|(_, (_, _, status))| matches!(status, Status::Turn { is_start: true, .. }));
    let starts: std::vec::Vec<usize> = starts.map(|(index, _)| index).collect();
    let Some(first) = starts.len().checked_sub(steps.count()) else { return false };
    let ends = starts[first + 1..].iter().copied().chain([frames.len() - 1]);
    let in_order = starts[first..].iter().zip(ends).enumerate().all(|(number, (start, end))| {
           let direction = steps.get(number).unwrap();
           let asked = frames[*start].2 == Status::Turn { direction, is_start: true };
           let turned = frames[start + 1..end].iter().any(|(_, view, _)| {
               matches!(view, View::OneFace(ObservedFace { tracking: Tracking::Followed(turn), .. }) if turn.is_toward(direction))
           });
           asked && turned && is_frontal(&frames[*start].1) && is_frontal(&frames[end].1)
       });
    let one_face = frames[starts[0]..].iter().all(|(_, view, _)| {
        matches!(view, View::OneFace(face)
if face.track == frames[starts[0]].1.track() && face.matched.is_none_or(|m| m.person == person))
    });
    in_order
        && one_face
        && frames.windows(2).all(|pair| pair[0].0 < pair[1].0)
        && frames.last().unwrap().0 - frames[0].0 <= 8000
}

impl View {
    fn track(&self) -> TrackId {
        match self {
            Self::OneFace(face) => face.track,
            _ => TrackId(0),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn it_passes_only_if_every_turn_was_seen_in_order_after_its_prompt(
        actions in actions(), count in 1usize..=3, first in any::<u64>(), second in any::<u64>(),
    ) {
        let draw = |random| Steps::draw(&Direction::ALL, count, random).unwrap();
        let (first, second) = (draw(first), draw(second));
        let mut challenge = Challenge::new(first.clone(), second.clone(), Duration::ZERO);
        let (mut time, mut status) = (5_000_000i64, Status::LookAtCamera);
        challenge.started = Duration::from_millis(5_000_000);
        challenge.now = challenge.started;
        let mut frames = std::vec::Vec::new();
        for (action, gap) in actions {
            time += gap;
            let view = view(action, status);
            status = challenge.observe(Duration::from_millis(time as u64), view);
            frames.push((time, view, status));
            match status {
                Status::Passed(person) => {
                    let steps = if challenge.record().losses == 0 { &first } else { &second };
                    prop_assert!(may_pass(&frames, steps, person), "{:?}", frames);
                    break;
                }
                Status::Failed(_) => {
                    let helped = challenge.observe(Duration::from_millis(time as u64 + 50), frontal());
                    prop_assert_eq!(helped, status);
                    break;
                }
                _ => {}
            }
        }
    }

    /// A challenge in which time jumps back once never passes, whatever else is shown.
    #[test]
    fn time_that_jumps_back_never_helps(back in 0u64..100_000, at in 0usize..4, first in any::<u64>()) {
        let steps = Steps::draw(&Direction::ALL, 2, first).unwrap();
        let start = Duration::from_secs(1000);
        let run = |back: Option<u64>| {
            let mut challenge = Challenge::new(steps.clone(), steps.clone(), start);
            let (mut time, mut status) = (start, Status::LookAtCamera);
            for frame in 0..40 {
                time += Duration::from_millis(100);
                if let Some(back) = back.filter(|_| frame == at + 1) {
                    time = time.saturating_sub(Duration::from_millis(100 + back));
                }
                status = challenge.observe(time, view(59, status));
            }
            status
        };
        prop_assert_eq!(run(None), Status::Passed(ANNA));
        prop_assert_eq!(run(Some(back)), Status::Failed(ChallengeFailure::TimeWentBack));
    }
}
