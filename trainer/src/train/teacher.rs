//! Distillation: a larger or better network shows what an embedding should be.
//!
//! Where teacher and pupil have equally many numbers, the pupil's embedding is to point where the teacher's does. Where they
//! have not, pictures are to be as alike to the pupil as they are to the teacher (similarity-preserving distillation, Tung
//! and Mori 2019, arXiv:1907.09682).

use std::path::Path;

use anyhow::{Context, Result};
use ostiary::engine::Backend;
use ostiary::vision::Crop;
use rayon::prelude::*;
use tch::{Device, Kind, TchError, Tensor};

use super::pixels;
use crate::evaluate::model::{self, Feed, Model};
use crate::net::{DIVISOR, MEAN, Mode, Network, SIDE, Weights};

pub enum Teacher {
    Network(Box<Network>),
    /// An ONNX file, run by the door's engine.
    Onnx(Box<dyn Model>),
}

impl Teacher {
    /// A checkpoint (.safetensors) or an ONNX file.
    pub fn open(file: &Path, device: Device) -> Result<Self> {
        if file.extension().is_some_and(|ending| ending == "safetensors") {
            return Ok(Self::Network(Box::new(Network::load(&Weights::open(file)?, device)?)));
        }
        let feed = Feed { mean: MEAN, divisor: DIVISOR, channels: "RGB".into() };
        Ok(Self::Onnx(model::open(file, &Backend::tract(1), "tract", &feed)?))
    }

    /// What it makes of pictures as they are, `[batch, 3, SIDE, SIDE]` from 0 to 255: `[batch, embedding]`, without a gradient.
    pub fn embed(&self, pictures: &Tensor) -> Result<Tensor> {
        let _held = tch::no_grad_guard();
        match self {
            Self::Network(network) => Ok(network.embed(&pixels::normalised(pictures)?, Mode::Infer)?),
            Self::Onnx(model) => {
                let packed =
                    pictures.f_permute([0, 2, 3, 1])?.f_to_kind(Kind::Uint8)?.f_to_device(Device::Cpu)?;
                let bytes = Vec::<u8>::try_from(&packed.f_contiguous()?.f_flatten(0, -1)?)?;
                let row = |bytes: &[u8]| {
                    let mut crop = Crop::default();
                    crop.rgb_mut().copy_from_slice(bytes);
                    model.rows(&[crop])?.pop().context("the teacher gave no embedding")
                };
                let rows: Vec<Vec<f32>> =
                    bytes.par_chunks(3 * SIDE * SIDE).map(row).collect::<Result<_>>()?;
                let batch = rows.len() as i64;
                Ok(Tensor::f_from_slice(&rows.concat())?
                    .f_view([batch, -1])?
                    .f_to_device(pictures.device())?)
            }
        }
    }
}

/// How far the pupil's embeddings, `[batch, embedding]`, are from the teacher's: 0 where they agree.
pub fn loss(pupil: &Tensor, teacher: &Tensor) -> Result<Tensor, TchError> {
    let [pupil, teacher] = [unit(pupil)?, unit(teacher)?];
    if pupil.size() == teacher.size() {
        let cosines = pupil.f_mul(&teacher)?.f_sum_dim_intlist([1].as_slice(), false, Kind::Float)?;
        return cosines.f_mean(Kind::Float)?.f_neg()?.f_add_scalar(1.0);
    }
    let alike = |rows: &Tensor| rows.f_matmul(&rows.f_tr()?);
    alike(&pupil)?.f_sub(&alike(&teacher)?)?.f_square()?.f_mean(Kind::Float)
}

fn unit(rows: &Tensor) -> Result<Tensor, TchError> {
    rows.f_div(&rows.f_norm_scalaropt_dim(2.0, [1], true)?.f_clamp_min(1e-12)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(loss: Result<Tensor, TchError>) -> f64 {
        loss.unwrap().double_value(&[])
    }

    #[test]
    fn a_pupil_that_agrees_has_nothing_to_learn() {
        tch::manual_seed(1);
        let options = (Kind::Float, Device::Cpu);
        let teacher = Tensor::randn([4, 8], options);
        assert!(number(loss(&(&teacher * 3.0), &teacher)).abs() < 1e-6);
        assert!(number(loss(&Tensor::randn([4, 8], options), &teacher)) > 0.1);
        // The same angles between pictures, in more numbers.
        let wider = Tensor::cat(&[&teacher, &Tensor::zeros([4, 8], options)], 1);
        assert!(number(loss(&wider, &teacher)).abs() < 1e-6);
        assert!(number(loss(&Tensor::randn([4, 16], options), &teacher)) > 0.01);
    }
}
