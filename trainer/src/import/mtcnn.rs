//! Transposes the weights of the published MTCNN networks.
//!
//! The original networks (Zhang et al., "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional
//! Networks", 2016) were trained on transposed pictures: rows are columns. Instead of every picture, the weights are transposed
//! once. The result takes NCHW pictures that are not transposed, and has the outputs `prob`, `box` and, for O-Net, `landmarks`.
//! The coordinates in these outputs are already those of pictures that are not transposed.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use prost::Message;
use tract_onnx::pb::{self, NodeProto, TensorProto};

use crate::onnx::graph::{Dim, Graph, INPUT, int, ints, string};
use crate::onnx::{Constant, constant};

/// Greatest side of a pooling window, pixels; MTCNN has 2 and 3.
const MAX_POOL_SIZE: i64 = 64;

/// Transposes the weights of one network. `onnx` is the published file; returns the bytes of the new one.
///
/// # Errors
/// If the file is not ONNX, or is not a network of MTCNN.
pub fn transpose_weights(onnx: &[u8]) -> Result<Vec<u8>> {
    let model = pb::ModelProto::decode(onnx).context("the file is not ONNX")?;
    let graph = model.graph.context("the file has no graph")?;
    let input = graph.input.first().context("the graph has no input")?;
    let side = fixed_side(input);
    let weights = graph.initializer.iter().map(|t| (t.name.as_str(), t)).collect();
    let mut rewriter = GraphRewriter {
        weights,
        out: Graph::new(&graph.name),
        names: BTreeMap::from([(input.name.clone(), INPUT.to_owned())]),
        channels: 0,
        side: side.unwrap_or(0),
        flat: None,
    };
    let batch = if side.is_some() { Dim::Any("batch") } else { Dim::Fixed(1) };
    let (height, width) = match side {
        Some(side) => (Dim::Fixed(side), Dim::Fixed(side)),
        None => (Dim::Any("height"), Dim::Any("width")),
    };
    rewriter.out.input(INPUT, &[batch, Dim::Fixed(3), height, width]);
    for node in &graph.node {
        rewriter.node(node).with_context(|| format!("{} {}", node.op_type, node.name))?;
    }

    let mut outputs = Vec::new();
    for output in &graph.output {
        let dims = dims(output);
        let (order, name, channels) = match dims.last() {
            Some(2) => (0, "prob", 2),
            Some(4) => (1, "box", 4),
            Some(10) => (2, "landmarks", 10),
            other => bail!("{} has {other:?} channels; MTCNN has outputs of 2, 4 and 10", output.name),
        };
        outputs.push((order, name, channels, rewriter.name(&output.name)?));
    }
    outputs.sort();
    let mut out = rewriter.out;
    for (_, name, channels, value) in outputs {
        match side {
            Some(_) => out.output(&value, name, &[batch, Dim::Fixed(channels)]),
            None => out.output(
                &value,
                name,
                &[batch, Dim::Fixed(channels), Dim::Any("rows"), Dim::Any("columns")],
            ),
        }
    }
    Ok(out.encode())
}

struct GraphRewriter<'a> {
    weights: BTreeMap<&'a str, &'a TensorProto>,
    out: Graph,
    /// From a value's published name to its name here.
    names: BTreeMap<String, String>,
    /// Channels and side of the current square feature map, which `Flatten` needs.
    channels: usize,
    side: usize,
    /// Channels and side of the flattened map, from `Flatten` to the next dense layer.
    flat: Option<(usize, usize)>,
}

impl GraphRewriter<'_> {
    fn name(&self, published: &str) -> Result<String> {
        self.names.get(published).cloned().with_context(|| format!("{published} is used before it is made"))
    }

    fn weight(&self, name: &str) -> Result<(Vec<usize>, Vec<f32>)> {
        let tensor = self.weights.get(name).with_context(|| format!("has no weights {name}"))?;
        let (_, Constant { dims, values }) = constant(tensor)?;
        ensure!(!values.is_empty(), "{name} is empty");
        Ok((dims, values))
    }

    fn node(&mut self, node: &NodeProto) -> Result<()> {
        let [output] = &node.output[..] else { bail!("has {} outputs", node.output.len()) };
        let first = node.input.first().context("has no input")?;
        let made = match node.op_type.as_str() {
            // It only moves channels to their place in NCHW.
            "Transpose" => self.name(first)?,
            "Conv" => self.conv(node)?,
            "PRelu" => self.prelu(node)?,
            "MaxPool" => self.max_pool(node)?,
            "Flatten" => {
                self.flat = Some((self.channels, self.side));
                let value = self.name(first)?;
                self.out.node("Flatten", &[&value], vec![int("axis", 1)])
            }
            "MatMul" => self.dense(node)?,
            "Add" => self.bias(node)?,
            "Softmax" => {
                let value = self.name(first)?;
                self.out.node("Softmax", &[&value], vec![int("axis", 1)])
            }
            _ => bail!("is not an operator of MTCNN"),
        };
        self.names.insert(output.clone(), made);
        Ok(())
    }

    fn conv(&mut self, node: &NodeProto) -> Result<String> {
        let [input, kernel, bias] = &node.input[..] else { bail!("has no kernel and bias") };
        ensure!(text(node, "auto_pad") == Some("VALID".as_bytes()), "must have no padding");
        let (dims, values) = self.weight(kernel)?;
        let [outputs, inputs, rows, columns] = dims[..] else { bail!("has a kernel of shape {dims:?}") };
        ensure!(rows == columns, "has a kernel that is not square");
        let mut transposed = Vec::with_capacity(values.len());
        for plane in values.chunks_exact(rows * columns) {
            // Square planes: the transpose takes each column as a row.
            transposed.extend((0..columns).flat_map(|column| plane.iter().skip(column).step_by(columns)));
        }
        let kernel = self.out.constant("kernel", &[outputs, inputs, rows, columns], &transposed);
        let (_, values) = self.weight(bias)?;
        ensure!(values.len() == outputs, "has {} biases for {outputs} outputs", values.len());
        let bias = self.out.constant("bias", &[outputs], &values);
        self.channels = outputs;
        self.side = (self.side + 1).saturating_sub(rows);
        let input = self.name(input)?;
        Ok(self.out.node("Conv", &[&input, &kernel, &bias], vec![ints("kernel_shape", &[rows, columns])]))
    }

    fn prelu(&mut self, node: &NodeProto) -> Result<String> {
        let [input, slope] = &node.input[..] else { bail!("has no slope") };
        let (dims, values) = self.weight(slope)?;
        // One slope for each channel. Over a feature map it needs two more dimensions to broadcast.
        let shape = if dims.len() > 1 { vec![values.len(), 1, 1] } else { vec![values.len()] };
        let slope = self.out.constant("slope", &shape, &values);
        let input = self.name(input)?;
        Ok(self.out.node("PRelu", &[&input, &slope], vec![]))
    }

    fn max_pool(&mut self, node: &NodeProto) -> Result<String> {
        let list = |name| {
            let found = node.attribute.iter().find(|a| a.name == name).map(|a| &a.ints[..]);
            match found {
                Some([rows, columns]) if rows == columns && (1..=MAX_POOL_SIZE).contains(rows) => {
                    Ok(*rows as usize)
                }
                other => bail!("has {name} {other:?}; it must be square, of 1 to {MAX_POOL_SIZE} pixels"),
            }
        };
        let (kernel, stride) = (list("kernel_shape")?, list("strides")?);
        let mut attributes =
            vec![ints("kernel_shape", &[kernel, kernel]), ints("strides", &[stride, stride])];
        match text(node, "auto_pad") {
            Some(b"VALID") => self.side = (self.side + stride).saturating_sub(kernel) / stride,
            Some(b"SAME_UPPER") => {
                attributes.push(string("auto_pad", "SAME_UPPER"));
                self.side = self.side.div_ceil(stride);
            }
            other => bail!("has padding {other:?}"),
        }
        let input = self.name(node.input.first().context("has no input")?)?;
        Ok(self.out.node("MaxPool", &[&input], attributes))
    }

    /// A dense layer. In the published file, the first one after `Flatten` has the order rows, columns, channels of the transposed
    /// map; here it has channels, rows, columns of the map that is not transposed.
    fn dense(&mut self, node: &NodeProto) -> Result<String> {
        let [input, matrix] = &node.input[..] else { bail!("has no matrix") };
        let (dims, mut values) = self.weight(matrix)?;
        let [inputs, outputs] = dims[..] else { bail!("has a matrix of shape {dims:?}") };
        if let Some((channels, side)) = self.flat.take() {
            let flat = side.checked_mul(side).and_then(|pixels| pixels.checked_mul(channels));
            ensure!(flat == Some(inputs), "takes {inputs} numbers, but gets {channels}x{side}x{side}");
            let published = values.clone();
            for (row, target) in values.chunks_exact_mut(outputs).enumerate() {
                let (channel, y, x) = (row / (side * side), row / side % side, row % side);
                let source = (x * side + y) * channels + channel;
                let from =
                    published.chunks_exact(outputs).nth(source).context("has a matrix of another size")?;
                target.copy_from_slice(from);
            }
        }
        let matrix = self.out.constant("matrix", &[inputs, outputs], &values);
        let input = self.name(input)?;
        Ok(self.out.node("MatMul", &[&input, &matrix], vec![]))
    }

    fn bias(&mut self, node: &NodeProto) -> Result<String> {
        let [input, bias] = &node.input[..] else { bail!("has no bias") };
        let (dims, values) = self.weight(bias)?;
        let bias = self.out.constant("bias", &dims, &values);
        let input = self.name(input)?;
        Ok(self.out.node("Add", &[&input, &bias], vec![]))
    }
}

fn text<'a>(node: &'a NodeProto, name: &str) -> Option<&'a [u8]> {
    node.attribute.iter().find(|a| a.name == name).map(|a| &a.s[..])
}

/// The dimensions of a value; -1 for a dimension of any size.
fn dims(value: &pb::ValueInfoProto) -> Vec<i64> {
    let Some(pb::type_proto::Value::TensorType(tensor)) =
        value.r#type.as_ref().and_then(|t| t.value.as_ref())
    else {
        return Vec::new();
    };
    let size = |dim: &pb::tensor_shape_proto::Dimension| match dim.value {
        Some(pb::tensor_shape_proto::dimension::Value::DimValue(size)) => size,
        _ => -1,
    };
    tensor.shape.iter().flat_map(|shape| &shape.dim).map(size).collect()
}

/// The side of the square input; `None` if it can have any size.
fn fixed_side(input: &pb::ValueInfoProto) -> Option<usize> {
    dims(input).get(1).filter(|side| **side > 0).map(|side| *side as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The error for a network of one convolution with a kernel of this shape, a pool with this stride, and a matrix with this
    /// number of inputs.
    fn refused(dims: [usize; 4], values: usize, stride: usize, inputs: usize) -> String {
        let mut graph = Graph::new("network");
        graph.input(INPUT, &[1, 1 << 40, 1 << 40, 3].map(Dim::Fixed));
        let kernel = graph.constant("kernel", &dims, &vec![0.5; values]);
        let bias = graph.constant("bias", &[1], &[0.5]);
        let valid = || string("auto_pad", "VALID");
        let map = graph.node("Conv", &[INPUT, &kernel, &bias], vec![valid()]);
        let sizes = vec![ints("kernel_shape", &[2, 2]), ints("strides", &[stride, stride]), valid()];
        let pooled = graph.node("MaxPool", &[&map], sizes);
        let flat = graph.node("Flatten", &[&pooled], vec![]);
        let matrix = graph.constant("matrix", &[inputs, 1], &vec![0.5; inputs]);
        graph.node("MatMul", &[&flat, &matrix], vec![]);
        format!("{:#}", transpose_weights(&graph.encode()).unwrap_err())
    }

    #[test]
    fn impossible_sizes_are_refused() {
        let kernel = [1, 3, 1, 1];
        assert!(
            refused([1 << 62, 4, 4, 3], 3, 2, 1).contains("kernel0 does not have the values of its shape")
        );
        assert!(refused([0, 3, 0, 0], 0, 2, 1).contains("kernel0 is empty"));
        assert!(refused([2, 3, 1, 1], 6, 2, 1).contains("has 1 biases for 2 outputs"));
        assert!(refused(kernel, 3, 0, 1).contains("strides"));
        assert!(refused(kernel, 3, usize::MAX, 1).contains("strides"));
        assert!(refused(kernel, 3, 2, 4).contains("takes 4 numbers"));
    }
}
