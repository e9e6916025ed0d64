//! The people of a calibration: the embeddings of their pictures.

use anyhow::{Context, Result};
use image::{RgbImage, imageops};
use indicatif::{ProgressBar, ProgressStyle};
use ostiary_config::{Config, QualityLimits};
use ostiary_core::{Crop, Detection, Embedding, Frame, Quality};
use ostiary_engine::Backend;
use ostiary_models::Bundle;
use ostiary_pictures::decode_picture;
use ostiary_pipeline::aligned_crop;
use ostiary_vision::{ARCFACE_TEMPLATE, Embedder, measure_quality};
use rayon::prelude::*;

use crate::aligner::{AlignedFace, Aligner};
use crate::evaluate::evaluation_set::EvaluationSet;
use crate::pool::Pool;

/// The largest number of people of a set that are used, and of pictures of each; the first ones in the order of their names.
const MAX_PEOPLE: usize = 2_000;
const MAX_PICTURES: usize = 120;

/// A person of a set.
#[derive(Debug, Clone)]
pub struct Person {
    /// The number of the set.
    pub set: usize,
    /// The faces that meet the door's quality limits, in the order of the names of their pictures.
    pub faces: Vec<Face>,
}

/// A face with its weight in a template.
#[derive(Debug, Clone)]
pub struct Face {
    pub embedding: Embedding,
    pub weight: f32,
}

/// How pictures are turned before faces are detected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    None,
    /// Upside down.
    Half,
    /// A quarter turn to the left or the right.
    Left,
    Right,
}

/// The largest number of pictures of a person that are turned.
const MAX_TURNED: usize = 4;

/// Embeds the people of the sets with the embedder of a bundle. A picture of 112x112 is taken as an aligned face, which is not
/// held to the limits of pose and size; in other pictures the face is detected. People without a good face are left out.
///
/// Covered faces and faces that the edge cuts off are kept, although the door refuses those that it finds: it does not find all, and
/// covered faces resemble each other. As strangers they make the thresholds stricter.
///
/// # Errors
/// If a picture cannot be read, or a network cannot run.
pub fn load(sets: &[EvaluationSet], models: &Bundle, turn: Turn) -> Result<Vec<Person>> {
    let aligner = Aligner::new(models);
    let embedders: Pool<Embedder> = Pool::default();
    let limits = QualityLimits::default();
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} pictures, {eta} left  {msg}")?;
    let mut people = Vec::new();
    for (number, set) in sets.iter().enumerate() {
        let mut pictures = pictures_of_people(set);
        if turn != Turn::None {
            pictures.iter_mut().for_each(|pictures| pictures.truncate(MAX_TURNED));
        }
        let bar = ProgressBar::new(pictures.iter().map(Vec::len).sum::<usize>() as u64);
        let bar = bar.with_style(style.clone()).with_message(set.path.display().to_string());
        let face = |picture: &usize| -> Result<Option<Face>> {
            let face = counted_face(set, *picture, turn, &aligner, &limits)?;
            let load = || Ok(Embedder::load(models, &Config::default().embedder, &Backend::tract(1))?);
            let embedded = face.map(|(crop, quality)| {
                let embedding = embedders.with(load, |embedder| Ok(embedder.embed(&crop)?))?;
                Ok(Face { embedding, weight: quality.weight() })
            });
            bar.inc(1);
            embedded.transpose()
        };
        for pictures in pictures {
            let faces: Vec<Option<Face>> = pictures.par_iter().map(face).collect::<Result<_>>()?;
            let faces: Vec<Face> = faces.into_iter().flatten().collect();
            if !faces.is_empty() {
                people.push(Person { set: number, faces });
            }
        }
        bar.finish_and_clear();
    }
    Ok(people)
}

/// The numbers of the pictures of each person, in the order of the set.
fn pictures_of_people(set: &EvaluationSet) -> Vec<Vec<usize>> {
    let mut people = vec![Vec::new(); set.names().len()];
    for (number, picture) in set.pictures.iter().enumerate() {
        if let Some(pictures) = picture.person.and_then(|person| people.get_mut(person))
            && pictures.len() < MAX_PICTURES
        {
            pictures.push(number);
        }
    }
    people.truncate(MAX_PEOPLE);
    people
}

/// The aligned face of a picture and its quality; `None` if there is no face, or a limit is not met.
fn counted_face(
    set: &EvaluationSet,
    number: usize,
    turn: Turn,
    aligner: &Aligner,
    limits: &QualityLimits,
) -> Result<Option<(Crop, Quality)>> {
    let picture = set.pictures.get(number).context("the set has no picture of this number")?;
    let frame = turned(decode_picture(&picture.name, &set.read(number)?)?, turn)?;
    let expected_at = picture.face.filter(|_| turn == Turn::None);
    if let Some(crop) = aligned_crop(&frame) {
        let side = Crop::SIDE as f32;
        let detection =
            Detection { bbox: [0.0, 0.0, side, side].into(), score: 1.0, landmarks: ARCFACE_TEMPLATE };
        let quality = measure_quality(&detection, &crop);
        return Ok(Some((crop, quality)));
    }
    let Ok(AlignedFace { detection, crop, .. }) = aligner.align_face(&frame, expected_at)? else {
        return Ok(None);
    };
    let quality = measure_quality(&detection, &crop);
    Ok(limits.fault(&quality).is_none().then_some((crop, quality)))
}

/// A turned frame.
fn turned(frame: Frame, turn: Turn) -> Result<Frame> {
    let (width, height) = (frame.width(), frame.height());
    let picture =
        RgbImage::from_raw(width, height, frame.rgb().to_vec()).context("the picture has no pixels")?;
    let picture = match turn {
        Turn::None => return Ok(frame),
        Turn::Half => imageops::rotate180(&picture),
        Turn::Left => imageops::rotate270(&picture),
        Turn::Right => imageops::rotate90(&picture),
    };
    let (width, height) = picture.dimensions();
    Frame::from_rgb(width, height, picture.into_raw()).context("the picture cannot be turned")
}
