//! Distillation: the embeddings of better networks, the teachers, are the target of the student.
//!
//! The embedding of a teacher is the normalized sum of its embeddings of a picture and of the mirror image, which is better than
//! one of them alone. Teachers and student get the same augmented picture (Beyer et al. 2022, arXiv:2106.05237).
//!
//! If there is one teacher with embeddings of the student's length, they are the target. Otherwise the embeddings of all teachers
//! are concatenated, reduced to their principal directions, and rotated to the initial embeddings of the student (the orthogonal
//! Procrustes problem, Schönemann 1966). The rotation keeps the similarities that all teachers together find, and gives the
//! student the shortest way.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ostiary_core::{ChannelOrder, Crop};
use ostiary_engine::Backend;
use ostiary_trainer::evaluate::model::{self, Model, Preprocessing};
use ostiary_trainer::net::{DIVISOR, MEAN, SIDE, Weights};
use rayon::prelude::*;
use tch::{Device, Kind, TchError, Tensor};

use super::pixels;
use crate::network::{Mode, Network};

/// The teachers.
pub struct Teachers {
    each: Vec<Teacher>,
    /// Projects concatenated embeddings to the length of the student's, `[numbers, embedding]`; `None` if they are the target as
    /// they are.
    projection: Option<Tensor>,
}

/// A network whose embeddings are a target.
enum Teacher {
    /// A network that torch runs.
    Network(Box<Network>),
    /// An ONNX file of another network, run by the door's engine.
    Onnx(Box<dyn Model>),
}

impl Teachers {
    /// Opens checkpoints and ONNX files, at least one. `sample` has batches of pictures of the set, each `[batch, 3, SIDE, SIDE]`
    /// from 0 to 255, from which the projection is computed. There must be more pictures than numbers in an embedding.
    ///
    /// # Errors
    /// If a file cannot be read or is not an embedder, or those of torch.
    pub fn open(files: &[PathBuf], student: &Network, sample: &[Tensor]) -> Result<Self> {
        let _no_grad = tch::no_grad_guard();
        let open = |file: &PathBuf| Teacher::open(file, student.device());
        let mut teachers = Self { each: files.iter().map(open).collect::<Result<_>>()?, projection: None };
        let (mut theirs, mut own) = (Vec::new(), Vec::new());
        for pictures in sample {
            let embeddings = teachers.embed(pictures)?;
            let students = unit(&student.embed(&pixels::normalized(pictures)?, Mode::Infer)?)?;
            if teachers.each.len() == 1 && embeddings.size() == students.size() {
                return Ok(teachers);
            }
            theirs.push(embeddings);
            own.push(students);
        }
        teachers.projection = Some(procrustes(&Tensor::f_cat(&theirs, 0)?, &Tensor::f_cat(&own, 0)?)?);
        Ok(teachers)
    }

    /// The target for pictures, `[batch, 3, SIDE, SIDE]` from 0 to 255: `[batch, embedding]`, without a gradient.
    ///
    /// # Errors
    /// If a teacher cannot run.
    pub fn embed(&self, pictures: &Tensor) -> Result<Tensor> {
        let _no_grad = tch::no_grad_guard();
        let mirrored = pictures.f_flip([3])?;
        let of_each = self.each.iter().map(|teacher| {
            let both = unit(&teacher.embed(pictures)?)?.f_add(&unit(&teacher.embed(&mirrored)?)?)?;
            Ok(unit(&both)?)
        });
        let together = Tensor::f_cat(&of_each.collect::<Result<Vec<_>>>()?, 1)?;
        Ok(match &self.projection {
            Some(projection) => together.f_matmul(projection)?,
            None => together,
        })
    }
}

impl Teacher {
    fn open(file: &Path, device: Device) -> Result<Self> {
        // The ONNX file of a MobileFaceNet runs on the student's device, like a checkpoint.
        match Weights::open(file) {
            Ok(weights) => return Ok(Self::Network(Box::new(Network::load(&weights, device)?))),
            Err(why) if Weights::is_checkpoint(file) => return Err(why),
            Err(_) => {}
        }
        let preprocessing = Preprocessing { mean: MEAN, divisor: DIVISOR, channels: ChannelOrder::Rgb };
        Ok(Self::Onnx(model::open(file, &Backend::tract(1), "tract", &preprocessing)?))
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

/// The projection `[theirs, own]` that brings embeddings `[pictures, theirs]` nearest to those of the same pictures `[pictures, own]`.
/// It keeps their angles, except for directions beyond the length `own`.
fn procrustes(theirs: &Tensor, own: &Tensor) -> Result<Tensor, TchError> {
    // On the processor, where the result is the same in every run.
    let [device, cpu] = [theirs.device(), Device::Cpu];
    let (theirs, own) = (theirs.f_to_device(cpu)?, own.f_to_device(cpu)?);
    let (_, _, directions) = theirs.f_svd(true, true)?;
    let ((_, rank), (_, length)) = (directions.size2()?, own.size2()?);
    let room = rank.min(length);
    let kept = directions.f_narrow(1, 0, room)?;
    let (from, _, to) = theirs.f_matmul(&kept)?.f_tr()?.f_matmul(&own)?.f_svd(true, true)?;
    kept.f_matmul(&from.f_matmul(&to.f_tr()?)?)?.f_to_device(device)
}

/// The mean cosine distance between the embeddings of the student, `[batch, embedding]`, and the target: 0 for equal directions, 2
/// for opposite ones.
///
/// # Errors
/// Those of torch.
pub fn loss(student: &Tensor, wanted: &Tensor) -> Result<Tensor, TchError> {
    let cosines =
        unit(student)?.f_mul(&unit(wanted)?)?.f_sum_dim_intlist([1].as_slice(), false, Kind::Float)?;
    cosines.f_mean(Kind::Float)?.f_neg()?.f_add_scalar(1.0)
}

/// Scales rows to unit length.
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
    fn a_student_that_agrees_has_no_loss() {
        let teacher = tensor("teacher", &[4, 8]);
        assert!(number(loss(&(&teacher * 3.0), &teacher)).abs() < 1e-6);
        assert!(number(loss(&tensor("student", &[4, 8]), &teacher)) > 0.1);
    }

    /// Rotated embeddings with more numbers: the projection finds the inverse rotation.
    #[test]
    fn rotated_embeddings_are_rotated_back() {
        let own = unit(&tensor("own", &[100, 8])).unwrap();
        let (turned, _, _) = tensor("turn", &[12, 8]).svd(true, true);
        let theirs = own.matmul(&turned.tr());
        let projection = procrustes(&theirs, &own).unwrap();
        assert_eq!(projection.size(), [12, 8]);
        assert!(most(&(theirs.matmul(&projection) - &own)) < 1e-4);
    }

    /// Shorter embeddings without relation to those of the student: lengths and angles stay.
    #[test]
    fn the_projection_keeps_angles() {
        let theirs = unit(&tensor("theirs", &[100, 8])).unwrap();
        let turned = theirs.matmul(&procrustes(&theirs, &unit(&tensor("own", &[100, 12])).unwrap()).unwrap());
        assert_eq!(turned.size(), [100, 12]);
        assert!(most(&(turned.matmul(&turned.tr()) - theirs.matmul(&theirs.tr()))) < 1e-5);
    }
}
