//! How good pictures are, as AdaFace sees it (Kim et al. 2022, arXiv:2204.00964, section 3.3): by the length of their
//! embeddings, beside those of the batches before.

use tch::{Kind, TchError, Tensor};

/// Lengths are looked at between these.
const SHORTEST: f64 = 1e-3;
const LONGEST: f64 = 100.0;
/// The share of the newest batch in the mean and the spread.
const MOMENTUM: f64 = 0.01;

/// Mean and spread of the lengths.
#[derive(Debug)]
pub struct Quality {
    /// `[2]`
    pub noted: Tensor,
}

impl Quality {
    /// As the paper's program begins.
    pub fn new(device: tch::Device) -> Result<Self, TchError> {
        Ok(Self { noted: Tensor::f_from_slice(&[20f32, 100.0])?.f_to_device(device)? })
    }

    /// Notes the lengths of a batch, `[batch, 1]`, and says where each lies: -1 for those one spread over `h` below the mean
    /// and further, 1 for those as far above. No gradient goes through it.
    pub fn scaler(&mut self, lengths: &Tensor, h: f64) -> Result<Tensor, TchError> {
        let lengths = lengths.f_detach()?.f_clamp(SHORTEST, LONGEST)?;
        let now = Tensor::f_stack(&[lengths.f_mean(Kind::Float)?, lengths.f_std(true)?], 0)?;
        let noted = self.noted.f_mul_scalar(1.0 - MOMENTUM)?.f_add(&now.f_mul_scalar(MOMENTUM)?)?;
        self.noted = noted.f_where_self(&noted.f_isfinite()?, &self.noted)?;
        let [mean, spread] = [self.noted.f_select(0, 0)?, self.noted.f_select(0, 1)?];
        lengths.f_sub(&mean)?.f_div(&spread.f_add_scalar(1e-3)?)?.f_mul_scalar(h)?.f_clamp(-1.0, 1.0)
    }
}
