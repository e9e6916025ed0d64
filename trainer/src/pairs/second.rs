//! A second picture of somebody who has one: as another camera might have seen the same face.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use ostiary_core::{BBox, Crop, Frame};
use ostiary_pictures::decode_picture;
use ostiary_pipeline::aligned_crop;
use ostiary_vision::{ARCFACE_TEMPLATE, align};
use sha2::{Digest, Sha256};

use crate::augment::{Chance, moved, varied};
use crate::jpeg;

/// The variations of [`varied`] before they come round again, without the first, which varies nothing.
const TURNS: std::ops::Range<u32> = 1..6;

/// Varies an aligned crop; the same for the same person and seed.
pub fn made_of(file: &[u8], person: &str, seed: u64) -> Result<Vec<u8>> {
    let frame = decode_picture(Path::new(person), file)?;
    ensure!(
        aligned_crop(&frame).is_some(),
        "{person}: the only picture is {}x{}, and only an aligned crop of 112x112 can be varied; `ostiary-trainer prepare` \
         makes those",
        frame.width(),
        frame.height()
    );
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(person);
    let mut chance =
        Chance::new(hash.finalize()[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte)));
    let side = Crop::SIDE as f32;
    let bbox = BBox { x: 0.0, y: 0.0, width: side, height: side };
    let turn = chance.between(TURNS.start as f32, TURNS.end as f32) as u32;
    let mut crop = Crop::default();
    align(&frame, &moved(&ARCFACE_TEMPLATE, &bbox, &mut chance), &mut crop);
    let side = Crop::SIDE as u32;
    let frame = Frame::from_rgb(side, side, crop.rgb().to_vec()).context("a crop is a picture")?;
    jpeg::encode(&varied(&frame, turn, &mut chance), side, side)
}
