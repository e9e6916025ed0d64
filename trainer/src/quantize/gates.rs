//! Finds the gates of squeeze-and-excitation blocks (Hu et al., "Squeeze-and-Excitation Networks", 2018), which stay in
//! floats: they are few numbers.

use std::collections::{HashMap, HashSet};

use tract_onnx::pb::{GraphProto, NodeProto};

use crate::onnx::{Constant, input, output};

/// The operators of a gate, from the product with the map back to the average of the map.
const OPERATORS: [&str; 5] = ["Sigmoid", "Conv", "Relu", "Conv", "GlobalAveragePool"];

/// The names of all values inside gates: from the averages of a map to the factors by which the same map is multiplied.
pub fn gate_values(graph: &GraphProto, constants: &HashMap<String, Constant>) -> HashSet<String> {
    let products = graph.node.iter().filter(|node| node.op_type == "Mul" && node.input.len() == 2);
    products
        .filter_map(|product| {
            let (first, second) = (input(product, 0), input(product, 1));
            gate(graph, constants, first, second).or_else(|| gate(graph, constants, second, first))
        })
        .flatten()
        .collect()
}

/// The values of the gate that ends with `factors` and is made of `map`; `None` if there is another way.
fn gate(
    graph: &GraphProto,
    constants: &HashMap<String, Constant>,
    map: &str,
    factors: &str,
) -> Option<Vec<String>> {
    let mut value = factors;
    let mut values = Vec::new();
    for operator in OPERATORS {
        let node = sole_use(graph, value).filter(|node| node.op_type == operator)?;
        if operator == "Conv" && !is_point(node, constants) {
            return None;
        }
        values.push(value.to_owned());
        value = input(node, 0);
    }
    (value == map).then_some(values)
}

/// The node that makes a value, if one node uses it and it is not an output of the graph.
fn sole_use<'a>(graph: &'a GraphProto, value: &str) -> Option<&'a NodeProto> {
    let uses = graph.node.iter().flat_map(|node| &node.input).filter(|name| *name == value).count();
    let is_output = graph.output.iter().any(|output| output.name == value);
    graph.node.iter().find(|node| output(node) == value && uses == 1 && !is_output)
}

/// Whether a convolution has constant weights of 1x1.
fn is_point(node: &NodeProto, constants: &HashMap<String, Constant>) -> bool {
    constants.get(input(node, 1)).is_some_and(|kernel| matches!(kernel.dims[..], [_, _, 1, 1]))
}
