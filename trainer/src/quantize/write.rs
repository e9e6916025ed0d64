//! The quantised network as an ONNX file.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, attribute_proto, type_proto,
};

use super::Pixels;
use super::network::{Network, Role};
use super::ranges::{Grid, Observed, model};
use crate::onnx::Constant;

/// Writes the network with its values on their grids and its weights in signed bytes, a scale for each output.
/// `correction` takes out of the biases what rounding the weights adds to the mean of each output (Nagel et al.,
/// "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019).
pub fn write(
    network: &Network,
    grids: &BTreeMap<String, Grid>,
    correction: Option<&Observed>,
    pixels: Option<Pixels>,
) -> Result<ModelProto> {
    let graph = GraphProto {
        name: network.graph.name.clone(),
        input: network.graph.input.iter().filter(|input| input.name == network.input).cloned().collect(),
        output: network.graph.output.clone(),
        ..Default::default()
    };
    let mut writer = Writer { network, grids, correction, pixels, graph };
    writer.input()?;
    for node in &network.graph.node {
        writer.node(node).with_context(|| format!("{} {}", node.op_type, node.output[0]))?;
    }
    Ok(model(writer.graph))
}

/// What a value is called once it is made real again from its bytes.
pub fn real(value: &str) -> String {
    format!("{value}_real")
}

struct Writer<'a> {
    network: &'a Network,
    grids: &'a BTreeMap<String, Grid>,
    correction: Option<&'a Observed>,
    pixels: Option<Pixels>,
    graph: GraphProto,
}

impl Writer<'_> {
    /// The input in bytes: pixels as they are, or quantised from normalised numbers.
    fn input(&mut self) -> Result<()> {
        let input = self.network.input.clone();
        let Some(Pixels { mean, divisor }) = self.pixels else {
            return self.quantise(&input, &input);
        };
        for info in &mut self.graph.input {
            if let Some(type_proto::Value::TensorType(tensor)) =
                info.r#type.as_mut().and_then(|kind| kind.value.as_mut())
            {
                tensor.elem_type = DataType::Uint8 as i32;
            }
        }
        let [scale, zero_point] = ["scale", "zero_point"].map(|part| format!("{input}_{part}"));
        self.floats(&scale, &[], &[1.0 / divisor]);
        self.constant(&zero_point, &[], DataType::Uint8, vec![mean.round() as u8]);
        self.push("DequantizeLinear", &[&input, &scale, &zero_point], &real(&input), vec![]);
        Ok(())
    }

    fn node(&mut self, node: &NodeProto) -> Result<()> {
        let mut written = node.clone();
        written.name.clone_from(&node.output[0]);
        for (index, name) in node.input.iter().enumerate() {
            let given = &mut written.input[index];
            match self.network.constants.get(name) {
                Some(weights) if index == 1 && ["Conv", "MatMul"].contains(&node.op_type.as_str()) => {
                    let axis = usize::from(node.op_type == "MatMul");
                    *given = self.weights(name, weights, axis);
                }
                // A bias is written below, corrected.
                Some(_) if index == 2 && node.op_type == "Conv" => {}
                Some(constant) if !self.is_bias(node) => {
                    self.floats(name, &constant.dims, &constant.values);
                }
                Some(_) => {}
                None if self.is_quantized(name) => *given = real(name),
                None => {}
            }
        }
        if let Some((layer, index)) = self.biased(node) {
            let name = format!("{}_bias", node.output[0]);
            let bias = self.bias(&layer, node.input.get(index))?;
            self.floats(&name, &[bias.len()], &bias);
            written.input.truncate(index);
            written.input.push(name);
        }
        self.graph.node.push(written);
        let output = &node.output[0];
        match &self.network.values[output] {
            Role::Real => Ok(()),
            Role::Grid { .. } => self.quantise(output, output),
            Role::Same(_) => self.quantise(output, self.network.grid_of(output)),
        }
    }

    /// Whether a value goes on in bytes.
    fn is_quantized(&self, value: &str) -> bool {
        value == self.network.input || self.network.values.get(value).is_some_and(|role| *role != Role::Real)
    }

    /// Whether a node adds a bias to a matrix product.
    fn is_bias(&self, node: &NodeProto) -> bool {
        node.op_type == "Add" && self.network.constants.contains_key(&node.input[1])
    }

    /// The convolution or matrix product whose bias a node takes, and as which of its inputs.
    fn biased(&self, node: &NodeProto) -> Option<(NodeProto, usize)> {
        if self.is_bias(node) {
            let made = |layer: &&NodeProto| layer.output[0] == node.input[0];
            return Some((self.network.graph.node.iter().find(made)?.clone(), 1));
        }
        (node.op_type == "Conv").then(|| (node.clone(), 2))
    }

    /// `value` onto a grid and back.
    fn quantise(&mut self, value: &str, grid_of: &str) -> Result<()> {
        let grid = self.grids.get(grid_of).with_context(|| format!("{grid_of} has no grid"))?;
        let dims: Vec<usize> = if grid.scale.len() > 1 { vec![grid.scale.len()] } else { vec![] };
        let [scale, zero_point] = ["scale", "zero_point"].map(|part| format!("{grid_of}_{part}"));
        if value == grid_of {
            self.floats(&scale, &dims, &grid.scale);
            self.constant(&zero_point, &dims, DataType::Uint8, grid.zero_point.clone());
        }
        let bytes = format!("{value}_bytes");
        self.push("QuantizeLinear", &[value, &scale, &zero_point], &bytes, vec![axis(1)]);
        self.push("DequantizeLinear", &[&bytes, &scale, &zero_point], &real(value), vec![axis(1)]);
        Ok(())
    }

    /// Weights in signed bytes and back; gives what they are called then.
    fn weights(&mut self, name: &str, weights: &Constant, outputs_axis: usize) -> String {
        let real = real(name);
        if self.graph.node.iter().any(|node| node.output[0] == real) {
            return real;
        }
        let scales = scales(weights, outputs_axis);
        let bytes = rounded(weights, outputs_axis, &scales);
        let [bytes_name, scale, zero_point] =
            ["bytes", "scale", "zero_point"].map(|part| format!("{name}_{part}"));
        let raw = bytes.iter().map(|byte| byte.cast_unsigned()).collect();
        self.constant(&bytes_name, &weights.dims, DataType::Int8, raw);
        self.floats(&scale, &[scales.len()], &scales);
        self.constant(&zero_point, &[scales.len()], DataType::Int8, vec![0; scales.len()]);
        let axis = vec![axis(outputs_axis as i64)];
        self.push("DequantizeLinear", &[&bytes_name, &scale, &zero_point], &real, axis);
        real
    }

    /// A layer's bias, without what rounding adds and, for a first layer, with what pixels leave over.
    fn bias(&self, layer: &NodeProto, name: Option<&String>) -> Result<Vec<f32>> {
        let outputs_axis = usize::from(layer.op_type == "MatMul");
        let weights = &self.network.constants[&layer.input[1]];
        let outputs = weights.dims[outputs_axis];
        let mut bias: Vec<f64> = match name {
            Some(name) => {
                let constant = self.network.constants.get(name).context("its bias is no constant")?;
                constant.values.iter().copied().map(f64::from).collect()
            }
            None => vec![0.0; outputs],
        };
        if bias.len() == 1 {
            bias = vec![bias[0]; outputs];
        }
        ensure!(bias.len() == outputs, "it has {} biases for {outputs} outputs", bias.len());
        let scales = scales(weights, outputs_axis);
        let bytes = rounded(weights, outputs_axis, &scales);
        let error = |index: usize, output: usize| {
            f64::from(weights.values[index]) - f64::from(bytes[index]) * f64::from(scales[output])
        };
        let depthwise = self.network.is_depthwise(layer);
        if let Some(observed) = self.correction {
            let means = self.means(&layer.input[0], observed);
            for index in 0..weights.values.len() {
                let (output, input) = place(&weights.dims, outputs_axis, index);
                let mean = if depthwise {
                    means[output]
                } else {
                    means[input * means.len() / inputs(&weights.dims, outputs_axis)]
                };
                bias[output] += error(index, output) * mean;
            }
        }
        if let (Some(Pixels { mean, divisor }), true) = (self.pixels, layer.input[0] == self.network.input) {
            let left = f64::from(mean.round() - mean) / f64::from(divisor);
            for (index, weight) in weights.values.iter().enumerate() {
                bias[place(&weights.dims, outputs_axis, index).0] += f64::from(*weight) * left;
            }
        }
        Ok(bias.into_iter().map(|value| value as f32).collect())
    }

    /// The mean of each channel of a value; of a flattened map, those of the map.
    fn means(&self, value: &str, observed: &Observed) -> Vec<f64> {
        observed.values[self.network.grid_of(value)].means()
    }

    fn floats(&mut self, name: &str, dims: &[usize], values: &[f32]) {
        self.constant(
            name,
            dims,
            DataType::Float,
            values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        );
    }

    fn constant(&mut self, name: &str, dims: &[usize], kind: DataType, raw_data: Vec<u8>) {
        if self.graph.initializer.iter().any(|tensor| tensor.name == name) {
            return;
        }
        let dims = dims.iter().map(|dim| *dim as i64).collect();
        let data_type = kind as i32;
        self.graph.initializer.push(TensorProto {
            name: name.into(),
            dims,
            data_type,
            raw_data,
            ..Default::default()
        });
    }

    fn push(&mut self, op: &str, inputs: &[&str], output: &str, attribute: Vec<AttributeProto>) {
        self.graph.node.push(NodeProto {
            name: output.into(),
            op_type: op.into(),
            input: inputs.iter().map(|input| (*input).to_owned()).collect(),
            output: vec![output.into()],
            attribute,
            ..Default::default()
        });
    }
}

fn axis(i: i64) -> AttributeProto {
    let r#type = attribute_proto::AttributeType::Int as i32;
    AttributeProto { name: "axis".into(), r#type, i, ..Default::default() }
}

/// The output and the input that a weight lies between.
fn place(dims: &[usize], outputs_axis: usize, index: usize) -> (usize, usize) {
    match outputs_axis {
        0 => {
            let kernel: usize = dims[2..].iter().product();
            (index / (dims[1] * kernel), index / kernel % dims[1])
        }
        _ => (index % dims[1], index / dims[1]),
    }
}

fn inputs(dims: &[usize], outputs_axis: usize) -> usize {
    dims[1 - outputs_axis]
}

/// For each output, what the greatest of its weights is 127 times of.
fn scales(weights: &Constant, outputs_axis: usize) -> Vec<f32> {
    let mut greatest = vec![0.0f32; weights.dims[outputs_axis]];
    for (index, weight) in weights.values.iter().enumerate() {
        let (output, _) = place(&weights.dims, outputs_axis, index);
        greatest[output] = greatest[output].max(weight.abs());
    }
    let most = greatest.iter().copied().fold(1e-3, f32::max);
    greatest.into_iter().map(|greatest| greatest.max(most * 1e-4) / 127.0).collect()
}

fn rounded(weights: &Constant, outputs_axis: usize, scales: &[f32]) -> Vec<i8> {
    let byte = |(index, weight): (usize, &f32)| {
        let (output, _) = place(&weights.dims, outputs_axis, index);
        (weight / scales[output]).round().clamp(-127.0, 127.0) as i8
    };
    weights.values.iter().enumerate().map(byte).collect()
}
