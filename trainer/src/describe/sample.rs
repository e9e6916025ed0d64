//! A random sample of a set: some people, some pictures of each, and their embeddings.

use std::path::Path;

use anyhow::{Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use ostiary_config as config;
use ostiary_core::{Crop, Embedding, ModelRole};
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

/// Size and seed of a sample.
#[derive(Debug, Clone, Copy)]
pub struct SampleSize {
    /// Number of people.
    pub people: usize,
    /// Number of pictures of each person.
    pub pictures: usize,
    pub seed: u64,
}

/// People with embedded faces.
pub struct Sample {
    /// Names, in the order of the set.
    pub people: Vec<String>,
    /// Ordered by person.
    pub faces: Vec<Face>,
    /// Drawn pictures that are damaged or not aligned.
    pub not_compared: usize,
    /// Id of the embedder.
    pub model: String,
}

/// An embedded picture.
pub struct Face {
    /// Index in [`Sample::people`].
    pub person: usize,
    pub picture: Picture,
    pub embedding: Embedding,
}

impl Sample {
    /// Draws and embeds a sample.
    ///
    /// # Errors
    /// If the set cannot be read, the embedder cannot run, or no drawn picture is an aligned crop.
    pub fn draw(set: &dyn FaceSet, bundle: &Bundle, wanted: SampleSize) -> Result<Self> {
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
            let pictures: Vec<Picture> =
                drawn.iter().filter_map(|index| person.pictures.get(*index).cloned()).collect();
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
            "none of the {not_compared} drawn pictures is an aligned crop of 112x112; `ostiary-trainer prepare` makes \
             aligned crops"
        );
        Ok(Self { people, faces, not_compared, model: bundle.id(ModelRole::Embedder)?.to_string() })
    }

    /// The faces of each person, in the order of people.
    pub fn by_person(&self) -> impl Iterator<Item = &[Face]> {
        self.faces.chunk_by(|a, b| a.person == b.person)
    }
}

/// The picture as a crop; `None` if it is damaged or not an aligned crop.
pub fn crop(set: &dyn FaceSet, picture: &Picture) -> Option<Crop> {
    let file = set.read(picture).ok()?;
    aligned_crop(&decode_picture(Path::new(&picture.name), &file).ok()?)
}
