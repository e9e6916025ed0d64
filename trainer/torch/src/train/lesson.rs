//! One step: what a network learns from one batch.

use anyhow::Result;
use tch::{Kind, TchError, Tensor};

use super::augment::augment;
use super::data::Batch;
use super::optimiser::Optimiser;
use super::pixels;
use super::settings::Settings;
use super::teacher::{self, Teachers};
use crate::head::{Classifier, Step};
use crate::network::{Mode, Network};

/// All that learns, and from whom.
pub struct Lesson {
    pub settings: Settings,
    pub network: Network,
    pub classifier: Classifier,
    pub optimiser: Optimiser,
    pub teachers: Option<Teachers>,
}

impl Lesson {
    /// Learns from a batch at a rate; gives the loss, one number on the device, which may not be finite: then nothing was
    /// learnt. The step's chance is that of its number: a run that is taken up has the same.
    pub fn learn(&mut self, batch: &Batch, number: usize, rate: f64) -> Result<Tensor> {
        tch::manual_seed(
            self.settings.seed.wrapping_add(number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) as i64
        );
        let pictures = pixels::on_device(batch, self.network.device())?;
        let labels = Tensor::f_from_slice(&batch.labels)?.f_to_device(self.network.device())?;
        let shown = tch::no_grad(|| augment(&pictures, &self.settings.augment))?;
        let input = pixels::normalized(&shown)?.f_to_kind(self.settings.precision.kind())?;
        let mut measured = self.network.measured().f_empty_like()?;
        measured.f_copy_(self.network.measured())?;
        let mode = if self.settings.fixed_norms { Mode::Infer } else { Mode::Train };
        let embeddings = self.network.embed(&input, mode)?;
        let Settings { momentum, decay, classifier_weight, teacher_weight, .. } = self.settings;
        let sampled = match classifier_weight {
            0.0 => None,
            _ => Some(self.classifier.sample(&labels)?),
        };
        let mut losses = Vec::with_capacity(2);
        if let Some(sampled) = &sampled {
            let loss = self.classifier.loss(&embeddings, &labels, sampled)?;
            losses.push(loss.f_mul_scalar(classifier_weight)?);
        }
        if let Some(teachers) = &self.teachers {
            let loss = teacher::loss(&embeddings, &teachers.embed(&shown)?)?;
            losses.push(loss.f_mul_scalar(teacher_weight)?);
        }
        let loss = Tensor::f_stack(&losses, 0)?.f_sum(Kind::Float)?;
        let [weights, rest] = self.network.learnt();
        let learnt: Vec<&Tensor> =
            [weights, rest].into_iter().chain(sampled.as_ref().map(|sampled| &sampled.centres)).collect();
        let gradients = Tensor::f_run_backward(&[&loss], &learnt, false, false)?;
        let judged = self.optimiser.judge(gradients, self.settings.clip)?;
        let step = Step { rate, momentum, decay };
        self.optimiser.step(&self.network, &judged.gradients[..2], &judged.finite, step)?;
        if let Some(sampled) = &sampled {
            self.classifier.step(sampled, &judged.gradients[2], &judged.finite, step)?;
        }
        take_back(self.network.measured(), &measured, &judged.finite)?;
        Ok(loss.f_detach()?)
    }
}

/// What norms noted of a batch that broke the numbers is forgotten.
fn take_back(measured: &Tensor, before: &Tensor, finite: &Tensor) -> Result<(), TchError> {
    let kept = measured.f_where_self(finite, before)?;
    measured.shallow_clone().f_copy_(&kept)
}
