//! What a turn of the head does to the landmarks of a face, and a turn of a picture does not.
//!
//! Eyes and corners of the mouth lie nearly in a plane, and the tip of the nose is about half a distance between the eyes in
//! front of it. A picture of a face is flat: however it is turned, a distant camera sees an affine image of it, in which the
//! nose keeps its place relative to eyes and mouth. If a head turns, the nose moves by about 0.55 tan(angle): 0.15 distances
//! between the eyes at 15 degrees, 0.20 at 20 degrees.
//!
//! A bent picture has depth too, but less. So the motion of the nose is compared with how far the plane of eyes and mouth
//! turned ([`Turn::depth`]). That angle is the largest one between any two moments since the start, because a picture can
//! be turned away from the camera at the start and seem not turned at the end.

use heapless::Vec;
use ostiary_core::{Landmarks, Point};

/// How far the nose must move, in distances between the eyes.
pub const MIN_SHIFT: f32 = 0.13;
/// The least depth of the nose, in distances between the eyes. A head has about 0.55. A picture that is bent to a radius
/// of 0.7 has 0.15, and seems to have 0.3 if it is turned from one side to the other.
pub const MIN_DEPTH: f32 = 0.35;
/// The least foreshortening of a turn that counts, that of a plane turned by 41 degrees: beyond it landmarks are hidden.
pub const MIN_FORESHORTENING: f32 = 0.75;
/// The least aspect of the face that begins a challenge relative to that of the person's enrollment, and the inverse of the
/// largest one. A picture that is folded along the nose by 35 degrees shows 0.89 of it, by 45 degrees 0.83.
pub const MIN_OWN_ASPECT: f32 = 0.92;

/// Eyes and corners of the mouth of a mean frontal face, in distances between the eyes, from the middle of the eyes.
const REFERENCE: [Point; 4] = [
    Point { x: -0.5, y: 0.0 },
    Point { x: 0.5, y: 0.0 },
    Point { x: -0.42, y: 1.05 },
    Point { x: 0.42, y: 1.05 },
];

/// The place of the nose in the affine frame of eyes and corners of the mouth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NosePosition {
    /// From the middle of the face to the right of the picture, in distances between the eyes.
    pub u: f32,
    /// From the line of the eyes toward the mouth, in distances between the eyes; the mouth is at 1.05.
    pub v: f32,
}

impl NosePosition {
    /// The place of the nose; `None` if eyes and mouth lie on a line, or the picture shows the face mirrored.
    pub fn of(landmarks: &Landmarks) -> Option<Self> {
        let [_, _, nose, ..] = landmarks;
        let Point { x: u, y: v } = Affine::between(&eyes_and_mouth(landmarks), &REFERENCE)?.apply(*nose);
        (u.is_finite() && v.is_finite()).then_some(Self { u, v })
    }
}

/// The distance of the eyes divided by the distance of their middle from the middle of the mouth, about 0.95; `None` if
/// the latter is 0. It falls if a face, or a picture of one, turns to the side, and rises if it nods.
pub fn aspect(landmarks: &Landmarks) -> Option<f32> {
    let [left_eye, right_eye, _, left_mouth, right_mouth] = *landmarks;
    let middle = |a: Point, b: Point| Point { x: (a.x + b.x) / 2.0, y: (a.y + b.y) / 2.0 };
    let height = Point::distance(middle(left_eye, right_eye), middle(left_mouth, right_mouth));
    let aspect = Point::distance(left_eye, right_eye) / height;
    (aspect.is_finite() && aspect > 0.0).then_some(aspect)
}

/// Whether the aspect of a frontal face is that of the same person's enrollment ([`MIN_OWN_ASPECT`]).
pub fn is_own_aspect(aspect: f32, enrolled: f32) -> bool {
    (MIN_OWN_ASPECT..=1.0 / MIN_OWN_ASPECT).contains(&(aspect / enrolled))
}

/// A direction in which a person turns the head, as the person sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// To the person's left: the nose moves to the right of the picture.
    Left,
    /// To the person's right.
    Right,
    /// The chin goes up.
    Up,
    /// The chin goes down.
    Down,
}

impl Direction {
    /// All directions.
    pub const ALL: [Self; 4] = [Self::Left, Self::Right, Self::Up, Self::Down];
}

/// Poses of one face since it was frontal, to measure turns against.
#[derive(Debug, Clone)]
pub struct TurnMeter {
    frontal: Landmarks,
    /// Poses that differ from each other by [`DIFFERENT_POSE`]; the first is the frontal one.
    poses: Vec<Landmarks, MAX_POSES>,
    /// The least foreshortening between two poses so far.
    foreshortening: f32,
}

/// A pose is kept if the foreshortening relative to each kept one is less than this.
const DIFFERENT_POSE: f32 = 0.99;
/// The largest number of poses that are kept.
const MAX_POSES: usize = 64;

/// How a face differs from the same face when it was frontal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Turn {
    /// Motion of the nose to the right of the picture in the frame of eyes and mouth, in distances between the eyes.
    pub delta_u: f32,
    /// Motion of the nose toward the mouth in that frame, in distances between the eyes.
    pub delta_v: f32,
    /// How much the plane of eyes and mouth turned, whatever the axis, 0 to 1: the least ratio of the smaller to the larger
    /// scale of the affine map between two poses since the start. The cosine of the angle if one of the two was not
    /// turned.
    pub foreshortening: f32,
    /// The [`aspect`] relative to that of the frontal face.
    pub relative_aspect: f32,
}

impl TurnMeter {
    /// Starts at the landmarks of a frontal face, pixels.
    pub fn new(frontal: &Landmarks) -> Self {
        Self { frontal: *frontal, poses: Vec::from_array([*frontal]), foreshortening: 1.0 }
    }

    /// Compares the tracked landmarks of the next frame with those before. `None` if they are no face (eyes and mouth on a
    /// line, mirrored, numbers that are not finite), or if the face had more than 64 poses.
    pub fn measure(&mut self, now: &Landmarks) -> Option<Turn> {
        let (before, after) = (NosePosition::of(&self.frontal)?, NosePosition::of(now)?);
        let mut least = 1.0f32;
        for pose in &self.poses {
            least = least.min(foreshortening(pose, now)?);
        }
        if least < DIFFERENT_POSE {
            self.poses.push(*now).ok()?;
        }
        self.foreshortening = self.foreshortening.min(least);
        Some(Turn {
            delta_u: after.u - before.u,
            delta_v: after.v - before.v,
            foreshortening: self.foreshortening,
            relative_aspect: aspect(now)? / aspect(&self.frontal)?,
        })
    }
}

impl Turn {
    /// The motion of the nose in a direction, in distances between the eyes; negative in the opposite one.
    pub fn shift(&self, direction: Direction) -> f32 {
        match direction {
            Direction::Left => self.delta_u,
            Direction::Right => -self.delta_u,
            Direction::Up => -self.delta_v,
            Direction::Down => self.delta_v,
        }
    }

    /// How far the nose is in front of the plane of eyes and mouth, in distances between the eyes, if the shift in this
    /// direction comes from the turn: the shift divided by the tangent of the angle. Infinite without a turn.
    pub fn depth(&self, direction: Direction) -> f32 {
        let tangent = (1.0 - self.foreshortening * self.foreshortening).max(0.0).sqrt() / self.foreshortening;
        self.shift(direction) / tangent
    }

    /// Whether a head turned in this direction: the nose moved by [`MIN_SHIFT`], and in no other direction further; it has
    /// [`MIN_DEPTH`]; and the plane of eyes and mouth kept [`MIN_FORESHORTENING`].
    pub fn is_toward(&self, direction: Direction) -> bool {
        let shift = self.shift(direction);
        shift >= MIN_SHIFT
            && Direction::ALL.iter().all(|other| self.shift(*other) <= shift)
            && self.depth(direction) >= MIN_DEPTH
            && self.foreshortening >= MIN_FORESHORTENING
    }
}

/// The ratio of the smaller to the larger scale of the affine map from one face's eyes and mouth to another's, 0 to 1.
fn foreshortening(from: &Landmarks, to: &Landmarks) -> Option<f32> {
    Some(Affine::between(&eyes_and_mouth(from), &eyes_and_mouth(to))?.foreshortening())
}

fn eyes_and_mouth(landmarks: &Landmarks) -> [Point; 4] {
    let [left_eye, right_eye, _, left_mouth, right_mouth] = *landmarks;
    [left_eye, right_eye, left_mouth, right_mouth]
}

/// An affine map of the plane: `x' = xx x + xy y + tx`, `y' = yx x + yy y + ty`.
#[derive(Debug, Clone, Copy)]
struct Affine {
    xx: f32,
    xy: f32,
    yx: f32,
    yy: f32,
    tx: f32,
    ty: f32,
}

impl Affine {
    /// The map with the least squared error; `None` if the points lie on a line, or the map mirrors.
    fn between(from: &[Point; 4], to: &[Point; 4]) -> Option<Self> {
        let (from_mean, to_mean) = (mean(from), mean(to));
        // Second moments of `from`, and mixed ones.
        let (mut sxx, mut sxy, mut syy) = (0.0, 0.0, 0.0);
        let (mut xx, mut xy, mut yx, mut yy) = (0.0, 0.0, 0.0, 0.0);
        for (p, q) in from.iter().zip(to) {
            let (px, py) = (p.x - from_mean.x, p.y - from_mean.y);
            let (qx, qy) = (q.x - to_mean.x, q.y - to_mean.y);
            (sxx, sxy, syy) = (sxx + px * px, sxy + px * py, syy + py * py);
            (xx, xy, yx, yy) = (xx + qx * px, xy + qx * py, yx + qy * px, yy + qy * py);
        }
        let determinant = sxx * syy - sxy * sxy;
        let solve = |x: f32, y: f32| ((x * syy - y * sxy) / determinant, (y * sxx - x * sxy) / determinant);
        let ((xx, xy), (yx, yy)) = (solve(xx, xy), solve(yx, yy));
        let (tx, ty) = (
            to_mean.x - xx * from_mean.x - xy * from_mean.y,
            to_mean.y - yx * from_mean.x - yy * from_mean.y,
        );
        let map = Self { xx, xy, yx, yy, tx, ty };
        let is_finite = [xx, xy, yx, yy, tx, ty].iter().all(|value| value.is_finite());
        (is_finite && map.determinant() > 0.0).then_some(map)
    }

    fn apply(&self, p: Point) -> Point {
        Point { x: self.xx * p.x + self.xy * p.y + self.tx, y: self.yx * p.x + self.yy * p.y + self.ty }
    }

    fn determinant(&self) -> f32 {
        self.xx * self.yy - self.xy * self.yx
    }

    /// The smaller singular value divided by the larger one, 0 to 1.
    fn foreshortening(&self) -> f32 {
        // Sum and difference of the singular values.
        let sum = (self.xx + self.yy).hypot(self.yx - self.xy);
        let difference = (self.xx - self.yy).hypot(self.yx + self.xy);
        (sum - difference) / (sum + difference)
    }
}

fn mean(points: &[Point; 4]) -> Point {
    let sum = points.iter().fold(Point::default(), |sum, p| Point { x: sum.x + p.x, y: sum.y + p.y });
    Point { x: sum.x / 4.0, y: sum.y / 4.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A mean head before a distant camera, turned by yaw (to its left) and pitch (chin down), degrees. The nose is
    /// `depth` distances between the eyes before the plane of eyes and mouth.
    fn head(yaw: f32, pitch: f32, depth: f32) -> Landmarks {
        let points =
            [(-0.5, 0.0, 0.0), (0.5, 0.0, 0.0), (0.0, 0.6, depth), (-0.42, 1.05, 0.0), (0.42, 1.05, 0.0)];
        points.map(|(x, y, z): (f32, f32, f32)| {
            let ((ys, yc), (ps, pc)) = (yaw.to_radians().sin_cos(), pitch.to_radians().sin_cos());
            let (x, z) = (x * yc + z * ys, z * yc - x * ys);
            let y = y * pc + z * ps;
            Point { x: 320.0 + 70.0 * x, y: 240.0 + 70.0 * y }
        })
    }

    fn turn(yaw: f32, pitch: f32, depth: f32) -> Turn {
        TurnMeter::new(&head(0.0, 0.0, depth)).measure(&head(yaw, pitch, depth)).unwrap()
    }

    #[test]
    fn the_nose_of_the_reference_is_where_it_was_put() {
        let NosePosition { u, v } = NosePosition::of(&head(0.0, 0.0, 0.55)).unwrap();
        assert!(u.abs() < 1e-5 && (v - 0.6).abs() < 1e-5, "{u} {v}");
    }

    #[test]
    fn a_head_that_turns_by_15_to_25_degrees_passes_in_its_direction_only() {
        for angle in [15.0, 20.0, 25.0, 30.0, 40.0] {
            for (yaw, pitch, wanted) in [
                (angle, 0.0, Direction::Left),
                (-angle, 0.0, Direction::Right),
                (0.0, -angle, Direction::Up),
                (0.0, angle, Direction::Down),
            ] {
                let turn = turn(yaw, pitch, 0.55);
                for direction in Direction::ALL {
                    assert_eq!(turn.is_toward(direction), direction == wanted, "{direction:?} {turn:?}");
                }
                let shift = 0.55 * angle.to_radians().tan();
                assert!((turn.shift(wanted) - shift).abs() < 1e-3, "{turn:?}");
                assert!((turn.foreshortening - angle.to_radians().cos()).abs() < 1e-3, "{turn:?}");
            }
        }
    }

    #[test]
    fn a_small_turn_and_one_too_far_do_not_pass() {
        for turn in
            [turn(10.0, 0.0, 0.55), turn(45.0, 0.0, 0.55), turn(0.0, 10.0, 0.55), turn(0.0, -45.0, 0.55)]
        {
            assert!(!Direction::ALL.iter().any(|direction| turn.is_toward(*direction)), "{turn:?}");
        }
    }

    /// The relative aspect of a sheet that is turned about a diagonal stays near 1; the foreshortening does not.
    #[test]
    fn a_turn_about_a_diagonal_foreshortens() {
        let turn = turn(40.0, 40.0, 0.17);
        assert!(turn.relative_aspect > 0.88 && turn.delta_u > MIN_SHIFT, "{turn:?}");
        assert!(turn.foreshortening < 0.7, "{turn:?}");
    }

    /// A bent sheet that is turned from one side to the other is as little foreshortened at the end as at the start.
    #[test]
    fn a_turn_from_one_side_to_the_other_is_measured_on_the_way() {
        for depth in [0.05, 0.1, 0.15, 0.17] {
            for angle in [15, 25, 35, 40] {
                let at = |yaw: i32| head(yaw as f32, 0.0, depth);
                let mut meter = TurnMeter::new(&at(-angle));
                let turns = (-angle..=angle).filter_map(|yaw| meter.measure(&at(yaw)));
                assert!(!turns.into_iter().any(|turn| turn.is_toward(Direction::Left)), "{depth} {angle}");
            }
        }
    }

    #[test]
    fn a_head_that_begins_aside_passes_when_it_turned_further() {
        let mut meter = TurnMeter::new(&head(-8.0, 3.0, 0.55));
        let passed = |turn: Option<Turn>| turn.unwrap().is_toward(Direction::Left);
        assert!(!passed(meter.measure(&head(0.0, 2.0, 0.55))));
        assert!(passed(meter.measure(&head(15.0, 4.0, 0.55))));
    }

    #[test]
    fn a_face_with_too_many_poses_is_given_up() {
        let mut meter = TurnMeter::new(&head(0.0, 0.0, 0.55));
        let stretched =
            |n: usize| head(0.0, 0.0, 0.55).map(|p| Point { x: p.x * 1.1f32.powi(n as i32), y: p.y });
        assert!((1..64).all(|n| meter.measure(&stretched(n)).is_some()));
        assert_eq!(meter.measure(&stretched(64)), None);
    }

    #[test]
    fn aspects_of_one_person_are_within_8_percent() {
        for (relative, own) in
            [(1.0, true), (0.93, true), (1.07, true), (0.89, false), (1.1, false), (f32::NAN, false)]
        {
            assert_eq!(is_own_aspect(0.95 * relative, 0.95), own, "{relative}");
        }
        assert!(!is_own_aspect(0.95, 0.0));
    }

    #[test]
    fn degenerate_landmarks_give_nothing() {
        let frontal = head(0.0, 0.0, 0.55);
        let mirrored = frontal.map(|p| Point { x: -p.x, y: p.y });
        for landmarks in [[Point { x: 3.0, y: 3.0 }; 5], [Point { x: f32::NAN, y: 0.0 }; 5], mirrored] {
            assert_eq!(NosePosition::of(&landmarks), None);
            assert_eq!(TurnMeter::new(&frontal).measure(&landmarks), None);
            assert_eq!(TurnMeter::new(&landmarks).measure(&frontal), None);
        }
    }

    proptest! {
        /// Whatever a distant camera does to a flat sheet, the nose keeps its place.
        #[test]
        fn a_flat_sheet_never_passes(
            xx in 0.3f32..2.0, yy in 0.3f32..2.0, xy in -0.3f32..0.3, yx in -0.3f32..0.3,
            u in -0.3f32..0.3, v in 0.2f32..0.9,
        ) {
            prop_assume!(xx * yy - xy * yx > 0.05);
            let mut photo = head(0.0, 0.0, 0.0);
            photo[2] = Point { x: 320.0 + 70.0 * u, y: 240.0 + 70.0 * v };
            let moved = photo.map(|p| Point { x: xx * p.x + xy * p.y - 40.0, y: yx * p.x + yy * p.y + 90.0 });
            let turn = TurnMeter::new(&photo).measure(&moved).unwrap();
            prop_assert!(turn.delta_u.abs() < 1e-3 && turn.delta_v.abs() < 1e-3, "{turn:?}");
            prop_assert!((0.0..=1.0).contains(&turn.foreshortening));
        }

        #[test]
        fn arbitrary_landmarks_do_not_panic(values in prop::array::uniform20(any::<f32>())) {
            let landmarks = |offset: usize| std::array::from_fn(|i| Point { x: values[offset + 2 * i], y: values[offset + 2 * i + 1] });
            if let Some(turn) = TurnMeter::new(&landmarks(0)).measure(&landmarks(10)) {
                let passed = Direction::ALL.iter().filter(|direction| turn.is_toward(**direction)).count();
                prop_assert!(passed <= 2);
            }
        }
    }
}
