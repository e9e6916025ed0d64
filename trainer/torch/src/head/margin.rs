//! Margins: by how much nearer to its own person's centre an embedding must be than to all others.

use std::f64::consts::PI;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tch::{TchError, Tensor};

/// Cosines are kept off ±1, where the arc cosine has no slope.
const EDGE: f64 = 1e-6;

/// What is taken from the cosine to the own centre, the angle being θ.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "margin")]
pub enum Margin {
    /// ArcFace (Deng et al. 2019, arXiv:1801.07698): cos(θ + m). Where θ + m would pass π, cos θ - m sin m, so that it goes
    /// on falling.
    ArcFace { m: f64 },
    /// CosFace, also AM-softmax (Wang et al. 2018, arXiv:1801.09414 and 1801.05599): cos θ - m.
    CosFace { m: f64 },
    /// Both with SphereFace's (ArcFace's paper, equation 4): cos(m1 θ + m2) - m3.
    Combined { m1: f64, m2: f64, m3: f64 },
    /// AdaFace (Kim et al. 2022, arXiv:2204.00964): both, turned by how good the picture is, for which the embedding's length
    /// stands; see [`super::adaptive`].
    AdaFace { m: f64, h: f64 },
}

/// The kinds of margins, as the command line names them, with their papers' numbers.
impl FromStr for Margin {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "arcface" => Ok(Self::ArcFace { m: 0.5 }),
            "cosface" => Ok(Self::CosFace { m: 0.35 }),
            "combined" => Ok(Self::Combined { m1: 1.0, m2: 0.3, m3: 0.2 }),
            "adaface" => Ok(Self::AdaFace { m: 0.4, h: 0.333 }),
            _ => Err("it is none of arcface, cosface, combined, adaface".into()),
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
    /// The cosines to the own centres, `[batch, 1]`, with the margin taken. `scaler` is AdaFace's, `[batch, 1]`, from -1 for
    /// the worst pictures to 1 for the best; the other margins do not look at it.
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
                // The paper's program keeps cosines and angles so far off the ends.
                const END: f64 = 1e-3;
                let turned = angle(own, END)?.f_sub(&scaler.f_mul_scalar(m)?)?.f_clamp(END, PI - END)?;
                turned.f_cos()?.f_sub(&scaler.f_mul_scalar(m)?.f_add_scalar(m)?)
            }
        }
    }
}

fn angle(cosine: &Tensor, edge: f64) -> Result<Tensor, TchError> {
    cosine.f_clamp(edge - 1.0, 1.0 - edge)?.f_acos()
}
