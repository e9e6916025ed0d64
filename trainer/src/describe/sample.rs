//! Some people of a set, some pictures of each, and what the embedder makes of them.

use std::path::Path;

use anyhow::{Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use ostiary_config as config;
use ostiary_core::{Crop, Embedding};
use ostiary_engine::Backend;
use ostiary_models::Bundle;
use ostiary_pictures::decode_picture;
use ostiary_pipeline::aligned_crop;
use ostiary_vision::Embedder;
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::faceset::{FaceSet, Picture};
use crate::pool::Pool;

/// What is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    pub people: usize,
    /// Of each.
    pub pictures: usize,
    pub seed: u64,
}

/// People with their faces.
pub struct Sample {
    /// Names, in the set's order.
    pub people: Vec<String>,
    /// By person.
    pub faces: Vec<Face>,
    /// Pictures that were drawn and are damaged or not aligned.
    pub not_compared: usize,
    /// The model that embedded.
    pub model: String,
}

pub struct Face {
    /// Number among the sample's people.
    pub person: usize,
    pub picture: Picture,
    pub embedding: Embedding,
}

impl Sample {
    /// Draws and embeds.
    pub fn draw(set: &dyn FaceSet, bundle: &Bundle, wanted: Wanted) -> Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(wanted.seed);
        let mut numbers = index::sample(&mut rng, set.people(), wanted.people.min(set.people())).into_vec();
        numbers.sort_unstable();
        let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} people, {eta} left")?;
        let bar = ProgressBar::new(numbers.len() as u64).with_style(style);
        let embedders = Pool::default();
        let load = || Ok(Embedder::load(bundle, &config::Embedder::default(), &Backend::tract(1))?);
        let (mut people, mut faces, mut not_compared) = (Vec::new(), Vec::new(), 0);
        for number in numbers {
            let person = set.person(number)?;
            let all = person.pictures.len();
            let mut drawn = index::sample(&mut rng, all, wanted.pictures.min(all)).into_vec();
            drawn.sort_unstable();
            let pictures: Vec<Picture> = drawn.iter().map(|index| person.pictures[*index].clone()).collect();
            let embedded: Vec<(Picture, Option<Embedding>)> = pictures
                .into_par_iter()
                .map(|picture| {
                    let embedding = match crop(set, &picture) {
                        Some(crop) => Some(embedders.with(load, |embedder| Ok(embedder.embed(&crop)?))?),
                        None => None,
                    };
                    Ok((picture, embedding))
                })
                .collect::<Result<_>>()?;
            not_compared += embedded.iter().filter(|(_, embedding)| embedding.is_none()).count();
            let before = faces.len();
            faces.extend(embedded.into_iter().filter_map(|(picture, embedding)| {
                Some(Face { person: people.len(), picture, embedding: embedding? })
            }));
            if faces.len() > before {
                people.push(person.name);
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        ensure!(
            !faces.is_empty(),
            "none of the {not_compared} pictures looked at is an aligned crop of 112x112; `ostiary-trainer prepare` makes \
             those"
        );
        Ok(Self { people, faces, not_compared, model: bundle.id(Embedder::ROLE)?.to_string() })
    }

    /// The faces of each person, in order.
    pub fn by_person(&self) -> impl Iterator<Item = &[Face]> {
        self.faces.chunk_by(|a, b| a.person == b.person)
    }
}

/// The picture as an aligned crop, where it is one.
pub fn crop(set: &dyn FaceSet, picture: &Picture) -> Option<Crop> {
    let file = set.read(picture).ok()?;
    aligned_crop(&decode_picture(Path::new(&picture.name), &file).ok()?)
}
