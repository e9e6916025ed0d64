//! Simulated attacks: printed faces on flat, bent and folded sheets that are turned before a camera.
//!
//! Each sheet is rendered in frames 3 to 5 degrees apart, with noise of 3 gray levels, from 4.5 to 8.5 distances between the
//! eyes (28 to 53 cm), and starts at landmarks that are off by up to 1.4 of 70 pixels. The landmarks are tracked from frame to
//! frame, and every frame may pass. `docs/LIVENESS.md` has the counts.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a failure of a test helper fails the test")]

#[path = "common/photo.rs"]
mod photo;

use ostiary_core::{Direction, Frame, Point, clopper_pearson};
use ostiary_liveness::{LandmarkTracker, TurnMeter, frontal_aspect, is_own_aspect, is_possible_aspect};
use ostiary_testkit::{Line, PORTRAITS, Pose, Random, SHEET_SIDE, Shape, Sheet};

const FRAMES: u8 = 15;
/// Axes of the turn, degrees: yaw, pitch, and the two diagonals.
const AXES: [f32; 4] = [0.0, 90.0, 45.0, 135.0];
/// First and last angle of a turn, degrees.
const ONE_WAY: [(f32, f32); 2] = [(0.0, 60.0), (0.0, -60.0)];
const THROUGH: (f32, f32) = (-25.0, 50.0);
/// The largest error of the landmarks at the start in x and in y, pixels.
const START_ERROR: f32 = 1.4;

/// How often sheets passed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Counts {
    sheets: usize,
    /// Sheets that passed to the left or right; up or down.
    sideways: usize,
    vertical: usize,
    /// Sheets that passed at all and had the aspect of the photo at the start: what is left if the person's own aspect is
    /// known.
    with_own_aspect: usize,
    /// Sheets that passed at all and had the aspect of a person at the start: what is left if the person's own is not known.
    with_possible_aspect: usize,
    /// Sheets whose landmarks were lost before the end of the turn.
    lost: usize,
}

/// Turns each portrait on sheets of this shape about these axes.
fn count(shape: Shape, axes: &[f32], turns: &[(f32, f32)], seed: u64) -> Counts {
    let mut counts = Counts::default();
    let mut random = Random(seed);
    let mut frame = Frame::default();
    let mut tracker = LandmarkTracker::new(SHEET_SIDE, SHEET_SIDE);
    for photo in PORTRAITS.map(photo::load) {
        let sheet = Sheet::new(&photo, shape);
        for axis in axes {
            for turn in turns {
                let mut passed = [false; 4];
                let (sin, cos) = axis.to_radians().sin_cos();
                let distance = 6.5 + 2.0 * random.unit();
                let pose = |frame: u8| {
                    let n = f32::from(frame);
                    let angle = turn.0 + (turn.1 - turn.0) * n / f32::from(FRAMES);
                    let shift = [3.0 * (n / 3.0).sin(), 2.0 * (n / 4.0).cos()];
                    Pose { yaw: angle * cos, pitch: angle * sin, roll: (n / 7.0).sin(), distance, shift }
                };
                let truth = sheet.render(&pose(0), &mut random, &mut frame);
                let mut off = |value: f32| value + START_ERROR * random.unit();
                let start = truth.map(|p| Point { x: off(p.x), y: off(p.y) });
                tracker.start(&frame, &start);
                let mut meter = TurnMeter::new(&start);
                for number in 1..=FRAMES {
                    sheet.render(&pose(number), &mut random, &mut frame);
                    let landmarks = tracker.follow(&frame);
                    let Some(turn) = landmarks.and_then(|now| meter.as_mut()?.measure(&now)) else {
                        counts.lost += usize::from(meter.is_some());
                        break;
                    };
                    for (passed, direction) in passed.iter_mut().zip(Direction::ALL) {
                        *passed |= turn.is_toward(direction);
                    }
                }
                let [left, right, up, down] = passed;
                let possible = frontal_aspect(&start).is_some_and(|aspect| is_possible_aspect(aspect, None));
                let own = frontal_aspect(&start)
                    .zip(frontal_aspect(&photo.landmarks))
                    .is_some_and(|(start, photo)| is_own_aspect(start, photo));
                counts.sheets += 1;
                counts.sideways += usize::from(left || right);
                counts.vertical += usize::from(up || down);
                let passed = left || right || up || down;
                counts.with_own_aspect += usize::from(passed && own);
                counts.with_possible_aspect += usize::from(passed && possible);
            }
        }
    }
    println!("{shape:?} axes {axes:?} turns {turns:?}: {counts:?}");
    counts
}

/// From the front to both sides, and from one side to the other.
fn all_turns(shape: Shape, seed: u64) -> [Counts; 2] {
    [count(shape, &AXES, &ONE_WAY, seed), count(shape, &AXES, &[THROUGH], seed + 1)]
}

/// Prints how many passed of all these sheets, with exact intervals.
fn print_passed(counts: &[Counts]) {
    let sum = |of: fn(&Counts) -> usize| counts.iter().map(of).sum::<usize>();
    let sheets = sum(|counts| counts.sheets);
    let share = |passed| {
        let [low, high] = clopper_pearson(passed, sheets).map(|bound| 100.0 * bound);
        format!("{passed} ({low:.1} to {high:.1} %)")
    };
    println!(
        "of {sheets} sheets passed to the left or right {}, up or down {}, at all and with the person's aspect {}",
        share(sum(|counts| counts.sideways)),
        share(sum(|counts| counts.vertical)),
        share(sum(|counts| counts.with_own_aspect))
    );
}

#[track_caller]
fn none_pass(counts: [Counts; 2], sheets: usize) {
    print_passed(&counts);
    assert_eq!(counts.map(|counts| counts.sheets).iter().sum::<usize>(), sheets);
    for Counts { sideways, vertical, .. } in counts {
        assert_eq!((sideways, vertical), (0, 0), "passed to the left or right, and up or down");
    }
}

#[test]
fn no_flat_sheet_passes() {
    none_pass(all_turns(Shape::Flat, 101), 60);
}

#[test]
fn no_sheet_bent_to_a_radius_of_1_5_passes() {
    none_pass(all_turns(Shape::Bent(Line::Vertical, 1.5), 201), 60);
    none_pass(all_turns(Shape::Bent(Line::Horizontal, 1.5), 211), 60);
}

#[test]
fn no_sheet_bent_to_a_radius_of_1_0_passes() {
    none_pass(all_turns(Shape::Bent(Line::Vertical, 1.0), 301), 60);
    none_pass(all_turns(Shape::Bent(Line::Horizontal, 1.0), 311), 60);
}

#[test]
fn no_sheet_bent_to_a_radius_of_0_7_passes() {
    none_pass(all_turns(Shape::Bent(Line::Vertical, 0.7), 401), 60);
    none_pass(all_turns(Shape::Bent(Line::Horizontal, 0.7), 411), 60);
}

/// A sheet that is folded through the nose has a nose. Up to 15 degrees it passes nothing; the rule does not hold for 45 degrees.
#[test]
fn folded_sheets_pass_more_often_the_sharper_the_fold() {
    let total = |degrees: f32| {
        let mut total = Counts::default();
        for (line, axis) in [(Line::Vertical, 0.0), (Line::Horizontal, 90.0)] {
            for stretched in [false, true] {
                let shape = Shape::Folded { line, degrees, stretched };
                let counts = count(shape, &[axis], &ONE_WAY, 500 + degrees as u64);
                total.sheets += counts.sheets;
                total.sideways += counts.sideways;
                total.vertical += counts.vertical;
                total.with_own_aspect += counts.with_own_aspect;
                total.with_possible_aspect += counts.with_possible_aspect;
            }
        }
        println!("folded by {degrees} degrees: {total:?}");
        print_passed(&[total]);
        total
    };
    let passed = [15.0, 25.0, 35.0, 45.0].map(|degrees| {
        let Counts { sheets, sideways, vertical, with_own_aspect, with_possible_aspect, .. } = total(degrees);
        assert_eq!(sheets, 40);
        let all = sideways + vertical;
        assert!(with_own_aspect <= all && with_possible_aspect <= all);
        all
    });
    assert_eq!(passed[0], 0);
    assert!(passed[3] > 0, "the documents say that they pass");
}
