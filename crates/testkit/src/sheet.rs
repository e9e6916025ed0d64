//! Portraits that are printed on sheets and turned before a camera.

use std::f32::consts::PI;

use ostiary_core::{Frame, Landmarks, Point};

use super::photo::Photo;

/// Width and height of a rendered frame, pixels.
pub const SHEET_SIDE: u32 = 240;
/// Distance of the eyes in a frontal frame, pixels.
const EYE_DISTANCE: f32 = 70.0;
/// Standard deviation of the noise of the camera, gray levels.
const NOISE: f32 = 3.0;

/// Random numbers of a seed (xorshift).
pub struct Random(
    /// The seed; not 0.
    pub u64,
);

impl Random {
    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// From -1 to 1.
    pub fn unit(&mut self) -> f32 {
        (self.number() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    /// Nearly normal, with mean 0 and standard deviation 1.
    fn normal(&mut self) -> f32 {
        let bytes = &self.number().to_le_bytes()[..4];
        (bytes.iter().map(|byte| f32::from(*byte)).sum::<f32>() - 510.0) / 147.8
    }
}

/// The line about which a sheet is bent, or along which it is folded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Line {
    /// From top to bottom.
    Vertical,
    /// From left to right.
    Horizontal,
}

/// The shape of a sheet; the printed face is on its outer side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// As it comes from the printer.
    Flat,
    /// Bent to a cylinder, with the radius in distances between the eyes.
    Bent(Line, f32),
    /// Folded through the nose by an angle in degrees: each half is turned away by it. A stretched print looks like the
    /// photo when it is seen from the front.
    Folded {
        /// Along this line.
        line: Line,
        /// The angle of each half, degrees.
        degrees: f32,
        /// Whether it looks like the photo from the front.
        stretched: bool,
    },
}

/// How a sheet is held: angles in degrees.
#[derive(Debug, Clone, Copy)]
pub struct Pose {
    /// To the side.
    pub yaw: f32,
    /// Up or down.
    pub pitch: f32,
    /// In its plane.
    pub roll: f32,
    /// Distance from the camera, in distances between the eyes: the smaller, the stronger the perspective.
    pub distance: f32,
    /// Motion in the frame, pixels.
    pub shift: [f32; 2],
}

type Matrix = [[f32; 3]; 3];

fn rotation(pose: &Pose) -> Matrix {
    let [(ys, yc), (ps, pc), (rs, rc)] =
        [pose.yaw, pose.pitch, pose.roll].map(|angle| angle.to_radians().sin_cos());
    let yaw = [[yc, 0.0, ys], [0.0, 1.0, 0.0], [-ys, 0.0, yc]];
    let pitch = [[1.0, 0.0, 0.0], [0.0, pc, -ps], [0.0, ps, pc]];
    let roll = [[rc, -rs, 0.0], [rs, rc, 0.0], [0.0, 0.0, 1.0]];
    multiply(&roll, &multiply(&pitch, &yaw))
}

fn multiply(a: &Matrix, b: &Matrix) -> Matrix {
    std::array::from_fn(|i| std::array::from_fn(|j| (0..3).map(|k| a[i][k] * b[k][j]).sum()))
}

/// A vector in the camera's axes in those of the sheet.
fn to_sheet(m: &Matrix, v: [f32; 3]) -> [f32; 3] {
    std::array::from_fn(|j| (0..3).map(|i| m[i][j] * v[i]).sum())
}

/// A sheet with a printed photo. Its axes: x to the right, y down, z away from the camera; lengths in distances between the
/// eyes; the origin is the middle of eyes and mouth.
pub struct Sheet<'a> {
    photo: &'a Photo,
    shape: Shape,
    middle: Point,
    scale: f32,
    /// Where the fold is.
    crease: f32,
}

impl<'a> Sheet<'a> {
    /// A sheet of this shape.
    pub fn new(photo: &'a Photo, shape: Shape) -> Self {
        let (middle, scale) = photo.middle_and_scale();
        let nose = photo.landmarks[2];
        let crease = match shape {
            Shape::Folded { line: Line::Vertical, .. } => (nose.x - middle.x) / scale,
            Shape::Folded { line: Line::Horizontal, .. } => (nose.y - middle.y) / scale,
            _ => 0.0,
        };
        Self { photo, shape, middle, scale, crease }
    }

    /// Where the ray from `o` in direction `d` meets the sheet first, in coordinates of the flat print.
    fn meet(&self, o: [f32; 3], d: [f32; 3]) -> Option<[f32; 2]> {
        let swap = |v: [f32; 3]| [v[1], v[0], v[2]];
        match self.shape {
            Shape::Flat => {
                let t = -o[2] / d[2];
                (t > 0.0).then(|| [o[0] + t * d[0], o[1] + t * d[1]])
            }
            Shape::Bent(Line::Vertical, radius) => bent(o, d, radius),
            Shape::Bent(Line::Horizontal, radius) => bent(swap(o), swap(d), radius).map(|[y, x]| [x, y]),
            Shape::Folded { line, degrees, stretched } => {
                let (o, d) = if line == Line::Vertical { (o, d) } else { (swap(o), swap(d)) };
                let [across, along] = folded(o, d, degrees.to_radians(), self.crease, stretched)?;
                Some(if line == Line::Vertical { [across, along] } else { [along, across] })
            }
        }
    }

    /// A place of the flat print in the axes of the sheet.
    fn place(&self, p: Point) -> [f32; 3] {
        let (x, y) = ((p.x - self.middle.x) / self.scale, (p.y - self.middle.y) / self.scale);
        let bend = |across: f32, radius: f32| {
            (radius * (across / radius).sin(), radius * (1.0 - (across / radius).cos()))
        };
        match self.shape {
            Shape::Flat => [x, y, 0.0],
            Shape::Bent(Line::Vertical, radius) => {
                let (x, z) = bend(x, radius);
                [x, y, z]
            }
            Shape::Bent(Line::Horizontal, radius) => {
                let (y, z) = bend(y, radius);
                [x, y, z]
            }
            Shape::Folded { line, degrees, stretched } => {
                let angle = degrees.to_radians();
                let fold = |across: f32| {
                    let from_crease = across - self.crease;
                    let seen = if stretched { from_crease } else { from_crease * angle.cos() };
                    (self.crease + seen, seen.abs() * angle.tan())
                };
                match line {
                    Line::Vertical => {
                        let (x, z) = fold(x);
                        [x, y, z]
                    }
                    Line::Horizontal => {
                        let (y, z) = fold(y);
                        [x, y, z]
                    }
                }
            }
        }
    }

    /// The picture that a camera takes of the sheet before a plain wall, and where the landmarks are in it.
    pub fn render(&self, pose: &Pose, random: &mut Random, frame: &mut Frame) -> Landmarks {
        frame.reshape(SHEET_SIDE, SHEET_SIDE);
        let m = rotation(pose);
        let focal = pose.distance * EYE_DISTANCE;
        let (cx, cy) = (SHEET_SIDE as f32 / 2.0 + pose.shift[0], SHEET_SIDE as f32 / 2.0 + pose.shift[1]);
        let o = to_sheet(&m, [0.0, 0.0, -pose.distance]);
        for (index, pixel) in frame.rgb_mut().as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let (x, y) = ((index as u32 % SHEET_SIDE) as f32, (index as u32 / SHEET_SIDE) as f32);
            let d = to_sheet(&m, [(x - cx) / focal, (y - cy) / focal, 1.0]);
            let printed = self.meet(o, d).map(|[x, y]| {
                self.photo.gray(x * self.scale + self.middle.x, y * self.scale + self.middle.y)
            });
            let wall = || 120.0 + 20.0 * (x / 31.0).sin() * (y / 23.0).cos();
            *pixel = [(printed.unwrap_or_else(wall) + NOISE * random.normal() + 0.5) as u8; 3];
        }
        self.photo.landmarks.map(|landmark| {
            let p = self.place(landmark);
            let [x, y, z] = std::array::from_fn(|i| (0..3).map(|j| m[i][j] * p[j]).sum::<f32>());
            let depth = z + pose.distance;
            Point { x: focal * x / depth + cx, y: focal * y / depth + cy }
        })
    }
}

/// The cylinder `x² + (z - radius)² = radius²`.
fn bent(o: [f32; 3], d: [f32; 3], radius: f32) -> Option<[f32; 2]> {
    let a = d[0] * d[0] + d[2] * d[2];
    let b = 2.0 * (o[0] * d[0] + (o[2] - radius) * d[2]);
    let c = o[0] * o[0] + (o[2] - radius).powi(2) - radius * radius;
    let root = b * b - 4.0 * a * c;
    if root <= 0.0 {
        return None;
    }
    let t = (-b - root.sqrt()) / (2.0 * a);
    let (x, z) = (o[0] + t * d[0], o[2] + t * d[2]);
    let angle = x.atan2(radius - z);
    // Half of the cylinder is covered by the sheet.
    (t > 0.0 && angle.abs() < PI / 2.0).then(|| [radius * angle, o[1] + t * d[1]])
}

/// Two half planes `z = |x - crease| tan(angle)`.
fn folded(o: [f32; 3], d: [f32; 3], angle: f32, crease: f32, stretched: bool) -> Option<[f32; 2]> {
    let hits = [-1.0f32, 1.0].into_iter().filter_map(|side| {
        let slope = side * angle.tan();
        let t = (slope * (o[0] - crease) - o[2]) / (d[2] - slope * d[0]);
        let from_crease = o[0] + t * d[0] - crease;
        let on_print = if stretched { from_crease } else { from_crease / angle.cos() };
        (t > 0.0 && from_crease * side >= 0.0).then(|| (t, [crease + on_print, o[1] + t * d[1]]))
    });
    hits.min_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, place)| place)
}
