//! Picture quality as in AdaFace (Kim et al. 2022, arXiv:2204.00964, section 3.3): the length of an embedding, relative to the
//! lengths in earlier batches.

use tch::{Kind, TchError, Tensor};

/// Lengths are clipped to this range, as in the paper's program.
const SHORTEST: f64 = 1e-3;
const LONGEST: f64 = 100.0;
/// Added to the standard deviation.
const STD_EPSILON: f64 = 1e-3;
/// Initial mean and standard deviation.
const INITIAL: [f32; 2] = [20.0, 100.0];
/// Share of the newest batch in the running mean and standard deviation.
const MOMENTUM: f64 = 0.01;

/// Running mean and standard deviation of the lengths of embeddings.
#[derive(Debug)]
pub struct LengthStatistics {
    /// Mean and standard deviation, `[2]`.
    pub mean_and_std: Tensor,
}

impl LengthStatistics {
    /// The initial values of the paper's program.
    ///
    /// # Errors
    /// Those of torch.
    pub fn new(device: tch::Device) -> Result<Self, TchError> {
        Ok(Self { mean_and_std: Tensor::f_from_slice(&INITIAL)?.f_to_device(device)? })
    }

    /// Updates the statistics with the lengths of a batch, `[batch, 1]`, and returns the scaler of each: -1 for a length that is at
    /// least one standard deviation over `h` below the mean, 1 for one that is as far above. It has no gradient.
    ///
    /// # Errors
    /// Those of torch.
    pub fn scaler(&mut self, lengths: &Tensor, h: f64) -> Result<Tensor, TchError> {
        let lengths = lengths.f_detach()?.f_clamp(SHORTEST, LONGEST)?;
        let now = Tensor::f_stack(&[lengths.f_mean(Kind::Float)?, lengths.f_std(true)?], 0)?;
        let mean_and_std =
            self.mean_and_std.f_mul_scalar(1.0 - MOMENTUM)?.f_add(&now.f_mul_scalar(MOMENTUM)?)?;
        self.mean_and_std = mean_and_std.f_where_self(&mean_and_std.f_isfinite()?, &self.mean_and_std)?;
        let [mean, deviation] = [self.mean_and_std.f_select(0, 0)?, self.mean_and_std.f_select(0, 1)?];
        lengths
            .f_sub(&mean)?
            .f_div(&deviation.f_add_scalar(STD_EPSILON)?)?
            .f_mul_scalar(h)?
            .f_clamp(-1.0, 1.0)
    }
}
