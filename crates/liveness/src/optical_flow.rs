//! Optical flow: where points of one frame are in the next one.
//!
//! The pyramidal tracker of Lucas and Kanade, as described by Bouguet ("Pyramidal implementation of the affine Lucas Kanade
//! feature tracker: description of the algorithm", Intel, 2001): from the smallest picture to the largest, the displacement
//! of a window is improved by Newton steps until the two windows differ least. Gradients are those of Scharr ("Optimal
//! operators in digital image processing", 2000), as in OpenCV's `calcOpticalFlowPyrLK`. It knows nothing about faces: a
//! network that finds landmarks again imposes the shape of a head on a flat picture, and this does not.

use heapless::Vec;
use ostiary_core::Point;

use super::gray_pyramid::{GrayPlane, GrayPyramid};

/// The largest number of points in one call of [`track_points`].
pub const MAX_POINTS: usize = 20;
/// Width and height of the window around a point, at every level, pixels.
const WINDOW: usize = 15;
const HALF_WINDOW: f32 = (WINDOW / 2) as f32;
/// A row of a window with one more column, so that a row is a whole number of vectors. Its gradient is 0.
const ROW: usize = WINDOW + 1;
/// The window with one more pixel on each side, for the gradients.
const WIDE: usize = WINDOW + 2;
/// Newton steps at each level.
const MAX_STEPS: usize = 20;
/// The search ends at a step that is shorter than this, pixels.
const MIN_STEP: f32 = 0.02;
/// The least texture in the weakest direction: smaller eigenvalue of the mean gradient matrix, gray levels squared per
/// pixel squared (Shi & Tomasi, "Good features to track", 1994). A plain surface has less.
const MIN_TEXTURE: f32 = 0.5;
/// How far from its start a point may be after tracking it to the next frame and back, pixels (Kalal et al.,
/// "Forward-backward error: automatic detection of tracking failures", 2010).
const MAX_ROUND_TRIP: f32 = 0.7;

/// A point that was found in the next frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrackedPoint {
    /// Where it is, pixels; whole numbers are the centers of pixels.
    pub position: Point,
    /// Mean absolute difference of the two windows, gray levels, 0 to 255.
    pub error: f32,
    /// Distance from its start after tracking it back, pixels, 0 to 0.7.
    pub round_trip: f32,
}

/// Finds points of the frame `previous` in the frame `next`; `None` for each point that is lost. Whole numbers are the
/// centers of pixels. Points beyond [`MAX_POINTS`] are left out.
///
/// A point is lost if it is less than 9 pixels from the border in either frame, if there is no texture around it, or if
/// tracking it back ends more than 0.7 pixels from its start. All points are lost if the frames differ in size.
pub fn track_points(
    previous: &GrayPyramid,
    next: &GrayPyramid,
    points: &[Point],
) -> Vec<Option<TrackedPoint>, MAX_POINTS> {
    let track = |point: &Point| {
        let (position, error) = displaced(previous, next, *point)?;
        let (back, _) = displaced(next, previous, position)?;
        let round_trip = Point::distance(back, *point);
        (round_trip <= MAX_ROUND_TRIP).then_some(TrackedPoint { position, error, round_trip })
    };
    let same_size = previous.has_size_of(next);
    points.iter().take(MAX_POINTS).map(|point| if same_size { track(point) } else { None }).collect()
}

/// The position in `to` of a point of `from`, with the mean absolute difference of the windows.
fn displaced(from: &GrayPyramid, to: &GrayPyramid, point: Point) -> Option<(Point, f32)> {
    let mut shift = Point::default();
    let mut error = None;
    for (level, (from, to)) in from.levels().iter().zip(to.levels()).enumerate().rev() {
        let scale = 1.0 / (1 << level) as f32;
        let at = Point { x: point.x * scale, y: point.y * scale };
        shift = Point { x: 2.0 * shift.x, y: 2.0 * shift.y };
        // A level at which the window is outside, or has no texture, is left out; the largest one may not be.
        let found = Template::of(from, at).and_then(|template| template.find(to, at, shift));
        error = found.map(|(_, error)| error);
        shift = found.map_or(shift, |(shift, _)| shift);
    }
    Some((Point { x: point.x + shift.x, y: point.y + shift.y }, error?))
}

/// The window around a point with its gradients, and the inverse of their matrix.
struct Template {
    gray: [[f32; ROW]; WINDOW],
    dx: [[f32; ROW]; WINDOW],
    dy: [[f32; ROW]; WINDOW],
    /// `[a, b, c]` of the symmetric inverse `[[a, b], [b, c]]`.
    inverse: [f32; 3],
}

impl Template {
    fn of(plane: &GrayPlane, at: Point) -> Option<Self> {
        let corner = Point { x: at.x - HALF_WINDOW - 1.0, y: at.y - HALF_WINDOW - 1.0 };
        let wide: [[f32; WIDE]; WIDE] = interpolated(plane, corner)?;
        let (mut gray, mut dx, mut dy) = ([[0.0; ROW]; WINDOW], [[0.0; ROW]; WINDOW], [[0.0; ROW]; WINDOW]);
        let rows = wide.array_windows::<3>().zip(&mut gray).zip(&mut dx).zip(&mut dy);
        for ((([above, middle, below], gray), dx), dy) in rows {
            let [above, middle, below] = [above, middle, below].map(|row| row.array_windows::<3>());
            let pixels = above.zip(middle).zip(below).zip(gray).zip(dx).zip(dy);
            for (((((a, m), b), gray), dx), dy) in pixels {
                *gray = m[1];
                *dx = (3.0 * (a[2] - a[0] + b[2] - b[0]) + 10.0 * (m[2] - m[0])) / 32.0;
                *dy = (3.0 * (b[0] - a[0] + b[2] - a[2]) + 10.0 * (b[1] - a[1])) / 32.0;
            }
        }
        let (xx, xy, yy) = (product(&dx, &dx), product(&dx, &dy), product(&dy, &dy));
        let texture = (xx + yy - ((xx - yy).powi(2) + 4.0 * xy * xy).sqrt()) / 2.0;
        let determinant = xx * yy - xy * xy;
        let inverse = [yy / determinant, -xy / determinant, xx / determinant];
        let has_texture = texture >= MIN_TEXTURE * (WINDOW * WINDOW) as f32 && determinant > 0.0;
        has_texture.then_some(Self { gray, dx, dy, inverse })
    }

    /// The shift at which the window in `plane` is most like the template, near `shift`, and the mean absolute difference
    /// there; `None` if it leaves the picture.
    fn find(&self, plane: &GrayPlane, at: Point, mut shift: Point) -> Option<(Point, f32)> {
        for _ in 0..MAX_STEPS {
            let difference = self.difference(plane, at, shift)?;
            let (x, y) = (product(&difference, &self.dx), product(&difference, &self.dy));
            let [a, b, c] = self.inverse;
            let step = Point { x: a * x + b * y, y: b * x + c * y };
            shift = Point { x: shift.x + step.x, y: shift.y + step.y };
            if step.x.hypot(step.y) < MIN_STEP {
                break;
            }
        }
        let difference = self.difference(plane, at, shift)?;
        let sum: f32 =
            difference.iter().flat_map(|row| row.iter().take(WINDOW)).map(|value| value.abs()).sum();
        Some((shift, sum / (WINDOW * WINDOW) as f32))
    }

    /// The template minus the window at this shift.
    fn difference(&self, plane: &GrayPlane, at: Point, shift: Point) -> Option<[[f32; ROW]; WINDOW]> {
        let corner = Point { x: at.x + shift.x - HALF_WINDOW, y: at.y + shift.y - HALF_WINDOW };
        let mut window: [[f32; ROW]; WINDOW] = interpolated(plane, corner)?;
        for (row, template) in window.iter_mut().zip(&self.gray) {
            for (value, template) in row.iter_mut().zip(template) {
                *value = template - *value;
            }
        }
        Some(window)
    }
}

/// The sum of the products of two windows.
fn product(a: &[[f32; ROW]; WINDOW], b: &[[f32; ROW]; WINDOW]) -> f32 {
    // Each column by itself, so that the compiler can vectorize.
    let mut sums = [0.0; ROW];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}

/// The rectangle whose top left pixel has its center at `corner`, by bilinear interpolation; `None` unless all of it is
/// inside.
fn interpolated<const W: usize, const H: usize>(plane: &GrayPlane, corner: Point) -> Option<[[f32; W]; H]> {
    let inside = |at: f32, length: usize| (0.0..length as f32).contains(&at);
    if !inside(corner.x, plane.width()) || !inside(corner.y, plane.height()) {
        return None;
    }
    let (left, top) = (corner.x as usize, corner.y as usize);
    let (right_weight, bottom_weight) = (corner.x - left as f32, corner.y - top as f32);
    let blended = |row: usize| {
        let pixels = plane.run(row, left, W + 1)?;
        let mut blended = [0.0; W];
        for (value, (a, b)) in blended.iter_mut().zip(pixels.iter().zip(pixels.iter().skip(1))) {
            let (a, b) = (f32::from(*a), f32::from(*b));
            *value = a + right_weight * (b - a);
        }
        Some(blended)
    };
    let mut above = blended(top)?;
    let mut rectangle = [[0.0; W]; H];
    for (index, row) in rectangle.iter_mut().enumerate() {
        let below = blended(top + index + 1)?;
        for ((value, a), b) in row.iter_mut().zip(&above).zip(&below) {
            *value = a + bottom_weight * (b - a);
        }
        above = below;
    }
    Some(rectangle)
}
