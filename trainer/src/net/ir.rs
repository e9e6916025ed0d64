//! The improved residual network of ArcFace (Deng et al. 2019, arXiv:1801.07698, section 3.1). Its blocks are norm, convolution,
//! PReLU, convolution with the stride, norm. Its output is norm, dropout, matrix, norm.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::SIDE;
use super::layer::{Conv, Layer};

/// Number of layers with weights, after which residual networks are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Depth {
    /// 50 layers.
    #[serde(rename = "50")]
    D50,
    /// 100 layers.
    #[serde(rename = "100")]
    D100,
    /// 152 layers.
    #[serde(rename = "152")]
    D152,
}

impl Depth {
    /// Number of blocks in each of the four groups.
    fn blocks(self) -> [usize; 4] {
        match self {
            Self::D50 => [3, 4, 14, 3],
            Self::D100 => [3, 13, 30, 3],
            Self::D152 => [3, 8, 36, 3],
        }
    }
}

impl fmt::Display for Depth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::D50 => "50",
            Self::D100 => "100",
            Self::D152 => "152",
        })
    }
}

/// Channels of each group.
const CHANNELS: [usize; 4] = [64, 128, 256, 512];

/// The layers of the network.
pub fn layers(depth: Depth, squeeze: bool, embedding: usize) -> Vec<Layer> {
    let [mut inputs, ..] = CHANNELS;
    let mut layers = vec![
        convolution(3, inputs, 3, 1),
        Layer::BatchNorm { channels: inputs },
        Layer::Prelu { channels: inputs },
    ];
    for (outputs, blocks) in CHANNELS.into_iter().zip(depth.blocks()) {
        for number in 0..blocks {
            let stride = if number == 0 { 2 } else { 1 };
            layers.push(block(inputs, outputs, stride, squeeze));
            inputs = outputs;
        }
    }
    let side = SIDE >> CHANNELS.len();
    layers.extend([
        Layer::BatchNorm { channels: inputs },
        Layer::Dropout,
        Layer::Flatten,
        Layer::Linear { inputs: inputs * side * side, outputs: embedding },
        Layer::BatchNorm { channels: embedding },
    ]);
    layers
}

fn block(inputs: usize, outputs: usize, stride: usize, squeeze: bool) -> Layer {
    let mut body = vec![
        Layer::BatchNorm { channels: inputs },
        convolution(inputs, outputs, 3, 1),
        Layer::Prelu { channels: outputs },
        convolution(outputs, outputs, 3, stride),
        Layer::BatchNorm { channels: outputs },
    ];
    body.extend(squeeze.then_some(Layer::SqueezeExcitation { channels: outputs }));
    let shortcut = match (inputs == outputs, stride) {
        (true, 1) => Vec::new(),
        (true, stride) => vec![Layer::Subsample { stride }],
        (false, stride) => {
            vec![convolution(inputs, outputs, 1, stride), Layer::BatchNorm { channels: outputs }]
        }
    };
    Layer::Residual { body, shortcut }
}

fn convolution(inputs: usize, outputs: usize, kernel: usize, stride: usize) -> Layer {
    let pad = kernel / 2;
    Layer::Conv(Conv {
        inputs,
        outputs,
        kernel: [kernel; 2],
        stride,
        pad_begin: pad,
        pad_end: pad,
        groups: 1,
    })
}
