//! Stochastic gradient descent with momentum, as in PyTorch's SGD: `v = momentum v + g + decay w; w = w - rate v`.
//!
//! Each group of parameters is one tensor ([`Network::trainable`]), so a step needs a few operations, whatever the number of
//! layers. Whether a gradient is finite is decided on the device: a step with a gradient that is not finite changes nothing and is
//! counted, without waiting for a GPU.

use anyhow::{Result, ensure};
use tch::{Kind, TchError, Tensor};

use crate::loss::SgdStep;
use crate::network::Network;

/// Length of a gradient by which is divided at least.
const MIN_LENGTH: f64 = 1e-12;

/// The state of the optimizer.
pub struct Optimizer {
    /// Momentum of each group of parameters.
    momentum: [Tensor; 2],
    /// Number of skipped steps, one number on the device.
    skipped: Tensor,
}

/// The gradients of a step after clipping.
pub struct ClippedGradients {
    /// The gradients, no longer than allowed; zero if one was not finite.
    pub gradients: Vec<Tensor>,
    /// Whether all gradients were finite, one boolean on the device.
    pub finite: Tensor,
}

impl Optimizer {
    /// An optimizer for a network.
    ///
    /// # Errors
    /// Those of torch.
    pub fn new(network: &Network) -> Result<Self> {
        let [weights, rest] = network.trainable();
        Ok(Self {
            momentum: [weights.f_detach()?.f_zeros_like()?, rest.f_detach()?.f_zeros_like()?],
            skipped: Tensor::f_zeros([1], (Kind::Float, network.device()))?,
        })
    }

    /// Scales gradients to a common length of at most `clip`. If one is not finite, all become zero.
    ///
    /// # Errors
    /// Those of torch.
    pub fn clip_gradients(
        &mut self,
        gradients: Vec<Tensor>,
        clip: f64,
    ) -> Result<ClippedGradients, TchError> {
        let squares =
            gradients.iter().map(|g| g.f_square()?.f_sum(Kind::Float)).collect::<Result<Vec<_>, _>>()?;
        let length = Tensor::f_stack(&squares, 0)?.f_sum(Kind::Float)?.f_sqrt()?;
        let finite = length.f_isfinite()?;
        let factor =
            (length.f_clamp_min(MIN_LENGTH)?.f_reciprocal()?.f_mul_scalar(clip)?).f_clamp_max(1.0)?;
        let cut = |g: Tensor| g.f_mul(&factor)?.f_where_self(&finite, &g.f_zeros_like()?);
        let gradients = gradients.into_iter().map(cut).collect::<Result<_, _>>()?;
        self.skipped = self.skipped.f_add(&finite.f_logical_not()?.f_to_kind(Kind::Float)?)?;
        Ok(ClippedGradients { gradients, finite })
    }

    /// Updates the network by the gradients of [`Network::trainable`], the first two of `gradients`. Norms and slopes do not decay.
    ///
    /// # Errors
    /// Those of torch.
    pub fn step(
        &mut self,
        network: &Network,
        gradients: &[Tensor],
        finite: &Tensor,
        step: SgdStep,
    ) -> Result<(), TchError> {
        let _no_grad = tch::no_grad_guard();
        let groups = network.trainable().into_iter().zip(&mut self.momentum).zip(gradients);
        for (((group, momentum), gradient), decay) in groups.zip([step.decay, 0.0]) {
            let gradient = gradient.f_add(&group.f_mul_scalar(decay)?)?;
            let moved = momentum.f_mul_scalar(step.momentum)?.f_add(&gradient)?;
            *momentum = moved.f_where_self(finite, momentum)?;
            let by = momentum.f_mul_scalar(-step.rate)?.f_where_self(finite, &momentum.f_zeros_like()?)?;
            let _ = group.shallow_clone().f_add_(&by)?;
        }
        Ok(())
    }

    /// Number of skipped steps since the last call. Waits for the device.
    ///
    /// # Errors
    /// Those of torch.
    pub fn take_skipped(&mut self) -> Result<usize, TchError> {
        let skipped = self.skipped.f_double_value(&[0])? as usize;
        let _ = self.skipped.f_zero_()?;
        Ok(skipped)
    }

    /// The state for a checkpoint: the momentum of each group.
    pub fn state(&self) -> [&Tensor; 2] {
        self.momentum.each_ref()
    }

    /// Restores a [`Self::state`].
    ///
    /// # Errors
    /// If a tensor has another size.
    pub fn restore(&mut self, state: [Tensor; 2]) -> Result<()> {
        for (own, restored) in self.momentum.iter_mut().zip(state) {
            ensure!(own.size() == restored.size(), "the state of the optimizer is of another network");
            *own = restored.f_to_device(own.device())?;
        }
        Ok(())
    }
}
