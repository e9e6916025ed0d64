//! Analyzes a network for quantization: which nodes are one layer, and which values are quantized.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::RangeInclusive;

use anyhow::{Context, Result, bail, ensure};
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, ValueInfoProto};

use super::gates::gate_values;
use crate::onnx::{Constant, attribute, input, input_shape, node_label, output, simplify};

/// Operator sets that are supported. Softmax and other operators had another meaning before 13.
const OPSETS: RangeInclusive<i64> = 13..=21;

/// An fp32 network that can be quantized.
pub struct QuantizationGraph {
    /// The simplified graph.
    pub graph: GraphProto,
    /// Name of the input.
    pub input: String,
    /// Channels, height and width of the input; 0 for any size.
    pub shape: [usize; 3],
    /// Constants of floats by name.
    pub constants: HashMap<String, Constant>,
    /// The values inside the gates of squeeze-and-excitation blocks.
    pub gates: HashSet<String>,
    /// The role of each value that a node makes.
    pub values: BTreeMap<String, ValueRole>,
    /// Indices of the nodes that consume each value.
    consumers: HashMap<String, Vec<usize>>,
}

/// The role of a value in the quantized network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueRole {
    /// It is quantized with its own parameters.
    Quantized {
        /// Whether each channel has its own parameters: if only depthwise convolutions consume the value.
        per_channel: bool,
    },
    /// It has the parameters of another value: pooling and flattening do not change numbers.
    SharesParams(String),
    /// It stays a float: it is at the end of the network, or inside a layer.
    Float,
}

impl QuantizationGraph {
    /// Reads and checks a network.
    ///
    /// # Errors
    /// If the network cannot be quantized. The error names the node.
    pub fn read(file: &ModelProto) -> Result<Self> {
        let version = file.opset_import.iter().find(|set| set.domain.is_empty()).map_or(0, |set| set.version);
        ensure!(
            OPSETS.contains(&version),
            "the operator set is {version}; convert the file to a set from {} to {}",
            OPSETS.start(),
            OPSETS.end()
        );
        let mut graph = file.graph.clone().context("the file has no graph")?;
        let constants = simplify(&mut graph)?;
        let inputs: Vec<&ValueInfoProto> =
            graph.input.iter().filter(|input| !constants.contains_key(&input.name)).collect();
        let [graph_input] = inputs[..] else {
            bail!("the graph has {} inputs; it must have one", inputs.len())
        };
        let shape = input_shape(graph_input)?;
        let name = graph_input.name.clone();
        let mut consumers: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, node) in graph.node.iter().enumerate() {
            node.input.iter().for_each(|value| consumers.entry(value.clone()).or_default().push(index));
        }
        let gates = gate_values(&graph, &constants);
        let mut network =
            Self { graph, input: name, shape, constants, gates, values: BTreeMap::new(), consumers };
        let mut seen = HashSet::from([network.input.clone()]);
        for node in network.graph.node.clone() {
            let output = network.check(&node, &seen).with_context(|| node_label(&node))?;
            seen.insert(output.to_owned());
        }
        // From the end, because the role of a value depends on the roles of its consumers.
        for node in network.graph.node.clone().iter().rev() {
            let role = network.role(node);
            network.values.insert(output(node).to_owned(), role);
        }
        let quantized = network.values.values().any(|role| *role != ValueRole::Float);
        ensure!(quantized, "the graph has no convolution or matrix product that can be quantized");
        Ok(network)
    }

    /// The nodes that consume a value.
    pub fn consumers(&self, value: &str) -> impl Iterator<Item = &NodeProto> {
        let found = self.consumers.get(value).map_or(&[][..], Vec::as_slice);
        found.iter().filter_map(|index| self.graph.node.get(*index))
    }

    /// Whether a value is an output of the graph.
    pub fn is_output(&self, value: &str) -> bool {
        self.graph.output.iter().any(|output| output.name == value)
    }

    /// Whether a convolution is depthwise: with one kernel for each channel.
    pub fn is_depthwise(&self, node: &NodeProto) -> bool {
        let group = attribute(node, "group").map_or(1, |group| group.i);
        let kernel = node.input.get(1).and_then(|name| self.constants.get(name));
        group > 1
            && kernel
                .is_some_and(|kernel| matches!(kernel.dims[..], [kernels, 1, ..] if kernels as i64 == group))
    }

    /// Whether a value is the direct output of a convolution, without an activation.
    pub fn is_linear(&self, value: &str) -> bool {
        self.producer(value).is_some_and(|node| node.op_type == "Conv")
    }

    /// Checks that a node can be quantized; returns its output.
    fn check<'a>(&self, node: &'a NodeProto, seen: &HashSet<String>) -> Result<&'a str> {
        let [output] = &node.output[..] else { bail!("has {} outputs; it must have one", node.output.len()) };
        let constant = |index: usize| node.input.get(index).and_then(|name| self.constants.get(name));
        let value = |index: usize| node.input.get(index).is_some_and(|name| seen.contains(name));
        ensure!(value(0), "the first input is not a value of the network");
        // Otherwise a value could depend on itself, and the search along consumers would not end.
        ensure!(!seen.contains(output), "{output} is made twice");
        let is_known = |name: &String| {
            name.is_empty()
                || seen.contains(name)
                || self.graph.initializer.iter().any(|tensor| tensor.name == *name)
        };
        if let Some(name) = node.input.iter().find(|name| !is_known(name)) {
            bail!("consumes {name}, which no earlier node makes");
        }
        match node.op_type.as_str() {
            "Conv" => {
                let kernel = constant(1).context("the kernel is not a constant")?;
                ensure!(kernel.dims.len() == 4, "the kernel has {} dimensions, not 4", kernel.dims.len());
                let group = attribute(node, "group").map_or(1, |group| group.i);
                ensure!(
                    group == 1 || self.is_depthwise(node),
                    "has {group} groups; only 1, or one for each channel, is supported"
                );
                let dilated = attribute(node, "dilations").is_some_and(|a| a.ints.iter().any(|d| *d != 1));
                ensure!(!dilated, "must not be dilated");
                ensure!(node.input.len() < 3 || constant(2).is_some(), "the bias is not a constant");
            }
            "MatMul" => {
                let matrix = constant(1).context("the second factor is not a constant")?;
                ensure!(matrix.dims.len() == 2, "the matrix has {} dimensions, not 2", matrix.dims.len());
            }
            "Add" => {
                let biased = constant(1).is_some()
                    && self.producer(input(node, 0)).is_some_and(|node| node.op_type == "MatMul");
                ensure!(
                    biased || value(1),
                    "the second input is neither a value nor the bias of a matrix product"
                );
            }
            "PRelu" => {
                constant(1).context("the slope is not a constant")?;
                ensure!(self.ends_layer(input(node, 0)), "must follow a convolution or matrix product");
            }
            "Relu" => {
                ensure!(self.ends_layer(input(node, 0)), "must follow a convolution or matrix product");
            }
            "GlobalAveragePool" | "Sigmoid" => {
                ensure!(
                    self.gates.contains(output),
                    "is only supported in a squeeze-and-excitation block: GlobalAveragePool, 1x1 Conv, Relu, 1x1 Conv, \
                     Sigmoid, Mul"
                );
            }
            "Mul" => {
                ensure!(
                    node.input.iter().any(|name| self.gates.contains(name)),
                    "is only supported at the end of a squeeze-and-excitation block"
                );
            }
            "MaxPool" => {}
            "Flatten" => {
                let axis = attribute(node, "axis").map_or(1, |axis| axis.i);
                ensure!(axis == 1, "flattens from axis {axis}; only axis 1 is supported");
            }
            "Softmax" => {}
            _ => bail!(
                "is not one of Conv, MatMul, Add, PRelu, Relu, MaxPool, Flatten, Softmax, or of a squeeze-and-excitation \
                 block"
            ),
        }
        Ok(output)
    }

    /// The node that makes a value.
    fn producer(&self, value: &str) -> Option<&NodeProto> {
        self.graph.node.iter().find(|node| node.output.iter().any(|output| output == value))
    }

    /// Whether a value is the result of a convolution or matrix product, perhaps with its bias.
    fn ends_layer(&self, value: &str) -> bool {
        self.producer(value).is_some_and(|node| match node.op_type.as_str() {
            "Conv" | "MatMul" => true,
            "Add" => self.constants.contains_key(input(node, 1)),
            _ => false,
        })
    }

    /// Whether the only consumer of a value belongs to the same layer.
    fn is_inside_layer(&self, value: &str) -> bool {
        let mut consumers = self.consumers(value);
        match (consumers.next(), consumers.next()) {
            (Some(node), None) if !self.is_output(value) => match node.op_type.as_str() {
                "PRelu" | "Relu" => true,
                "Add" => self.constants.contains_key(input(node, 1)),
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether a value is at the end of the network: no layer consumes it.
    fn is_at_end(&self, value: &str) -> bool {
        self.consumers(value).all(|node| match node.op_type.as_str() {
            "Softmax" => true,
            "Flatten" => self.is_at_end(output(node)),
            _ => false,
        })
    }

    fn role(&self, node: &NodeProto) -> ValueRole {
        let value = output(node);
        if self.gates.contains(value) || self.is_inside_layer(value) || self.is_at_end(value) {
            return ValueRole::Float;
        }
        if ["MaxPool", "Flatten"].contains(&node.op_type.as_str()) {
            return ValueRole::SharesParams(input(node, 0).to_owned());
        }
        let mut consumers = self.consumers(value);
        let per_channel = consumers.all(|node| node.op_type == "Conv" && self.is_depthwise(node));
        ValueRole::Quantized { per_channel: per_channel && !self.is_output(value) }
    }

    /// The value whose parameters a value has.
    pub fn params_source<'a>(&'a self, value: &'a str) -> &'a str {
        match self.values.get(value) {
            Some(ValueRole::SharesParams(source)) => self.params_source(source),
            _ => value,
        }
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    /// The error for a network of a convolution, a matrix product and two flattenings, after `change`.
    fn refused(change: impl FnOnce(&mut GraphProto)) -> Option<String> {
        use crate::onnx::graph::{Dim, Graph, INPUT};
        let mut graph = Graph::new("network");
        graph.input(INPUT, &[1, 3, 1, 1].map(Dim::Fixed));
        let kernel = graph.constant("kernel", &[2, 3, 1, 1], &[0.5; 6]);
        let map = graph.node("Conv", &[INPUT, &kernel], vec![]);
        let flat = graph.node("Flatten", &[&map], vec![]);
        let matrix = graph.constant("matrix", &[2, 2], &[0.5; 4]);
        let product = graph.node("MatMul", &[&flat, &matrix], vec![]);
        let end = graph.node("Flatten", &[&product], vec![]);
        graph.output(&end, "end", &[Dim::Fixed(1), Dim::Fixed(2)]);
        let mut file = ModelProto::decode(&graph.encode()[..]).unwrap();
        change(file.graph.as_mut().unwrap());
        QuantizationGraph::read(&file).err().map(|error| format!("{error:#}"))
    }

    #[test]
    fn a_value_that_depends_on_itself_is_refused() {
        assert_eq!(refused(|_| ()), None);
        let twice = refused(|graph| graph.node[3].output = graph.node[3].input[..1].to_vec());
        assert!(twice.is_some_and(|why| why.contains("is made twice")));
        let later = refused(|graph| graph.node[1].input.push("end".into()));
        assert!(later.is_some_and(|why| why.contains("consumes end, which no earlier node makes")));
    }
}
