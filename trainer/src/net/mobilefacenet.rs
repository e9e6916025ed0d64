//! MobileFaceNet (Chen et al. 2018, arXiv:1804.07573).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::SIDE;
use super::layer::{Conv, Layer};

/// A group of blocks, the first of which has a stride of 2.
struct Group {
    channels: f64,
    /// The first block's inner channels, in those that come in.
    widening: usize,
    /// How many blocks follow.
    blocks: usize,
}

const GROUPS: [Group; 3] = [
    Group { channels: 64.0, widening: 2, blocks: 4 },
    Group { channels: 128.0, widening: 4, blocks: 6 },
    Group { channels: 128.0, widening: 4, blocks: 2 },
];

/// In what MobileFaceNets differ, besides their width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// As in the model that ships, which comes from TensorFlow: each depthwise convolution outside the blocks has a linear
    /// pointwise one behind it, and a stride of 2 pads behind alone.
    #[default]
    Shipped,
    /// As in the paper and in InsightFace_Pytorch.
    Paper,
    /// The paper's, on the middle 96 columns of a picture, as faces were first aligned for it.
    Narrow,
}

impl Form {
    /// Columns of a picture that are looked at.
    fn columns(self) -> usize {
        match self {
            Self::Shipped | Self::Paper => SIDE,
            Self::Narrow => 96,
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shipped => "",
            Self::Paper => " of the paper",
            Self::Narrow => " of the paper for 96 columns",
        })
    }
}

pub fn layers(form: Form, width: f64, embedding: usize) -> Vec<Layer> {
    let channels = |paper: f64| scaled(paper, width);
    let stem = channels(64.0);
    let last = channels(512.0);
    let dense = |inputs, outputs, active| convolution(form, inputs, outputs, 1, 1, 1, active);
    let depthwise = |channels, stride| convolution(form, channels, channels, 3, stride, channels, true);
    // An inverted residual's body (Sandler et al. 2018, arXiv:1801.04381): wider, depthwise, and narrow without activation.
    let block = |inputs, inner, outputs, stride| {
        [dense(inputs, inner, true), depthwise(inner, stride), dense(inner, outputs, false)].concat()
    };
    let mut layers = Vec::new();
    if form.columns() < SIDE {
        layers.push(Layer::Middle { columns: form.columns() });
    }
    layers.extend(convolution(form, 3, stem, 3, 2, 1, true));
    layers.extend(depthwise(stem, 1));
    if form == Form::Shipped {
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
    // The global depthwise convolution: a weight for each place that is left, 7 x 7 of 112 x 112.
    let whole = Conv {
        inputs: last,
        outputs: last,
        kernel: [SIDE / 16, form.columns() / 16],
        stride: 1,
        pad_before: 0,
        pad_behind: 0,
        groups: last,
    };
    layers.extend([Layer::Conv(whole), Layer::BatchNorm { channels: last }]);
    if form == Form::Shipped {
        layers.extend(dense(last, last, false));
    }
    layers.extend(dense(last, embedding, false));
    layers.push(Layer::Flatten);
    layers
}

/// A multiple of 8, as vector units like it.
fn scaled(paper: f64, width: f64) -> usize {
    ((paper * width / 8.0).round() as usize).max(1) * 8
}

fn convolution(
    form: Form,
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
    groups: usize,
    active: bool,
) -> Vec<Layer> {
    let pads = match form {
        // TensorFlow's SAME on even sizes: what is left over of the zeros lies behind.
        Form::Shipped => {
            let zeros = kernel - stride.min(kernel);
            [zeros / 2, zeros - zeros / 2]
        }
        Form::Paper | Form::Narrow => [kernel / 2; 2],
    };
    let [pad_before, pad_behind] = pads;
    let conv = Conv { inputs, outputs, kernel: [kernel; 2], stride, pad_before, pad_behind, groups };
    let mut layers = vec![Layer::Conv(conv), Layer::BatchNorm { channels: outputs }];
    layers.extend(active.then_some(Layer::Prelu { channels: outputs }));
    layers
}
