//! MobileFaceNet (Chen et al. 2018, arXiv:1804.07573), as in the model that ships: each depthwise convolution outside the
//! blocks has a linear pointwise one behind it, a stride of 2 pads behind alone, and the embedding has 192 numbers.

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

pub fn layers(width: f64, embedding: usize) -> Vec<Layer> {
    let channels = |paper: f64| scaled(paper, width);
    let stem = channels(64.0);
    let last = channels(512.0);
    let mut layers = Vec::new();
    layers.extend(dense(3, stem, 3, 2, true));
    layers.extend(depthwise(stem, 3, 1));
    layers.extend(dense(stem, stem, 1, 1, false));
    let mut inputs = stem;
    for group in GROUPS {
        let outputs = channels(group.channels);
        layers.extend(block(inputs, group.widening * inputs, outputs, 2));
        let body = || block(outputs, 2 * outputs, outputs, 1);
        layers.extend((0..group.blocks).map(|_| Layer::Residual { body: body(), shortcut: Vec::new() }));
        inputs = outputs;
    }
    layers.extend(dense(inputs, last, 1, 1, true));
    // The global depthwise convolution: a weight for each place of the 7 x 7 that are left of 112 x 112.
    let whole = Conv {
        inputs: last,
        outputs: last,
        kernel: 7,
        stride: 1,
        pad_before: 0,
        pad_behind: 0,
        groups: last,
    };
    layers.extend([Layer::Conv(whole), Layer::BatchNorm { channels: last }]);
    layers.extend(dense(last, last, 1, 1, false));
    layers.extend(dense(last, embedding, 1, 1, false));
    layers.push(Layer::Flatten);
    layers
}

/// A multiple of 8, as vector units like it.
fn scaled(paper: f64, width: f64) -> usize {
    ((paper * width / 8.0).round() as usize).max(1) * 8
}

/// An inverted residual's body (Sandler et al. 2018, arXiv:1801.04381): wider, depthwise, and narrow without activation.
fn block(inputs: usize, inner: usize, outputs: usize, stride: usize) -> Vec<Layer> {
    let mut layers = dense(inputs, inner, 1, 1, true);
    layers.extend(depthwise(inner, 3, stride));
    layers.extend(dense(inner, outputs, 1, 1, false));
    layers
}

fn dense(inputs: usize, outputs: usize, kernel: usize, stride: usize, active: bool) -> Vec<Layer> {
    convolution(inputs, outputs, kernel, stride, 1, active)
}

fn depthwise(channels: usize, kernel: usize, stride: usize) -> Vec<Layer> {
    convolution(channels, channels, kernel, stride, channels, true)
}

fn convolution(
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
    groups: usize,
    active: bool,
) -> Vec<Layer> {
    // TensorFlow's SAME on even sizes: what is left over of the zeros lies behind.
    let zeros = kernel - stride.min(kernel);
    let conv = Conv {
        inputs,
        outputs,
        kernel,
        stride,
        pad_before: zeros / 2,
        pad_behind: zeros - zeros / 2,
        groups,
    };
    let mut layers = vec![Layer::Conv(conv), Layer::BatchNorm { channels: outputs }];
    layers.extend(active.then_some(Layer::Prelu { channels: outputs }));
    layers
}
