//! A second picture of a person who has one: an augmentation, as another camera might have taken it.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use ostiary_core::{BBox, Crop, Frame};
use ostiary_pictures::decode_picture;
use ostiary_pipeline::aligned_crop;
use ostiary_vision::{ARCFACE_TEMPLATE, align};

use crate::augment::{SeededRng, augmented, jittered_landmarks};
use crate::jpeg;
use crate::name_hash::name_hash;

/// The variants of [`augmented`], whose mirroring and blur repeat after six, without variant 0, which changes nothing.
const VARIANTS: std::ops::Range<u32> = 1..6;

/// Augments an aligned crop; returns a JPEG. The result depends only on the crop, the person and the seed.
pub fn augment_crop(file: &[u8], person: &str, seed: u64) -> Result<Vec<u8>> {
    let frame = decode_picture(Path::new(person), file)?;
    ensure!(
        aligned_crop(&frame).is_some(),
        "{person}: the only picture is {}x{}, and only an aligned crop of 112x112 can be augmented; `ostiary-trainer prepare` \
         makes aligned crops",
        frame.width(),
        frame.height()
    );
    let mut rng = SeededRng::new(name_hash(seed, person));
    let side = Crop::SIDE as f32;
    let bbox = BBox { x: 0.0, y: 0.0, width: side, height: side };
    let variant = rng.uniform(VARIANTS.start as f32..VARIANTS.end as f32) as u32;
    let mut crop = Crop::default();
    align(&frame, &jittered_landmarks(&ARCFACE_TEMPLATE, &bbox, &mut rng), &mut crop);
    let side = Crop::SIDE as u32;
    let frame =
        Frame::from_rgb(side, side, crop.rgb().to_vec()).context("a crop has the size of a picture")?;
    jpeg::encode(&augmented(&frame, variant, &mut rng), side, side)
}
