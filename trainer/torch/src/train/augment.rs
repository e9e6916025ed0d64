//! Pictures made different from batch to batch, on the device that trains.
//!
//! In and out: `[batch, 3, SIDE, SIDE]`, RGB from 0 to 255. Each kind of change takes a random half of the pictures, each of
//! these by its own random strength. All chance is torch's: after [`tch::manual_seed`] it is the same again.

use std::fmt;
use std::str::FromStr;

use ostiary_trainer::net::SIDE;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, TchError, Tensor};

/// A kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Left and right change places.
    Flip,
    /// Shifted by up to 6 pixels, turned by up to 6 degrees, up to 8 % larger or smaller: as alignment errs.
    Crop,
    /// Other brightness, contrast and strength of colours.
    Colour,
    /// Out of focus: a Gaussian of up to 2 pixels.
    Blur,
    /// Pressed as a JPEG of a quality of 20 to 90.
    Jpeg,
    /// Little light: darker, with the noise that a camera then has.
    Dark,
    /// Mouth and nose behind a mask of one colour.
    Mask,
}

impl Change {
    pub const ALL: [Self; 7] =
        [Self::Flip, Self::Crop, Self::Mask, Self::Dark, Self::Colour, Self::Blur, Self::Jpeg];
}

impl FromStr for Change {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|change| change.to_string() == name);
        known.ok_or_else(|| "it is none of flip, crop, mask, dark, colour, blur, jpeg".into())
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flip => "flip",
            Self::Crop => "crop",
            Self::Colour => "colour",
            Self::Blur => "blur",
            Self::Jpeg => "jpeg",
            Self::Dark => "dark",
            Self::Mask => "mask",
        })
    }
}

/// Makes the changes, in the order in which a face, its light, a camera and its file come: that of [`Change::ALL`].
pub fn augment(pictures: &Tensor, changes: &[Change]) -> Result<Tensor, TchError> {
    let mut changed = pictures.shallow_clone();
    for change in Change::ALL.into_iter().filter(|change| changes.contains(change)) {
        let with = match change {
            Change::Flip => changed.f_flip([3])?,
            Change::Crop => moved(&changed)?,
            Change::Mask => masked(&changed)?,
            Change::Dark => darkened(&changed)?,
            Change::Colour => coloured(&changed)?,
            Change::Blur => blurred(&changed)?,
            Change::Jpeg => pressed(&changed)?,
        };
        let chosen = one_each(&changed)?.f_lt(0.5)?;
        changed = with.f_clamp(0.0, 255.0)?.f_where_self(&chosen, &changed)?;
    }
    Ok(changed)
}

fn options(pictures: &Tensor) -> (Kind, Device) {
    (Kind::Float, pictures.device())
}

/// A random number from 0 to 1 for each picture, `[batch, 1, 1, 1]`.
fn one_each(pictures: &Tensor) -> Result<Tensor, TchError> {
    Tensor::f_rand([pictures.size()[0], 1, 1, 1], options(pictures))
}

fn between(pictures: &Tensor, from: f64, to: f64) -> Result<Tensor, TchError> {
    one_each(pictures)?.f_mul_scalar(to - from)?.f_add_scalar(from)
}

fn moved(pictures: &Tensor) -> Result<Tensor, TchError> {
    let some = |most: f64| between(pictures, -most, most)?.f_view([-1]);
    let angle = some(6f64.to_radians())?;
    let scale = some(0.08)?.f_add_scalar(1.0)?;
    // The grid goes from -1 to 1 over the picture.
    let [x, y] = [some(12.0 / SIDE as f64)?, some(12.0 / SIDE as f64)?];
    let (cosine, sine) = (angle.f_cos()?.f_mul(&scale)?, angle.f_sin()?.f_mul(&scale)?);
    let rows =
        [Tensor::f_stack(&[&cosine, &sine.f_neg()?, &x], 1)?, Tensor::f_stack(&[&sine, &cosine, &y], 1)?];
    let grid = Tensor::f_affine_grid_generator(&Tensor::f_stack(&rows, 1)?, pictures.size(), false)?;
    // Bilinear; what lies outside is the nearest edge.
    pictures.f_grid_sampler(&grid, 0, 1, false)
}

fn grey(pictures: &Tensor) -> Result<Tensor, TchError> {
    let weights = Tensor::f_from_slice(&[0.299f32, 0.587, 0.114])?.f_to_device(pictures.device())?;
    pictures.f_mul(&weights.f_view([1, 3, 1, 1])?)?.f_sum_dim_intlist([1].as_slice(), true, Kind::Float)
}

fn coloured(pictures: &Tensor) -> Result<Tensor, TchError> {
    let grey = grey(pictures)?;
    let tinted = grey.f_add(&pictures.f_sub(&grey)?.f_mul(&between(pictures, 0.0, 1.5)?)?)?;
    let mean = tinted.f_mean_dim([1, 2, 3].as_slice(), true, Kind::Float)?;
    let contrast = mean.f_add(&tinted.f_sub(&mean)?.f_mul(&between(pictures, 0.6, 1.4)?)?)?;
    contrast.f_mul(&between(pictures, 0.6, 1.4)?)
}

fn darkened(pictures: &Tensor) -> Result<Tensor, TchError> {
    let light = between(pictures, 0.05, 0.5)?;
    let dark = pictures.f_mul(&light)?;
    // Shot noise grows with the root of the light, read noise does not; then the camera raises what there is.
    let noise = pictures.f_randn_like()?.f_mul(&dark.f_mul_scalar(0.3)?.f_add_scalar(2.0)?.f_sqrt()?)?;
    dark.f_add(&noise)?.f_mul(&light.f_pow_tensor_scalar(-0.6)?)
}

fn blurred(pictures: &Tensor) -> Result<Tensor, TchError> {
    const REACH: i64 = 5;
    let [batch, side] = [pictures.size()[0], SIDE as i64];
    let sigma = between(pictures, 0.3, 2.0)?.f_view([-1, 1])?;
    let places = Tensor::f_arange_start(-REACH, REACH + 1, options(pictures))?;
    let weights = places.f_div(&sigma)?.f_square()?.f_mul_scalar(-0.5)?.f_softmax(1, Kind::Float)?;
    // A kernel for each picture's three planes.
    let kernels = weights.f_repeat_interleave_self_int(3, 0, None::<i64>)?;
    let planes = pictures.f_reshape([1, 3 * batch, side, side])?.f_replication_pad2d([REACH; 4])?;
    let none = None::<Tensor>;
    let rows = planes.f_conv2d(
        &kernels.f_view([-1, 1, 1, 2 * REACH + 1])?,
        none,
        [1, 1],
        [0, 0],
        [1, 1],
        3 * batch,
    )?;
    let none = None::<Tensor>;
    let both =
        rows.f_conv2d(&kernels.f_view([-1, 1, 2 * REACH + 1, 1])?, none, [1, 1], [0, 0], [1, 1], 3 * batch)?;
    both.f_reshape([batch, 3, side, side])
}

/// Below a curve that falls from the bridge of the nose to both cheeks: aligned crops have the nose at row 72 and the mouth at
/// row 92.
fn masked(pictures: &Tensor) -> Result<Tensor, TchError> {
    let side = SIDE as i64;
    let columns = Tensor::f_arange(side, options(pictures))?.f_view([1, 1, 1, side])?;
    let rows = Tensor::f_arange(side, options(pictures))?.f_view([1, 1, side, 1])?;
    let from_middle = columns.f_sub_scalar((side - 1) as f64 / 2.0)?.f_abs()?;
    let top = between(pictures, 60.0, 74.0)?;
    let edge = top.f_add(&from_middle.f_mul(&between(pictures, 0.05, 0.35)?)?)?;
    let behind =
        rows.f_ge_tensor(&edge)?.f_logical_and(&from_middle.f_lt_tensor(&between(pictures, 38.0, 52.0)?)?)?;
    let colour = Tensor::f_rand([pictures.size()[0], 3, 1, 1], options(pictures))?.f_mul_scalar(255.0)?;
    // Cloth keeps some of the light that falls on the face.
    let cloth = colour.f_mul_scalar(0.85)?.f_add(&grey(pictures)?.f_mul_scalar(0.15)?)?;
    cloth.f_where_self(&behind, pictures)
}

/// The tables of ITU-T T.81, annex K, by rows.
const LUMINANCE: [f32; 64] = [
    16.0, 11.0, 10.0, 16.0, 24.0, 40.0, 51.0, 61.0, 12.0, 12.0, 14.0, 19.0, 26.0, 58.0, 60.0, 55.0, 14.0,
    13.0, 16.0, 24.0, 40.0, 57.0, 69.0, 56.0, 14.0, 17.0, 22.0, 29.0, 51.0, 87.0, 80.0, 62.0, 18.0, 22.0,
    37.0, 56.0, 68.0, 109.0, 103.0, 77.0, 24.0, 35.0, 55.0, 64.0, 81.0, 104.0, 113.0, 92.0, 49.0, 64.0, 78.0,
    87.0, 103.0, 121.0, 120.0, 101.0, 72.0, 92.0, 95.0, 98.0, 112.0, 100.0, 103.0, 99.0,
];
const CHROMINANCE: [f32; 64] = [
    17.0, 18.0, 24.0, 47.0, 99.0, 99.0, 99.0, 99.0, 18.0, 21.0, 26.0, 66.0, 99.0, 99.0, 99.0, 99.0, 24.0,
    26.0, 56.0, 99.0, 99.0, 99.0, 99.0, 99.0, 47.0, 66.0, 99.0, 99.0, 99.0, 99.0, 99.0, 99.0, 99.0, 99.0,
    99.0, 99.0, 99.0, 99.0, 99.0, 99.0, 99.0, 99.0, 99.0, 99.0, 99.0, 99.0, 99.0, 99.0, 99.0, 99.0, 99.0,
    99.0, 99.0, 99.0, 99.0, 99.0, 99.0, 99.0, 99.0, 99.0, 99.0, 99.0, 99.0, 99.0,
];
/// JFIF's RGB to YCbCr.
const TO_YCC: [f32; 9] = [0.299, 0.587, 0.114, -0.168_736, -0.331_264, 0.5, 0.5, -0.418_688, -0.081_312];
const TO_RGB: [f32; 9] = [1.0, 0.0, 1.402, 1.0, -0.344_136, -0.714_136, 1.0, 1.772, 0.0];

/// As a JPEG at full resolution of colours would leave the pictures: cosine transform of blocks of 8x8, rounding, and back.
fn pressed(pictures: &Tensor) -> Result<Tensor, TchError> {
    const BLOCK: i64 = 8;
    let (batch, blocks) = (pictures.size()[0], SIDE as i64 / BLOCK);
    let on_device = |numbers: &[f32], shape: &[i64]| {
        Tensor::f_from_slice(numbers)?.f_view(shape)?.f_to_device(pictures.device())
    };
    let turn = |colours: &Tensor, matrix: &[f32; 9]| {
        let none = None::<Tensor>;
        colours.f_conv2d(&on_device(matrix, &[3, 3, 1, 1])?, none, [1, 1], [0, 0], [1, 1], 1)
    };
    let cosines: Vec<f32> = (0..BLOCK * BLOCK)
        .map(|index| {
            let (frequency, place) = ((index / BLOCK) as f64, (index % BLOCK) as f64);
            let size = if frequency == 0.0 { 0.125f64.sqrt() } else { 0.5 };
            (size * (std::f64::consts::PI * (place + 0.5) * frequency / BLOCK as f64).cos()) as f32
        })
        .collect();
    let cosines = on_device(&cosines, &[BLOCK, BLOCK])?;
    // [batch, 3, rows of blocks, columns of blocks, row, column]
    let split = turn(&pictures.f_sub_scalar(128.0)?, &TO_YCC)?
        .f_view([batch, 3, blocks, BLOCK, blocks, BLOCK])?
        .f_permute([0, 1, 2, 4, 3, 5])?;
    let frequencies = cosines.f_matmul(&split)?.f_matmul(&cosines.f_tr()?)?;
    // libjpeg's way from a quality to the tables.
    let quality = between(pictures, 20.0, 90.0)?;
    let low = quality.f_reciprocal()?.f_mul_scalar(50.0)?;
    let factor =
        (quality.f_mul_scalar(-0.02)?.f_add_scalar(2.0)?).f_minimum(&low)?.f_view([-1, 1, 1, 1, 1, 1])?;
    let tables = [on_device(&LUMINANCE, &[1, 8, 8])?, on_device(&CHROMINANCE, &[1, 8, 8])?];
    let tables =
        Tensor::f_cat(&[&tables[0], &tables[1], &tables[1]], 0)?.f_view([1, 3, 1, 1, BLOCK, BLOCK])?;
    let steps = tables.f_mul(&factor)?.f_round()?.f_clamp(1.0, 255.0)?;
    let rounded = frequencies.f_div(&steps)?.f_round()?.f_mul(&steps)?;
    let back = cosines.f_tr()?.f_matmul(&rounded)?.f_matmul(&cosines)?;
    let joined = back.f_permute([0, 1, 2, 4, 3, 5])?.f_reshape([batch, 3, SIDE as i64, SIDE as i64])?;
    turn(&joined, &TO_RGB)?.f_add_scalar(128.0)
}

#[cfg(test)]
mod tests {
    use ostiary_trainer::faceset;

    use super::*;
    use crate::reference::chance;
    use crate::train::data::Data;

    /// A portrait as often as there are pictures in a batch.
    fn portraits() -> Tensor {
        let folder = tempfile::tempdir().unwrap();
        let person = folder.path().join("someone");
        std::fs::create_dir(&person).unwrap();
        let portrait =
            image::open(concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/portraits/obama.jpg")).unwrap();
        let side = SIDE as u32;
        let face = portrait.resize_to_fill(side, side, image::imageops::FilterType::Triangle);
        face.to_rgb8().save(person.join("face.png")).unwrap();
        let data = Data::open(faceset::open(folder.path()).unwrap(), 1).unwrap();
        let pixels = data.read(&[0; 16]).pixels;
        Tensor::from_slice(&pixels).view([16, 3, SIDE as i64, SIDE as i64]).to_kind(Kind::Float)
    }

    fn number(tensor: Tensor) -> f64 {
        tensor.double_value(&[])
    }

    #[test]
    fn each_change_takes_some_pictures_and_leaves_the_others() {
        let _alone = chance();
        tch::manual_seed(3);
        let pictures = portraits();
        for change in Change::ALL {
            let changed = augment(&pictures, &[change]).unwrap();
            assert_eq!(changed.size(), pictures.size());
            assert!(number(changed.min()) >= 0.0 && number(changed.max()) <= 255.0, "{change}");
            let apart = (&changed - &pictures).abs().mean_dim([1, 2, 3].as_slice(), false, Kind::Float);
            let untouched = (0..16).filter(|i| apart.double_value(&[*i]) == 0.0).count();
            assert!((2..=14).contains(&untouched), "{change} left {untouched} of 16");
            let most = number(apart.max());
            assert!((0.5..120.0).contains(&most), "{change} changes pixels by {most} on average");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_pictures() {
        let _alone = chance();
        let pictures = portraits();
        let of = |seed| {
            tch::manual_seed(seed);
            augment(&pictures, &Change::ALL).unwrap()
        };
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    /// Against a real coder, at a quality that both are given.
    #[test]
    fn pressing_is_what_a_jpeg_does() {
        let _alone = chance();
        tch::manual_seed(5);
        let pictures = portraits();
        let pressed = pressed(&pictures).unwrap().clamp(0.0, 255.0);
        let loss = |picture: &Tensor| number((picture - pictures.get(0)).square().mean(Kind::Float)).sqrt();
        let rgb: Vec<u8> = Vec::<u8>::try_from(
            &pictures.get(0).permute([1, 2, 0]).contiguous().to_kind(Kind::Uint8).flatten(0, -1),
        )
        .unwrap();
        let coded = |quality| {
            let mut file = Vec::new();
            let mut coder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, quality);
            coder.encode(&rgb, SIDE as u32, SIDE as u32, image::ExtendedColorType::Rgb8).unwrap();
            let decoded = image::load_from_memory(&file).unwrap().to_rgb8().into_raw();
            let planes = Tensor::from_slice(&decoded).view([SIDE as i64, SIDE as i64, 3]).permute([2, 0, 1]);
            loss(&planes.to_kind(Kind::Float))
        };
        let (least, most) = (coded(90), coded(20));
        assert!(least < most);
        for picture in 0..16 {
            let loss = loss(&pressed.get(picture));
            assert!((0.5 * least..1.5 * most).contains(&loss), "{loss} is not from {least} to {most}");
        }
    }

    #[test]
    fn a_mask_covers_the_mouth_and_not_the_eyes() {
        let _alone = chance();
        let pictures = portraits();
        let covered = (masked(&pictures).unwrap() - &pictures).abs().sum_dim_intlist(
            [1].as_slice(),
            false,
            Kind::Float,
        );
        assert_eq!(number(covered.narrow(1, 0, 58).sum(Kind::Float)), 0.0);
        let mouth = covered.narrow(1, 92, 4).narrow(2, 50, 12).gt(0.0).to_kind(Kind::Float);
        assert!(number(mouth.mean(Kind::Float)) > 0.95);
    }
}
