//! Augmentation of the batches of training, on the device that trains.
//!
//! Input and output is `[batch, 3, SIDE, SIDE]`, RGB from 0 to 255. Each kind of augmentation changes a random half of the pictures,
//! each with a random strength. All random numbers come from torch: after [`tch::manual_seed`] they are the same again.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use ostiary_trainer::net::SIDE;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, TchError, Tensor};

/// Share of the pictures that each kind changes.
const SHARE: f64 = 0.5;
/// Greatest rotation, degrees; scaling, as a share; and shift, pixels: the errors of alignment.
const MAX_ROTATION: f64 = 6.0;
const MAX_SCALING: f64 = 0.08;
const MAX_SHIFT: f64 = 6.0;
/// Factors of saturation, contrast and brightness.
const SATURATION: Range<f64> = 0.0..1.5;
const CONTRAST: Range<f64> = 0.6..1.4;
const BRIGHTNESS: Range<f64> = 0.6..1.4;
/// Share of the light that remains in low light.
const LOW_LIGHT: Range<f64> = 0.05..0.5;
/// Variance of the shot noise for each level of a pixel, and of the read noise.
const SHOT_NOISE: f64 = 0.3;
const READ_NOISE: f64 = 2.0;
/// The gain of the camera in low light is the remaining share to this power: it compensates a part of the loss.
const GAIN_EXPONENT: f64 = -0.6;
/// Standard deviation of the blur, pixels, and the radius of its kernel.
const BLUR: Range<f64> = 0.3..2.0;
const BLUR_RADIUS: i64 = 5;
/// Quality of JPEG compression.
const QUALITY: Range<f64> = 20.0..90.0;
/// The upper edge of a mask at the bridge of the nose, row; its slope to the cheeks; half of the width of the mask, pixels.
const MASK_TOP: Range<f64> = 60.0..74.0;
const MASK_SLOPE: Range<f64> = 0.05..0.35;
const MASK_HALF_WIDTH: Range<f64> = 38.0..52.0;
/// Share of the shading of the face in the color of a mask.
const MASK_SHADING: f64 = 0.15;

/// A kind of augmentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Augmentation {
    /// Mirrors left and right.
    Flip,
    /// Shifts by up to 6 pixels, rotates by up to 6 degrees, scales by up to 8 %, like errors of alignment.
    Crop,
    /// Random brightness, contrast and saturation.
    #[serde(alias = "colour")]
    Color,
    /// Gaussian blur with a standard deviation of up to 2 pixels.
    Blur,
    /// Compression as JPEG with a quality of 20 to 90.
    Jpeg,
    /// Low light: darker, with the noise of a camera.
    Dark,
    /// A mask of one color over mouth and nose.
    Mask,
}

impl Augmentation {
    /// All kinds, in the order in which they are applied.
    pub const ALL: [Self; 7] =
        [Self::Flip, Self::Crop, Self::Mask, Self::Dark, Self::Color, Self::Blur, Self::Jpeg];
}

/// A name that is not the name of an augmentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected one of flip, crop, mask, dark, color, blur, jpeg, or none alone")]
pub struct UnknownAugmentation;

impl FromStr for Augmentation {
    type Err = UnknownAugmentation;

    fn from_str(name: &str) -> Result<Self, UnknownAugmentation> {
        // The British spelling is the name in earlier versions.
        let name = if name == "colour" { "color" } else { name };
        Self::ALL.into_iter().find(|known| known.to_string() == name).ok_or(UnknownAugmentation)
    }
}

impl fmt::Display for Augmentation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flip => "flip",
            Self::Crop => "crop",
            Self::Color => "color",
            Self::Blur => "blur",
            Self::Jpeg => "jpeg",
            Self::Dark => "dark",
            Self::Mask => "mask",
        })
    }
}

/// Applies augmentations in the order of [`Augmentation::ALL`]: changes of the face, of the light, of the camera, of the file.
///
/// # Errors
/// Those of torch.
pub fn augment(pictures: &Tensor, kinds: &[Augmentation]) -> Result<Tensor, TchError> {
    let mut changed = pictures.shallow_clone();
    for kind in Augmentation::ALL.into_iter().filter(|kind| kinds.contains(kind)) {
        let with = match kind {
            Augmentation::Flip => changed.f_flip([3])?,
            Augmentation::Crop => affine(&changed)?,
            Augmentation::Mask => with_mask(&changed)?,
            Augmentation::Dark => low_light(&changed)?,
            Augmentation::Color => color_jitter(&changed)?,
            Augmentation::Blur => gaussian_blur(&changed)?,
            Augmentation::Jpeg => jpeg_compressed(&changed)?,
        };
        let chosen = rand_per_picture(&changed)?.f_lt(SHARE)?;
        changed = with.f_clamp(0.0, 255.0)?.f_where_self(&chosen, &changed)?;
    }
    Ok(changed)
}

/// Number of pictures in a batch.
fn batch_size(pictures: &Tensor) -> Result<i64, TchError> {
    let (batch, _, _, _) = pictures.size4()?;
    Ok(batch)
}

fn options(pictures: &Tensor) -> (Kind, Device) {
    (Kind::Float, pictures.device())
}

/// A uniform random number from 0 to 1 for each picture, `[batch, 1, 1, 1]`.
fn rand_per_picture(pictures: &Tensor) -> Result<Tensor, TchError> {
    Tensor::f_rand([batch_size(pictures)?, 1, 1, 1], options(pictures))
}

/// A uniform random number in a range for each picture, `[batch, 1, 1, 1]`.
fn uniform(pictures: &Tensor, range: Range<f64>) -> Result<Tensor, TchError> {
    rand_per_picture(pictures)?.f_mul_scalar(range.end - range.start)?.f_add_scalar(range.start)
}

/// A random rotation, scaling and shift.
fn affine(pictures: &Tensor) -> Result<Tensor, TchError> {
    let some = |most: f64| uniform(pictures, -most..most)?.f_view([-1]);
    let angle = some(MAX_ROTATION.to_radians())?;
    let scale = some(MAX_SCALING)?.f_add_scalar(1.0)?;
    // Coordinates of the grid go from -1 to 1 over the picture, so a pixel is 2 / SIDE.
    let shift = 2.0 * MAX_SHIFT / SIDE as f64;
    let [x, y] = [some(shift)?, some(shift)?];
    let (cosine, sine) = (angle.f_cos()?.f_mul(&scale)?, angle.f_sin()?.f_mul(&scale)?);
    let rows =
        [Tensor::f_stack(&[&cosine, &sine.f_neg()?, &x], 1)?, Tensor::f_stack(&[&sine, &cosine, &y], 1)?];
    let grid = Tensor::f_affine_grid_generator(&Tensor::f_stack(&rows, 1)?, pictures.size(), false)?;
    // Bilinear interpolation (0); outside the picture is the nearest edge (1).
    pictures.f_grid_sampler(&grid, 0, 1, false)
}

/// The luma of each pixel (ITU-R BT.601), `[batch, 1, SIDE, SIDE]`.
fn luma(pictures: &Tensor) -> Result<Tensor, TchError> {
    let weights = Tensor::f_from_slice(&[0.299f32, 0.587, 0.114])?.f_to_device(pictures.device())?;
    pictures.f_mul(&weights.f_view([1, 3, 1, 1])?)?.f_sum_dim_intlist([1].as_slice(), true, Kind::Float)
}

/// Random saturation, contrast and brightness.
fn color_jitter(pictures: &Tensor) -> Result<Tensor, TchError> {
    let luma = luma(pictures)?;
    let tinted = luma.f_add(&pictures.f_sub(&luma)?.f_mul(&uniform(pictures, SATURATION)?)?)?;
    let mean = tinted.f_mean_dim([1, 2, 3].as_slice(), true, Kind::Float)?;
    let contrast = mean.f_add(&tinted.f_sub(&mean)?.f_mul(&uniform(pictures, CONTRAST)?)?)?;
    contrast.f_mul(&uniform(pictures, BRIGHTNESS)?)
}

/// Random darkness, with noise.
fn low_light(pictures: &Tensor) -> Result<Tensor, TchError> {
    let light = uniform(pictures, LOW_LIGHT)?;
    let dark = pictures.f_mul(&light)?;
    // Shot noise grows with the square root of the light, read noise is constant. Then the camera raises the gain.
    let noise = pictures
        .f_randn_like()?
        .f_mul(&dark.f_mul_scalar(SHOT_NOISE)?.f_add_scalar(READ_NOISE)?.f_sqrt()?)?;
    dark.f_add(&noise)?.f_mul(&light.f_pow_tensor_scalar(GAIN_EXPONENT)?)
}

/// A random Gaussian blur.
fn gaussian_blur(pictures: &Tensor) -> Result<Tensor, TchError> {
    let (batch, side) = (batch_size(pictures)?, SIDE as i64);
    let sigma = uniform(pictures, BLUR)?.f_view([-1, 1])?;
    let places = Tensor::f_arange_start(-BLUR_RADIUS, BLUR_RADIUS + 1, options(pictures))?;
    let weights = places.f_div(&sigma)?.f_square()?.f_mul_scalar(-0.5)?.f_softmax(1, Kind::Float)?;
    // The same kernel for the three planes of a picture.
    let kernels = weights.f_repeat_interleave_self_int(3, 0, None::<i64>)?;
    let planes = pictures.f_reshape([1, 3 * batch, side, side])?.f_replication_pad2d([BLUR_RADIUS; 4])?;
    let none = None::<Tensor>;
    let rows = planes.f_conv2d(
        &kernels.f_view([-1, 1, 1, 2 * BLUR_RADIUS + 1])?,
        none,
        [1, 1],
        [0, 0],
        [1, 1],
        3 * batch,
    )?;
    let none = None::<Tensor>;
    let both = rows.f_conv2d(
        &kernels.f_view([-1, 1, 2 * BLUR_RADIUS + 1, 1])?,
        none,
        [1, 1],
        [0, 0],
        [1, 1],
        3 * batch,
    )?;
    both.f_reshape([batch, 3, side, side])
}

/// Draws a mask below an edge that goes down from the bridge of the nose to both cheeks. In aligned crops the tip of the nose is at
/// row 72, and the mouth at row 92.
fn with_mask(pictures: &Tensor) -> Result<Tensor, TchError> {
    let side = SIDE as i64;
    let columns = Tensor::f_arange(side, options(pictures))?.f_view([1, 1, 1, side])?;
    let rows = Tensor::f_arange(side, options(pictures))?.f_view([1, 1, side, 1])?;
    let from_middle = columns.f_sub_scalar((side - 1) as f64 / 2.0)?.f_abs()?;
    let top = uniform(pictures, MASK_TOP)?;
    let edge = top.f_add(&from_middle.f_mul(&uniform(pictures, MASK_SLOPE)?)?)?;
    let behind = rows
        .f_ge_tensor(&edge)?
        .f_logical_and(&from_middle.f_lt_tensor(&uniform(pictures, MASK_HALF_WIDTH)?)?)?;
    let color = Tensor::f_rand([batch_size(pictures)?, 3, 1, 1], options(pictures))?.f_mul_scalar(255.0)?;
    // The mask keeps some of the shading of the face.
    let cloth =
        color.f_mul_scalar(1.0 - MASK_SHADING)?.f_add(&luma(pictures)?.f_mul_scalar(MASK_SHADING)?)?;
    cloth.f_where_self(&behind, pictures)
}

/// The quantization tables of ITU-T T.81, annex K, by rows.
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
/// The conversion from RGB to YCbCr in JFIF, and back.
const TO_YCC: [f32; 9] = [0.299, 0.587, 0.114, -0.168_736, -0.331_264, 0.5, 0.5, -0.418_688, -0.081_312];
const TO_RGB: [f32; 9] = [1.0, 0.0, 1.402, 1.0, -0.344_136, -0.714_136, 1.0, 1.772, 0.0];

/// Compresses as JPEG without chroma subsampling: cosine transform of blocks of 8x8, quantization, and back.
fn jpeg_compressed(pictures: &Tensor) -> Result<Tensor, TchError> {
    const BLOCK: i64 = 8;
    let (batch, blocks) = (batch_size(pictures)?, SIDE as i64 / BLOCK);
    let on_device = |numbers: &[f32], shape: &[i64]| {
        Tensor::f_from_slice(numbers)?.f_view(shape)?.f_to_device(pictures.device())
    };
    let turn = |colors: &Tensor, matrix: &[f32; 9]| {
        let none = None::<Tensor>;
        colors.f_conv2d(&on_device(matrix, &[3, 3, 1, 1])?, none, [1, 1], [0, 0], [1, 1], 1)
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
    // The scale of the tables for a quality, as in libjpeg.
    let quality = uniform(pictures, QUALITY)?;
    let low = quality.f_reciprocal()?.f_mul_scalar(50.0)?;
    let factor =
        (quality.f_mul_scalar(-0.02)?.f_add_scalar(2.0)?).f_minimum(&low)?.f_view([-1, 1, 1, 1, 1, 1])?;
    let [luminance, chrominance] = [on_device(&LUMINANCE, &[1, 8, 8])?, on_device(&CHROMINANCE, &[1, 8, 8])?];
    let tables =
        Tensor::f_cat(&[&luminance, &chrominance, &chrominance], 0)?.f_view([1, 3, 1, 1, BLOCK, BLOCK])?;
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
    use crate::reference::torch_rng;
    use crate::train::training_set::TrainingSet;

    /// A batch of 16 times the same portrait.
    fn portraits() -> Tensor {
        let folder = tempfile::tempdir().unwrap();
        let person = folder.path().join("someone");
        std::fs::create_dir(&person).unwrap();
        let portrait =
            image::open(concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/self-test/portraits/obama.jpg"))
                .unwrap();
        let side = SIDE as u32;
        let face = portrait.resize_to_fill(side, side, image::imageops::FilterType::Triangle);
        face.to_rgb8().save(person.join("face.png")).unwrap();
        let data = TrainingSet::open(faceset::open(folder.path()).unwrap(), 1).unwrap();
        let pixels = data.read(&[0; 16]).pixels;
        Tensor::from_slice(&pixels).view([16, 3, SIDE as i64, SIDE as i64]).to_kind(Kind::Float)
    }

    fn number(tensor: Tensor) -> f64 {
        tensor.double_value(&[])
    }

    #[test]
    fn each_augmentation_changes_some_pictures_and_keeps_the_others() {
        let _exclusive = torch_rng();
        tch::manual_seed(3);
        let pictures = portraits();
        for change in Augmentation::ALL {
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
        let _exclusive = torch_rng();
        let pictures = portraits();
        let of = |seed| {
            tch::manual_seed(seed);
            augment(&pictures, &Augmentation::ALL).unwrap()
        };
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    /// Compares with a real encoder.
    #[test]
    fn the_loss_is_that_of_a_jpeg_encoder() {
        let _exclusive = torch_rng();
        tch::manual_seed(5);
        let pictures = portraits();
        let pressed = jpeg_compressed(&pictures).unwrap().clamp(0.0, 255.0);
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
        let _exclusive = torch_rng();
        let pictures = portraits();
        let covered = (with_mask(&pictures).unwrap() - &pictures).abs().sum_dim_intlist(
            [1].as_slice(),
            false,
            Kind::Float,
        );
        assert_eq!(number(covered.narrow(1, 0, 58).sum(Kind::Float)), 0.0);
        let mouth = covered.narrow(1, 92, 4).narrow(2, 50, 12).gt(0.0).to_kind(Kind::Float);
        assert!(number(mouth.mean(Kind::Float)) > 0.95);
    }
}
