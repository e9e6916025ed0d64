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
        let mut input = pixels::normalized(&shown)?.f_to_kind(self.settings.precision.kind())?;
        if self.network.device().is_cuda() {
            input = pixels::channels_last(&input)?;
        }
        // The forward pass moves these, before it is known whether the gradients are finite.
        let norms_before = copy(self.network.norm_statistics())?;
        let lengths_before = copy(self.classifier.length_statistics())?;
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
        restore_if_not_finite(self.network.norm_statistics(), &norms_before, &finite)?;
        restore_if_not_finite(self.classifier.length_statistics(), &lengths_before, &finite)?;
        Ok(loss.f_detach()?)
    }
}

/// A copy of a tensor that needs no gradient.
fn copy(tensor: &Tensor) -> Result<Tensor, TchError> {
    let mut copy = tensor.f_empty_like()?;
    copy.f_copy_(tensor)?;
    Ok(copy)
}

/// Restores running statistics if a gradient is not finite.
fn restore_if_not_finite(measured: &Tensor, before: &Tensor, finite: &Tensor) -> Result<(), TchError> {
    let kept = measured.f_where_self(finite, before)?;
    measured.shallow_clone().f_copy_(&kept)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use ostiary_trainer::net::{Architecture, NetworkKind, SIDE};
    use tch::Device;

    use super::super::schedule::{RateDecay, Schedule};
    use super::super::settings::Precision;
    use super::*;
    use crate::loss::{self, Margin};
    use crate::reference::torch_rng;

    const PEOPLE: usize = 4;

    /// A small network with a classifier of this scale, whose margin is AdaFace.
    fn train_step(scale: f64) -> TrainStep {
        let margin: Margin = "adaface".parse().unwrap();
        let net = Architecture::new(NetworkKind::MobileFaceNet, 0.125, Some(8)).unwrap();
        let settings = Settings {
            data: PathBuf::new(),
            set: String::new(),
            people: PEOPLE,
            pictures: PEOPLE,
            batch: PEOPLE,
            seed: 1,
            precision: Precision::Fp32,
            momentum: 0.9,
            decay: 5e-4,
            clip: 5.0,
            fixed_norms: false,
            scale,
            sample: 1.0,
            augment: Vec::new(),
            init: None,
            teachers: Vec::new(),
            teacher_weight: 1.0,
            classifier_weight: 1.0,
            net,
            margin,
            schedule: Schedule { rate: 0.1, epochs: 1, warm_up: 0.0, decay: RateDecay::Cosine },
        };
        let network = Network::new(net, Device::Cpu).unwrap();
        let loss = loss::Settings { margin, scale, sample: settings.sample };
        let classifier = Classifier::new(PEOPLE, net.embedding(), loss, Device::Cpu).unwrap();
        let optimizer = Optimizer::new(&network).unwrap();
        TrainStep { settings, network, classifier, optimizer, teachers: None }
    }

    /// Copies of everything that a step may change.
    fn state(step: &TrainStep) -> Vec<Tensor> {
        let tensors = step.network.state().into_iter().chain(step.optimizer.state());
        tensors.chain(step.classifier.state()).map(|tensor| copy(&tensor.detach()).unwrap()).collect()
    }

    /// Whether each part of the state is the same before and after a step with this scale, and the number of skipped steps.
    fn unchanged_by_a_step(scale: f64) -> (Vec<bool>, usize) {
        let _exclusive = torch_rng();
        tch::manual_seed(1);
        let mut step = train_step(scale);
        let pixel = |index: usize| (index.wrapping_mul(2_654_435_761) >> 24) as u8;
        let batch = Batch {
            pixels: (0..PEOPLE * 3 * SIDE * SIDE).map(pixel).collect(),
            labels: (0..PEOPLE as i64).collect(),
        };
        let before = state(&step);
        let _loss = step.run(&batch, 0, 0.1).unwrap();
        let same = before.iter().zip(&state(&step)).map(|(before, after)| before.equal(after)).collect();
        (same, step.optimizer.take_skipped().unwrap())
    }

    #[test]
    fn a_step_whose_gradients_are_not_finite_changes_nothing() {
        assert_eq!(unchanged_by_a_step(64.0), (vec![false; 8], 0));
        // The embeddings are finite, and the loss is not.
        assert_eq!(unchanged_by_a_step(f64::INFINITY), (vec![true; 8], 1));
    }
}
