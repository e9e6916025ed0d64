//! Writes the quantized network as ONNX.

#![expect(
    clippy::indexing_slicing,
    reason = "indices are computed from the shapes of weights, which simplify() checks"
)]

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, attribute_proto, type_proto,
};

use super::PixelNormalization;
use super::graph::{QuantizationGraph, ValueRole};
use super::ranges::QuantParams;
use super::stats::CalibrationStats;
use crate::onnx::graph::model;
use crate::onnx::{Constant, input, node_label, output};

/// Greatest absolute value of a weight as a signed byte. -128 is not used, so that weights are symmetric.
const WEIGHT_STEPS: f32 = 127.0;
/// Least greatest weight of a layer, so that weights that are all 0 have a scale.
const MIN_WEIGHT: f32 = 1e-3;
/// Least greatest weight of an output, as a share of the greatest weight of the layer.
const MIN_RELATIVE_WEIGHT: f32 = 1e-4;

/// Writes the network with quantized values, and with weights as signed bytes with one scale for each output. `correction`
/// removes from the biases what the rounding of weights adds to the mean of each output (Nagel et al., "Data-Free Quantization
/// Through Weight Equalization and Bias Correction", 2019).
///
/// # Errors
/// If a value has no parameters or statistics, or a bias has another size than its output.
pub fn write(
    network: &QuantizationGraph,
    params: &BTreeMap<String, QuantParams>,
    correction: Option<&CalibrationStats>,
    pixels: Option<PixelNormalization>,
) -> Result<ModelProto> {
    let graph = GraphProto {
        name: network.graph.name.clone(),
        input: network.graph.input.iter().filter(|input| input.name == network.input).cloned().collect(),
        output: network.graph.output.clone(),
        ..Default::default()
    };
    let mut writer = Writer { network, params, correction, pixels, graph };
    writer.input()?;
    for node in &network.graph.node {
        writer.node(node).with_context(|| node_label(node))?;
    }
    Ok(model(writer.graph))
}

/// Name of a value after dequantization.
pub fn dequantized_name(value: &str) -> String {
    format!("{value}_real")
}

struct Writer<'a> {
    network: &'a QuantizationGraph,
    params: &'a BTreeMap<String, QuantParams>,
    correction: Option<&'a CalibrationStats>,
    pixels: Option<PixelNormalization>,
    graph: GraphProto,
}

impl Writer<'_> {
    /// Writes the input: pixels as bytes, or normalized numbers, which are quantized.
    fn input(&mut self) -> Result<()> {
        let input = self.network.input.clone();
        let Some(PixelNormalization { mean, divisor }) = self.pixels else {
            return self.quantize(&input, &input);
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
        self.push("DequantizeLinear", &[&input, &scale, &zero_point], &dequantized_name(&input), vec![]);
        Ok(())
    }

    fn node(&mut self, node: &NodeProto) -> Result<()> {
        let mut written = node.clone();
        written.name = output(node).to_owned();
        let in_gate = self.network.gates.contains(output(node));
        for (index, (name, given)) in node.input.iter().zip(&mut written.input).enumerate() {
            match self.network.constants.get(name) {
                Some(weights)
                    if index == 1 && !in_gate && ["Conv", "MatMul"].contains(&node.op_type.as_str()) =>
                {
                    let axis = usize::from(node.op_type == "MatMul");
                    *given = self.weights(name, weights, axis);
                }
                // The corrected bias is written below.
                Some(_) if index == 2 && !in_gate && node.op_type == "Conv" => {}
                Some(constant) if !self.is_bias(node) => {
                    self.floats(name, &constant.dims, &constant.values);
                }
                Some(_) => {}
                None if self.is_quantized(name) => *given = dequantized_name(name),
                None => {}
            }
        }
        if let Some((layer, index)) = self.biased(node) {
            let name = format!("{}_bias", output(node));
            let bias = self.bias(&layer, node.input.get(index))?;
            self.floats(&name, &[bias.len()], &bias);
            written.input.truncate(index);
            written.input.push(name);
        }
        self.graph.node.push(written);
        let value = output(node);
        match self.network.values.get(value).context("makes an unknown value")? {
            ValueRole::Float => Ok(()),
            ValueRole::Quantized { .. } => self.quantize(value, value),
            ValueRole::SharesParams(_) => self.quantize(value, self.network.params_source(value)),
        }
    }

    /// Whether a value is quantized.
    fn is_quantized(&self, value: &str) -> bool {
        value == self.network.input
            || self.network.values.get(value).is_some_and(|role| *role != ValueRole::Float)
    }

    /// Whether a node adds the bias of a matrix product.
    fn is_bias(&self, node: &NodeProto) -> bool {
        node.op_type == "Add" && self.network.constants.contains_key(input(node, 1))
    }

    /// The convolution or matrix product whose bias a node has, and the index of that input.
    fn biased(&self, node: &NodeProto) -> Option<(NodeProto, usize)> {
        if self.is_bias(node) {
            let made = |layer: &&NodeProto| output(layer) == input(node, 0);
            return Some((self.network.graph.node.iter().find(made)?.clone(), 1));
        }
        let is_quantized = node.op_type == "Conv" && !self.network.gates.contains(output(node));
        is_quantized.then(|| (node.clone(), 2))
    }

    /// Quantizes and dequantizes a value.
    fn quantize(&mut self, value: &str, params_source: &str) -> Result<()> {
        let params = self
            .params
            .get(params_source)
            .with_context(|| format!("{params_source} has no quantization parameters"))?;
        let dims: Vec<usize> = if params.scale.len() > 1 { vec![params.scale.len()] } else { vec![] };
        let [scale, zero_point] = ["scale", "zero_point"].map(|part| format!("{params_source}_{part}"));
        if value == params_source {
            self.floats(&scale, &dims, &params.scale);
            self.constant(&zero_point, &dims, DataType::Uint8, params.zero_point.clone());
        }
        let bytes = format!("{value}_bytes");
        self.push("QuantizeLinear", &[value, &scale, &zero_point], &bytes, vec![axis(1)]);
        self.push(
            "DequantizeLinear",
            &[&bytes, &scale, &zero_point],
            &dequantized_name(value),
            vec![axis(1)],
        );
        Ok(())
    }

    /// Writes weights as signed bytes, and dequantizes them; returns the name of the result.
    fn weights(&mut self, name: &str, weights: &Constant, outputs_axis: usize) -> String {
        let real = dequantized_name(name);
        if self.graph.node.iter().any(|node| output(node) == real) {
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

    /// The bias of a layer, corrected for the rounding of weights. In the first layer it also has the part of the pixels' mean that
    /// the integer zero point cannot express.
    fn bias(&self, layer: &NodeProto, name: Option<&String>) -> Result<Vec<f32>> {
        let outputs_axis = usize::from(layer.op_type == "MatMul");
        let weights =
            self.network.constants.get(input(layer, 1)).context("the weights are not a constant")?;
        let outputs = weights.dims[outputs_axis];
        let mut bias: Vec<f64> = match name {
            Some(name) => {
                let constant = self.network.constants.get(name).context("the bias is not a constant")?;
                constant.values.iter().copied().map(f64::from).collect()
            }
            None => vec![0.0; outputs],
        };
        if bias.len() == 1 {
            bias = vec![bias[0]; outputs];
        }
        ensure!(bias.len() == outputs, "has {} biases for {outputs} outputs", bias.len());
        let scales = scales(weights, outputs_axis);
        let bytes = rounded(weights, outputs_axis, &scales);
        let error = |index: usize, output: usize| {
            f64::from(weights.values[index]) - f64::from(bytes[index]) * f64::from(scales[output])
        };
        let depthwise = self.network.is_depthwise(layer);
        if let Some(stats) = self.correction {
            let means = self.means(input(layer, 0), stats)?;
            for index in 0..weights.values.len() {
                let (output, input) = weight_position(&weights.dims, outputs_axis, index);
                let mean = if depthwise {
                    means[output]
                } else {
                    means[input * means.len() / inputs(&weights.dims, outputs_axis)]
                };
                bias[output] += error(index, output) * mean;
            }
        }
        if let (Some(PixelNormalization { mean, divisor }), true) =
            (self.pixels, input(layer, 0) == self.network.input)
        {
            let left = f64::from(mean.round() - mean) / f64::from(divisor);
            for (index, weight) in weights.values.iter().enumerate() {
                bias[weight_position(&weights.dims, outputs_axis, index).0] += f64::from(*weight) * left;
            }
        }
        Ok(bias.into_iter().map(|value| value as f32).collect())
    }

    /// The mean of each channel of a value; for a flattened map, of each channel of the map.
    fn means(&self, value: &str, stats: &CalibrationStats) -> Result<Vec<f64>> {
        let stats = stats.values.get(self.network.params_source(value));
        Ok(stats.with_context(|| format!("{value} has no statistics"))?.means())
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

/// The indices of the output and the input of a weight.
fn weight_position(dims: &[usize], outputs_axis: usize, index: usize) -> (usize, usize) {
    match outputs_axis {
        0 => {
            let kernel: usize = dims[2..].iter().product();
            (index / (dims[1] * kernel), index / kernel % dims[1])
        }
        _ => (index % dims[1], index / dims[1]),
    }
}

/// Number of inputs of a layer.
fn inputs(dims: &[usize], outputs_axis: usize) -> usize {
    dims[1 - outputs_axis]
}

/// The scale of each output: its greatest weight is 127 steps.
fn scales(weights: &Constant, outputs_axis: usize) -> Vec<f32> {
    let mut greatest = vec![0.0f32; weights.dims[outputs_axis]];
    for (index, weight) in weights.values.iter().enumerate() {
        let (output, _) = weight_position(&weights.dims, outputs_axis, index);
        greatest[output] = greatest[output].max(weight.abs());
    }
    let most = greatest.iter().copied().fold(MIN_WEIGHT, f32::max);
    greatest.into_iter().map(|greatest| greatest.max(most * MIN_RELATIVE_WEIGHT) / WEIGHT_STEPS).collect()
}

/// The weights as signed bytes.
fn rounded(weights: &Constant, outputs_axis: usize, scales: &[f32]) -> Vec<i8> {
    let byte = |(index, weight): (usize, &f32)| {
        let (output, _) = weight_position(&weights.dims, outputs_axis, index);
        (weight / scales[output]).round().clamp(-WEIGHT_STEPS, WEIGHT_STEPS) as i8
    };
    weights.values.iter().enumerate().map(byte).collect()
}
