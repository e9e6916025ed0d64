//! Simulated prints of the bundled portraits before a camera: flat sheets, turned a little.

use std::path::PathBuf;

use anyhow::{Context, Result};
use ostiary_core::{BBox, Frame, Point};
use ostiary_pictures::read_picture;
use ostiary_self_test::{PORTRAITS, Portrait};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::counts::{Kind, Report, Scores};
use super::paste::color_at;
use super::scorer::{PictureScore, Scorer};

/// Angles of the sheets, degrees: to the side, and up or down.
const YAWS: [f32; 5] = [-20.0, -10.0, 0.0, 10.0, 20.0];
const PITCHES: [f32; 3] = [-10.0, 0.0, 10.0];
/// Angles of sheets that fill the view, as shares of those of the others.
const FILLING_TURN: f32 = 0.2;
/// How much of the contrast and of the brightness of a photo a print keeps.
const CONTRASTS: [f32; 2] = [0.9, 0.7];
/// The darkest ink, gray levels.
const INK: f32 = 20.0;
/// Width and height of a sheet with edges, in widths and heights of the face's box.
const SIZES: [f32; 2] = [1.5, 2.0];
/// Width of the frame of a print that fills the view, pixels.
const WIDTH: u32 = 360;
/// The share of the portrait's width and height that is in view of it.
const IN_VIEW: f32 = 0.96;
/// Distance of the camera, in heights of the frame: the smaller, the stronger the perspective.
const DISTANCE: f32 = 1.2;
/// The largest noise of the camera, gray levels.
const NOISE: f32 = 5.0;

/// One of the prints of a set.
struct Pose {
    /// Chooses the noise, and in turn the contrast, the size of the sheet and the scene.
    number: usize,
    portrait: Portrait,
    /// To the side, and up or down, degrees.
    angles: [f32; 2],
}

/// A print before a camera.
struct Print<'a> {
    portrait: &'a Frame,
    /// The part of the portrait that is on the sheet, pixels.
    sheet: BBox,
    /// The place of the portrait that the sheet is turned about, and its place in the frame.
    pivot: Point,
    at: Point,
    /// Pixels of the frame for a pixel of the portrait.
    zoom: f32,
    /// Angles, degrees.
    yaw: f32,
    pitch: f32,
    contrast: f32,
}

/// Scores simulated prints: so near that they fill the view, and with their edges in view before a scene of a live person, in
/// place of the person's face.
///
/// # Errors
/// If a picture cannot be read, or a network cannot be run.
pub fn measure(scorer: &Scorer<'_>, live: &[Scores]) -> Result<[Report; 2]> {
    let scenes: Vec<&PictureScore> =
        live.iter().filter_map(|folder| folder.iter().flatten().next()).collect();
    let mut poses = Vec::new();
    for portrait in PORTRAITS {
        for yaw in YAWS {
            for pitch in PITCHES {
                poses.push(Pose { number: poses.len(), portrait, angles: [yaw, pitch] });
            }
        }
    }
    let scores = |render: &(dyn Fn(&Pose) -> Result<Frame> + Sync)| {
        let score = |pose: &Pose| {
            let name = format!("print {} of {}", pose.number, pose.portrait.file);
            scorer.score(&PathBuf::from(name), &render(pose)?)
        };
        poses.par_iter().map(score).collect::<Result<Vec<_>>>()
    };
    let filling = scores(&|pose| {
        let contrast = CONTRASTS.get(pose.number % CONTRASTS.len()).copied().unwrap_or(1.0);
        filling(pose.number, &pose.portrait.picture()?, pose.angles, contrast)
    })?;
    let with_edges = scores(&|pose| {
        let scene = scenes.get(pose.number % scenes.len().max(1));
        let scene = scene.context("there is no picture of a live face")?;
        let size = SIZES.get(pose.number % SIZES.len()).copied().unwrap_or(1.0);
        with_edges(pose.number, &pose.portrait, pose.angles, size, scene)
    })?;
    let report = |set: &str, scores| Report::of_pictures(scorer, set, Kind::Attack, scores);
    Ok([
        report("simulated print that fills the view", filling),
        report("simulated print with edges in view", with_edges),
    ])
}

/// A print of which nothing but paper is in view.
fn filling(number: usize, portrait: &Frame, [yaw, pitch]: [f32; 2], contrast: f32) -> Result<Frame> {
    let (width, height) = (portrait.width() as f32, portrait.height() as f32);
    let frame_height = (WIDTH as f32 * height / width) as u32;
    let black = vec![0; (WIDTH * frame_height * 3) as usize];
    let mut frame = Frame::from_rgb(WIDTH, frame_height, black).context("an empty portrait")?;
    let print = Print {
        portrait,
        // Paper beyond the portrait has the colors of its border.
        sheet: BBox { x: -width, y: -height, width: 3.0 * width, height: 3.0 * height },
        pivot: Point { x: width / 2.0, y: height / 2.0 },
        at: Point { x: WIDTH as f32 / 2.0, y: frame_height as f32 / 2.0 },
        zoom: WIDTH as f32 / (width * IN_VIEW),
        yaw: yaw * FILLING_TURN,
        pitch: pitch * FILLING_TURN,
        contrast,
    };
    print.render(number, &mut frame);
    Ok(frame)
}

/// A sheet in a scene, in place of a live face and of the same size.
fn with_edges(
    number: usize,
    portrait: &Portrait,
    [yaw, pitch]: [f32; 2],
    size: f32,
    scene: &PictureScore,
) -> Result<Frame> {
    let (picture, face) = (portrait.picture()?, portrait.face);
    let mut frame = read_picture(&scene.picture)?;
    let around = (size - 1.0) / 2.0;
    // No further than the portrait reaches.
    let (left, top) = ((face.x - around * face.width).max(0.0), (face.y - around * face.height).max(0.0));
    let right = (face.x + (1.0 + around) * face.width).min(picture.width() as f32);
    let bottom = (face.y + (1.0 + around) * face.height).min(picture.height() as f32);
    let print = Print {
        portrait: &picture,
        sheet: BBox { x: left, y: top, width: right - left, height: bottom - top },
        pivot: face.center(),
        at: scene.face.center(),
        zoom: scene.face.height / face.height,
        yaw,
        pitch,
        contrast: CONTRASTS[0],
    };
    print.render(number, &mut frame);
    Ok(frame)
}

impl Print<'_> {
    /// Draws the print over a frame, with noise. `seed` chooses the noise.
    fn render(&self, seed: usize, frame: &mut Frame) {
        let mut noise = ChaCha8Rng::seed_from_u64(seed as u64);
        let (width, distance) = (frame.width().max(1) as usize, DISTANCE * frame.height() as f32);
        for (index, pixel) in frame.rgb_mut().as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let mut color = pixel.map(f32::from);
            // Four rays a pixel, because the portrait is reduced.
            for (x, y) in [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)] {
                let (x, y) = ((index % width) as f32 + x - self.at.x, (index / width) as f32 + y - self.at.y);
                let scene = pixel.map(f32::from);
                let printed = self.meet(x, y, distance).and_then(|place| self.ink_at(place)).unwrap_or(scene);
                color.iter_mut().zip(scene).zip(printed).for_each(|((color, scene), printed)| {
                    *color += (printed - scene) / 4.0;
                });
            }
            *pixel = color.map(|value| (value + noise.random_range(-NOISE..NOISE)).round() as u8);
        }
    }

    /// Where the ray through a place of the frame, pixels from the pivot, meets the sheet: in pixels of the portrait. `distance`
    /// is that of the pivot from the camera, in pixels of the frame.
    fn meet(&self, x: f32, y: f32, distance: f32) -> Option<Point> {
        let (yaw_sin, yaw_cos) = self.yaw.to_radians().sin_cos();
        let (pitch_sin, pitch_cos) = self.pitch.to_radians().sin_cos();
        let dot = |a: [f32; 3], b: [f32; 3]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        // The axes of the sheet in those of the camera, and its normal.
        let across = [yaw_cos, 0.0, -yaw_sin];
        let down = [yaw_sin * pitch_sin, pitch_cos, yaw_cos * pitch_sin];
        let normal = [yaw_sin * pitch_cos, -pitch_sin, yaw_cos * pitch_cos];
        let ray = [x, y, distance];
        let slope = dot(ray, normal);
        if slope <= 0.0 {
            return None;
        }
        let along = distance * yaw_cos * pitch_cos / slope;
        let [rx, ry, rz] = ray.map(|value| value * along);
        let from_pivot = [rx, ry, rz - distance];
        Some(Point {
            x: self.pivot.x + dot(from_pivot, across) / self.zoom,
            y: self.pivot.y + dot(from_pivot, down) / self.zoom,
        })
    }

    /// The color of the print at a place of the portrait; `None` beside the sheet.
    fn ink_at(&self, Point { x, y }: Point) -> Option<[f32; 3]> {
        let BBox { x: left, y: top, width, height } = self.sheet;
        let is_on_sheet = (left..left + width).contains(&x) && (top..top + height).contains(&y);
        is_on_sheet.then(|| color_at(self.portrait, x, y).map(|value| INK + value * self.contrast))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(portrait: &Frame, yaw: f32, pitch: f32) -> Print<'_> {
        let sheet = [40.0, 20.0, 60.0, 80.0].into();
        let (pivot, at) = (Point { x: 70.0, y: 60.0 }, Point { x: 50.0, y: 40.0 });
        Print { portrait, sheet, pivot, at, zoom: 0.5, yaw, pitch, contrast: 0.5 }
    }

    #[test]
    fn a_sheet_covers_its_part_of_the_scene_in_the_colors_of_ink() {
        let portrait = Frame::from_rgb(120, 120, vec![200; 120 * 120 * 3]).unwrap();
        let mut frame = Frame::from_rgb(100, 80, vec![10; 100 * 80 * 3]).unwrap();
        print(&portrait, 0.0, 0.0).render(1, &mut frame);
        let covered: Vec<(usize, usize)> = frame
            .rgb()
            .as_chunks::<3>()
            .0
            .iter()
            .enumerate()
            .filter(|(_, pixel)| {
                let is_ink = pixel.iter().all(|value| value.abs_diff(120) <= 5);
                assert!(is_ink || pixel.iter().all(|value| value.abs_diff(10) <= 5), "{pixel:?}");
                is_ink
            })
            .map(|(index, _)| (index % 100, index / 100))
            .collect();
        // 60 x 80 pixels, halved.
        assert_eq!(covered.len(), 30 * 40);
        assert_eq!((covered[0], covered[covered.len() - 1]), ((35, 20), (64, 59)));
    }

    #[test]
    fn a_turned_sheet_is_narrower_and_its_near_side_is_larger() {
        let portrait = Frame::default();
        let [flat, turned] = [0.0, 40.0].map(|yaw| print(&portrait, yaw, 0.0));
        let near = |a: Option<Point>, x: f32, y: f32| {
            let a = a.unwrap();
            assert!((a.x - x).abs() < 1e-3 && (a.y - y).abs() < 1e-3, "{a:?}");
        };
        near(flat.meet(10.0, -8.0, 100.0), 90.0, 44.0);
        near(turned.meet(0.0, 0.0, 100.0), 70.0, 60.0);
        // As far to both sides in the frame, but the right side is nearer: it shows less of the sheet.
        let [left, right] = [-10.0, 10.0].map(|x| turned.meet(x, 0.0, 100.0).unwrap().x - 70.0);
        assert!(-left > right && right > 20.0, "{left} {right}");
        let up = print(&portrait, 0.0, 40.0).meet(0.0, 10.0, 100.0).unwrap();
        assert!(up.y - 60.0 > 20.0);
    }
}
