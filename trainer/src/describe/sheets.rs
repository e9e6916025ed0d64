//! Contact sheets: some people; and suspect pictures beside pictures of their own person and of the similar person.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use image::{ImageFormat, Rgb, RgbImage, imageops};
use ostiary_core::Crop;

use super::label_noise::LabelNoise;
use super::sample::{Face, Sample, crop};
use crate::faceset::FaceSet;
use crate::storage::{write_atomic, write_error};

/// People on a sheet, and pictures of each person.
const ROWS: usize = 10;
const COLUMNS: usize = 10;
/// Pictures of the own person, and of the other person, beside a suspect picture.
const BESIDE: usize = 4;
/// Pixels between pictures.
const GAP: u32 = 4;

/// Writes `people.png`, and `doubts.png` if there are suspect pictures.
///
/// # Errors
/// If a file cannot be written.
pub fn write(folder: &Path, set: &dyn FaceSet, sample: &Sample, label_noise: &LabelNoise) -> Result<()> {
    fs::create_dir_all(folder).map_err(write_error(folder))?;
    let people: Vec<&[Face]> = sample.by_person().collect();
    let rows: Vec<Vec<Option<&Face>>> =
        people.iter().take(ROWS).map(|faces| faces.iter().take(COLUMNS).map(Some).collect()).collect();
    sheet(&folder.join("people.png"), set, &rows)?;
    let rows: Vec<Vec<Option<&Face>>> = label_noise
        .pictures
        .iter()
        .filter_map(|suspect| {
            let face = sample.faces.get(suspect.face_index)?;
            let own =
                people.get(face.person)?.iter().filter(|other| !std::ptr::eq(*other, face)).take(BESIDE);
            let mut row = vec![Some(face), None];
            row.extend(own.map(Some));
            row.resize(2 + BESIDE, None);
            row.push(None);
            row.extend(people.get(suspect.other_index)?.iter().take(BESIDE).map(Some));
            Some(row)
        })
        .collect();
    if rows.is_empty() { Ok(()) } else { sheet(&folder.join("doubts.png"), set, &rows) }
}

/// Draws rows of pictures; `None` leaves a gap.
fn sheet(path: &Path, set: &dyn FaceSet, rows: &[Vec<Option<&Face>>]) -> Result<()> {
    let step = Crop::SIDE as u32 + GAP;
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0) as u32;
    let mut sheet = RgbImage::from_pixel(columns * step + GAP, rows.len() as u32 * step + GAP, Rgb([255; 3]));
    for (row, faces) in (0..).zip(rows) {
        for (column, face) in (0..).zip(faces) {
            let Some(crop) = face.and_then(|face| crop(set, &face.picture)) else { continue };
            let side = Crop::SIDE as u32;
            let picture = RgbImage::from_raw(side, side, crop.rgb().to_vec())
                .context("a crop has the size of a picture")?;
            imageops::replace(
                &mut sheet,
                &picture,
                i64::from(GAP + column * step),
                i64::from(GAP + row * step),
            );
        }
    }
    let mut png = std::io::Cursor::new(Vec::new());
    sheet.write_to(&mut png, ImageFormat::Png)?;
    write_atomic(path, |file| Ok(file.write_all(png.get_ref())?))
}
