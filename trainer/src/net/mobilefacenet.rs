//! MobileFaceNet (Chen et al. 2018, arXiv:1804.07573).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::SIDE;
use super::layer::{Conv, Layer};

/// A group of blocks. The first block has a stride of 2.
struct Group {
    /// Output channels at width 1.
    channels: f64,
    /// Inner channels of the first block, as a multiple of its input channels.
    widening: usize,
    /// Number of further blocks, with a stride of 1.
    blocks: usize,
}

const GROUPS: [Group; 3] = [
    Group { channels: 64.0, widening: 2, blocks: 4 },
    Group { channels: 128.0, widening: 4, blocks: 6 },
    Group { channels: 128.0, widening: 4, blocks: 2 },
];

/// Variants of MobileFaceNet, which differ in layers and padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// The model that ships, which comes from TensorFlow: a linear pointwise convolution follows each depthwise convolution
    /// outside the blocks, and a stride of 2 pads only at the end.
    #[default]
    Shipped,
    /// The network of the paper and of InsightFace_Pytorch.
    Paper,
    /// The network of the paper on the center 96 columns of a picture, as in MobileFaceNet_Pytorch.
    Narrow,
}

impl Variant {
    /// Columns of a picture that the network uses.
    fn columns(self) -> usize {
        match self {
            Self::Shipped | Self::Paper => SIDE,
            Self::Narrow => 96,
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shipped => "",
            Self::Paper => " of the paper",
            Self::Narrow => " of the paper for 96 columns",
        })
    }
}

/// The layers of the network.
pub fn layers(variant: Variant, width: f64, embedding: usize) -> Vec<Layer> {
    let channels = |paper: f64| scaled(paper, width);
    let stem = channels(64.0);
    let last = channels(512.0);
    let dense = |inputs, outputs, active| convolution(variant, inputs, outputs, 1, 1, 1, active);
    let depthwise = |channels, stride| convolution(variant, channels, channels, 3, stride, channels, true);
    // The body of an inverted residual (Sandler et al. 2018, arXiv:1801.04381): a pointwise convolution to more channels, a
    // depthwise one, and a pointwise one to fewer channels without activation.
    let block = |inputs, inner, outputs, stride| {
        [dense(inputs, inner, true), depthwise(inner, stride), dense(inner, outputs, false)].concat()
    };
    let mut layers = Vec::new();
    if variant.columns() < SIDE {
        layers.push(Layer::CenterColumns { columns: variant.columns() });
    }
    layers.extend(convolution(variant, 3, stem, 3, 2, 1, true));
    layers.extend(depthwise(stem, 1));
    if variant == Variant::Shipped {
        layers.extend(dense(stem, stem, false));
    }
    let mut inputs = stem;
    for group in GROUPS {
        let outputs = channels(group.channels);
        layers.extend(block(inputs, group.widening * inputs, outputs, 2));
        let body = || block(outputs, 2 * outputs, outputs, 1);
        layers.extend((0..group.blocks).map(|_| Layer::Residual { body: body(), shortcut: Vec::new() }));
        inputs = outputs;
    }
    layers.extend(dense(inputs, last, true));
    // The global depthwise convolution, with one weight for each position of the map: 7 x 7 for 112 x 112.
    let whole = Conv {
        inputs: last,
        outputs: last,
        kernel: [SIDE / 16, variant.columns() / 16],
        stride: 1,
        pad_begin: 0,
        pad_end: 0,
        groups: last,
    };
    layers.extend([Layer::Conv(whole), Layer::BatchNorm { channels: last }]);
    if variant == Variant::Shipped {
        layers.extend(dense(last, last, false));
    }
    layers.extend(dense(last, embedding, false));
    layers.push(Layer::Flatten);
    layers
}

/// The number of channels at a width: a multiple of 8, for vector units.
fn scaled(paper: f64, width: f64) -> usize {
    ((paper * width / 8.0).round() as usize).max(1) * 8
}

fn convolution(
    variant: Variant,
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
    groups: usize,
    active: bool,
) -> Vec<Layer> {
    let pads = match variant {
        // TensorFlow's SAME padding on even sizes: an odd zero goes to the end.
        Variant::Shipped => {
            let zeros = kernel - stride.min(kernel);
            [zeros / 2, zeros - zeros / 2]
        }
        Variant::Paper | Variant::Narrow => [kernel / 2; 2],
    };
    let [pad_begin, pad_end] = pads;
    let conv = Conv { inputs, outputs, kernel: [kernel; 2], stride, pad_begin, pad_end, groups };
    let mut layers = vec![Layer::Conv(conv), Layer::BatchNorm { channels: outputs }];
    layers.extend(active.then_some(Layer::Prelu { channels: outputs }));
    layers
}
