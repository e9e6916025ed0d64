//! Every picture once through every model, in parallel; pictures are read as their turn comes, and only embeddings kept.

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use ostiary_core::{Crop, Embedding};
use ostiary_pictures::decode_picture;
use ostiary_pipeline::aligned_crop;
use rayon::prelude::*;

use super::data::Data;
use super::model::{Named, embed};
use crate::aligner::Aligner;

/// Pictures that a thread has in memory at once.
const BATCH: usize = 16;
/// Pictures without a face that are named.
const MOST_NAMED: usize = 5;

/// The embeddings of all pictures, by model; `None` where no face is found.
pub type Embedded = Vec<Vec<Option<Embedding>>>;

/// Embeds a set. A picture of 112x112 is aligned already; in others the face is found. One that cannot be read is an
/// error: what is left out of a yardstick makes it another one.
pub fn embed_all(data: &Data, models: &[Named], flip: bool, aligner: &Aligner) -> Result<Embedded> {
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} pictures, {eta} left  {msg}")?;
    let bar = ProgressBar::new(data.pictures.len() as u64).with_style(style);
    bar.set_message(data.path.display().to_string());
    let numbers: Vec<usize> = (0..data.pictures.len()).collect();
    let batch = |numbers: &[usize]| -> Result<Embedded> {
        let crops: Vec<Option<Crop>> =
            numbers.iter().map(|number| crop(data, *number, aligner)).collect::<Result<_>>()?;
        let whole: Vec<Crop> = crops.iter().flatten().cloned().collect();
        let of_model = |model: &Named| {
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

/// The aligned face of a picture, where there is one.
fn crop(data: &Data, number: usize, aligner: &Aligner) -> Result<Option<Crop>> {
    let picture = &data.pictures[number];
    let frame = decode_picture(&picture.name, &data.read(number)?)?;
    if let Some(crop) = aligned_crop(&frame) {
        return Ok(Some(crop));
    }
    Ok(aligner.face(&frame, picture.face)?.ok().map(|(_, crop)| crop))
}

/// Names pictures without a face, which all models are without.
fn report_missing(data: &Data, embeddings: &[Option<Embedding>]) {
    let missing: Vec<_> =
        data.pictures.iter().zip(embeddings).filter(|(_, found)| found.is_none()).map(|(p, _)| p).collect();
    if missing.is_empty() {
        return;
    }
    let named: Vec<String> =
        missing.iter().take(MOST_NAMED).map(|picture| picture.name.display().to_string()).collect();
    let more = if missing.len() > MOST_NAMED { ", ..." } else { "" };
    eprintln!(
        "{}: no face is found in {} of {} pictures, which are left out: {}{more}",
        data.path.display(),
        missing.len(),
        data.pictures.len(),
        named.join(", ")
    );
}
