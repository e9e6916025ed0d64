//! Small ONNX graphs as seed inputs: every operator that the engine supports, with few weights, so that most mutations change
//! the graph and not a weight.

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::Dimension;
use tract_onnx::pb::tensor_shape_proto::dimension::Value;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto,
    TypeProto, ValueInfoProto, attribute_proto, type_proto,
};

/// Batch, channels, height and width of the input.
pub const SHAPE: [usize; 4] = [1, 3, 8, 6];

/// Builds a graph.
struct GraphBuilder(GraphProto);

impl GraphBuilder {
    /// Declares an input or output. No dimensions: of unknown shape.
    fn value(name: &str, kind: DataType, dims: &[usize]) -> ValueInfoProto {
        let dimension =
            |dim: &usize| Dimension { value: Some(Value::DimValue(*dim as i64)), ..Default::default() };
        let shape =
            (!dims.is_empty()).then(|| TensorShapeProto { dim: dims.iter().map(dimension).collect() });
        let tensor = type_proto::Tensor { elem_type: kind as i32, shape };
        let r#type = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() };
        ValueInfoProto { name: name.into(), r#type: Some(r#type), ..Default::default() }
    }

    /// Adds a constant.
    fn constant(&mut self, name: &str, dims: &[usize], data_type: DataType, raw_data: Vec<u8>) {
        let dims = dims.iter().map(|dim| *dim as i64).collect();
        let data_type = data_type as i32;
        self.0.initializer.push(TensorProto {
            name: name.into(),
            dims,
            data_type,
            raw_data,
            ..Default::default()
        });
    }

    /// Adds a constant of small, varying floats.
    fn floats(&mut self, name: &str, dims: &[usize]) {
        let numbers = (0..dims.iter().product::<usize>()).map(|at| (at * 37 % 11) as f32 / 16.0 - 0.25);
        self.constant(name, dims, DataType::Float, numbers.flat_map(f32::to_le_bytes).collect());
    }

    /// Adds quantization scales: one, or one for each of `count` channels.
    fn scales(&mut self, name: &str, count: Option<usize>) {
        let numbers = (0..count.unwrap_or(1)).map(|at| 1.0 / (64.0 + at as f32));
        let dims: Vec<usize> = count.into_iter().collect();
        self.constant(name, &dims, DataType::Float, numbers.flat_map(f32::to_le_bytes).collect());
    }

    /// Adds a node with one output.
    fn node(&mut self, op: &str, inputs: &[&str], output: &str, attribute: Vec<AttributeProto>) {
        self.0.node.push(NodeProto {
            name: output.into(),
            op_type: op.into(),
            input: inputs.iter().map(|input| (*input).into()).collect(),
            output: vec![output.into()],
            attribute,
            ..Default::default()
        });
    }

    /// Adds a QuantizeLinear and DequantizeLinear pair, for each tensor or for each of `channels` channels.
    fn quantize_dequantize(&mut self, input: &str, output: &str, channels: Option<usize>) {
        let [scale, zero, bytes] = ["scale", "zero", "bytes"].map(|part| format!("{output}_{part}"));
        self.scales(&scale, channels);
        let dims: Vec<usize> = channels.into_iter().collect();
        self.constant(&zero, &dims, DataType::Uint8, vec![128; channels.unwrap_or(1)]);
        self.node("QuantizeLinear", &[input, &scale, &zero], &bytes, vec![int("axis", 1)]);
        self.node("DequantizeLinear", &[&bytes, &scale, &zero], output, vec![int("axis", 1)]);
    }

    /// Adds quantized weights (int8) with a scale for each output channel, which is dimension `axis`.
    fn weights(&mut self, name: &str, dims: &[usize], axis: usize) {
        let [bytes, scale, zero] = ["bytes", "scale", "zero"].map(|part| format!("{name}_{part}"));
        let numbers = (0..dims.iter().product::<usize>()).map(|at| (at * 91 % 255) as u8).collect();
        self.constant(&bytes, dims, DataType::Int8, numbers);
        self.scales(&scale, Some(dims[axis]));
        self.constant(&zero, &[dims[axis]], DataType::Int8, vec![0; dims[axis]]);
        self.node("DequantizeLinear", &[&bytes, &scale, &zero], name, vec![int("axis", axis as i64)]);
    }

    /// The model with this input and this output.
    fn finish(mut self, input: ValueInfoProto, output: &str) -> ModelProto {
        self.0.input.push(input);
        self.0.output.push(Self::value(output, DataType::Float, &[]));
        ModelProto {
            ir_version: 7,
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 13 }],
            graph: Some(self.0),
            ..Default::default()
        }
    }
}

/// An integer attribute.
fn int(name: &str, i: i64) -> AttributeProto {
    let r#type = attribute_proto::AttributeType::Int as i32;
    AttributeProto { name: name.into(), r#type, i, ..Default::default() }
}

/// An attribute with a list of integers.
fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    let r#type = attribute_proto::AttributeType::Ints as i32;
    AttributeProto { name: name.into(), r#type, ints: ints.to_vec(), ..Default::default() }
}

/// A float network: convolutions, batch normalization, a residual sum, pooling, a dense layer, softmax.
pub fn float_network() -> ModelProto {
    let mut net = GraphBuilder(GraphProto { name: "floats".into(), ..Default::default() });
    for (name, dims) in [
        ("kernel", &[4, 3, 3, 3][..]),
        ("bias", &[4]),
        ("slope", &[4, 1, 1]),
        ("deep", &[4, 1, 3, 3]),
        ("matrix", &[2, 48]),
        ("offset", &[2]),
        ("norm", &[4]),
    ] {
        net.floats(name, dims);
    }
    net.scales("variance", Some(4));
    net.node("Conv", &["input", "kernel", "bias"], "x1", vec![ints("pads", &[1, 1, 1, 1])]);
    net.node("BatchNormalization", &["x1", "norm", "bias", "norm", "variance"], "x2", vec![]);
    net.node("PRelu", &["x2", "slope"], "x3", vec![]);
    net.node("Conv", &["x3", "deep"], "x4", vec![int("group", 4), ints("pads", &[1, 1, 1, 1])]);
    net.node("Relu", &["x4"], "x5", vec![]);
    net.node("Add", &["x5", "x3"], "x6", vec![]);
    net.node("MaxPool", &["x6"], "x7", vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])]);
    net.node("Flatten", &["x7"], "x8", vec![int("axis", 1)]);
    net.node("Gemm", &["x8", "matrix", "offset"], "x9", vec![int("transB", 1)]);
    net.node("Softmax", &["x9"], "prob", vec![int("axis", 1)]);
    net.finish(GraphBuilder::value("input", DataType::Float, &SHAPE), "prob")
}

/// A quantized network, which runs on the int8 kernels.
pub fn quantized_network() -> ModelProto {
    let mut net = GraphBuilder(GraphProto { name: "bytes".into(), ..Default::default() });
    net.scales("input_scale", None);
    net.constant("input_zero", &[], DataType::Uint8, vec![128]);
    net.node("DequantizeLinear", &["input", "input_scale", "input_zero"], "x0", vec![]);
    net.weights("first", &[4, 3, 3, 3], 0);
    net.floats("first_bias", &[4]);
    net.floats("first_slope", &[4, 1, 1]);
    net.node("Conv", &["x0", "first", "first_bias"], "c1", vec![ints("pads", &[1, 1, 1, 1])]);
    net.node("PRelu", &["c1", "first_slope"], "p1", vec![]);
    net.quantize_dequantize("p1", "x1", Some(4));
    net.weights("deep", &[4, 1, 3, 3], 0);
    net.node("Conv", &["x1", "deep", "first_bias"], "c2", vec![int("group", 4), ints("pads", &[1, 1, 1, 1])]);
    net.quantize_dequantize("c2", "x2", None);
    net.weights("point", &[4, 4, 1, 1], 0);
    net.node("Conv", &["x2", "point", "first_bias"], "c3", vec![]);
    net.quantize_dequantize("c3", "x3", None);
    net.node("Add", &["x3", "x2"], "sum", vec![]);
    net.quantize_dequantize("sum", "x4", None);
    net.node("Flatten", &["x4"], "flat", vec![int("axis", 1)]);
    net.weights("matrix", &[4 * 8 * 6, 2], 1);
    net.floats("offset", &[2]);
    net.node("MatMul", &["flat", "matrix"], "product", vec![]);
    net.node("Add", &["product", "offset"], "scores", vec![]);
    net.node("Softmax", &["scores"], "prob", vec![int("axis", 1)]);
    net.finish(GraphBuilder::value("input", DataType::Uint8, &[]), "prob")
}
