//! How well an embedder tells people apart, and the thresholds that hold its error rates: over aligned crops, by the door's
//! own engine.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use ostiary::bundle::{Bundle, FarPoint, Precision};
use ostiary::capture::decode_picture;
use ostiary::config;
use ostiary::engine::Backend;
use ostiary::facebank::aligned_crop;
use ostiary::vision::{Crop, Embedder};
use rayon::prelude::*;
use serde::Serialize;

use crate::faceset::FaceSet;
use crate::far_table;
use crate::pool::Pool;
use crate::scores::Scores;

/// The FAR at which figures are told.
const FAR: f64 = 1e-3;

/// A set of people of aligned crops.
pub struct Set {
    pub name: String,
    pub faces: Box<dyn FaceSet>,
}

impl Set {
    pub fn open(path: &Path) -> Result<Self> {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok(Self { name, faces: crate::faceset::open(path)? })
    }
}

/// An embedder's figures.
#[derive(Debug, Serialize)]
pub struct Measured {
    pub precision: Precision,
    pub sets: Vec<Figures>,
    #[serde(skip)]
    pub far: Vec<FarPoint>,
}

/// The figures of one set; rates in percent.
#[derive(Debug, Serialize)]
pub struct Figures {
    pub set: String,
    pub people: usize,
    pub pictures: usize,
    pub eer: f64,
    /// At FAR 0.1 %.
    pub tar: f64,
    pub threshold: f32,
}

impl Measured {
    /// Measures the embedder of a bundle, which computes at this precision.
    pub fn of(bundle: &Bundle, precision: Precision, sets: &[Set]) -> Result<Self> {
        let embedders = Pool::default();
        let mut figures = Vec::new();
        let mut all = Vec::new();
        for set in sets {
            let (of_set, scores) = figures_of(set, bundle, &embedders).with_context(|| set.name.clone())?;
            figures.push(of_set);
            all.push(scores);
        }
        Ok(Self { precision, sets: figures, far: far_table::points(&all)? })
    }
}

fn figures_of(set: &Set, bundle: &Bundle, embedders: &Pool<Embedder>) -> Result<(Figures, Scores)> {
    let load = || Ok(Embedder::load(bundle, &config::Embedder::default(), &Backend::tract(1))?);
    let embed = |number: usize| {
        let person = set.faces.person(number)?;
        let crops = person.pictures.iter().map(|picture| {
            let path = Path::new(&person.name).join(&picture.name);
            let frame = decode_picture(&path, &set.faces.read(picture)?)?;
            aligned_crop(&frame).with_context(|| {
                format!(
                    "{}: is {}x{}, no aligned crop of {side}x{side}; `ostiary-trainer prepare` makes them",
                    path.display(),
                    frame.width(),
                    frame.height(),
                    side = Crop::SIDE
                )
            })
        });
        let crops = crops.collect::<Result<Vec<_>>>()?;
        let mut faces = Vec::with_capacity(crops.len());
        embedders.with(load, |embedder| {
            let take = |_, embedding: ostiary::vision::Embedding| {
                faces.push((person.name.clone(), embedding.values().to_vec()));
            };
            Ok(embedder.embed_all(&crops, take)?)
        })?;
        Ok(faces)
    };
    let people = (0..set.faces.people()).into_par_iter().map(embed).collect::<Result<Vec<_>>>()?;
    let faces: Vec<(String, Vec<f32>)> = people.into_iter().flatten().collect();
    let scores = Scores::of_pairs(&faces);
    ensure!(scores.genuine_pairs() > 0, "there are no two pictures of one person");
    let threshold = scores.threshold_at_far(FAR).context("there are no two people")?;
    let figures = Figures {
        set: set.name.clone(),
        people: set.faces.people(),
        pictures: faces.len(),
        eer: 100.0 * scores.eer(),
        tar: 100.0 * (1.0 - scores.frr(threshold)),
        threshold,
    };
    Ok((figures, scores))
}
