//! Distillation: better networks show what an embedding should be.
//!
//! A teacher's embedding of a picture is that of the picture and its mirror image together, which is better than either's
//! alone. Teacher and pupil see the same picture, made different in the same way (Beyer et al. 2022, arXiv:2106.05237).
//!
//! One teacher with as many numbers as the pupil is met as it is. The embeddings of several, or of one with other numbers, are
//! laid side by side, cut to the directions in which they are longest, and turned to where the pupil's own lie at the
//! beginning (the orthogonal Procrustes problem, Schönemann 1966): so the pupil has the shortest way, and pictures are as
//! alike as all teachers together find them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ostiary_core::Crop;
use ostiary_engine::Backend;
use ostiary_trainer::evaluate::model::{self, Feed, Model};
use ostiary_trainer::net::{DIVISOR, MEAN, SIDE, Weights};
use rayon::prelude::*;
use tch::{Device, Kind, TchError, Tensor};

use super::pixels;
use crate::network::{Mode, Network};

/// All from whom a pupil learns.
pub struct Teachers {
    each: Vec<Teacher>,
    /// From their embeddings side by side to the pupil's numbers, `[numbers, embedding]`; none where they are met as they are.
    turn: Option<Tensor>,
}

enum Teacher {
    Network(Box<Network>),
    /// An ONNX file of another network, run by the door's engine.
    Onnx(Box<dyn Model>),
}

impl Teachers {
    /// Opens checkpoints and ONNX files, at least one. `sample` are pictures of the set, each
    /// `[batch, 3, SIDE, SIDE]` from 0 to 255, over which they are turned to the pupil; more pictures than it has numbers.
    pub fn open(files: &[PathBuf], pupil: &Network, sample: &[Tensor]) -> Result<Self> {
        let _held = tch::no_grad_guard();
        let open = |file: &PathBuf| Teacher::open(file, pupil.device());
        let mut teachers = Self { each: files.iter().map(open).collect::<Result<_>>()?, turn: None };
        let (mut theirs, mut own) = (Vec::new(), Vec::new());
        for pictures in sample {
            let embeddings = teachers.embed(pictures)?;
            let pupils = unit(&pupil.embed(&pixels::normalized(pictures)?, Mode::Infer)?)?;
            if teachers.each.len() == 1 && embeddings.size() == pupils.size() {
                return Ok(teachers);
            }
            theirs.push(embeddings);
            own.push(pupils);
        }
        teachers.turn = Some(turn(&Tensor::f_cat(&theirs, 0)?, &Tensor::f_cat(&own, 0)?)?);
        Ok(teachers)
    }

    /// What a pupil should make of pictures, `[batch, 3, SIDE, SIDE]` from 0 to 255: `[batch, embedding]`, without a gradient.
    pub fn embed(&self, pictures: &Tensor) -> Result<Tensor> {
        let _held = tch::no_grad_guard();
        let mirrored = pictures.f_flip([3])?;
        let of_each = self.each.iter().map(|teacher| {
            let both = unit(&teacher.embed(pictures)?)?.f_add(&unit(&teacher.embed(&mirrored)?)?)?;
            Ok(unit(&both)?)
        });
        let together = Tensor::f_cat(&of_each.collect::<Result<Vec<_>>>()?, 1)?;
        Ok(match &self.turn {
            Some(turn) => together.f_matmul(turn)?,
            None => together,
        })
    }
}

impl Teacher {
    fn open(file: &Path, device: Device) -> Result<Self> {
        // A MobileFaceNet's ONNX file is run where the pupil is, as a checkpoint is.
        match Weights::open(file) {
            Ok(weights) => return Ok(Self::Network(Box::new(Network::load(&weights, device)?))),
            Err(why) if Weights::is_checkpoint(file) => return Err(why),
            Err(_) => {}
        }
        let feed = Feed { mean: MEAN, divisor: DIVISOR, channels: "RGB".into() };
        Ok(Self::Onnx(model::open(file, &Backend::tract(1), "tract", &feed)?))
    }

    fn embed(&self, pictures: &Tensor) -> Result<Tensor> {
        match self {
            Self::Network(network) => Ok(network.embed(&pixels::normalized(pictures)?, Mode::Infer)?),
            Self::Onnx(model) => {
                let packed = pictures.f_permute([0, 2, 3, 1])?.f_round()?.f_to_kind(Kind::Uint8)?;
                let packed = packed.f_to_device(Device::Cpu)?.f_contiguous()?;
                let bytes = Vec::<u8>::try_from(&packed.f_flatten(0, -1)?)?;
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

/// What takes embeddings `[pictures, theirs]` nearest to those of the same pictures `[pictures, own]` and keeps their angles, but
/// for the directions that have no room: `[theirs, own]`.
fn turn(theirs: &Tensor, own: &Tensor) -> Result<Tensor, TchError> {
    // The same on a processor in every run.
    let [device, cpu] = [theirs.device(), Device::Cpu];
    let (theirs, own) = (theirs.f_to_device(cpu)?, own.f_to_device(cpu)?);
    let (_, _, directions) = theirs.f_svd(true, true)?;
    let room = directions.size()[1].min(own.size()[1]);
    let kept = directions.f_narrow(1, 0, room)?;
    let (from, _, to) = theirs.f_matmul(&kept)?.f_tr()?.f_matmul(&own)?.f_svd(true, true)?;
    kept.f_matmul(&from.f_matmul(&to.f_tr()?)?)?.f_to_device(device)
}

/// How far the pupil's embeddings, `[batch, embedding]`, are from those wanted: 0 where they point to the same place, 2 where
/// they point away.
pub fn loss(pupil: &Tensor, wanted: &Tensor) -> Result<Tensor, TchError> {
    let cosines =
        unit(pupil)?.f_mul(&unit(wanted)?)?.f_sum_dim_intlist([1].as_slice(), false, Kind::Float)?;
    cosines.f_mean(Kind::Float)?.f_neg()?.f_add_scalar(1.0)
}

fn unit(rows: &Tensor) -> Result<Tensor, TchError> {
    rows.f_div(&rows.f_norm_scalaropt_dim(2.0, [1], true)?.f_clamp_min(1e-12)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::tensor;

    fn number(loss: Result<Tensor, TchError>) -> f64 {
        loss.unwrap().double_value(&[])
    }

    fn most(tensor: &Tensor) -> f64 {
        tensor.abs().max().double_value(&[])
    }

    #[test]
    fn a_pupil_that_agrees_has_nothing_to_learn() {
        let teacher = tensor("teacher", &[4, 8]);
        assert!(number(loss(&(&teacher * 3.0), &teacher)).abs() < 1e-6);
        assert!(number(loss(&tensor("pupil", &[4, 8]), &teacher)) > 0.1);
    }

    /// The same angles, turned and with numbers that say nothing: the turn finds the way back.
    #[test]
    fn embeddings_that_differ_by_a_turn_are_turned_back() {
        let own = unit(&tensor("own", &[100, 8])).unwrap();
        let (turned, _, _) = tensor("turn", &[12, 8]).svd(true, true);
        let theirs = own.matmul(&turned.tr());
        let turn = turn(&theirs, &own).unwrap();
        assert_eq!(turn.size(), [12, 8]);
        assert!(most(&(theirs.matmul(&turn) - &own)) < 1e-4);
    }

    /// Fewer numbers than the pupil's, or nothing in common: lengths and angles stay.
    #[test]
    fn a_turn_keeps_angles() {
        let theirs = unit(&tensor("theirs", &[100, 8])).unwrap();
        let turned = theirs.matmul(&turn(&theirs, &unit(&tensor("own", &[100, 12])).unwrap()).unwrap());
        assert_eq!(turned.size(), [100, 12]);
        assert!(most(&(turned.matmul(&turned.tr()) - theirs.matmul(&theirs.tr()))) < 1e-5);
    }
}
