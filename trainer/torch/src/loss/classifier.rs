//! The classifier: a center for each person of the training set, and the softmax over the cosines to the centers.
//!
//! With a hundred thousand people and more, a step uses a sample of people: those in the batch, and others at random (Partial FC,
//! An et al. 2022, arXiv:2203.15565, section 3.2). Only their centers, and the momentum of these, change.

use anyhow::{Result, ensure};
use tch::{Device, Kind, TchError, Tensor};

use super::length_statistics::LengthStatistics;
use super::margin::Margin;

/// Standard deviation of the random centers, as in the program of Partial FC.
const INITIAL_DEVIATION: f64 = 0.01;
/// Length of a vector by which is divided at least.
const MIN_LENGTH: f64 = 1e-12;

/// Settings of a classifier.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// The margin between classes.
    pub margin: Margin,
    /// Factor of the cosines before the softmax.
    pub scale: f64,
    /// Share of people that a step uses, above 0 and at most 1.
    pub sample: f64,
}

/// The centers, and the state of their training.
pub struct Classifier {
    settings: Settings,
    people: i64,
    /// A center for each person, `[people, embedding]`.
    centers: Tensor,
    /// Momentum of their gradients, of the same shape.
    momentum: Tensor,
    length_statistics: LengthStatistics,
}

/// The centers that a step uses.
pub struct SampledCenters {
    /// Numbers of the people, ascending, `[sampled]`; `None` for all people.
    people: Option<Tensor>,
    /// Their centers, which get a gradient, `[sampled, embedding]`.
    pub centers: Tensor,
}

/// Parameters of a step of stochastic gradient descent.
#[derive(Debug, Clone, Copy)]
pub struct SgdStep {
    /// Learning rate.
    pub rate: f64,
    /// Momentum.
    pub momentum: f64,
    /// Weight decay.
    pub decay: f64,
}

impl Classifier {
    /// A classifier with random centers, from torch's random generator.
    ///
    /// # Errors
    /// If the sample is out of range, or those of torch.
    pub fn new(people: usize, embedding: usize, settings: Settings, device: Device) -> Result<Self> {
        ensure!(
            settings.sample > 0.0 && settings.sample <= 1.0,
            "--sample is {}; it must be above 0 and at most 1",
            settings.sample
        );
        let shape = [people as i64, embedding as i64];
        Ok(Self {
            settings,
            people: people as i64,
            centers: Tensor::f_randn(shape, (Kind::Float, Device::Cpu))?
                .f_mul_scalar(INITIAL_DEVIATION)?
                .f_to_device(device)?,
            momentum: Tensor::f_zeros(shape, (Kind::Float, device))?,
            length_statistics: LengthStatistics::new(device)?,
        })
    }

    /// The state for a checkpoint: centers, their momentum, and mean and standard deviation of lengths.
    pub fn state(&self) -> [&Tensor; 3] {
        [&self.centers, &self.momentum, &self.length_statistics.mean_and_std]
    }

    /// Running mean and standard deviation of the lengths of embeddings, `[2]`. With AdaFace, [`Self::loss`] moves them.
    pub fn length_statistics(&self) -> &Tensor {
        &self.length_statistics.mean_and_std
    }

    /// Restores a [`Self::state`].
    ///
    /// # Errors
    /// If a tensor has another shape.
    pub fn restore(&mut self, [centers, momentum, mean_and_std]: [Tensor; 3]) -> Result<()> {
        let same = |a: &Tensor, b: &Tensor| a.size() == b.size();
        ensure!(
            same(&self.centers, &centers)
                && same(&self.momentum, &momentum)
                && same(&self.length_statistics.mean_and_std, &mean_and_std),
            "the classifier has the shape {:?}; expected {:?}",
            centers.size(),
            self.centers.size()
        );
        let device = self.centers.device();
        self.centers = centers.f_to_device(device)?;
        self.momentum = momentum.f_to_device(device)?;
        self.length_statistics.mean_and_std = mean_and_std.f_to_device(device)?;
        Ok(())
    }

    /// Chooses the people of a step: all in `labels` (`[batch]`, 64-bit), and others from torch's random generator.
    ///
    /// # Errors
    /// Those of torch.
    pub fn sample(&self, labels: &Tensor) -> Result<SampledCenters, TchError> {
        let people = self.people;
        let wanted = (people as f64 * self.settings.sample).ceil() as i64;
        if wanted >= people {
            return Ok(SampledCenters {
                people: None,
                centers: self.centers.f_detach()?.f_set_requires_grad(true)?,
            });
        }
        // People of the batch come first; the others have a random order.
        let mut order = Tensor::f_rand([people], (Kind::Float, self.centers.device()))?;
        // Above all random numbers, which are below 1.
        let first = Tensor::f_full([1], 2.0, (Kind::Float, self.centers.device()))?;
        order = order.f_index_put(&[Some(labels)], &first, false)?;
        let present = order.f_gt(1.5)?.f_sum(Kind::Int64)?.f_int64_value(&[])?;
        let (_, chosen) = order.f_topk(wanted.max(present), 0, true, false)?;
        let (chosen, _) = chosen.f_sort(0, false)?;
        let centers = self.centers.f_index_select(0, &chosen)?.f_set_requires_grad(true)?;
        Ok(SampledCenters { people: Some(chosen), centers })
    }

    /// The mean loss of a batch: cross entropy over the sampled people. `embeddings` is `[batch, embedding]`, not of unit length.
    ///
    /// # Errors
    /// Those of torch.
    pub fn loss(
        &mut self,
        embeddings: &Tensor,
        labels: &Tensor,
        sampled: &SampledCenters,
    ) -> Result<Tensor, TchError> {
        let own = match &sampled.people {
            Some(people) => labels.f_searchsorted(people, false, false, "left", None::<Tensor>)?,
            None => labels.shallow_clone(),
        };
        let logits = self.logits(embeddings, &own, &sampled.centers)?;
        logits.f_cross_entropy_loss(&own, None::<Tensor>, tch::Reduction::Mean, -100, 0.0)
    }

    /// Scaled cosines to the centers, `[batch, centers]`, with the margin applied to the own center of each embedding.
    ///
    /// # Errors
    /// Those of torch.
    pub fn logits(
        &mut self,
        embeddings: &Tensor,
        own: &Tensor,
        centers: &Tensor,
    ) -> Result<Tensor, TchError> {
        let lengths = length(embeddings)?;
        let cosines = embeddings.f_div(&lengths)?.f_matmul(&centers.f_div(&length(centers)?)?.f_tr()?)?;
        let scaler = match self.settings.margin {
            Margin::AdaFace { h, .. } => self.length_statistics.scaler(&lengths, h)?,
            _ => lengths.f_detach()?,
        };
        let own = own.f_unsqueeze(1)?;
        let with_margin = self.settings.margin.apply(&cosines.f_gather(1, &own, false)?, &scaler)?;
        cosines.f_scatter(1, &own, &with_margin)?.f_mul_scalar(self.settings.scale)
    }

    /// Updates the centers of a step by their gradient, like the weights of the network in [`crate::train`]. If `finite`, one
    /// boolean, is false, nothing changes.
    ///
    /// # Errors
    /// Those of torch.
    pub fn step(
        &mut self,
        sampled: &SampledCenters,
        gradient: &Tensor,
        finite: &Tensor,
        step: SgdStep,
    ) -> Result<(), TchError> {
        let _no_grad = tch::no_grad_guard();
        let gradient = gradient.f_add(&sampled.centers.f_mul_scalar(step.decay)?)?;
        let before = match &sampled.people {
            Some(people) => self.momentum.f_index_select(0, people)?,
            None => self.momentum.shallow_clone(),
        };
        let momentum = before.f_mul_scalar(step.momentum)?.f_add(&gradient)?.f_where_self(finite, &before)?;
        let centers = sampled.centers.f_detach()?;
        let moved = centers.f_sub(&momentum.f_mul_scalar(step.rate)?)?;
        let centers = moved.f_where_self(finite, &centers)?;
        match &sampled.people {
            Some(people) => {
                let _ = self.momentum.f_index_copy_(0, people, &momentum)?;
                let _ = self.centers.f_index_copy_(0, people, &centers)?;
            }
            None => (self.momentum, self.centers) = (momentum, centers),
        }
        Ok(())
    }
}

/// Lengths of rows, `[rows, 1]`, at least [`MIN_LENGTH`].
fn length(rows: &Tensor) -> Result<Tensor, TchError> {
    rows.f_norm_scalaropt_dim(2.0, [1], true)?.f_clamp_min(MIN_LENGTH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{Reference, near, tensor, torch_rng};

    const LABELS: [i64; 8] = [0, 3, 3, 19, 7, 11, 2, 5];

    fn classifier(margin: Margin, sample: f64) -> Classifier {
        let settings = Settings { margin, scale: 64.0, sample };
        let mut classifier = Classifier::new(20, 16, settings, Device::Cpu).unwrap();
        classifier.centers = tensor("centres", &[20, 16]);
        classifier
    }

    /// The embeddings of the reference.
    fn embeddings() -> Tensor {
        let embeddings = tensor("embeddings", &[8, 16]) * 30.0;
        let centers = tensor("centres", &[20, 16]);
        for (row, factor, center) in [(1, -10.0, 3), (5, 4.0, 11)] {
            let near = centers.get(center) * factor + embeddings.get(row) * 0.02;
            embeddings.get(row).copy_(&near);
        }
        embeddings.set_requires_grad(true)
    }

    fn list(tensor: &Tensor) -> Vec<f64> {
        Vec::<f32>::try_from(&tensor.detach().flatten(0, -1)).unwrap().into_iter().map(f64::from).collect()
    }

    #[test]
    fn margins_and_their_gradients_are_those_of_pytorch() {
        let _exclusive = torch_rng();
        let labels = Tensor::from_slice(&LABELS);
        for (name, wanted) in &Reference::stored().margins {
            let mut classifier = classifier(name.parse().unwrap(), 1.0);
            let sampled = classifier.sample(&labels).unwrap();
            let embeddings = embeddings();
            let loss = classifier.loss(&embeddings, &labels, &sampled).unwrap();
            assert!((loss.double_value(&[]) - wanted.loss).abs() < 1e-4 * wanted.loss, "{name}");
            let gradients = Tensor::run_backward(&[loss], &[&embeddings, &sampled.centers], false, false);
            near(&list(&gradients[0]), &wanted.embeddings);
            near(&list(&gradients[1]), &wanted.centers);
        }
    }

    #[test]
    fn a_sample_has_the_batch_and_changes_no_other_centers() {
        let _exclusive = torch_rng();
        tch::manual_seed(1);
        let labels = Tensor::from_slice(&LABELS);
        let mut classifier = classifier(Margin::CosFace { m: 0.35 }, 0.5);
        let sampled = classifier.sample(&labels).unwrap();
        let people: Vec<i64> = sampled.people.as_ref().unwrap().try_into().unwrap();
        assert_eq!(people.len(), 10);
        assert!(LABELS.iter().all(|label| people.contains(label)));
        let before = classifier.centers.copy();
        let loss = classifier.loss(&embeddings(), &labels, &sampled).unwrap();
        let gradient = Tensor::run_backward(&[loss], &[&sampled.centers], false, false).remove(0);
        classifier
            .step(&sampled, &gradient, &Tensor::from(true), SgdStep { rate: 0.1, momentum: 0.9, decay: 5e-4 })
            .unwrap();
        for person in 0..20 {
            let same = before.get(person).equal(&classifier.centers.get(person));
            assert_eq!(same, !people.contains(&person), "{person}");
        }
        let again: Vec<i64> =
            classifier.sample(&labels).unwrap().people.as_ref().unwrap().try_into().unwrap();
        assert_ne!(people, again, "each step samples other people");
    }

    /// A sample has at least the people of the batch.
    #[test]
    fn a_small_sample_is_the_batch() {
        let _exclusive = torch_rng();
        let labels = Tensor::from_slice(&LABELS);
        let sampled = classifier(Margin::ArcFace { m: 0.5 }, 0.05).sample(&labels).unwrap();
        let people: Vec<i64> = sampled.people.as_ref().unwrap().try_into().unwrap();
        assert_eq!(people, [0, 2, 3, 5, 7, 11, 19]);
    }

    #[test]
    fn a_step_is_that_of_torchs_sgd() {
        let _exclusive = torch_rng();
        let labels = Tensor::from_slice(&LABELS);
        let mut classifier = classifier(Margin::ArcFace { m: 0.5 }, 1.0);
        let store = tch::nn::VarStore::new(Device::Cpu);
        let mut theirs = store.root().var_copy("centres", &classifier.centers);
        use tch::nn::OptimizerConfig;
        let mut sgd =
            tch::nn::Sgd { momentum: 0.9, wd: 5e-4, ..Default::default() }.build(&store, 0.1).unwrap();
        for _ in 0..3 {
            let sampled = classifier.sample(&labels).unwrap();
            let loss = classifier.loss(&embeddings(), &labels, &sampled).unwrap();
            let gradient = Tensor::run_backward(&[loss], &[&sampled.centers], false, false).remove(0);
            classifier
                .step(
                    &sampled,
                    &gradient,
                    &Tensor::from(true),
                    SgdStep { rate: 0.1, momentum: 0.9, decay: 5e-4 },
                )
                .unwrap();
            sgd.backward_step(&(&theirs * &gradient).sum(Kind::Float));
        }
        near(&list(&classifier.centers), &list(&theirs));
        theirs.zero_grad();
    }
}
