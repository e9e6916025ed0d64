//! Pictures for calibration, as the network will see them at the door.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use ostiary_config as config;
use ostiary_core::{BBox, Crop, Detection, Detections, Frame, Point, Precision};
use ostiary_engine::Backend;
use ostiary_models::Bundle;
use ostiary_pictures::read_picture;
use ostiary_vision::{Detector, align};

use crate::augment::{Chance, moved, varied};

/// What a network of free size is shown: windows of this side.
const WINDOW: usize = 64;
/// The smallest face that a pyramid is made for, and the side that it shrinks to, pixels.
const SMALLEST: f32 = 40.0;
const SHRUNKEN: f32 = 12.0;

#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// Variations of each picture.
    pub variations: u32,
    /// The models that find faces.
    pub models: Option<&'a Path>,
}

/// One input: packed RGB.
#[derive(Debug, Clone)]
pub struct Sample {
    pub height: usize,
    pub width: usize,
    pub pixels: Vec<u8>,
}

/// Makes inputs of a shape (channels, height, width; 0 where any goes) from the pictures in a folder.
pub fn samples(folder: &Path, shape: [usize; 3], settings: Settings) -> Result<Vec<Sample>> {
    let files = pictures(folder)?;
    if files.len() == 1 {
        eprintln!("{}: one picture alone; the ranges may not hold for others", folder.display());
    }
    let [_, height, width] = shape;
    let mut faces = Faces::default();
    let mut chance = Chance::new(1);
    let mut samples = Vec::new();
    let mut seen = 0;
    for file in &files {
        let picture = read_picture(file)?;
        let (rows, columns) = (picture.height() as usize, picture.width() as usize);
        if height > 0 && (rows, columns) == (height, width) {
            // It is what the network sees already.
            seen += 1;
            for turn in 0..settings.variations {
                samples.push(sample(&picture, turn, &mut chance));
            }
            continue;
        }
        let found = faces.find(&picture, settings.models)?;
        seen += found.len();
        for turn in 0..settings.variations {
            match (height, width) {
                (Crop::SIDE, Crop::SIDE) => {
                    for face in &found {
                        samples.extend(aligned(&picture, face, turn, &mut chance));
                    }
                }
                (0, _) | (_, 0) => samples.extend(window(&picture, &found, turn, &mut chance)),
                _ => {
                    // Of three squares, two lie about where a face is.
                    let face = found.get(turn as usize % found.len().max(1)).filter(|_| turn % 3 < 2);
                    samples.push(square(&picture, face, [height, width], turn, &mut chance));
                }
            }
        }
    }
    ensure!(
        seen > 0 && !samples.is_empty(),
        "no face was found in the {} pictures of {}; calibrate with pictures of faces",
        files.len(),
        folder.display()
    );
    Ok(samples)
}

/// All pictures below a folder, sorted.
fn pictures(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder)
            .with_context(|| format!("cannot read the folder {}", folder.display()))?;
        for entry in entries {
            let path = entry.with_context(|| format!("cannot read the folder {}", folder.display()))?.path();
            let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_lowercase);
            if path.is_dir() {
                folders.push(path);
            } else if extension.is_some_and(|extension| ["jpg", "jpeg", "png"].contains(&extension.as_str()))
            {
                files.push(path);
            }
        }
    }
    files.sort();
    ensure!(!files.is_empty(), "there is no picture (.jpg, .jpeg, .png) in {}", folder.display());
    Ok(files)
}

/// The detector, loaded when the first picture needs it.
#[derive(Default)]
struct Faces(Option<Detector>);

impl Faces {
    fn find(&mut self, picture: &Frame, models: Option<&Path>) -> Result<Vec<Detection>> {
        if self.0.is_none() {
            let bundle = Bundle::open_or_shipped(models, Precision::Fp32)?;
            self.0 = Some(Detector::load(&bundle, &config::Detector::default(), &Backend::tract(1))?);
        }
        let mut found = Detections::new();
        if let Some(detector) = &mut self.0 {
            detector.detect(picture, &mut found)?;
        }
        Ok(found.to_vec())
    }
}

/// The picture varied, as an input.
fn sample(picture: &Frame, turn: u32, chance: &mut Chance) -> Sample {
    let (height, width) = (picture.height() as usize, picture.width() as usize);
    Sample { height, width, pixels: varied(picture, turn, chance) }
}

/// A face aligned, its landmarks a little off as a camera's are.
fn aligned(picture: &Frame, face: &Detection, turn: u32, chance: &mut Chance) -> Option<Sample> {
    let landmarks = if turn > 0 { moved(&face.landmarks, &face.bbox, chance) } else { face.landmarks };
    let mut crop = Crop::default();
    let fits = align(picture, &landmarks, &mut crop);
    let side = Crop::SIDE as u32;
    let frame = Frame::from_rgb(side, side, crop.rgb().to_vec()).filter(|_| fits)?;
    Some(sample(&frame, turn, chance))
}

/// A square about a face, or anywhere.
fn square(
    picture: &Frame,
    face: Option<&Detection>,
    [height, width]: [usize; 2],
    turn: u32,
    chance: &mut Chance,
) -> Sample {
    let (rows, columns) = (picture.height() as f32, picture.width() as f32);
    let area = match face {
        Some(face) => {
            let around = face.bbox.squared();
            // Networks that look at more than the face itself are shown more.
            let most = if height > 48 { 3.0 } else { 1.3 };
            let size = around.width * chance.between(0.85, most);
            let center = around.center();
            let shift = around.width * 0.15;
            let (x, y) = (center.x + chance.between(-shift, shift), center.y + chance.between(-shift, shift));
            BBox { x: x - size / 2.0, y: y - size / 2.0, width: size, height: size }
        }
        None => {
            let size = chance.between(0.1, 0.6) * rows.min(columns);
            BBox {
                x: chance.between(0.0, columns - size),
                y: chance.between(0.0, rows - size),
                width: size,
                height: size,
            }
        }
    };
    sample(&cut(picture, &area, [height, width]), turn, chance)
}

/// A window of a level of the picture's pyramid, every second one about a face.
fn window(picture: &Frame, faces: &[Detection], turn: u32, chance: &mut Chance) -> Option<Sample> {
    let shorter = picture.width().min(picture.height()) as f32;
    let scale = SHRUNKEN / SMALLEST * chance.between(0.25, 1.0);
    let size = WINDOW as f32 / scale;
    let face = faces.get(turn as usize % faces.len().max(1)).filter(|_| turn.is_multiple_of(2));
    let center = match face {
        Some(face) => face.bbox.center(),
        None => Point {
            x: chance.between(0.0, picture.width() as f32),
            y: chance.between(0.0, picture.height() as f32),
        },
    };
    let area = BBox { x: center.x - size / 2.0, y: center.y - size / 2.0, width: size, height: size };
    (shorter > 0.0).then(|| sample(&cut(picture, &area, [WINDOW, WINDOW]), turn, chance))
}

/// Cuts an area out of a picture at a size, each pixel the mean of what it covers; black outside.
fn cut(picture: &Frame, area: &BBox, [height, width]: [usize; 2]) -> Frame {
    let (rows, columns) = (picture.height() as i64, picture.width() as i64);
    let mut rgb = Vec::with_capacity(height * width * 3);
    let along = |from: f32, step: f32, index: usize| {
        let begin = (from + step * index as f32).floor() as i64;
        begin..((from + step * (index + 1) as f32).ceil() as i64).max(begin + 1)
    };
    let (down, across) = (area.height / height as f32, area.width / width as f32);
    for row in 0..height {
        for column in 0..width {
            let (mut sums, mut count) = ([0u32; 3], 0);
            for y in along(area.y, down, row) {
                for x in along(area.x, across, column) {
                    count += 1;
                    if (0..rows).contains(&y) && (0..columns).contains(&x) {
                        let pixel = &picture.rgb()[(y * columns + x) as usize * 3..][..3];
                        sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += u32::from(*value));
                    }
                }
            }
            rgb.extend(sums.map(|sum| (sum / count) as u8));
        }
    }
    Frame::from_rgb(width as u32, height as u32, rgb).unwrap_or_default()
}
