//! One training step: losses of a batch, gradients, and the update of all weights.

use anyhow::Result;
use tch::{Kind, TchError, Tensor};

use super::augment::augment;
use super::distill::{self, Teachers};
use super::optimizer::{ClippedGradients, Optimizer};
use super::pixels;
use super::settings::Settings;
use super::training_set::Batch;
use crate::loss::{Classifier, SgdStep};
use crate::network::{Mode, Network};

/// Increment of SplitMix64 (Steele et al. 2014): neighboring step numbers give distant seeds.
const GOLDEN_GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// Everything that a step uses and changes.
pub struct TrainStep {
    /// Settings of the run.
    pub settings: Settings,
    /// The network that is trained.
    pub network: Network,
    /// Its classifier.
    pub classifier: Classifier,
    /// The optimizer of the network.
    pub optimizer: Optimizer,
    /// Teachers of distillation.
    pub teachers: Option<Teachers>,
}

impl TrainStep {
    /// Trains on a batch with a learning rate. Returns the loss, one number on the device. If a gradient is not finite, nothing
    /// changes. Random numbers depend only on the seed and the number of the step, so a continued run has the same ones.
    ///
    /// # Errors
    /// Those of torch, or if a teacher cannot run.
    pub fn run(&mut self, batch: &Batch, number: usize, rate: f64) -> Result<Tensor> {
        tch::manual_seed(self.settings.seed.wrapping_add(number as u64).wrapping_mul(GOLDEN_GAMMA) as i64);
        let pictures = pixels::on_device(batch, self.network.device())?;
        let labels = Tensor::f_from_slice(&batch.labels)?.f_to_device(self.network.device())?;
        let shown = tch::no_grad(|| augment(&pictures, &self.settings.augment))?;
        let input = pixels::normalized(&shown)?.f_to_kind(self.settings.precision.kind())?;
        let mut before = self.network.norm_statistics().f_empty_like()?;
        before.f_copy_(self.network.norm_statistics())?;
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
            let loss = distill::loss(&embeddings, &teachers.embed(&shown)?)?;
            losses.push(loss.f_mul_scalar(teacher_weight)?);
        }
        let loss = Tensor::f_stack(&losses, 0)?.f_sum(Kind::Float)?;
        let [weights, rest] = self.network.trainable();
        let trainable: Vec<&Tensor> =
            [weights, rest].into_iter().chain(sampled.as_ref().map(|sampled| &sampled.centers)).collect();
        let gradients = Tensor::f_run_backward(&[&loss], &trainable, false, false)?;
        let ClippedGradients { gradients, finite } =
            self.optimizer.clip_gradients(gradients, self.settings.clip)?;
        let step = SgdStep { rate, momentum, decay };
        self.optimizer.step(&self.network, &gradients, &finite, step)?;
        // The gradient of the centers follows those of the network.
        if let (Some(sampled), [_, _, gradient]) = (&sampled, &gradients[..]) {
            self.classifier.step(sampled, gradient, &finite, step)?;
        }
        restore_if_not_finite(self.network.norm_statistics(), &before, &finite)?;
        Ok(loss.f_detach()?)
    }
}

/// Restores the statistics of norms if a gradient is not finite.
fn restore_if_not_finite(measured: &Tensor, before: &Tensor, finite: &Tensor) -> Result<(), TchError> {
    let kept = measured.f_where_self(finite, before)?;
    measured.shallow_clone().f_copy_(&kept)
}
