//! Makes calibration samples from pictures, in the form in which the network gets them at the door.

use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use ostiary_config as config;
use ostiary_core::{BBox, Crop, Detection, Detections, Frame, Point, Precision};
use ostiary_engine::Backend;
use ostiary_models::Bundle;
use ostiary_pictures::{pictures_below, read_picture};
use ostiary_vision::{Detector, align};

use crate::augment::{SeededRng, augmented, jittered_landmarks};

/// Side of the samples of a network with an input of any size, pixels.
const WINDOW: usize = 64;
/// Smallest face of the pyramid, and the side of P-Net's window to which such a face is scaled, pixels.
const MIN_FACE: f32 = 40.0;
const PNET_WINDOW: f32 = 12.0;
/// Side of O-Net's input, pixels.
const ONET_SIDE: usize = 48;
/// Side of a random square at a face, as a factor of the side of the face's box.
const FACE_SQUARE: Range<f32> = 0.85..1.3;
/// The same for networks with an input larger than O-Net's, which see more of the surroundings of the face.
const WIDE_FACE_SQUARE: Range<f32> = 0.85..3.0;
/// Largest shift of such a square along each axis, as a share of the side of the face's box.
const FACE_SHIFT: f32 = 0.15;
/// Side of a random square anywhere in the picture, as a share of the picture's shorter side.
const BACKGROUND_SQUARE: Range<f32> = 0.1..0.6;
/// Scale of a random level of the pyramid, as a share of the largest level's.
const PYRAMID_SCALE: Range<f32> = 0.25..1.0;

/// How samples are made.
#[derive(Debug, Clone, Copy)]
pub struct SampleSettings<'a> {
    /// Number of variants of each picture.
    pub variants: u32,
    /// The folder with the models that detect faces; those that ship if it is not given.
    pub models: Option<&'a Path>,
}

/// One input of the network.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Pixels.
    pub height: usize,
    /// Pixels.
    pub width: usize,
    /// Packed RGB.
    pub pixels: Vec<u8>,
}

/// Makes samples of a shape (channels, height, width; 0 for any size) from the pictures in a folder.
///
/// # Errors
/// If the folder or a picture cannot be read, or no picture has a face.
pub fn samples(folder: &Path, shape: [usize; 3], settings: SampleSettings) -> Result<Vec<Sample>> {
    let files = pictures(folder)?;
    if files.len() == 1 {
        eprintln!(
            "{}: has only one picture; the ranges may be too narrow for other pictures",
            folder.display()
        );
    }
    let [_, height, width] = shape;
    let mut faces = LazyDetector::default();
    let mut rng = SeededRng::new(1);
    let mut samples = Vec::new();
    let mut seen = 0;
    for file in &files {
        let picture = read_picture(file)?;
        let (rows, columns) = (picture.height() as usize, picture.width() as usize);
        if height > 0 && (rows, columns) == (height, width) {
            // The picture has the size of the input already.
            seen += 1;
            for variant in 0..settings.variants {
                samples.push(sample(&picture, variant, &mut rng));
            }
            continue;
        }
        let found = faces.find(&picture, settings.models)?;
        seen += found.len();
        for variant in 0..settings.variants {
            match (height, width) {
                (Crop::SIDE, Crop::SIDE) => {
                    for face in &found {
                        samples.extend(aligned(&picture, face, variant, &mut rng));
                    }
                }
                (0, _) | (_, 0) => samples.extend(window(&picture, &found, variant, &mut rng)),
                _ => {
                    // Two of three squares are at a face, the third is at a random position.
                    let face = found.get(variant as usize % found.len().max(1)).filter(|_| variant % 3 < 2);
                    samples.push(square(&picture, face, [height, width], variant, &mut rng));
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

/// All pictures below a folder, sorted by path.
fn pictures(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = pictures_below(folder)?;
    if let Some(passed) = found.passed_over.first() {
        bail!("{passed}");
    }
    ensure!(!found.pictures.is_empty(), "there is no picture (.jpg, .png, .webp) in {}", folder.display());
    found.pictures.sort();
    Ok(found.pictures)
}

/// A detector that is loaded at its first use.
#[derive(Default)]
struct LazyDetector(Option<Detector>);

impl LazyDetector {
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

/// An augmented picture as a sample.
fn sample(picture: &Frame, variant: u32, rng: &mut SeededRng) -> Sample {
    let (height, width) = (picture.height() as usize, picture.width() as usize);
    Sample { height, width, pixels: augmented(picture, variant, rng) }
}

/// An aligned face, with jittered landmarks except in variant 0.
fn aligned(picture: &Frame, face: &Detection, variant: u32, rng: &mut SeededRng) -> Option<Sample> {
    let landmarks =
        if variant > 0 { jittered_landmarks(&face.landmarks, &face.bbox, rng) } else { face.landmarks };
    let mut crop = Crop::default();
    align(picture, &landmarks, &mut crop)?;
    let side = Crop::SIDE as u32;
    let frame = Frame::from_rgb(side, side, crop.rgb().to_vec())?;
    Some(sample(&frame, variant, rng))
}

/// A random square at a face, or anywhere in the picture.
fn square(
    picture: &Frame,
    face: Option<&Detection>,
    [height, width]: [usize; 2],
    variant: u32,
    rng: &mut SeededRng,
) -> Sample {
    let (rows, columns) = (picture.height() as f32, picture.width() as f32);
    let area = match face {
        Some(face) => {
            let around = face.bbox.squared();
            let sizes = if height > ONET_SIDE { WIDE_FACE_SQUARE } else { FACE_SQUARE };
            let size = around.width * rng.uniform(sizes);
            let center = around.center();
            let shift = around.width * FACE_SHIFT;
            let (x, y) = (center.x + rng.uniform(-shift..shift), center.y + rng.uniform(-shift..shift));
            BBox { x: x - size / 2.0, y: y - size / 2.0, width: size, height: size }
        }
        None => {
            let size = rng.uniform(BACKGROUND_SQUARE) * rows.min(columns);
            BBox {
                x: rng.uniform(0.0..columns - size),
                y: rng.uniform(0.0..rows - size),
                width: size,
                height: size,
            }
        }
    };
    sample(&cut(picture, &area, [height, width]), variant, rng)
}

/// A random window of a level of the pyramid. Every second one is at a face.
fn window(picture: &Frame, faces: &[Detection], variant: u32, rng: &mut SeededRng) -> Option<Sample> {
    let shorter = picture.width().min(picture.height()) as f32;
    let scale = PNET_WINDOW / MIN_FACE * rng.uniform(PYRAMID_SCALE);
    let size = WINDOW as f32 / scale;
    let face = faces.get(variant as usize % faces.len().max(1)).filter(|_| variant.is_multiple_of(2));
    let center = match face {
        Some(face) => face.bbox.center(),
        None => Point {
            x: rng.uniform(0.0..picture.width() as f32),
            y: rng.uniform(0.0..picture.height() as f32),
        },
    };
    let area = BBox { x: center.x - size / 2.0, y: center.y - size / 2.0, width: size, height: size };
    (shorter > 0.0).then(|| sample(&cut(picture, &area, [WINDOW, WINDOW]), variant, rng))
}

/// Crops and resizes an area of a picture by area averaging. Outside the picture it is black.
fn cut(picture: &Frame, area: &BBox, [height, width]: [usize; 2]) -> Frame {
    let (rows, columns) = (picture.height() as i64, picture.width() as i64);
    let pixels = picture.rgb().as_chunks::<3>().0;
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
                        let pixel = pixels.get((y * columns + x) as usize).into_iter().flatten();
                        sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += u32::from(*value));
                    }
                }
            }
            rgb.extend(sums.map(|sum| (sum / count) as u8));
        }
    }
    Frame::from_rgb(width as u32, height as u32, rgb).unwrap_or_default()
}
