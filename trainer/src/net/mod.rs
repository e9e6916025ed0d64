//! The architectures that can be trained, and their weights.
//!
//! A network is a list of [`Layer`]s. Training (in `ostiary-trainer-torch`), the export to ONNX ([`crate::export`]) and the
//! readers of weights use the same list, so that they agree about the network.

mod ir;
mod layer;
mod mobilefacenet;
mod onnx;
mod pytorch;
mod weights;

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use anyhow::{Result, bail, ensure};
pub use ir::Depth;
pub use layer::{BATCH_NORM_EPSILON, Conv, Layer, Parameter, Role, layer_name};
pub use mobilefacenet::Variant;
use serde::{Deserialize, Serialize};
pub use weights::Weights;

/// Height and width of input pictures, pixels. The input is `[batch, 3, SIDE, SIDE]` in RGB, with each pixel `p` as
/// `(p - MEAN) / DIVISOR`.
pub const SIDE: usize = 112;
/// See [`SIDE`].
pub const MEAN: f32 = 127.5;
/// See [`SIDE`].
pub const DIVISOR: f32 = 128.0;

/// File name of the training settings, beside a checkpoint.
pub const RUN: &str = "run.toml";

/// Lengths of an embedding that a network can have.
const EMBEDDINGS: RangeInclusive<usize> = 8..=4096;
/// Widths that a MobileFaceNet can have.
const WIDTHS: RangeInclusive<f64> = 0.125..=8.0;
/// Length of an embedding of the MobileFaceNet that ships.
const SHIPPED_EMBEDDING: usize = 192;
/// Length of an embedding in ArcFace's paper.
const IR_EMBEDDING: usize = 512;

/// The architecture of a network.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "net", deny_unknown_fields)]
pub enum Architecture {
    /// MobileFaceNet (Chen et al. 2018, arXiv:1804.07573), for small processors.
    #[serde(rename = "mobilefacenet")]
    MobileFaceNet {
        /// Factor of all numbers of channels; 1 in the paper.
        width: f64,
        /// Length of an embedding.
        embedding: usize,
        /// Differences in the layers.
        #[serde(default, rename = "form", skip_serializing_if = "is_shipped")]
        variant: Variant,
    },
    /// The improved residual network of ArcFace (Deng et al. 2019, arXiv:1801.07698, section 3.1), for a GPU.
    Ir {
        /// Number of layers.
        depth: Depth,
        /// Whether the blocks have squeeze and excitation (Hu et al. 2018, arXiv:1709.01507).
        squeeze: bool,
        /// Length of an embedding.
        embedding: usize,
    },
}

fn is_shipped(variant: &Variant) -> bool {
    *variant == Variant::Shipped
}

/// The kinds of networks that the command line names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkKind {
    /// See [`Architecture::MobileFaceNet`].
    MobileFaceNet,
    /// See [`Architecture::Ir`].
    Ir {
        /// Number of layers.
        depth: Depth,
        /// Whether the blocks have squeeze and excitation.
        squeeze: bool,
    },
}

/// A name that is not the name of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected one of mobilefacenet, ir-50, ir-100, ir-152, ir-se-50, ir-se-100, ir-se-152")]
pub struct UnknownNetwork;

impl FromStr for NetworkKind {
    type Err = UnknownNetwork;

    fn from_str(name: &str) -> Result<Self, UnknownNetwork> {
        let ir = |depth, squeeze| Ok(Self::Ir { depth, squeeze });
        match name {
            "mobilefacenet" => Ok(Self::MobileFaceNet),
            "ir-50" => ir(Depth::D50, false),
            "ir-100" => ir(Depth::D100, false),
            "ir-152" => ir(Depth::D152, false),
            "ir-se-50" => ir(Depth::D50, true),
            "ir-se-100" => ir(Depth::D100, true),
            "ir-se-152" => ir(Depth::D152, true),
            _ => Err(UnknownNetwork),
        }
    }
}

impl Architecture {
    /// An architecture of a kind. `width` applies to MobileFaceNet only. Without `embedding`, a MobileFaceNet has embeddings of
    /// 192 numbers, as the model that ships, and an IR of 512.
    ///
    /// # Errors
    /// If a number is out of range, or an IR has another width than 1.
    pub fn new(kind: NetworkKind, width: f64, embedding: Option<usize>) -> Result<Self> {
        ensure!(
            embedding.is_none_or(|n| EMBEDDINGS.contains(&n)),
            "an embedding must have {} to {} numbers",
            EMBEDDINGS.start(),
            EMBEDDINGS.end()
        );
        ensure!(
            WIDTHS.contains(&width),
            "the width of a network must be from {} to {}",
            WIDTHS.start(),
            WIDTHS.end()
        );
        match kind {
            NetworkKind::MobileFaceNet => {
                Ok(Self::mobilefacenet(width, embedding.unwrap_or(SHIPPED_EMBEDDING)))
            }
            NetworkKind::Ir { .. } if width != 1.0 => bail!("an IR network has no width; leave --width out"),
            NetworkKind::Ir { depth, squeeze } => {
                Ok(Self::Ir { depth, squeeze, embedding: embedding.unwrap_or(IR_EMBEDDING) })
            }
        }
    }

    /// A MobileFaceNet of the variant that ships.
    pub fn mobilefacenet(width: f64, embedding: usize) -> Self {
        Self::MobileFaceNet { width, embedding, variant: Variant::Shipped }
    }

    /// The layers, from the input to an embedding `[batch, embedding]`, not of unit length.
    pub fn layers(&self) -> Vec<Layer> {
        match *self {
            Self::MobileFaceNet { width, embedding, variant } => {
                mobilefacenet::layers(variant, width, embedding)
            }
            Self::Ir { depth, squeeze, embedding } => ir::layers(depth, squeeze, embedding),
        }
    }

    /// Length of an embedding.
    pub fn embedding(&self) -> usize {
        match *self {
            Self::MobileFaceNet { embedding, .. } | Self::Ir { embedding, .. } => embedding,
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::MobileFaceNet { width, embedding, variant } => {
                write!(f, "MobileFaceNet{variant} of width {width} with {embedding} numbers")
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
        let trainable =
            |p: &Parameter| matches!(p.role, Role::Weight | Role::Scale | Role::Shift | Role::Slope);
        Layer::parameters(&net.layers())
            .iter()
            .filter(|p| trainable(p))
            .map(|p| p.shape.iter().product::<usize>())
            .sum()
    }

    /// The numbers are counted from the published networks, without their classifiers.
    #[test]
    fn networks_are_as_large_as_published() {
        // InsightFace_Pytorch has 512 more parameters: biases of the matrix, which the next norm cancels.
        assert_eq!(numbers("ir-se-50"), 43_797_696 - 512);
        assert_eq!(numbers("ir-50"), 43_574_976 - 512);
        // The network that ships has 1,291,904 parameters with norms folded into biases.
        assert!((1_290_000..1_310_000).contains(&numbers("mobilefacenet")), "{}", numbers("mobilefacenet"));
    }

    #[test]
    fn wrong_parameters_are_refused() {
        let kind: NetworkKind = "ir-50".parse().unwrap();
        assert!(Architecture::new(kind, 0.5, None).is_err());
        assert!(Architecture::new(kind, 1.0, Some(1)).is_err());
        assert!(Architecture::new(NetworkKind::MobileFaceNet, f64::NAN, None).is_err());
        assert!("resnet".parse::<NetworkKind>().unwrap_err().to_string().contains("ir-se-50"));
    }
}
