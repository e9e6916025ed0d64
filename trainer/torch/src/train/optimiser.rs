//! Stochastic gradient descent with momentum, as PyTorch's SGD does it: `v = momentum v + g + decay w; w = w - rate v`.
//!
//! Each of the network's pieces is one tensor ([`Network::learnt`]), so that a step is a handful of operations whatever the
//! number of layers. Whether a gradient is finite is decided where it is computed: a step whose gradient is not moves nothing
//! and is counted, without waiting for a GPU.

use anyhow::{Result, ensure};
use tch::{Kind, TchError, Tensor};

use crate::head::Step;
use crate::network::Network;

pub struct Optimiser {
    /// Of each piece.
    momentum: [Tensor; 2],
    /// Steps that were left out, one number.
    skipped: Tensor,
}

/// What becomes of a step's gradients.
pub struct Judged {
    /// The gradients, finite and no longer than allowed.
    pub gradients: Vec<Tensor>,
    /// Whether they were finite, one number.
    pub finite: Tensor,
}

impl Optimiser {
    pub fn new(network: &Network) -> Result<Self> {
        let [weights, rest] = network.learnt();
        Ok(Self {
            momentum: [weights.f_detach()?.f_zeros_like()?, rest.f_detach()?.f_zeros_like()?],
            skipped: Tensor::f_zeros([1], (Kind::Float, network.device()))?,
        })
    }

    /// Cuts gradients down to a common length of `clip`, and makes them nothing where one is not finite.
    pub fn judge(&mut self, gradients: Vec<Tensor>, clip: f64) -> Result<Judged, TchError> {
        let squares =
            gradients.iter().map(|g| g.f_square()?.f_sum(Kind::Float)).collect::<Result<Vec<_>, _>>()?;
        let length = Tensor::f_stack(&squares, 0)?.f_sum(Kind::Float)?.f_sqrt()?;
        let finite = length.f_isfinite()?;
        let factor = (length.f_clamp_min(1e-12)?.f_reciprocal()?.f_mul_scalar(clip)?).f_clamp_max(1.0)?;
        let cut = |g: Tensor| g.f_mul(&factor)?.f_where_self(&finite, &g.f_zeros_like()?);
        let gradients = gradients.into_iter().map(cut).collect::<Result<_, _>>()?;
        self.skipped = self.skipped.f_add(&finite.f_logical_not()?.f_to_kind(Kind::Float)?)?;
        Ok(Judged { gradients, finite })
    }

    /// Moves the network by gradients of [`Network::learnt`]. Norms and slopes do not decay.
    pub fn step(
        &mut self,
        network: &Network,
        gradients: &[Tensor],
        finite: &Tensor,
        step: Step,
    ) -> Result<(), TchError> {
        let _held = tch::no_grad_guard();
        let pieces = network.learnt().into_iter().zip(&mut self.momentum).zip(gradients);
        for (((piece, momentum), gradient), decay) in pieces.zip([step.decay, 0.0]) {
            let gradient = gradient.f_add(&piece.f_mul_scalar(decay)?)?;
            let moved = momentum.f_mul_scalar(step.momentum)?.f_add(&gradient)?;
            *momentum = moved.f_where_self(finite, momentum)?;
            let by = momentum.f_mul_scalar(-step.rate)?.f_where_self(finite, &momentum.f_zeros_like()?)?;
            let _ = piece.shallow_clone().f_add_(&by)?;
        }
        Ok(())
    }

    /// How many steps were left out since this was asked last.
    pub fn take_skipped(&mut self) -> Result<usize, TchError> {
        let skipped = self.skipped.f_double_value(&[0])? as usize;
        let _ = self.skipped.f_zero_()?;
        Ok(skipped)
    }

    /// For a file: the momentum of each piece.
    pub fn state(&self) -> [&Tensor; 2] {
        [&self.momentum[0], &self.momentum[1]]
    }

    /// Takes what [`Self::state`] gave.
    pub fn restore(&mut self, state: [Tensor; 2]) -> Result<()> {
        for (own, restored) in self.momentum.iter_mut().zip(state) {
            ensure!(own.size() == restored.size(), "the optimiser's state is of another network");
            *own = restored.f_to_device(own.device())?;
        }
        Ok(())
    }
}
