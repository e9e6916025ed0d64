//! A centre for each person of the training set, and the softmax over the cosines to them.
//!
//! Of a hundred thousand people and more, a step takes a sample: all that are in the batch, and others at random (Partial FC,
//! An et al. 2022, arXiv:2203.15565, section 3.2). Only their centres, and the momentum of these, are touched.

use anyhow::{Result, ensure};
use tch::{Device, Kind, TchError, Tensor};

use super::adaptive::Quality;
use super::margin::Margin;

/// How a classifier teaches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    pub margin: Margin,
    /// What cosines are multiplied by before the softmax.
    pub scale: f64,
    /// The share of people that a step looks at, above 0 and at most 1.
    pub sample: f64,
}

pub struct Classifier {
    settings: Settings,
    /// A centre for each person, `[people, embedding]`.
    centres: Tensor,
    /// Of their gradients, of the same shape.
    momentum: Tensor,
    quality: Quality,
}

/// What one step looks at.
pub struct Sampled {
    /// The people, ascending, `[sampled]`; none where it is all of them.
    people: Option<Tensor>,
    /// Their centres, from which a gradient is wanted, `[sampled, embedding]`.
    pub centres: Tensor,
}

/// How a step's centres move.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    pub rate: f64,
    pub momentum: f64,
    pub decay: f64,
}

impl Classifier {
    /// With centres at random. Takes torch's random numbers.
    pub fn new(people: usize, embedding: usize, settings: Settings, device: Device) -> Result<Self> {
        ensure!(
            settings.sample > 0.0 && settings.sample <= 1.0,
            "the share of people of a step is above 0 and at most 1"
        );
        let shape = [people as i64, embedding as i64];
        Ok(Self {
            settings,
            centres: Tensor::f_randn(shape, (Kind::Float, Device::Cpu))?
                .f_mul_scalar(0.01)?
                .f_to_device(device)?,
            momentum: Tensor::f_zeros(shape, (Kind::Float, device))?,
            quality: Quality::new(device)?,
        })
    }

    /// All that it has learnt and noted, for a file: centres, their momentum, and mean and spread of lengths.
    pub fn state(&self) -> [&Tensor; 3] {
        [&self.centres, &self.momentum, &self.quality.noted]
    }

    /// Takes what [`Self::state`] gave, of the same shapes.
    pub fn restore(&mut self, [centres, momentum, noted]: [Tensor; 3]) -> Result<()> {
        let same = |a: &Tensor, b: &Tensor| a.size() == b.size();
        ensure!(
            same(&self.centres, &centres)
                && same(&self.momentum, &momentum)
                && same(&self.quality.noted, &noted),
            "the classifier has the shape {:?} where {:?} is wanted",
            centres.size(),
            self.centres.size()
        );
        let device = self.centres.device();
        self.centres = centres.f_to_device(device)?;
        self.momentum = momentum.f_to_device(device)?;
        self.quality.noted = noted.f_to_device(device)?;
        Ok(())
    }

    /// Chooses whom a step looks at: everybody of `labels` (`[batch]`, 64-bit), and others as torch's random numbers will.
    pub fn sample(&self, labels: &Tensor) -> Result<Sampled, TchError> {
        let people = self.centres.size()[0];
        let wanted = (people as f64 * self.settings.sample).ceil() as i64;
        if wanted >= people {
            return Ok(Sampled {
                people: None,
                centres: self.centres.f_detach()?.f_set_requires_grad(true)?,
            });
        }
        // Those of the batch come before all others, whose order is chance.
        let mut order = Tensor::f_rand([people], (Kind::Float, self.centres.device()))?;
        let first = Tensor::f_full([1], 2.0, (Kind::Float, self.centres.device()))?;
        order = order.f_index_put(&[Some(labels)], &first, false)?;
        let present = order.f_gt(1.5)?.f_sum(Kind::Int64)?.f_int64_value(&[])?;
        let (_, chosen) = order.f_topk(wanted.max(present), 0, true, false)?;
        let (chosen, _) = chosen.f_sort(0, false)?;
        let centres = self.centres.f_index_select(0, &chosen)?.f_set_requires_grad(true)?;
        Ok(Sampled { people: Some(chosen), centres })
    }

    /// The mean loss of a batch: cross entropy over the sampled people. `embeddings` is `[batch, embedding]`, not of unit
    /// length.
    pub fn loss(
        &mut self,
        embeddings: &Tensor,
        labels: &Tensor,
        sampled: &Sampled,
    ) -> Result<Tensor, TchError> {
        let own = match &sampled.people {
            Some(people) => labels.f_searchsorted(people, false, false, "left", None::<Tensor>)?,
            None => labels.shallow_clone(),
        };
        let logits = self.logits(embeddings, &own, &sampled.centres)?;
        logits.f_cross_entropy_loss(&own, None::<Tensor>, tch::Reduction::Mean, -100, 0.0)
    }

    /// Scaled cosines to the centres, `[batch, centres]`, with the margin taken from each one's own.
    pub fn logits(
        &mut self,
        embeddings: &Tensor,
        own: &Tensor,
        centres: &Tensor,
    ) -> Result<Tensor, TchError> {
        let lengths = length(embeddings)?;
        let cosines = embeddings.f_div(&lengths)?.f_matmul(&centres.f_div(&length(centres)?)?.f_tr()?)?;
        let scaler = match self.settings.margin {
            Margin::AdaFace { h, .. } => self.quality.scaler(&lengths, h)?,
            _ => lengths.f_detach()?,
        };
        let own = own.f_unsqueeze(1)?;
        let with_margin = self.settings.margin.apply(&cosines.f_gather(1, &own, false)?, &scaler)?;
        cosines.f_scatter(1, &own, &with_margin)?.f_mul_scalar(self.settings.scale)
    }

    /// Moves the centres of a step by their gradient, as [`crate::train`] moves the network's weights; by nothing where
    /// `finite`, one number, is false.
    pub fn step(
        &mut self,
        sampled: &Sampled,
        gradient: &Tensor,
        finite: &Tensor,
        step: Step,
    ) -> Result<(), TchError> {
        let _held = tch::no_grad_guard();
        let gradient = gradient.f_add(&sampled.centres.f_mul_scalar(step.decay)?)?;
        let before = match &sampled.people {
            Some(people) => self.momentum.f_index_select(0, people)?,
            None => self.momentum.shallow_clone(),
        };
        let momentum = before.f_mul_scalar(step.momentum)?.f_add(&gradient)?.f_where_self(finite, &before)?;
        let centres = sampled.centres.f_detach()?;
        let moved = centres.f_sub(&momentum.f_mul_scalar(step.rate)?)?;
        let centres = moved.f_where_self(finite, &centres)?;
        match &sampled.people {
            Some(people) => {
                let _ = self.momentum.f_index_copy_(0, people, &momentum)?;
                let _ = self.centres.f_index_copy_(0, people, &centres)?;
            }
            None => (self.momentum, self.centres) = (momentum, centres),
        }
        Ok(())
    }
}

/// Lengths of rows, `[rows, 1]`, never 0.
fn length(rows: &Tensor) -> Result<Tensor, TchError> {
    rows.f_norm_scalaropt_dim(2.0, [1], true)?.f_clamp_min(1e-12)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{Reference, chance, near, tensor};

    const LABELS: [i64; 8] = [0, 3, 3, 19, 7, 11, 2, 5];

    fn classifier(margin: Margin, sample: f64) -> Classifier {
        let settings = Settings { margin, scale: 64.0, sample };
        let mut classifier = Classifier::new(20, 16, settings, Device::Cpu).unwrap();
        classifier.centres = tensor("centres", &[20, 16]);
        classifier
    }

    /// As the reference has them.
    fn embeddings() -> Tensor {
        let embeddings = tensor("embeddings", &[8, 16]) * 30.0;
        let centres = tensor("centres", &[20, 16]);
        for (row, factor, centre) in [(1, -10.0, 3), (5, 4.0, 11)] {
            let near = centres.get(centre) * factor + embeddings.get(row) * 0.02;
            embeddings.get(row).copy_(&near);
        }
        embeddings.set_requires_grad(true)
    }

    fn list(tensor: &Tensor) -> Vec<f64> {
        Vec::<f32>::try_from(&tensor.detach().flatten(0, -1)).unwrap().into_iter().map(f64::from).collect()
    }

    #[test]
    fn margins_and_their_gradients_are_pytorchs() {
        let _alone = chance();
        let labels = Tensor::from_slice(&LABELS);
        for (name, wanted) in &Reference::stored().margins {
            let mut classifier = classifier(name.parse().unwrap(), 1.0);
            let sampled = classifier.sample(&labels).unwrap();
            let embeddings = embeddings();
            let loss = classifier.loss(&embeddings, &labels, &sampled).unwrap();
            assert!((loss.double_value(&[]) - wanted.loss).abs() < 1e-4 * wanted.loss, "{name}");
            let gradients = Tensor::run_backward(&[loss], &[&embeddings, &sampled.centres], false, false);
            near(&list(&gradients[0]), &wanted.embeddings);
            near(&list(&gradients[1]), &wanted.centres);
        }
    }

    #[test]
    fn a_sample_has_the_batch_and_moves_nobody_else() {
        let _alone = chance();
        tch::manual_seed(1);
        let labels = Tensor::from_slice(&LABELS);
        let mut classifier = classifier(Margin::CosFace { m: 0.35 }, 0.5);
        let sampled = classifier.sample(&labels).unwrap();
        let people: Vec<i64> = sampled.people.as_ref().unwrap().try_into().unwrap();
        assert_eq!(people.len(), 10);
        assert!(LABELS.iter().all(|label| people.contains(label)));
        let before = classifier.centres.copy();
        let loss = classifier.loss(&embeddings(), &labels, &sampled).unwrap();
        let gradient = Tensor::run_backward(&[loss], &[&sampled.centres], false, false).remove(0);
        classifier
            .step(&sampled, &gradient, &Tensor::from(true), Step { rate: 0.1, momentum: 0.9, decay: 5e-4 })
            .unwrap();
        for person in 0..20 {
            let same = before.get(person).equal(&classifier.centres.get(person));
            assert_eq!(same, !people.contains(&person), "{person}");
        }
        let again: Vec<i64> =
            classifier.sample(&labels).unwrap().people.as_ref().unwrap().try_into().unwrap();
        assert_ne!(people, again, "others come in turn");
    }

    /// Smaller than the batch's own people, a sample is these.
    #[test]
    fn a_small_sample_is_the_batch() {
        let _alone = chance();
        let labels = Tensor::from_slice(&LABELS);
        let sampled = classifier(Margin::ArcFace { m: 0.5 }, 0.05).sample(&labels).unwrap();
        let people: Vec<i64> = sampled.people.as_ref().unwrap().try_into().unwrap();
        assert_eq!(people, [0, 2, 3, 5, 7, 11, 19]);
    }

    #[test]
    fn a_step_is_torchs_sgd() {
        let _alone = chance();
        let labels = Tensor::from_slice(&LABELS);
        let mut classifier = classifier(Margin::ArcFace { m: 0.5 }, 1.0);
        let store = tch::nn::VarStore::new(Device::Cpu);
        let mut theirs = store.root().var_copy("centres", &classifier.centres);
        use tch::nn::OptimizerConfig;
        let mut sgd =
            tch::nn::Sgd { momentum: 0.9, wd: 5e-4, ..Default::default() }.build(&store, 0.1).unwrap();
        for _ in 0..3 {
            let sampled = classifier.sample(&labels).unwrap();
            let loss = classifier.loss(&embeddings(), &labels, &sampled).unwrap();
            let gradient = Tensor::run_backward(&[loss], &[&sampled.centres], false, false).remove(0);
            classifier
                .step(
                    &sampled,
                    &gradient,
                    &Tensor::from(true),
                    Step { rate: 0.1, momentum: 0.9, decay: 5e-4 },
                )
                .unwrap();
            sgd.backward_step(&(&theirs * &gradient).sum(Kind::Float));
        }
        near(&list(&classifier.centres), &list(&theirs));
        theirs.zero_grad();
    }
}
