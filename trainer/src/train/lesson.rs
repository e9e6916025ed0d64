//! One step: what a network learns from one batch.

use anyhow::Result;
use tch::{TchError, Tensor};

use super::augment::augment;
use super::data::Batch;
use super::optimiser::Optimiser;
use super::pixels;
use super::settings::Settings;
use super::teacher::{self, Teacher};
use crate::head::{Classifier, Step};
use crate::net::{Mode, Network};

/// All that learns, and from whom.
pub struct Lesson {
    pub settings: Settings,
    pub network: Network,
    pub classifier: Classifier,
    pub optimiser: Optimiser,
    pub teacher: Option<Teacher>,
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
        let input = pixels::normalised(&shown)?.f_to_kind(self.settings.precision.kind())?;
        let mut measured = self.network.measured().f_empty_like()?;
        measured.f_copy_(self.network.measured())?;
        let embeddings = self.network.embed(&input, Mode::Train)?;
        let sampled = self.classifier.sample(&labels)?;
        let mut loss = self.classifier.loss(&embeddings, &labels, &sampled)?;
        if let Some(teacher) = &self.teacher {
            let wanted = teacher.embed(&pictures)?;
            loss = loss
                .f_add(&teacher::loss(&embeddings, &wanted)?.f_mul_scalar(self.settings.teacher_weight)?)?;
        }
        let [weights, rest] = self.network.learnt();
        let gradients = Tensor::f_run_backward(&[&loss], &[weights, rest, &sampled.centres], false, false)?;
        let judged = self.optimiser.judge(gradients, self.settings.clip)?;
        let Settings { momentum, decay, .. } = self.settings;
        let step = Step { rate, momentum, decay };
        self.optimiser.step(&self.network, &judged.gradients[..2], &judged.finite, step)?;
        self.classifier.step(&sampled, &judged.gradients[2], &judged.finite, step)?;
        take_back(self.network.measured(), &measured, &judged.finite)?;
        Ok(loss.f_detach()?)
    }
}

/// What norms noted of a batch that broke the numbers is forgotten.
fn take_back(measured: &Tensor, before: &Tensor, finite: &Tensor) -> Result<(), TchError> {
    let kept = measured.f_where_self(finite, before)?;
    measured.shallow_clone().f_copy_(&kept)
}
