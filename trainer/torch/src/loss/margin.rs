//! Margins: how much nearer an embedding must be to the center of its own person than to all other centers.

use std::f64::consts::PI;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tch::{TchError, Tensor};

/// Distance of cosines from ±1, where the derivative of the arc cosine is infinite.
const EDGE: f64 = 1e-6;

/// How the margin changes the cosine of the angle θ to the own center.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "margin")]
pub enum Margin {
    /// ArcFace (Deng et al. 2019, arXiv:1801.07698): cos(θ + m). If θ + m exceeds π, it is cos θ - m sin m, which still decreases.
    ArcFace { m: f64 },
    /// CosFace, also AM-softmax (Wang et al. 2018, arXiv:1801.09414 and 1801.05599): cos θ - m.
    CosFace { m: f64 },
    /// The margins of SphereFace, ArcFace and CosFace together (ArcFace's paper, equation 4): cos(m1 θ + m2) - m3.
    Combined { m1: f64, m2: f64, m3: f64 },
    /// AdaFace (Kim et al. 2022, arXiv:2204.00964): angular and additive margins that depend on the quality of the picture, which
    /// is estimated by the length of the embedding; see [`super::length_statistics`].
    AdaFace { m: f64, h: f64 },
}

/// A name that is not the name of a margin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected one of arcface, cosface, combined, adaface")]
pub struct UnknownMargin;

/// The margins by their names on the command line, with the parameters of their papers.
impl FromStr for Margin {
    type Err = UnknownMargin;

    fn from_str(name: &str) -> Result<Self, UnknownMargin> {
        match name {
            "arcface" => Ok(Self::ArcFace { m: 0.5 }),
            "cosface" => Ok(Self::CosFace { m: 0.35 }),
            "combined" => Ok(Self::Combined { m1: 1.0, m2: 0.3, m3: 0.2 }),
            "adaface" => Ok(Self::AdaFace { m: 0.4, h: 0.333 }),
            _ => Err(UnknownMargin),
        }
    }
}

impl fmt::Display for Margin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ArcFace { m } => write!(f, "ArcFace (m {m})"),
            Self::CosFace { m } => write!(f, "CosFace (m {m})"),
            Self::Combined { m1, m2, m3 } => write!(f, "combined margin (m1 {m1}, m2 {m2}, m3 {m3})"),
            Self::AdaFace { m, h } => write!(f, "AdaFace (m {m}, h {h})"),
        }
    }
}

impl Margin {
    /// Applies the margin to the cosines to the own centers, `[batch, 1]`. `scaler` is that of AdaFace, `[batch, 1]`, from -1 for the
    /// worst pictures to 1 for the best; other margins do not use it.
    ///
    /// # Errors
    /// Those of torch.
    pub fn apply(self, own: &Tensor, scaler: &Tensor) -> Result<Tensor, TchError> {
        match self {
            Self::ArcFace { m } => {
                let sine = (own.f_square()?.f_neg()?.f_add_scalar(1.0)?).f_clamp_min(EDGE)?.f_sqrt()?;
                let turned = own.f_mul_scalar(m.cos())?.f_sub(&sine.f_mul_scalar(m.sin())?)?;
                let beyond = own.f_sub_scalar(m * (PI - m).sin())?;
                turned.f_where_self(&own.f_gt((PI - m).cos())?, &beyond)
            }
            Self::CosFace { m } => own.f_sub_scalar(m),
            Self::Combined { m1, m2, m3 } => {
                angle(own, EDGE)?.f_mul_scalar(m1)?.f_add_scalar(m2)?.f_cos()?.f_sub_scalar(m3)
            }
            Self::AdaFace { m, .. } => {
                // Distance of cosines and angles from the ends of their range, as in the paper's program.
                const END: f64 = 1e-3;
                let turned = angle(own, END)?.f_sub(&scaler.f_mul_scalar(m)?)?.f_clamp(END, PI - END)?;
                turned.f_cos()?.f_sub(&scaler.f_mul_scalar(m)?.f_add_scalar(m)?)
            }
        }
    }
}

/// The angle of a cosine that is kept off ±1 by `edge`.
fn angle(cosine: &Tensor, edge: f64) -> Result<Tensor, TchError> {
    cosine.f_clamp(edge - 1.0, 1.0 - edge)?.f_acos()
}
