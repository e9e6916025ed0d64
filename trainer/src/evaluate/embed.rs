//! Embeds each picture once with each model, in parallel. Pictures are read when they are needed, and only embeddings are kept.

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use ostiary_core::{Crop, Embedding};
use ostiary_pictures::decode_picture;
use ostiary_pipeline::aligned_crop;
use rayon::prelude::*;

use super::evaluation_set::EvaluationSet;
use super::model::{NamedModel, embed};
use crate::aligner::Aligner;

/// Pictures that a thread has in memory at the same time.
const BATCH: usize = 16;
/// Greatest number of pictures without a face that are named.
const MAX_NAMED: usize = 5;

/// The embeddings of all pictures for each model; `None` if a picture has no face.
pub type Embedded = Vec<Vec<Option<Embedding>>>;

/// Embeds a set. A picture of 112x112 is taken as aligned; in other pictures the face is detected. A picture that cannot be
/// read is an error, because an incomplete set is a different set.
///
/// # Errors
/// If a picture cannot be read, or a model cannot run.
pub fn embed_all(
    data: &EvaluationSet,
    models: &[NamedModel],
    flip: bool,
    aligner: &Aligner,
) -> Result<Embedded> {
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} pictures, {eta} left  {msg}")?;
    let bar = ProgressBar::new(data.pictures.len() as u64).with_style(style);
    bar.set_message(data.path.display().to_string());
    let numbers: Vec<usize> = (0..data.pictures.len()).collect();
    let batch = |numbers: &[usize]| -> Result<Embedded> {
        let crops: Vec<Option<Crop>> =
            numbers.iter().map(|number| crop(data, *number, aligner)).collect::<Result<_>>()?;
        let whole: Vec<Crop> = crops.iter().flatten().cloned().collect();
        let of_model = |model: &NamedModel| {
            let embeddings = embed(&*model.model, &whole, flip).with_context(|| model.name.clone())?;
            let mut embeddings = embeddings.into_iter();
            Ok(crops.iter().map(|crop| crop.as_ref().and_then(|_| embeddings.next())).collect())
        };
        let embedded = models.iter().map(of_model).collect::<Result<Embedded>>()?;
        bar.inc(numbers.len() as u64);
        Ok(embedded)
    };
    let batches: Vec<Embedded> = numbers.par_chunks(BATCH).map(batch).collect::<Result<_>>()?;
    bar.finish_and_clear();
    let mut embedded: Embedded = vec![Vec::with_capacity(data.pictures.len()); models.len()];
    for batch in batches {
        embedded.iter_mut().zip(batch).for_each(|(all, batch)| all.extend(batch));
    }
    if let Some(of_first) = embedded.first() {
        report_missing(data, of_first);
    }
    Ok(embedded)
}

/// The aligned face of a picture; `None` if it has no face.
fn crop(data: &EvaluationSet, number: usize, aligner: &Aligner) -> Result<Option<Crop>> {
    let picture = data.pictures.get(number).context("the set has no picture of this number")?;
    let frame = decode_picture(&picture.name, &data.read(number)?)?;
    if let Some(crop) = aligned_crop(&frame) {
        return Ok(Some(crop));
    }
    Ok(aligner.align_face(&frame, picture.face)?.ok().map(|face| face.crop))
}

/// Reports pictures without a face. They are the same for all models.
fn report_missing(data: &EvaluationSet, embeddings: &[Option<Embedding>]) {
    let missing: Vec<_> =
        data.pictures.iter().zip(embeddings).filter(|(_, found)| found.is_none()).map(|(p, _)| p).collect();
    if missing.is_empty() {
        return;
    }
    let named: Vec<String> =
        missing.iter().take(MAX_NAMED).map(|picture| picture.name.display().to_string()).collect();
    let more = if missing.len() > MAX_NAMED { ", ..." } else { "" };
    eprintln!(
        "{}: no face is found in {} of {} pictures, which are left out: {}{more}",
        data.path.display(),
        missing.len(),
        data.pictures.len(),
        named.join(", ")
    );
}
