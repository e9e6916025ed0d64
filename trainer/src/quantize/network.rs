//! A network taken apart: which nodes are one layer, and which values are put on a grid.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Context, Result, bail, ensure};
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, ValueInfoProto};

use crate::onnx::{Constant, attribute, input_shape, named, tidy};

/// An fp32 network that can be quantised.
pub struct Network {
    /// The graph, tidied.
    pub graph: GraphProto,
    pub input: String,
    /// Of one input: channels, height, width; 0 where any size goes.
    pub shape: [usize; 3],
    pub constants: HashMap<String, Constant>,
    /// What becomes of each value that a node gives.
    pub values: BTreeMap<String, Role>,
    /// Consumers of each value.
    consumers: HashMap<String, Vec<usize>>,
}

/// What becomes of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// It is put on a grid of its own, one for each channel where only depthwise convolutions take it.
    Grid { per_channel: bool },
    /// It lies on the grid of another value: pooling and flattening change no value.
    Same(String),
    /// It stays real: it is the end of the network, or the inside of a layer.
    Real,
}

impl Network {
    /// An error that names the node where there is something in the file that cannot be quantised.
    pub fn read(file: &ModelProto) -> Result<Self> {
        // Softmax and others meant something else before.
        let version = file.opset_import.iter().find(|set| set.domain.is_empty()).map_or(0, |set| set.version);
        ensure!(
            (13..=21).contains(&version),
            "its operator set is {version}; convert it to one from 13 to 21"
        );
        let mut graph = file.graph.clone().context("there is no graph in it")?;
        let constants = tidy(&mut graph)?;
        let inputs: Vec<&ValueInfoProto> =
            graph.input.iter().filter(|input| !constants.contains_key(&input.name)).collect();
        let [input] = inputs[..] else { bail!("it has {} inputs, not one", inputs.len()) };
        let shape = input_shape(input)?;
        let name = input.name.clone();
        let mut consumers: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, node) in graph.node.iter().enumerate() {
            node.input.iter().for_each(|value| consumers.entry(value.clone()).or_default().push(index));
        }
        let mut network = Self { graph, input: name, shape, constants, values: BTreeMap::new(), consumers };
        let mut seen = HashSet::from([network.input.clone()]);
        for node in network.graph.node.clone() {
            let output = network.check(&node, &seen).with_context(|| named(&node))?;
            seen.insert(output.to_owned());
        }
        // From the end, because a value's role depends on its consumers'.
        for node in network.graph.node.clone().iter().rev() {
            let role = network.role(node);
            network.values.insert(node.output[0].clone(), role);
        }
        let quantised = network.values.values().any(|role| *role != Role::Real);
        ensure!(quantised, "there is no convolution or matrix product between its input and its end");
        Ok(network)
    }

    /// The nodes that take a value.
    pub fn consumers(&self, value: &str) -> impl Iterator<Item = &NodeProto> {
        let found = self.consumers.get(value).map_or(&[][..], Vec::as_slice);
        found.iter().map(|index| &self.graph.node[*index])
    }

    pub fn is_output(&self, value: &str) -> bool {
        self.graph.output.iter().any(|output| output.name == value)
    }

    /// Whether a convolution has a kernel for each channel.
    pub fn is_depthwise(&self, node: &NodeProto) -> bool {
        let group = attribute(node, "group").map_or(1, |group| group.i);
        let kernel = node.input.get(1).and_then(|name| self.constants.get(name));
        group > 1 && kernel.is_some_and(|kernel| kernel.dims[0] as i64 == group && kernel.dims[1] == 1)
    }

    /// Whether a value comes straight from a convolution, with no activation between.
    pub fn is_linear(&self, value: &str) -> bool {
        self.producer(value).is_some_and(|node| node.op_type == "Conv")
    }

    /// Refuses a node that cannot be written in bytes; gives its output.
    fn check<'a>(&self, node: &'a NodeProto, seen: &HashSet<String>) -> Result<&'a str> {
        let [output] = &node.output[..] else { bail!("it has {} outputs", node.output.len()) };
        let constant = |index: usize| node.input.get(index).and_then(|name| self.constants.get(name));
        let value = |index: usize| node.input.get(index).is_some_and(|name| seen.contains(name));
        ensure!(value(0), "its first input is no value of the network");
        // Else a value could come before itself, and the way along its consumers would have no end.
        ensure!(!seen.contains(output), "{output} is given twice");
        let is_known = |name: &String| {
            name.is_empty()
                || seen.contains(name)
                || self.graph.initializer.iter().any(|tensor| tensor.name == *name)
        };
        if let Some(name) = node.input.iter().find(|name| !is_known(name)) {
            bail!("it takes {name}, which nothing before it gives");
        }
        match node.op_type.as_str() {
            "Conv" => {
                let kernel = constant(1).context("its kernel is no constant")?;
                ensure!(kernel.dims.len() == 4, "its kernel has {} dimensions, not 4", kernel.dims.len());
                let group = attribute(node, "group").map_or(1, |group| group.i);
                ensure!(group == 1 || self.is_depthwise(node), "it has {group} groups");
                let dilated = attribute(node, "dilations").is_some_and(|a| a.ints.iter().any(|d| *d != 1));
                ensure!(!dilated, "it is dilated");
                ensure!(node.input.len() < 3 || constant(2).is_some(), "its bias is no constant");
            }
            "MatMul" => {
                let matrix = constant(1).context("its second factor is no constant")?;
                ensure!(matrix.dims.len() == 2, "its matrix has {} dimensions", matrix.dims.len());
            }
            "Add" => {
                let biased = constant(1).is_some()
                    && self.producer(&node.input[0]).is_some_and(|node| node.op_type == "MatMul");
                ensure!(biased || value(1), "it adds what is neither a value nor a matrix product's bias");
            }
            "PRelu" => {
                constant(1).context("its slope is no constant")?;
                ensure!(
                    self.ends_layer(&node.input[0]),
                    "it does not follow a convolution or matrix product"
                );
            }
            "Relu" => {
                ensure!(
                    self.ends_layer(&node.input[0]),
                    "it does not follow a convolution or matrix product"
                );
            }
            "MaxPool" => {}
            "Flatten" => {
                let axis = attribute(node, "axis").map_or(1, |axis| axis.i);
                ensure!(axis == 1, "it flattens from axis {axis}, not 1");
            }
            "Softmax" => {}
            _ => bail!("it is not one of Conv, MatMul, Add, PRelu, Relu, MaxPool, Flatten, Softmax"),
        }
        Ok(output)
    }

    fn producer(&self, value: &str) -> Option<&NodeProto> {
        self.graph.node.iter().find(|node| node.output.iter().any(|output| output == value))
    }

    /// Whether a value is what a convolution or matrix product gives, with nothing but its bias added.
    fn ends_layer(&self, value: &str) -> bool {
        self.producer(value).is_some_and(|node| match node.op_type.as_str() {
            "Conv" | "MatMul" => true,
            "Add" => self.constants.contains_key(&node.input[1]),
            _ => false,
        })
    }

    /// Whether only the rest of the same layer takes a value.
    fn goes_on(&self, value: &str) -> bool {
        let mut consumers = self.consumers(value);
        match (consumers.next(), consumers.next()) {
            (Some(node), None) if !self.is_output(value) => match node.op_type.as_str() {
                "PRelu" | "Relu" => true,
                "Add" => self.constants.contains_key(&node.input[1]),
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether a value is at the network's end: no layer takes it.
    fn ends(&self, value: &str) -> bool {
        self.consumers(value).all(|node| match node.op_type.as_str() {
            "Softmax" => true,
            "Flatten" => self.ends(&node.output[0]),
            _ => false,
        })
    }

    fn role(&self, node: &NodeProto) -> Role {
        let output = &node.output[0];
        if self.goes_on(output) || self.ends(output) {
            return Role::Real;
        }
        if ["MaxPool", "Flatten"].contains(&node.op_type.as_str()) {
            return Role::Same(node.input[0].clone());
        }
        let mut consumers = self.consumers(output);
        let per_channel = consumers.all(|node| node.op_type == "Conv" && self.is_depthwise(node));
        Role::Grid { per_channel: per_channel && !self.is_output(output) }
    }

    /// The value whose grid a value lies on.
    pub fn grid_of<'a>(&'a self, value: &'a str) -> &'a str {
        match self.values.get(value) {
            Some(Role::Same(source)) => self.grid_of(source),
            _ => value,
        }
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    /// A convolution and two flattenings, whose names may be changed.
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
        Network::read(&file).err().map(|error| format!("{error:#}"))
    }

    #[test]
    fn a_value_that_comes_before_itself_is_refused() {
        assert_eq!(refused(|_| ()), None);
        let twice = refused(|graph| graph.node[3].output = graph.node[3].input[..1].to_vec());
        assert!(twice.is_some_and(|why| why.contains("is given twice")));
        let later = refused(|graph| graph.node[1].input.push("end".into()));
        assert!(later.is_some_and(|why| why.contains("it takes end, which nothing before it gives")));
    }
}
