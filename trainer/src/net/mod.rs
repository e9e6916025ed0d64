//! The networks that can be trained: what they are made of, and their weights.
//!
//! A network is a list of [`Layer`]s. What runs it with torch (in `ostiary-trainer-torch`), what writes it as ONNX
//! ([`crate::export`]) and what reads a file's weights into it go through the same list, so that they cannot differ in
//! what the network is.

mod ir;
mod layer;
mod mobilefacenet;
mod onnx;
mod pytorch;
mod weights;

use std::fmt;
use std::str::FromStr;

use anyhow::{Result, bail, ensure};
pub use ir::Depth;
pub use layer::{Conv, EPSILON, Layer, Parameter, Role, name as layer_name};
pub use mobilefacenet::Form;
use serde::{Deserialize, Serialize};
pub use weights::Weights;

/// Height and width of the pictures that a network takes, pixels. They come as planes `[batch, 3, SIDE, SIDE]` in RGB,
/// each pixel `p` as `(p - MEAN) / DIVISOR`.
pub const SIDE: usize = 112;
/// See [`SIDE`].
pub const MEAN: f32 = 127.5;
/// See [`SIDE`].
pub const DIVISOR: f32 = 128.0;

/// The file beside a checkpoint that says how it was trained.
pub const RUN: &str = "run.toml";

/// A network, but for its weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "net", deny_unknown_fields)]
pub enum Architecture {
    /// MobileFaceNet (Chen et al. 2018, arXiv:1804.07573), for small processors.
    #[serde(rename = "mobilefacenet")]
    MobileFaceNet {
        /// What all numbers of channels are multiplied by; 1 is the paper's.
        width: f64,
        /// Numbers in an embedding.
        embedding: usize,
        #[serde(default, skip_serializing_if = "is_shipped")]
        form: Form,
    },
    /// The improved residual network of ArcFace (Deng et al. 2019, arXiv:1801.07698, section 3.1), for a GPU.
    Ir {
        depth: Depth,
        /// Whether the blocks have squeeze and excitation (Hu et al. 2018, arXiv:1709.01507).
        squeeze: bool,
        embedding: usize,
    },
}

fn is_shipped(form: &Form) -> bool {
    *form == Form::Shipped
}

/// The kinds of networks, as the command line names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    MobileFaceNet,
    Ir { depth: Depth, squeeze: bool },
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let ir = |depth, squeeze| Ok(Self::Ir { depth, squeeze });
        match name {
            "mobilefacenet" => Ok(Self::MobileFaceNet),
            "ir-50" => ir(Depth::D50, false),
            "ir-100" => ir(Depth::D100, false),
            "ir-152" => ir(Depth::D152, false),
            "ir-se-50" => ir(Depth::D50, true),
            "ir-se-100" => ir(Depth::D100, true),
            "ir-se-152" => ir(Depth::D152, true),
            _ => {
                Err("it is none of mobilefacenet, ir-50, ir-100, ir-152, ir-se-50, ir-se-100, ir-se-152"
                    .into())
            }
        }
    }
}

impl Architecture {
    /// Of this kind. `width` is a MobileFaceNet's alone; an embedding that is not given has 192 numbers in a
    /// MobileFaceNet, as the one that ships, and 512 in an IR.
    pub fn new(kind: Kind, width: f64, embedding: Option<usize>) -> Result<Self> {
        ensure!(embedding.is_none_or(|n| (8..=4096).contains(&n)), "an embedding has 8 to 4096 numbers");
        ensure!((0.125..=8.0).contains(&width), "a network's width is 0.125 to 8");
        match kind {
            Kind::MobileFaceNet => Ok(Self::mobilefacenet(width, embedding.unwrap_or(192))),
            Kind::Ir { .. } if width != 1.0 => bail!("an IR network has one width; leave --width out"),
            Kind::Ir { depth, squeeze } => {
                Ok(Self::Ir { depth, squeeze, embedding: embedding.unwrap_or(512) })
            }
        }
    }

    /// A MobileFaceNet in the form of the one that ships.
    pub fn mobilefacenet(width: f64, embedding: usize) -> Self {
        Self::MobileFaceNet { width, embedding, form: Form::Shipped }
    }

    /// From a picture to its embedding, `[batch, embedding]`, which is not yet of unit length.
    pub fn layers(&self) -> Vec<Layer> {
        match *self {
            Self::MobileFaceNet { width, embedding, form } => mobilefacenet::layers(form, width, embedding),
            Self::Ir { depth, squeeze, embedding } => ir::layers(depth, squeeze, embedding),
        }
    }

    /// Numbers in an embedding.
    pub fn embedding(&self) -> usize {
        match *self {
            Self::MobileFaceNet { embedding, .. } | Self::Ir { embedding, .. } => embedding,
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::MobileFaceNet { width, embedding, form } => {
                write!(f, "MobileFaceNet{form} of width {width} with {embedding} numbers")
            }
            Self::Ir { depth, squeeze, embedding } => {
                write!(f, "IR{}-{depth} with {embedding} numbers", if squeeze { "-SE" } else { "" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::layer::Parameter;
    use super::*;

    fn numbers(kind: &str) -> usize {
        let net = Architecture::new(kind.parse().unwrap(), 1.0, None).unwrap();
        let learnt = |p: &Parameter| matches!(p.role, Role::Weight | Role::Scale | Role::Shift | Role::Slope);
        Layer::parameters(&net.layers())
            .iter()
            .filter(|p| learnt(p))
            .map(|p| p.shape.iter().product::<usize>())
            .sum()
    }

    /// Counted from the published networks, without their classifiers.
    #[test]
    fn networks_are_as_large_as_published() {
        // InsightFace_Pytorch's, but for the 512 biases of the matrix, which the norm behind it takes out again.
        assert_eq!(numbers("ir-se-50"), 43_797_696 - 512);
        assert_eq!(numbers("ir-50"), 43_574_976 - 512);
        // The one that ships has 1,291,904 numbers with its norms folded into biases.
        assert!((1_290_000..1_310_000).contains(&numbers("mobilefacenet")), "{}", numbers("mobilefacenet"));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let kind: Kind = "ir-50".parse().unwrap();
        assert!(Architecture::new(kind, 0.5, None).is_err());
        assert!(Architecture::new(kind, 1.0, Some(1)).is_err());
        assert!(Architecture::new(Kind::MobileFaceNet, f64::NAN, None).is_err());
        assert!("resnet".parse::<Kind>().unwrap_err().contains("ir-se-50"));
    }
}
