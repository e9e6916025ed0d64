//! ONNX files in the daemon's engine: float networks run on tract, recognized quantized networks on the int8 kernels.

use anyhow::Result;
use ostiary_core::{ChannelOrder, NetworkInput};
use ostiary_engine::{Backend, Onnx};
use prost::Message;

use super::files::repository_file;
use super::graph_edits::apply_edits;
use super::{Target, graph};

pub const TARGET: Target = Target {
    name: "onnx",
    about: "ONNX files, in the engine",
    run: |data| {
        let Some((shape, file)) = data.split_first() else { return };
        run(file, SHAPES[usize::from(*shape) % SHAPES.len()]);
    },
    seeds: files,
    dictionary: DICTIONARY,
    max_len: 32 << 10,
};

pub const EDITS: Target = Target {
    name: "onnx-edits",
    about: "graphs with changed nodes, in the engine",
    run: |data| {
        let Some((which, edits)) = data.split_first() else { return };
        let file = if which % 4 == 0 { graph::float_network() } else { graph::quantized_network() };
        run(&apply_edits(file, edits).encode_to_vec(), graph::SHAPE);
    },
    seeds: || Ok(edits()),
    dictionary: &[b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\x80", b"\x01\0\0\0", b"\x02\0\0\0"],
    max_len: 1 + 12 * super::graph_edits::EDIT,
};

/// Names of operators and attributes, supported and unsupported.
pub const DICTIONARY: &[&[u8]] = &[
    b"Conv",
    b"PRelu",
    b"MaxPool",
    b"Add",
    b"MatMul",
    b"Gemm",
    b"Flatten",
    b"Reshape",
    b"Softmax",
    b"Relu",
    b"BatchNormalization",
    b"QuantizeLinear",
    b"DequantizeLinear",
    b"Transpose",
    b"Concat",
    b"Constant",
    b"Identity",
    b"Dropout",
    b"Mul",
    b"Sub",
    b"Loop",
    b"If",
    b"Pad",
    b"Slice",
    b"Resize",
    b"Tile",
    b"Expand",
    b"ConstantOfShape",
    b"Range",
    b"Split",
    b"Gather",
    b"axis",
    b"pads",
    b"strides",
    b"group",
    b"dilations",
    b"kernel_shape",
    b"auto_pad",
    b"SAME_UPPER",
    b"VALID",
    b"transA",
    b"alpha",
    b"epsilon",
    b"input",
    b"prob",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\x80\x80\x80\x80\x08",
    b"\x08\0",
    b"\x12\x00",
];

/// Input shapes that an input of the target `onnx` can select.
const SHAPES: [[usize; 4]; 3] = [graph::SHAPE, [1, 3, 12, 12], [2, 3, 24, 24]];

fn run(file: &[u8], shape: [usize; 4]) {
    let input = NetworkInput {
        name: "input".into(),
        shape: [0; 4],
        channels: ChannelOrder::Bgr,
        mean: 127.5,
        divisor: 128.0,
    };
    let Ok(onnx) = Onnx::parse("fuzz", file, &input, &Backend::tract(1)) else { return };
    let Ok(mut network) = onnx.prepare(&shape) else { return };
    let mut outputs = vec![Vec::new(); network.output_shapes().len()];
    let pixels: Vec<u8> = (0..shape.iter().product::<usize>()).map(|at| (at * 7919 % 256) as u8).collect();
    if network.run(&pixels, &mut outputs).is_ok() {
        for (output, shape) in outputs.iter().zip(network.output_shapes()) {
            assert_eq!(output.len(), shape.iter().product::<usize>(), "an output of {shape:?}");
        }
    }
}

fn files() -> Result<Vec<Vec<u8>>> {
    let small = [graph::float_network(), graph::quantized_network()]
        .map(|file| [&[0][..], &file.encode_to_vec()].concat());
    let mut files = small.to_vec();
    for shipped in ["models/pnet.onnx", "models/pnet-int8.onnx"] {
        files.push([&[1][..], &repository_file(shipped)?].concat());
    }
    Ok(files)
}

/// Seed inputs for the edits: none, and each kind of edit.
pub fn edits() -> Vec<Vec<u8>> {
    let one = |kind: u8| {
        vec![
            kind,
            kind,
            kind,
            kind * 3,
            kind,
            kind * 5,
            3,
            0,
            0,
            0,
            1,
            kind * 7,
            kind * 2,
            kind * 11,
            0,
            0,
            0,
        ]
    };
    [vec![0], vec![1]].into_iter().chain((0..16).map(one)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_are_networks_and_quantized_ones_are_recognized() {
        let input = NetworkInput {
            name: "input".into(),
            shape: [0; 4],
            channels: ChannelOrder::Rgb,
            mean: 127.5,
            divisor: 128.0,
        };
        let quantized = files().unwrap().into_iter().map(|seed| {
            let onnx = Onnx::parse("seed", &seed[1..], &input, &Backend::tract(1)).unwrap();
            let shape = SHAPES[usize::from(seed[0])];
            onnx.prepare(&shape).unwrap();
            onnx.prepare_quantized(&shape).unwrap().is_some()
        });
        assert_eq!(quantized.collect::<Vec<_>>(), [false, true, false, true]);
    }
}
