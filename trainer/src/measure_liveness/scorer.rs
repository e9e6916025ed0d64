//! Finds the main face of pictures and scores it, as the door does.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ostiary_core::{BBox, Frame, ModelRole, Precision};
use ostiary_engine::Backend;
use ostiary_models::{Bundle, LivenessTest};
use ostiary_pictures::read_picture;
use ostiary_vision::{LivenessNetwork, LivenessScore};
use rayon::prelude::*;
use serde::Serialize;

use crate::aligner::Aligner;
use crate::pool::Pool;

/// The score of the main face of one picture. The names in JSON are stable.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PictureScore {
    /// The picture's file, or what was made of it.
    pub picture: PathBuf,
    pub precision: Precision,
    pub face: BBox,
    /// The softmax of the live class.
    pub live: f32,
    /// How many times the face's box was in view.
    pub scale: f32,
}

/// A detector and a network for presentation attack detection at one precision, for all threads.
pub struct Scorer<'a> {
    bundle: &'a Bundle,
    test: &'a LivenessTest,
    precision: Precision,
    aligner: Aligner<'a>,
    networks: Pool<LivenessNetwork>,
}

impl<'a> Scorer<'a> {
    /// Uses the models of a bundle that was opened at this precision.
    ///
    /// # Errors
    /// If the bundle has no presentation attack detection.
    pub fn new(bundle: &'a Bundle, precision: Precision) -> Result<Self> {
        let test = bundle.entry(ModelRole::Liveness).ok().and_then(|entry| entry.liveness.as_ref());
        let test = test.with_context(|| missing(bundle))?;
        Ok(Self { bundle, test, precision, aligner: Aligner::new(bundle), networks: Pool::default() })
    }

    /// The thresholds.
    pub fn test(&self) -> &LivenessTest {
        self.test
    }

    /// The precision of the models.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Scores the main face of each file; `None` for a picture without a face.
    ///
    /// # Errors
    /// If a picture cannot be read, or a network cannot be loaded or run.
    pub fn score_pictures(&self, pictures: &[PathBuf]) -> Result<Vec<Option<PictureScore>>> {
        pictures.par_iter().map(|picture| self.score(picture, &read_picture(picture)?)).collect()
    }

    /// Scores the main face of a picture; `None` without a face. `name` says what the picture is.
    ///
    /// # Errors
    /// If a network cannot be loaded or run.
    pub fn score(&self, name: &Path, frame: &Frame) -> Result<Option<PictureScore>> {
        let Ok(aligned) = self.aligner.align_face(frame, None)? else { return Ok(None) };
        let face = aligned.detection.bbox;
        let load =
            || LivenessNetwork::load(self.bundle, &Backend::tract(1))?.with_context(|| missing(self.bundle));
        let score = self.networks.with(load, |network| Ok(network.score(frame, &face)?))?;
        let (picture, precision) = (name.to_owned(), self.precision);
        Ok(score.map(|LivenessScore { live, scale }| PictureScore { picture, precision, face, live, scale }))
    }
}

fn missing(bundle: &Bundle) -> String {
    format!("{} has no model \"liveness\"; pass another folder with --models", bundle.folder().display())
}
