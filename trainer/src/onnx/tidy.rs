//! The same network in fewer words: exporters spell the same arithmetic in many ways.

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, GraphProto, NodeProto, TensorProto, attribute_proto};

use super::read::{Constant, attribute, constant, named};

/// Rewrites a graph so that only the operators that the quantiser knows are left, where that can be: nodes that do
/// nothing are gone, constants are initializers, `Gemm` is `MatMul` and `Add`, a reshape to rows is `Flatten`, and
/// batch norms are folded into what is before them. Gives the constants that are floats.
pub fn tidy(graph: &mut GraphProto) -> Result<HashMap<String, Constant>> {
    lift_constants(graph);
    drop_identities(graph);
    flatten_reshapes(graph);
    let floats = graph.initializer.iter().filter(|tensor| tensor.data_type == DataType::Float as i32);
    let mut constants: HashMap<String, Constant> = floats.map(constant).collect::<Result<_>>()?;
    split_gemms(graph, &mut constants)?;
    fold_batch_norms(graph, &mut constants)?;
    Ok(constants)
}

/// `Constant` nodes become initializers.
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

/// Takes out what does nothing outside training.
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
        // A name that the file promises to its users stays; any other gives way.
        let (old, new) = if is_given { (from, to) } else { (to, from) };
        let names = graph.node.iter_mut().flat_map(|node| node.input.iter_mut().chain(&mut node.output));
        names.filter(|name| *name == old).for_each(|name| name.clone_from(new));
    }
}

/// A reshape of a batch of one to a row is `Flatten`.
fn flatten_reshapes(graph: &mut GraphProto) {
    let shapes: HashMap<&str, Vec<i64>> = graph
        .initializer
        .iter()
        .filter_map(|tensor| Some((tensor.name.as_str(), integers(tensor)?)))
        .collect();
    for node in graph.node.iter_mut().filter(|node| node.op_type == "Reshape") {
        let shape = node.input.get(1).and_then(|name| shapes.get(name.as_str()));
        if shape.is_some_and(|shape| matches!(shape[..], [0 | 1, _])) {
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

fn integers(tensor: &TensorProto) -> Option<Vec<i64>> {
    if tensor.data_type != DataType::Int64 as i32 {
        return None;
    }
    Some(match tensor.raw_data.is_empty() {
        true => tensor.int64_data.clone(),
        false => tensor.raw_data.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect(),
    })
}

/// `Gemm` is a matrix product and a bias.
fn split_gemms(graph: &mut GraphProto, constants: &mut HashMap<String, Constant>) -> Result<()> {
    while let Some(at) = graph.node.iter().position(|node| node.op_type == "Gemm") {
        let gemm = graph.node[at].clone();
        let number = |name, otherwise| attribute(&gemm, name).map_or(otherwise, |attribute| attribute.f);
        let transposed = |name| attribute(&gemm, name).is_some_and(|attribute| attribute.i != 0);
        let output = gemm.output.first().with_context(|| format!("{}: it has no output", named(&gemm)))?;
        ensure!(!transposed("transA"), "{}: its input is transposed", named(&gemm));
        let factor = gemm.input.get(1).and_then(|name| constants.get(name));
        let factor = factor.with_context(|| format!("{}: its matrix is no constant", named(&gemm)))?;
        let [rows, columns] = factor.dims[..] else { bail!("{}: its matrix is none", named(&gemm)) };
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
                let bias = bias.with_context(|| format!("{}: its bias is no constant", named(&gemm)))?;
                ensure!(bias.values.len() == outputs, "{}: its bias is of another size", named(&gemm));
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

/// Multiplies each batch norm into the convolution or matrix product before it.
fn fold_batch_norms(graph: &mut GraphProto, constants: &mut HashMap<String, Constant>) -> Result<()> {
    while let Some(at) = graph.node.iter().position(|node| node.op_type == "BatchNormalization") {
        let norm = graph.node[at].clone();
        fold(graph, constants, at, &norm).with_context(|| named(&norm))?;
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
        constant.map(|constant| constant.values.clone()).context("it is not constant")
    };
    let before = norm.input.first().context("it has no input")?;
    let output = norm.output.first().context("it has no output")?;
    let (scale, offset, mean, variance) = (number(1)?, number(2)?, number(3)?, number(4)?);
    let epsilon = attribute(norm, "epsilon").map_or(1e-5, |epsilon| epsilon.f);
    let factors: Vec<f32> = scale.iter().zip(&variance).map(|(s, v)| s / (v + epsilon).sqrt()).collect();
    ensure!(
        [offset.len(), mean.len(), variance.len()].iter().all(|len| *len == factors.len()),
        "its numbers are of several sizes"
    );

    // From the norm back: perhaps a bias, then what multiplies.
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
    let product = product.context("no convolution or matrix product is before it")?;
    let is_conv = graph.node[product].op_type == "Conv";
    let weights = graph.node[product].input.get(1).and_then(|name| constants.get(name));
    let mut weights = weights.context("what it is folded into has no constant weights")?.clone();
    let outputs = if is_conv { weights.dims.first() } else { weights.dims.last() };
    ensure!(outputs == Some(&factors.len()), "it is of another size than what it is folded into");
    let bias = match biased {
        Some(add) => graph.node[add].input.get(1),
        None if is_conv => graph.node[product].input.get(2).filter(|name| !name.is_empty()),
        None => None,
    };
    let mut bias = match bias {
        Some(name) => constants.get(name).context("the bias before it is no constant")?.values.clone(),
        None => vec![0.0; factors.len()],
    };
    ensure!(bias.len() == factors.len(), "it is of another size than the bias before it");

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
        // What is left of the norm is its offset.
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

/// The node that gives a value which one other node takes.
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
