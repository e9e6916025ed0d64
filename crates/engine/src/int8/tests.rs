//! Imports and runs small quantized graphs, and compares the results with those of tract on the same file.

use ostiary_core::{ChannelOrder, NetworkInput};
use ostiary_kernels::Isa;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use tract_onnx::prelude::*;

use super::execution_plan::ExecutionPlan;
use super::graph::Graph;
use super::import_error::ImportError;
use super::network::QuantizedNetwork;
use super::qdq_import::import_qdq;
use crate::{EngineError, Network};

/// A builder of graphs, with the state of its random numbers.
struct GraphBuilder(GraphProto, u32);

impl GraphBuilder {
    /// A graph with an input of bytes, which is dequantized as `x0`.
    fn new() -> Self {
        let mut net = Self(GraphProto { name: "test".into(), ..Default::default() }, 1);
        net.declare("input", DataType::Uint8, true);
        net.floats("input_scale", &[], &[1.0 / 128.0]);
        net.bytes("input_zero", &[], &[128]);
        net.node("DequantizeLinear", &["input", "input_scale", "input_zero"], "x0", vec![]);
        net
    }

    fn declare(&mut self, name: &str, kind: DataType, input: bool) {
        use tract_onnx::pb::{TypeProto, type_proto};
        let tensor = type_proto::Tensor { elem_type: kind as i32, shape: None };
        let kind = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() };
        let info = ValueInfoProto { name: name.into(), r#type: Some(kind), ..Default::default() };
        if input { self.0.input.push(info) } else { self.0.output.push(info) }
    }

    fn constant(&mut self, name: &str, dims: &[usize], kind: DataType, raw_data: Vec<u8>) {
        let dims = dims.iter().map(|dim| *dim as i64).collect();
        let data_type = kind as i32;
        self.0.initializer.push(TensorProto {
            name: name.into(),
            dims,
            data_type,
            raw_data,
            ..Default::default()
        });
    }

    fn floats(&mut self, name: &str, dims: &[usize], values: &[f32]) {
        self.constant(name, dims, DataType::Float, values.iter().flat_map(|v| v.to_le_bytes()).collect());
    }

    fn bytes(&mut self, name: &str, dims: &[usize], values: &[u8]) {
        self.constant(name, dims, DataType::Uint8, values.to_vec());
    }

    fn node(&mut self, op: &str, inputs: &[&str], output: &str, attribute: Vec<AttributeProto>) {
        self.0.node.push(NodeProto {
            name: output.into(),
            op_type: op.into(),
            input: inputs.iter().map(|input| (*input).to_owned()).collect(),
            output: vec![output.into()],
            attribute,
            ..Default::default()
        });
    }

    /// The next pseudorandom number between 0 and 1.
    fn random(&mut self) -> f32 {
        self.1 = self.1.wrapping_mul(1664525).wrapping_add(1013904223);
        (self.1 >> 8) as f32 / (1u32 << 24) as f32
    }

    /// `output = Q/DQ(input)`, with quantization parameters for each of `channels`, or for all.
    fn quant(&mut self, input: &str, output: &str, range: f32, channels: Option<usize>) {
        let dims: Vec<usize> = channels.into_iter().collect();
        let scales: Vec<f32> =
            (0..channels.unwrap_or(1)).map(|_| range / 255.0 * (0.5 + self.random())).collect();
        let zeros: Vec<u8> = scales.iter().map(|_| 60 + (self.random() * 100.0) as u8).collect();
        let [scale, zero, bytes] = ["scale", "zero", "bytes"].map(|part| format!("{output}_{part}"));
        self.floats(&scale, &dims, &scales);
        self.bytes(&zero, &dims, &zeros);
        self.pair(input, output, &scale, &zero, &bytes);
    }

    fn pair(&mut self, input: &str, output: &str, scale: &str, zero: &str, bytes: &str) {
        self.node("QuantizeLinear", &[input, scale, zero], bytes, vec![int("axis", 1)]);
        self.node("DequantizeLinear", &[bytes, scale, zero], output, vec![int("axis", 1)]);
    }

    /// Quantized weights under `name`.
    fn weights(&mut self, name: &str, dims: &[usize], axis: usize) {
        let count = dims.iter().product::<usize>();
        let outputs = dims[axis];
        let fan = count / outputs;
        let values = (0..count).map(|_| ((self.random() - 0.5) * 254.0) as i8 as u8).collect();
        let scales: Vec<f32> =
            (0..outputs).map(|_| (1.0 + self.random()) / 127.0 / (fan as f32).sqrt()).collect();
        let [bytes, scale, zero] = ["bytes", "scale", "zero"].map(|part| format!("{name}_{part}"));
        self.constant(&bytes, dims, DataType::Int8, values);
        self.floats(&scale, &[outputs], &scales);
        self.constant(&zero, &[outputs], DataType::Int8, vec![0; outputs]);
        self.node("DequantizeLinear", &[&bytes, &scale, &zero], name, vec![int("axis", axis as i64)]);
    }

    fn some_floats(&mut self, name: &str, dims: &[usize], from: f32, to: f32) {
        let values: Vec<f32> =
            (0..dims.iter().product::<usize>()).map(|_| from + (to - from) * self.random()).collect();
        self.floats(name, dims, &values);
    }

    /// `output = PRelu(Conv(input))`, not quantized.
    fn conv(
        &mut self,
        input: &str,
        output: &str,
        dims: [usize; 4],
        group: usize,
        attributes: Vec<AttributeProto>,
    ) {
        let [weights, bias, slope, linear] =
            ["weights", "bias", "slope", "linear"].map(|part| format!("{output}_{part}"));
        self.weights(&weights, &dims, 0);
        self.some_floats(&bias, &[dims[0]], -0.5, 0.5);
        self.some_floats(&slope, &[dims[0], 1, 1], -0.2, 0.5);
        let attributes = attributes.into_iter().chain([int("group", group as i64)]).collect();
        self.node("Conv", &[input, &weights, &bias], &linear, attributes);
        self.node("PRelu", &[&linear, &slope], output, vec![]);
    }

    /// `{map}_gated = map * gate(averaged)`, not quantized.
    fn gate(&mut self, averaged: &str, map: &str, channels: usize) {
        const HIDDEN: usize = 4;
        let part = |part: &str| format!("{map}_{part}");
        self.node("GlobalAveragePool", &[averaged], &part("means"), vec![]);
        self.some_floats(&part("squeeze"), &[HIDDEN, channels, 1, 1], -1.0, 1.0);
        self.some_floats(&part("squeeze_bias"), &[HIDDEN], -0.5, 1.0);
        let inputs = [part("means"), part("squeeze"), part("squeeze_bias")];
        self.node("Conv", &inputs.each_ref().map(String::as_str), &part("squeezed"), vec![]);
        self.node("Relu", &[&part("squeezed")], &part("hidden"), vec![]);
        self.some_floats(&part("excite"), &[channels, HIDDEN, 1, 1], -1.0, 1.0);
        self.some_floats(&part("excite_bias"), &[channels], -1.0, 1.0);
        let inputs = [part("hidden"), part("excite"), part("excite_bias")];
        self.node("Conv", &inputs.each_ref().map(String::as_str), &part("excited"), vec![]);
        self.node("Sigmoid", &[&part("excited")], &part("gate"), vec![]);
        self.node("Mul", &[map, &part("gate")], &part("gated"), vec![]);
    }

    fn file(mut self, outputs: &[&str]) -> ModelProto {
        outputs.iter().for_each(|output| self.declare(output, DataType::Float, false));
        ModelProto {
            ir_version: 7,
            opset_import: vec![tract_onnx::pb::OperatorSetIdProto { domain: String::new(), version: 13 }],
            graph: Some(self.0),
            ..Default::default()
        }
    }
}

fn int(name: &str, i: i64) -> AttributeProto {
    let r#type = tract_onnx::pb::attribute_proto::AttributeType::Int as i32;
    AttributeProto { name: name.into(), r#type, i, ..Default::default() }
}

fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    let r#type = tract_onnx::pb::attribute_proto::AttributeType::Ints as i32;
    AttributeProto { name: name.into(), r#type, ints: ints.to_vec(), ..Default::default() }
}

fn input() -> NetworkInput {
    NetworkInput {
        name: "input".into(),
        shape: [0; 4],
        channels: ChannelOrder::Rgb,
        mean: 127.5,
        divisor: 128.0,
    }
}

/// A graph with all supported layers: a first convolution, a depthwise one with quantization parameters for each channel, a
/// squeeze-and-excitation block, a residual sum, a pool, a fully connected layer, and two outputs of floats.
fn all_layers() -> GraphBuilder {
    let mut net = GraphBuilder::new();
    net.conv("x0", "first", [20, 3, 3, 3], 1, vec![ints("strides", &[2, 2]), ints("pads", &[0, 0, 1, 1])]);
    net.quant("first", "x1", 6.0, Some(20));
    net.conv("x1", "deep", [20, 1, 3, 3], 20, vec![ints("pads", &[1, 1, 1, 1])]);
    net.quant("deep", "x2", 6.0, None);
    net.conv("x2", "point", [20, 20, 1, 1], 1, vec![]);
    net.quant("point", "x3", 6.0, None);
    net.gate("x3", "x3", 20);
    net.quant("x3_gated", "x3g", 6.0, None);
    net.node("Add", &["x3g", "x2"], "sum", vec![]);
    net.quant("sum", "x4", 8.0, None);
    net.node("MaxPool", &["x4"], "pool", vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])]);
    net.pair("pool", "x5", "x4_scale", "x4_zero", "x5_bytes");
    net.node("Flatten", &["x5"], "flat", vec![int("axis", 1)]);
    net.pair("flat", "x6", "x4_scale", "x4_zero", "x6_bytes");
    net.weights("matrix", &[20 * 4 * 3, 7], 1);
    net.some_floats("bias", &[7], -1.0, 1.0);
    net.node("MatMul", &["x6", "matrix"], "product", vec![]);
    net.node("Add", &["product", "bias"], "scores", vec![]);
    net.node("Softmax", &["scores"], "prob", vec![int("axis", 1)]);
    net.conv("x5", "map", [5, 20, 2, 3], 1, vec![]);
    net
}

const SHAPE: [usize; 4] = [2, 3, 16, 12];

fn pixels() -> Vec<u8> {
    (0..SHAPE.iter().product::<usize>()).map(|i| (i * 7919 % 256) as u8).collect()
}

/// The outputs of tract for a file.
fn run_tract(file: &ModelProto) -> Vec<Vec<f32>> {
    let [images, channels, height, width] = SHAPE;
    let fact = InferenceFact::dt_shape(u8::datum_type(), SHAPE);
    let model = tract_onnx::onnx().model_for_proto_model(file).unwrap().with_input_fact(0, fact).unwrap();
    let plan = model.into_optimized().unwrap().into_runnable().unwrap();
    let packed = pixels();
    let planar: Vec<u8> = (0..images)
        .flat_map(|image| (0..channels).map(move |channel| (image, channel)))
        .flat_map(|(image, channel)| {
            let packed = &packed;
            (0..height * width).map(move |at| packed[(image * height * width + at) * channels + channel])
        })
        .collect();
    let made = plan.run(tvec!(Tensor::from_shape(&SHAPE, &planar).unwrap().into_tvalue())).unwrap();
    made.iter().map(|made| made.try_as_plain_ram().unwrap().as_slice::<f32>().unwrap().to_vec()).collect()
}

fn import_error(file: &ModelProto) -> ImportError {
    import_qdq(&Graph::new(file.graph.as_ref().unwrap()), &input(), &SHAPE).unwrap_err()
}

#[test]
fn kernels_and_tract_give_the_same_result() {
    let file = all_layers().file(&["prob", "map", "x5"]);
    let expected = run_tract(&file);
    for threads in [1, 3] {
        let mut network = QuantizedNetwork::new("test", &file, &input(), &SHAPE, threads).unwrap().unwrap();
        assert_eq!(network.output_shapes(), [vec![2, 7], vec![2, 5, 3, 1], vec![2, 20, 4, 3]]);
        let mut outputs = vec![Vec::new(); 3];
        // The second run must not depend on the buffers of the first.
        for _ in 0..2 {
            network.run(&pixels(), &mut outputs).unwrap();
            for ((made, expected), tolerance) in outputs.iter().zip(&expected).zip([0.02, 0.1, 0.1]) {
                assert_eq!(made.len(), expected.len());
                for (made, expected) in made.iter().zip(expected) {
                    assert!((made - expected).abs() < tolerance, "{made} is not {expected}");
                }
            }
        }
        assert!(network.run(&[0; 7], &mut outputs).is_err(), "an input of another length");
    }
}

#[test]
fn all_instruction_sets_give_the_same_bits() {
    let file = all_layers().file(&["prob", "map", "x5"]);
    let network = import_qdq(&Graph::new(file.graph.as_ref().unwrap()), &input(), &SHAPE).unwrap();
    let run = |isa| {
        let mut outputs = vec![Vec::new(); 3];
        ExecutionPlan::new(&network, false, isa, 1).unwrap().run(&pixels(), &mut outputs);
        outputs
    };
    let reference = run(Isa::Scalar);
    for isa in Isa::available() {
        assert_eq!(run(isa), reference, "{isa}");
    }
}

#[test]
fn bgr_equals_rgb_with_swapped_pixels() {
    let file = all_layers().file(&["map"]);
    let mut outputs = [vec![Vec::new()], vec![Vec::new()]];
    let swapped: Vec<u8> = pixels().as_chunks::<3>().0.iter().flat_map(|[r, g, b]| [*b, *g, *r]).collect();
    let reversed = NetworkInput { channels: ChannelOrder::Bgr, ..input() };
    for ((input, pixels), outputs) in [(input(), pixels()), (reversed, swapped)].iter().zip(&mut outputs) {
        let mut network = QuantizedNetwork::new("test", &file, input, &SHAPE, 1).unwrap().unwrap();
        network.run(pixels, outputs).unwrap();
    }
    assert_eq!(outputs[0], outputs[1]);
}

#[test]
fn pixels_are_quantized_for_a_float_input() {
    let mut net = GraphBuilder(GraphProto::default(), 5);
    net.declare("input", DataType::Float, true);
    net.quant("input", "x0", 2.0, None);
    net.conv("x0", "map", [4, 3, 3, 3], 1, vec![]);
    let file = net.file(&["map"]);
    let mut network = QuantizedNetwork::new("test", &file, &input(), &SHAPE, 1).unwrap().unwrap();
    let mut made = [Vec::new()];
    network.run(&pixels(), &mut made).unwrap();

    let normalized: Vec<f32> = (0..3)
        .flat_map(|channel| {
            let pixels = pixels();
            (0..16 * 12).map(move |at| (f32::from(pixels[at * 3 + channel]) - 127.5) / 128.0)
        })
        .collect();
    let fact = InferenceFact::dt_shape(f32::datum_type(), [1, 3, 16, 12]);
    let model = tract_onnx::onnx().model_for_proto_model(&file).unwrap().with_input_fact(0, fact).unwrap();
    let plan = model.into_optimized().unwrap().into_runnable().unwrap();
    let tensor = Tensor::from_shape(&[1, 3, 16, 12], &normalized).unwrap();
    let expected = plan.run(tvec!(tensor.into_tvalue())).unwrap();
    let expected = expected[0].try_as_plain_ram().unwrap();
    for (made, expected) in made[0].iter().zip(expected.as_slice::<f32>().unwrap()) {
        assert!((made - expected).abs() < 0.01, "{made} is not {expected}");
    }
}

#[test]
fn unsupported_operators_are_left_to_tract() {
    let mut net = all_layers();
    net.node("Sigmoid", &["map"], "strange", vec![]);
    let file = net.file(&["strange"]);
    assert!(matches!(import_error(&file), ImportError::Unsupported(why) if why.contains("Sigmoid")));
    assert!(QuantizedNetwork::new("test", &file, &input(), &SHAPE, 1).unwrap().is_none());
    assert_eq!(run_tract(&file)[0].len(), 2 * 5 * 3, "tract runs it");

    let mut net = GraphBuilder::new();
    net.conv("x0", "dilated", [4, 3, 3, 3], 1, vec![ints("dilations", &[2, 2])]);
    assert!(
        matches!(import_error(&net.file(&["dilated"])), ImportError::Unsupported(why) if why.contains("dilated"))
    );

    let mut net = GraphBuilder::new();
    net.conv("x0", "first", [20, 3, 3, 3], 1, vec![]);
    net.quant("first", "x1", 6.0, Some(20));
    net.conv("x1", "point", [4, 20, 1, 1], 1, vec![]);
    assert!(
        matches!(import_error(&net.file(&["point"])), ImportError::Unsupported(why) if why.contains("quantization parameters"))
    );
}

#[test]
fn other_layers_on_the_input_are_left_to_tract() {
    let mut deep = GraphBuilder::new();
    deep.conv("x0", "made", [3, 1, 3, 3], 3, vec![]);
    let mut pool = GraphBuilder::new();
    pool.node("MaxPool", &["x0"], "pool", vec![ints("kernel_shape", &[2, 2])]);
    pool.pair("pool", "x1", "input_scale", "input_zero", "x1_bytes");
    pool.conv("x1", "made", [4, 3, 3, 3], 1, vec![]);
    let mut sum = GraphBuilder::new();
    sum.node("Add", &["x0", "x0"], "sum", vec![]);
    sum.quant("sum", "x1", 4.0, None);
    sum.conv("x1", "made", [4, 3, 3, 3], 1, vec![]);
    for net in [deep, pool, sum] {
        let file = net.file(&["made"]);
        assert!(matches!(import_error(&file), ImportError::Unsupported(_)));
        assert!(!run_tract(&file)[0].is_empty(), "tract runs it");
    }
}

#[test]
fn other_gates_are_left_to_tract() {
    let refused = |change: &dyn Fn(&mut GraphBuilder)| {
        let mut net = GraphBuilder::new();
        net.conv("x0", "first", [20, 3, 3, 3], 1, vec![]);
        net.quant("first", "x1", 6.0, None);
        net.conv("x1", "second", [20, 20, 1, 1], 1, vec![]);
        net.quant("second", "x2", 6.0, None);
        net.gate("x2", "x2", 20);
        change(&mut net);
        net.quant("x2_gated", "x3", 6.0, None);
        net.conv("x3", "map", [4, 20, 1, 1], 1, vec![]);
        let file = net.file(&["map"]);
        let import = import_qdq(&Graph::new(file.graph.as_ref().unwrap()), &input(), &SHAPE).err();
        if let Some(ImportError::Unsupported(_)) = import {
            assert!(!run_tract(&file)[0].is_empty(), "tract runs it");
        }
        import
    };
    fn node<'a>(net: &'a mut GraphBuilder, output: &str) -> &'a mut NodeProto {
        net.0.node.iter_mut().find(|node| node.output[0] == output).unwrap()
    }
    assert_eq!(refused(&|_| ()), None);
    let unsupported = |change: &dyn Fn(&mut GraphBuilder), expected: &str| {
        let found = refused(change);
        assert!(
            matches!(&found, Some(ImportError::Unsupported(why)) if why.contains(expected)),
            "{found:?} has no {expected:?}"
        );
    };
    unsupported(&|net| node(net, "x2_means").input[0] = "x1".into(), "the gate of another one");
    unsupported(&|net| node(net, "x2_gate").op_type = "Relu".into(), "the next operator of a gate");
    unsupported(&|net| node(net, "x2_hidden").op_type = "Sigmoid".into(), "the next operator of a gate");
    let without_sigmoid = |net: &mut GraphBuilder| {
        node(net, "x2_gated").input[1] = "x2_excited".into();
        net.0.node.retain(|node| node.output[0] != "x2_gate");
    };
    let steps = |net: &mut GraphBuilder| node(net, "x2_excited").attribute.push(ints("strides", &[2, 2]));
    unsupported(&steps, "with steps");
    unsupported(&without_sigmoid, "something else than a gate");
    unsupported(&|net| node(net, "x2_gated").input[1] = "x2".into(), "a map by a gate");
    let found = refused(&|net| {
        let squeeze = net.0.initializer.iter_mut().find(|tensor| tensor.name == "x2_squeeze").unwrap();
        squeeze.dims = vec![5, 16, 1, 1];
    });
    assert!(matches!(found, Some(ImportError::Invalid(why)) if why.contains("[5, 16, 1, 1]")));
}

#[test]
fn invalid_scales_are_refused() {
    for scale in [0.0, f32::NAN, -1.0, f32::INFINITY] {
        for of in ["x4_scale", "first_weights_scale", "x1_scale"] {
            let mut file = all_layers().file(&["prob"]);
            let graph = file.graph.as_mut().unwrap();
            let tensor = graph.initializer.iter_mut().find(|tensor| tensor.name == of).unwrap();
            tensor.raw_data[..4].copy_from_slice(&scale.to_le_bytes());
            assert!(matches!(import_error(&file), ImportError::Invalid(_)), "{of} of {scale}");
            let error = QuantizedNetwork::new("door.onnx", &file, &input(), &SHAPE, 1).err().unwrap();
            assert!(matches!(&error, EngineError::Shape { .. }) && error.to_string().contains("door.onnx"));
        }
    }
}

#[test]
fn inconsistent_shapes_are_refused() {
    let wrong = |of: &str, dims: &[i64]| {
        let mut file = all_layers().file(&["prob"]);
        let graph = file.graph.as_mut().unwrap();
        let tensor = graph.initializer.iter_mut().find(|tensor| tensor.name == of).unwrap();
        tensor.dims = dims.to_vec();
        let size = if tensor.data_type == DataType::Float as i32 { 4 } else { 1 };
        tensor.raw_data.resize(dims.iter().product::<i64>() as usize * size, 1);
        QuantizedNetwork::new("test", &file, &input(), &SHAPE, 1)
    };
    for (of, dims) in [
        ("point_weights_bytes", &[20, 19, 1, 1][..]),
        ("deep_bias", &[19]),
        ("x3_excite", &[20, 5, 1, 1]),
        ("x3_squeeze_bias", &[3]),
        ("matrix_bytes", &[20 * 4 * 4, 7]),
        ("x1_scale", &[19]),
        ("point_weights_scale", &[19]),
    ] {
        assert!(!matches!(wrong(of, dims), Ok(Some(_))), "{of} of {dims:?}");
    }
    let file = all_layers().file(&["prob"]);
    assert!(QuantizedNetwork::new("test", &file, &input(), &[1, 3, 40, 40], 1).is_err(), "another input");
    assert!(
        QuantizedNetwork::new("test", &file, &input(), &[1, 3, 1, 1], 1).is_err(),
        "no room for a kernel"
    );
}

#[test]
fn missing_constants_do_not_panic() {
    for missing in ["x4_scale", "x4_zero", "first_weights_scale", "first_weights_bytes", "bias", "x3_squeeze"]
    {
        let mut file = all_layers().file(&["prob"]);
        file.graph.as_mut().unwrap().initializer.retain(|tensor| tensor.name != missing);
        assert!(
            !matches!(QuantizedNetwork::new("test", &file, &input(), &SHAPE, 1), Ok(Some(_))),
            "{missing}"
        );
    }
}
