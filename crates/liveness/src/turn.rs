//! What a turn of the head does to the landmarks of a face, and a turn of a picture does not.
//!
//! Eyes and corners of the mouth lie nearly in a plane, and the tip of the nose is about half a distance between the eyes in
//! front of it. A picture of a face is flat: however it is turned, a distant camera sees an affine image of it, in which the
//! nose keeps its place relative to eyes and mouth. If a head turns, the nose moves by about 0.55 tan(angle): 0.15 distances
//! between the eyes at 15 degrees, 0.20 at 20 degrees.
//!
//! A bent picture has depth too, but less. It must be turned further for the same shift, and that shows in the plane of eyes
//! and mouth: about the vertical axis the face gets narrower, about the horizontal one shorter, about a diagonal one the
//! line from the eyes to the mouth is no longer perpendicular to the eyes (skew). A picture can also be turned away
//! from the camera at the start; so the shift is measured from the pose since the start that was turned least.

use ostiary_core::{Direction, Landmarks, Point};

/// How far the nose must move in the direction of the turn, in distances between the eyes.
pub const MIN_SHIFT: f32 = 0.14;
/// How many times further it must move in this direction than across. A bent picture that is turned about a diagonal moves it
/// in both.
pub const MIN_SHIFT_RATIO: f32 = 2.0;
/// The least foreshortening of a turn that counts: that of a plane that is turned by 23 degrees.
pub const MIN_FORESHORTENING: f32 = 0.92;
/// The largest change of the skew since the start, degrees. Heads that turn show up to 9, because eyes and mouth are not
/// quite in a vertical plane.
pub const MAX_SKEW_CHANGE: f32 = 12.0;
/// The largest skew of a frontal face, degrees.
pub const MAX_FRONTAL_SKEW: f32 = 4.0;
/// The least aspect of the face that begins a challenge relative to that of the person's enrollment, and the inverse of the
/// largest one. A picture that is folded along the nose by 35 degrees shows 0.89 of it, by 45 degrees 0.83.
pub const MIN_OWN_ASPECT: f32 = 0.92;
/// The least aspect of the face that begins a challenge of a person whose own aspect is not known. It refuses about 1 % of people
/// (`docs/LIVENESS.md`), and few folded pictures.
pub const MIN_ASPECT: f32 = 0.8;
/// The largest one.
pub const MAX_ASPECT: f32 = 1.25;

/// Eyes and corners of the mouth of a mean frontal face, in distances between the eyes, from the middle of the eyes.
const REFERENCE: [Point; 4] = [
    Point { x: -0.5, y: 0.0 },
    Point { x: 0.5, y: 0.0 },
    Point { x: -0.42, y: 1.05 },
    Point { x: 0.42, y: 1.05 },
];

/// The aspect of a face that looks at the camera: how wide it is relative to its height, by eyes and corners of the mouth, 1
/// for a mean face. `None` if the landmarks are no face, or if its skew is more than [`MAX_FRONTAL_SKEW`]: a face is
/// symmetric, a picture that is turned about a diagonal shows none that is.
pub fn frontal_aspect(landmarks: &Landmarks) -> Option<f32> {
    let Shape { aspect, skew } = Shape::of(landmarks)?;
    (skew.abs() <= MAX_FRONTAL_SKEW).then_some(aspect)
}

/// Whether the aspect of a frontal face is that of the same person's enrollment ([`MIN_OWN_ASPECT`]).
pub fn is_own_aspect(aspect: f32, enrolled: f32) -> bool {
    (MIN_OWN_ASPECT..=1.0 / MIN_OWN_ASPECT).contains(&(aspect / enrolled))
}

/// Whether a frontal face with this aspect can be the person's: it has the aspect of the person's enrollment, or, if that is not
/// known, that of a person ([`MIN_ASPECT`], [`MAX_ASPECT`]).
pub fn is_possible_aspect(aspect: f32, enrolled: Option<f32>) -> bool {
    match enrolled {
        Some(enrolled) => is_own_aspect(aspect, enrolled),
        None => (MIN_ASPECT..=MAX_ASPECT).contains(&aspect),
    }
}

/// Measures the turn of one face since it was frontal.
#[derive(Debug, Clone)]
pub struct TurnMeter {
    frontal: Landmarks,
    frontal_skew: f32,
    /// The pose since the start in which the face was widest relative to its height: least turned to a side.
    widest: Pose,
    /// The pose in which it was narrowest: least turned up or down.
    narrowest: Pose,
    /// The largest change of the skew so far, degrees.
    skew_change: f32,
}

/// How far a face turned since it was frontal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Turn {
    /// About the vertical axis; the nose is shifted to the right of the picture.
    pub sideways: AxisTurn,
    /// About the horizontal axis; the nose is shifted toward the mouth.
    pub vertical: AxisTurn,
    /// The largest change of the skew since the start, degrees.
    pub skew_change: f32,
}

/// A turn about one axis, measured from the pose that was turned least about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AxisTurn {
    /// Motion of the nose in the frame of eyes and mouth, in distances between the eyes.
    pub shift: f32,
    /// The motion in the other direction, in distances between the eyes.
    pub cross_shift: f32,
    /// The width for a turn to the side, or the height for one up or down, relative to that pose: 0 to 1, the cosine of
    /// the angle of a plane.
    pub foreshortening: f32,
}

impl TurnMeter {
    /// Starts at the landmarks of a frontal face, pixels. `None` if it has no [`frontal_aspect`].
    pub fn new(frontal: &Landmarks) -> Option<Self> {
        frontal_aspect(frontal)?;
        let pose = Pose::of(frontal, frontal)?;
        Some(Self {
            frontal: *frontal,
            frontal_skew: pose.shape.skew,
            widest: pose,
            narrowest: pose,
            skew_change: 0.0,
        })
    }

    /// Measures the turn in the next frame, by the tracked landmarks, pixels. `None` if they are no face: eyes and mouth on a
    /// line, mirrored, numbers that are not finite.
    pub fn measure(&mut self, now: &Landmarks) -> Option<Turn> {
        let pose = Pose::of(&self.frontal, now)?;
        if pose.shape.aspect > self.widest.shape.aspect {
            self.widest = pose;
        }
        if pose.shape.aspect < self.narrowest.shape.aspect {
            self.narrowest = pose;
        }
        self.skew_change = self.skew_change.max((pose.shape.skew - self.frontal_skew).abs());
        let (widest, narrowest) = (&self.widest, &self.narrowest);
        Some(Turn {
            sideways: AxisTurn {
                shift: pose.affine.x - widest.affine.x,
                cross_shift: pose.affine.y - widest.affine.y,
                foreshortening: pose.shape.aspect / widest.shape.aspect,
            },
            vertical: AxisTurn {
                shift: pose.projective.y - narrowest.projective.y,
                cross_shift: pose.projective.x - narrowest.projective.x,
                foreshortening: narrowest.shape.aspect / pose.shape.aspect,
            },
            skew_change: self.skew_change,
        })
    }
}

impl Turn {
    /// The motion of the nose in a direction, in distances between the eyes; negative in the opposite one.
    pub fn shift(&self, direction: Direction) -> f32 {
        match direction {
            Direction::Left => self.sideways.shift,
            Direction::Right => -self.sideways.shift,
            Direction::Up => -self.vertical.shift,
            Direction::Down => self.vertical.shift,
        }
    }

    /// Whether a head turned in this direction: the nose moved by [`MIN_SHIFT`], and [`MIN_SHIFT_RATIO`] times further than
    /// across; the face kept [`MIN_FORESHORTENING`]; and the skew changed by at most [`MAX_SKEW_CHANGE`].
    pub fn is_toward(&self, direction: Direction) -> bool {
        let axis = match direction {
            Direction::Left | Direction::Right => &self.sideways,
            Direction::Up | Direction::Down => &self.vertical,
        };
        let shift = self.shift(direction);
        shift >= MIN_SHIFT
            && shift >= MIN_SHIFT_RATIO * axis.cross_shift.abs()
            && axis.foreshortening >= MIN_FORESHORTENING
            && self.skew_change <= MAX_SKEW_CHANGE
    }
}

/// What the landmarks of one frame say.
#[derive(Debug, Clone, Copy)]
struct Pose {
    shape: Shape,
    /// The place of the nose in the affine frame of eyes and mouth ([`REFERENCE`]).
    affine: Point,
    /// The same after undoing the perspective of eyes and mouth: a flat picture near the camera keeps it.
    projective: Point,
}

impl Pose {
    fn of(frontal: &Landmarks, now: &Landmarks) -> Option<Self> {
        let nose = |[_, _, nose, ..]: &Landmarks| *nose;
        let affine = Affine::between(&eyes_and_mouth(now), &REFERENCE)?.apply(nose(now));
        let flattened = Projective::of_square_to(&eyes_and_mouth(frontal))?
            .apply(Projective::of_square_to(&eyes_and_mouth(now))?.inverse().apply(nose(now)));
        let projective = Affine::between(&eyes_and_mouth(frontal), &REFERENCE)?.apply(flattened);
        let is_finite =
            [affine.x, affine.y, projective.x, projective.y].iter().all(|value| value.is_finite());
        is_finite.then_some(Self { shape: Shape::of(now)?, affine, projective })
    }
}

/// The shape of the quadrilateral of eyes and corners of the mouth.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// Width relative to height, 1 for a mean face.
    aspect: f32,
    /// How far the line from the eyes to the mouth is from being perpendicular to the eyes, degrees.
    skew: f32,
}

impl Shape {
    fn of(landmarks: &Landmarks) -> Option<Self> {
        let Affine { xx, xy, yx, yy, .. } = Affine::between(&REFERENCE, &eyes_and_mouth(landmarks))?;
        // The images of the two axes of the reference; the sine and cosine of the angle between them.
        let aspect = xx.hypot(yx) / xy.hypot(yy);
        let skew = (xx * xy + yx * yy).atan2(xx * yy - yx * xy).to_degrees();
        (aspect.is_finite() && aspect > 0.0 && skew.is_finite()).then_some(Self { aspect, skew })
    }
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
}

/// A projective map of the plane, as a matrix.
#[derive(Debug, Clone, Copy)]
struct Projective([[f32; 3]; 3]);

impl Projective {
    /// The map of the unit square to the quadrilateral of left eye, right eye, left and right corner of the mouth (Heckbert,
    /// "Fundamentals of texture mapping and image warping", 1989). `None` if three of them lie on a line.
    fn of_square_to(&[left_eye, right_eye, left_mouth, right_mouth]: &[Point; 4]) -> Option<Self> {
        let (dx1, dy1) = (right_eye.x - right_mouth.x, right_eye.y - right_mouth.y);
        let (dx2, dy2) = (left_mouth.x - right_mouth.x, left_mouth.y - right_mouth.y);
        let sx = left_eye.x - right_eye.x + right_mouth.x - left_mouth.x;
        let sy = left_eye.y - right_eye.y + right_mouth.y - left_mouth.y;
        let determinant = dx1 * dy2 - dx2 * dy1;
        let (g, h) = ((sx * dy2 - sy * dx2) / determinant, (dx1 * sy - dy1 * sx) / determinant);
        let row = |from: f32, right: f32, down: f32| [right - from + g * right, down - from + h * down, from];
        let matrix = [
            row(left_eye.x, right_eye.x, left_mouth.x),
            row(left_eye.y, right_eye.y, left_mouth.y),
            [g, h, 1.0],
        ];
        matrix.iter().flatten().all(|value| value.is_finite()).then_some(Self(matrix))
    }

    /// The inverse map; a multiple of the inverse matrix, which is the same map.
    fn inverse(&self) -> Self {
        let Self([[a, b, c], [d, e, f], [g, h, i]]) = *self;
        Self([
            [e * i - f * h, c * h - b * i, b * f - c * e],
            [f * g - d * i, a * i - c * g, c * d - a * f],
            [d * h - e * g, b * g - a * h, a * e - b * d],
        ])
    }

    fn apply(&self, p: Point) -> Point {
        let [x, y, w] = self.0.map(|[a, b, c]| a * p.x + b * p.y + c);
        Point { x: x / w, y: y / w }
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
        TurnMeter::new(&head(0.0, 0.0, depth)).unwrap().measure(&head(yaw, pitch, depth)).unwrap()
    }

    fn directions(turn: &Turn) -> Vec<Direction> {
        Direction::ALL.into_iter().filter(|direction| turn.is_toward(*direction)).collect()
    }

    #[test]
    fn a_head_that_turns_by_15_to_22_degrees_passes_in_its_direction_only() {
        for angle in [15.0, 18.0, 22.0] {
            for (yaw, pitch, wanted) in [
                (angle, 0.0, Direction::Left),
                (-angle, 0.0, Direction::Right),
                (0.0, -angle, Direction::Up),
                (0.0, angle, Direction::Down),
            ] {
                let turn = turn(yaw, pitch, 0.55);
                assert_eq!(directions(&turn), [wanted], "{turn:?}");
                let shift = 0.55 * angle.to_radians().tan();
                assert!((turn.shift(wanted) - shift).abs() < 1e-3, "{turn:?}");
                let axis = if yaw == 0.0 { turn.vertical } else { turn.sideways };
                assert!((axis.foreshortening - angle.to_radians().cos()).abs() < 1e-3, "{turn:?}");
            }
        }
    }

    #[test]
    fn a_small_turn_one_too_far_and_a_diagonal_one_do_not_pass() {
        for (yaw, pitch) in [(10.0, 0.0), (30.0, 0.0), (0.0, 10.0), (0.0, -30.0), (18.0, 14.0)] {
            assert_eq!(directions(&turn(yaw, pitch, 0.55)), []);
        }
    }

    /// The aspect of a sheet that is turned about a diagonal stays; the skew does not.
    #[test]
    fn a_turn_about_a_diagonal_skews() {
        let turn = turn(40.0, 30.0, 0.17);
        assert!(
            turn.sideways.foreshortening > MIN_FORESHORTENING && turn.sideways.shift > MIN_SHIFT,
            "{turn:?}"
        );
        assert!(turn.skew_change > 20.0, "{turn:?}");
        assert_eq!(directions(&turn), []);
        assert_eq!(frontal_aspect(&head(40.0, 30.0, 0.17)), None);
        assert!(TurnMeter::new(&head(40.0, 30.0, 0.17)).is_none());
    }

    /// A bent sheet that is turned from one side to the other is as narrow at the end as at the start, but not on the way.
    #[test]
    fn a_turn_from_one_side_to_the_other_is_measured_from_the_middle() {
        for depth in [0.05, 0.1, 0.15, 0.2, 0.25] {
            for angle in [15, 25, 35, 45] {
                for at in [
                    |angle: i32, depth| head(angle as f32, 0.0, depth),
                    |angle, depth| head(0.0, angle as f32, depth),
                ] {
                    let mut meter = TurnMeter::new(&at(-angle, depth)).unwrap();
                    let turns = (-angle..=angle).filter_map(|angle| meter.measure(&at(angle, depth)));
                    assert!(turns.into_iter().all(|turn| directions(&turn).is_empty()), "{depth} {angle}");
                }
            }
        }
    }

    #[test]
    fn a_head_that_begins_a_little_aside_passes_too() {
        let mut meter = TurnMeter::new(&head(-8.0, 3.0, 0.55)).unwrap();
        for (yaw, wanted) in [(0.0, vec![]), (8.0, vec![]), (17.0, vec![Direction::Left])] {
            assert_eq!(directions(&meter.measure(&head(yaw, 3.0, 0.55)).unwrap()), wanted, "{yaw}");
        }
    }

    /// Near the camera, perspective moves the nose of a flat picture in the affine frame, but not in the projective one.
    #[test]
    fn a_flat_sheet_near_the_camera_keeps_its_projective_nose() {
        let photo = head(0.0, 0.0, 0.0);
        let near = photo.map(|p| {
            let (x, y) = (p.x - 320.0, p.y - 240.0);
            let distance = 1.0 + y / 400.0;
            Point { x: 320.0 + x / distance, y: 240.0 + y / distance }
        });
        let turn = TurnMeter::new(&photo).unwrap().measure(&near).unwrap();
        assert!(turn.vertical.shift.abs() < 1e-3 && turn.vertical.cross_shift.abs() < 1e-3, "{turn:?}");
        let affine = |landmarks| Pose::of(&photo, landmarks).unwrap().affine;
        assert!((affine(&near).y - affine(&photo).y).abs() > 0.01);
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
        let mut meter = TurnMeter::new(&frontal).unwrap();
        for landmarks in [[Point { x: 3.0, y: 3.0 }; 5], [Point { x: f32::NAN, y: 0.0 }; 5], mirrored] {
            assert_eq!(frontal_aspect(&landmarks), None);
            assert_eq!(meter.measure(&landmarks), None);
            assert!(TurnMeter::new(&landmarks).is_none());
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
            let turn = TurnMeter::new(&photo).unwrap().measure(&moved).unwrap();
            let shifts = [turn.sideways, turn.vertical].map(|axis| axis.shift.abs().max(axis.cross_shift.abs()));
            prop_assert!(shifts.iter().all(|shift| *shift < 2e-3), "{turn:?}");
            prop_assert!(turn.sideways.foreshortening <= 1.0 && turn.vertical.foreshortening <= 1.0);
        }

        #[test]
        fn arbitrary_landmarks_do_not_panic(values in prop::array::uniform20(any::<f32>())) {
            let landmarks = |offset: usize| std::array::from_fn(|i| Point { x: values[offset + 2 * i], y: values[offset + 2 * i + 1] });
            if let Some(turn) = TurnMeter::new(&landmarks(0)).and_then(|mut meter| meter.measure(&landmarks(10))) {
                let passed = Direction::ALL.iter().filter(|direction| turn.is_toward(**direction)).count();
                prop_assert!(passed <= 2);
            }
        }
    }
}
