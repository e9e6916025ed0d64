//! Simplifies a graph: exporters write the same arithmetic with different operators.

#![expect(
    clippy::indexing_slicing,
    reason = "nodes are found by a search in the same graph, and sizes are checked before"
)]

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result, bail, ensure};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, GraphProto, NodeProto, TensorProto, attribute_proto};

use super::read::{Constant, attribute, constant, node_label};

/// Epsilon of a `BatchNormalization` without this attribute, by the ONNX specification.
const DEFAULT_EPSILON: f32 = 1e-5;

/// Rewrites a graph to the operators that the quantizer supports, as far as possible: identities are removed, constants become
/// initializers, `Gemm` becomes `MatMul` and `Add`, a reshape to rows becomes `Flatten`, and batch norms are folded into the
/// layer before them. Returns the constants of floats by name.
///
/// # Errors
/// If a constant, a `Gemm` or a batch norm is not valid. The error names the node.
pub fn simplify(graph: &mut GraphProto) -> Result<HashMap<String, Constant>> {
    lift_constants(graph);
    drop_identities(graph);
    flatten_reshapes(graph);
    drop_unused_shapes(graph);
    let floats = graph.initializer.iter().filter(|tensor| tensor.data_type == DataType::Float as i32);
    let mut constants: HashMap<String, Constant> = floats.map(constant).collect::<Result<_>>()?;
    split_gemms(graph, &mut constants)?;
    fold_batch_norms(graph, &mut constants)?;
    Ok(constants)
}

/// Replaces `Constant` nodes by initializers.
fn lift_constants(graph: &mut GraphProto) {
    let (constants, nodes) = std::mem::take(&mut graph.node).into_iter().partition(|node| {
        node.op_type == "Constant" && attribute(node, "value").is_some_and(|a| a.t.is_some())
    });
    graph.node = nodes;
    for node in constants {
        let tensor = attribute(&node, "value").and_then(|value| value.t.clone());
        if let (Some(tensor), Some(name)) = (tensor, node.output.into_iter().next()) {
            graph.initializer.push(TensorProto { name, ..tensor });
        }
    }
}

/// Removes nodes that do nothing outside training.
fn drop_identities(graph: &mut GraphProto) {
    let is_nothing = |node: &NodeProto| {
        ["Identity", "Dropout"].contains(&node.op_type.as_str())
            && !node.input.is_empty()
            && !node.output.is_empty()
    };
    while let Some(at) = graph.node.iter().position(is_nothing) {
        let node = graph.node.remove(at);
        let (from, to) = (&node.input[0], &node.output[0]);
        let is_given = graph.output.iter().any(|output| output.name == *to);
        // The name of an output of the graph stays; any other name is replaced.
        let (old, new) = if is_given { (from, to) } else { (to, from) };
        let names = graph.node.iter_mut().flat_map(|node| node.input.iter_mut().chain(&mut node.output));
        names.filter(|name| *name == old).for_each(|name| name.clone_from(new));
    }
}

/// Replaces the reshape of a batch to rows by `Flatten`: to a constant shape with a batch of one, or to a shape that has the
/// size of the batch in it.
fn flatten_reshapes(graph: &mut GraphProto) {
    let shapes: HashMap<&str, Vec<i64>> = graph
        .initializer
        .iter()
        .filter_map(|tensor| Some((tensor.name.as_str(), integers(tensor)?)))
        .collect();
    let is_row = |node: &NodeProto| {
        let shape = node.input.get(1).and_then(|name| shapes.get(name.as_str()));
        match shape {
            Some(shape) => matches!(shape[..], [0 | 1, _]),
            None => keeps_batch(graph, &shapes, node),
        }
    };
    let reshapes = graph.node.iter().map(|node| node.op_type == "Reshape" && is_row(node));
    let reshapes: Vec<bool> = reshapes.collect();
    for (node, is_row) in graph.node.iter_mut().zip(reshapes) {
        if is_row {
            node.op_type = "Flatten".into();
            node.input.truncate(1);
            node.attribute = vec![AttributeProto {
                name: "axis".into(),
                r#type: attribute_proto::AttributeType::Int as i32,
                i: 1,
                ..Default::default()
            }];
        }
    }
}

/// Whether the shape of a reshape is the first dimension of its input, and -1: an exporter writes that as `Shape`, `Gather`,
/// `Unsqueeze` and `Concat`.
fn keeps_batch(graph: &GraphProto, shapes: &HashMap<&str, Vec<i64>>, reshape: &NodeProto) -> bool {
    let made = |name: Option<&String>, operator: &str| {
        let node = graph.node.iter().find(|node| node.output.first() == name && name.is_some());
        node.filter(|node| node.op_type == operator)
    };
    let constant = |name: Option<&String>| name.and_then(|name| shapes.get(name.as_str())).map(Vec::as_slice);
    let Some(concat) = made(reshape.input.get(1), "Concat") else { return false };
    let [batch, rest] = &concat.input[..] else { return false };
    let gather = made(Some(batch), "Unsqueeze").and_then(|node| made(node.input.first(), "Gather"));
    let Some(gather) = gather else { return false };
    let axis = attribute(gather, "axis").map_or(0, |axis| axis.i);
    let shape = made(gather.input.first(), "Shape");
    axis == 0
        && constant(gather.input.get(1)) == Some(&[0])
        && constant(Some(rest)) == Some(&[-1])
        && shape.is_some_and(|shape| shape.input.first() == reshape.input.first())
}

/// Removes the nodes that compute shapes which no node uses anymore.
fn drop_unused_shapes(graph: &mut GraphProto) {
    const OPERATORS: [&str; 4] = ["Shape", "Gather", "Unsqueeze", "Concat"];
    loop {
        let outputs = graph.output.iter().map(|output| &output.name);
        let used: HashSet<String> =
            graph.node.iter().flat_map(|node| &node.input).chain(outputs).cloned().collect();
        let before = graph.node.len();
        graph.node.retain(|node| {
            !OPERATORS.contains(&node.op_type.as_str()) || node.output.iter().any(|name| used.contains(name))
        });
        if graph.node.len() == before {
            return;
        }
    }
}

/// The values of a tensor of 64-bit integers; `None` for another type.
fn integers(tensor: &TensorProto) -> Option<Vec<i64>> {
    if tensor.data_type != DataType::Int64 as i32 {
        return None;
    }
    Some(match tensor.raw_data.is_empty() {
        true => tensor.int64_data.clone(),
        false => tensor.raw_data.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect(),
    })
}

/// Replaces `Gemm` by a matrix product and the addition of a bias.
fn split_gemms(graph: &mut GraphProto, constants: &mut HashMap<String, Constant>) -> Result<()> {
    while let Some(at) = graph.node.iter().position(|node| node.op_type == "Gemm") {
        let gemm = graph.node[at].clone();
        let number = |name, otherwise| attribute(&gemm, name).map_or(otherwise, |attribute| attribute.f);
        let transposed = |name| attribute(&gemm, name).is_some_and(|attribute| attribute.i != 0);
        let output = gemm.output.first().with_context(|| format!("{}: has no output", node_label(&gemm)))?;
        ensure!(!transposed("transA"), "{}: the input must not be transposed", node_label(&gemm));
        let factor = gemm.input.get(1).and_then(|name| constants.get(name));
        let factor =
            factor.with_context(|| format!("{}: the matrix is not a constant", node_label(&gemm)))?;
        let [rows, columns] = factor.dims[..] else {
            bail!("{}: the matrix must have two dimensions", node_label(&gemm))
        };
        let alpha = number("alpha", 1.0);
        let matrix = match transposed("transB") {
            false => Constant { dims: vec![rows, columns], values: factor.values.clone() },
            true => Constant {
                dims: vec![columns, rows],
                values: (0..columns * rows).map(|i| factor.values[i % rows * columns + i / rows]).collect(),
            },
        };
        let matrix = Constant { values: matrix.values.iter().map(|v| v * alpha).collect(), ..matrix };
        let outputs = matrix.dims[1];
        let bias = match gemm.input.get(2).filter(|name| !name.is_empty()) {
            None => None,
            Some(name) => {
                let bias = constants.get(name);
                let bias =
                    bias.with_context(|| format!("{}: the bias is not a constant", node_label(&gemm)))?;
                ensure!(
                    bias.values.len() == outputs,
                    "{}: the bias does not have the size of the output",
                    node_label(&gemm)
                );
                let beta = number("beta", 1.0);
                Some(Constant { dims: vec![outputs], values: bias.values.iter().map(|v| v * beta).collect() })
            }
        };
        let [matrix_name, bias_name, product] =
            ["matrix", "bias", "product"].map(|part| format!("{output}_{part}"));
        let node = |op: &str, input: [&String; 2], output: &String| NodeProto {
            name: output.clone(),
            op_type: op.into(),
            input: input.map(String::clone).to_vec(),
            output: vec![output.clone()],
            ..Default::default()
        };
        let made = match bias {
            None => vec![node("MatMul", [&gemm.input[0], &matrix_name], output)],
            Some(bias) => {
                store(graph, constants, &bias_name, bias);
                vec![
                    node("MatMul", [&gemm.input[0], &matrix_name], &product),
                    node("Add", [&product, &bias_name], output),
                ]
            }
        };
        store(graph, constants, &matrix_name, matrix);
        graph.node.splice(at..=at, made);
    }
    Ok(())
}

/// Folds each batch norm into the convolution or matrix product before it.
fn fold_batch_norms(graph: &mut GraphProto, constants: &mut HashMap<String, Constant>) -> Result<()> {
    while let Some(at) = graph.node.iter().position(|node| node.op_type == "BatchNormalization") {
        let norm = graph.node[at].clone();
        fold(graph, constants, at, &norm).with_context(|| node_label(&norm))?;
    }
    Ok(())
}

fn fold(
    graph: &mut GraphProto,
    constants: &mut HashMap<String, Constant>,
    at: usize,
    norm: &NodeProto,
) -> Result<()> {
    let number = |index: usize| {
        let constant = norm.input.get(index).and_then(|name| constants.get(name));
        constant.map(|constant| constant.values.clone()).context("a parameter of the norm is not a constant")
    };
    let before = norm.input.first().context("has no input")?;
    let output = norm.output.first().context("has no output")?;
    let (scale, offset, mean, variance) = (number(1)?, number(2)?, number(3)?, number(4)?);
    let epsilon = attribute(norm, "epsilon").map_or(DEFAULT_EPSILON, |epsilon| epsilon.f);
    let factors: Vec<f32> = scale.iter().zip(&variance).map(|(s, v)| s / (v + epsilon).sqrt()).collect();
    ensure!(
        [offset.len(), mean.len(), variance.len()].iter().all(|len| *len == factors.len()),
        "the parameters of the norm have different sizes"
    );

    // Before the norm is the addition of a bias, if there is one, and before that the product.
    let biased = sole_producer(graph, before).filter(|at| {
        let node = &graph.node[*at];
        node.op_type == "Add" && node.input.get(1).is_some_and(|name| constants.contains_key(name))
    });
    let product = match biased {
        Some(add) => sole_producer(graph, &graph.node[add].input[0]),
        None => sole_producer(graph, before),
    };
    let product = product.filter(|at| match graph.node[*at].op_type.as_str() {
        "Conv" => biased.is_none(),
        "MatMul" => true,
        _ => false,
    });
    let product = product.context("there is no convolution or matrix product before the norm")?;
    let is_conv = graph.node[product].op_type == "Conv";
    let weights = graph.node[product].input.get(1).and_then(|name| constants.get(name));
    let mut weights = weights.context("the layer before the norm has no constant weights")?.clone();
    let outputs = if is_conv { weights.dims.first() } else { weights.dims.last() };
    ensure!(outputs == Some(&factors.len()), "the norm does not have the size of the layer before it");
    let bias = match biased {
        Some(add) => graph.node[add].input.get(1),
        None if is_conv => graph.node[product].input.get(2).filter(|name| !name.is_empty()),
        None => None,
    };
    let mut bias = match bias {
        Some(name) => {
            constants.get(name).context("the bias before the norm is not a constant")?.values.clone()
        }
        None => vec![0.0; factors.len()],
    };
    ensure!(bias.len() == factors.len(), "the norm does not have the size of the bias before it");

    let size = weights.values.len() / factors.len().max(1);
    for (at, weight) in weights.values.iter_mut().enumerate() {
        *weight *= factors[if is_conv { at / size } else { at % factors.len() }];
    }
    for (channel, value) in bias.iter_mut().enumerate() {
        *value = (*value - mean[channel]) * factors[channel] + offset[channel];
    }
    let [weights_name, bias_name] = ["kernel", "bias"].map(|part| format!("{output}_{part}"));
    graph.node[product].input.truncate(1);
    graph.node[product].input.push(weights_name.clone());
    match biased {
        _ if is_conv => {
            graph.node[product].input.push(bias_name.clone());
            graph.node[product].output[0].clone_from(output);
            graph.node.remove(at);
        }
        Some(add) => {
            graph.node[add].input[1].clone_from(&bias_name);
            graph.node[add].output[0].clone_from(output);
            graph.node.remove(at);
        }
        // The norm becomes the addition of its offset.
        None => {
            let input = vec![before.clone(), bias_name.clone()];
            graph.node[at] =
                NodeProto { op_type: "Add".into(), input, attribute: Vec::new(), ..norm.clone() };
        }
    }
    store(graph, constants, &weights_name, weights);
    store(graph, constants, &bias_name, Constant { dims: vec![bias.len()], values: bias });
    Ok(())
}

/// Index of the node that makes a value, if the value has one consumer and is not an output of the graph.
fn sole_producer(graph: &GraphProto, value: &str) -> Option<usize> {
    let uses = graph.node.iter().flat_map(|node| &node.input).filter(|name| *name == value).count();
    let is_given = graph.output.iter().any(|output| output.name == value);
    let producer = graph.node.iter().position(|node| node.output.iter().any(|output| output == value));
    producer.filter(|_| uses == 1 && !is_given)
}

fn store(graph: &mut GraphProto, constants: &mut HashMap<String, Constant>, name: &str, constant: Constant) {
    graph.initializer.push(TensorProto {
        name: name.to_owned(),
        dims: constant.dims.iter().map(|dim| *dim as i64).collect(),
        data_type: DataType::Float as i32,
        raw_data: constant.values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        ..Default::default()
    });
    constants.insert(name.to_owned(), constant);
}
