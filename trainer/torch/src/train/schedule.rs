//! The schedule of the learning rate.

use serde::{Deserialize, Serialize};

/// How the rate falls after the warm-up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RateDecay {
    /// To a tenth at each of these epochs, counted from 0.
    Milestones(Vec<f64>),
    /// Along half a cosine to zero (Loshchilov and Hutter 2017, arXiv:1608.03983, without restarts).
    Cosine,
}

/// The schedule of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// The highest rate.
    pub rate: f64,
    /// Number of epochs.
    pub epochs: usize,
    /// Number of epochs in which the rate rises linearly to the highest rate.
    pub warm_up: f64,
    /// How the rate falls after that.
    #[serde(rename = "fall")]
    pub decay: RateDecay,
}

impl Schedule {
    /// The rate at a time, in epochs since the beginning.
    pub fn rate(&self, epoch: f64) -> f64 {
        if epoch < self.warm_up {
            return self.rate * epoch / self.warm_up;
        }
        match &self.decay {
            RateDecay::Milestones(milestones) => {
                self.rate
                    * 0.1f64.powi(milestones.iter().filter(|milestone| epoch >= **milestone).count() as i32)
            }
            RateDecay::Cosine => {
                let done = (epoch - self.warm_up) / (self.epochs as f64 - self.warm_up);
                self.rate * (1.0 + (std::f64::consts::PI * done.min(1.0)).cos()) / 2.0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(decay: RateDecay) -> Schedule {
        Schedule { rate: 0.1, epochs: 20, warm_up: 2.0, decay }
    }

    #[test]
    fn the_rate_rises_and_falls() {
        let steps = schedule(RateDecay::Milestones(vec![12.0, 15.0]));
        let near = |rate: f64, wanted: f64| assert!((rate - wanted).abs() < 1e-9, "{rate} {wanted}");
        near(steps.rate(0.0), 0.0);
        near(steps.rate(0.5), 0.025);
        near(steps.rate(2.0), 0.1);
        near(steps.rate(11.99), 0.1);
        near(steps.rate(12.0), 0.01);
        near(steps.rate(19.0), 0.001);
        let cosine = schedule(RateDecay::Cosine);
        near(cosine.rate(1.0), 0.05);
        near(cosine.rate(2.0), 0.1);
        near(cosine.rate(11.0), 0.05);
        near(cosine.rate(20.0), 0.0);
    }

    #[test]
    fn without_a_warm_up_the_first_step_has_the_highest_rate() {
        let schedule = Schedule { warm_up: 0.0, ..schedule(RateDecay::Cosine) };
        assert_eq!(schedule.rate(0.0), 0.1);
    }
}
