//! A network taken apart: which nodes are one layer, and which values are put on a grid.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Context, Result, bail, ensure};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};

/// An fp32 network that can be quantised.
pub struct Network {
    /// The graph with batch norms folded into the convolutions before them.
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

#[derive(Debug, Clone)]
pub struct Constant {
    pub dims: Vec<usize>,
    pub values: Vec<f32>,
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
        let mut constants = constants(&graph)?;
        fold_batch_norms(&mut graph, &mut constants)?;
        let inputs: Vec<&ValueInfoProto> =
            graph.input.iter().filter(|input| !constants.contains_key(&input.name)).collect();
        let [input] = inputs[..] else { bail!("it has {} inputs, not one", inputs.len()) };
        let shape = shape(input)?;
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

/// What an error calls a node.
fn named(node: &NodeProto) -> String {
    format!("{} {}", node.op_type, node.output.first().unwrap_or(&node.name))
}

pub fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a tract_onnx::pb::AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

fn constants(graph: &GraphProto) -> Result<HashMap<String, Constant>> {
    let float = |tensor: &&TensorProto| tensor.data_type == DataType::Float as i32;
    let read = |tensor: &TensorProto| {
        let dims: Vec<usize> = tensor.dims.iter().map(|dim| *dim as usize).collect();
        let values: Vec<f32> = match tensor.raw_data.is_empty() {
            true => tensor.float_data.clone(),
            false => tensor.raw_data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        };
        ensure!(dims.iter().product::<usize>() == values.len(), "{} does not have its shape", tensor.name);
        ensure!(values.iter().all(|value| value.is_finite()), "{} is not finite", tensor.name);
        Ok((tensor.name.clone(), Constant { dims, values }))
    };
    graph.initializer.iter().filter(float).map(read).collect()
}

/// Channels, height and width of the input; 0 where any size goes.
fn shape(input: &ValueInfoProto) -> Result<[usize; 3]> {
    use tract_onnx::pb::tensor_shape_proto::dimension::Value;
    use tract_onnx::pb::type_proto::Value::TensorType;
    let Some(TensorType(tensor)) = input.r#type.as_ref().and_then(|kind| kind.value.as_ref()) else {
        bail!("its input is no tensor")
    };
    ensure!(
        tensor.elem_type == DataType::Float as i32,
        "its input is not of 32-bit floats: is it quantised already?"
    );
    let dims: Vec<usize> = tensor
        .shape
        .iter()
        .flat_map(|shape| &shape.dim)
        .map(|dim| match dim.value {
            Some(Value::DimValue(size)) => size.max(0) as usize,
            _ => 0,
        })
        .collect();
    match dims[..] {
        [_, 3, height, width] => Ok([3, height, width]),
        _ => bail!("its input is {dims:?}, not a batch of pictures of 3 channels"),
    }
}

/// Multiplies each batch norm into the convolution before it.
fn fold_batch_norms(graph: &mut GraphProto, constants: &mut HashMap<String, Constant>) -> Result<()> {
    while let Some(at) = graph.node.iter().position(|node| node.op_type == "BatchNormalization") {
        let norm = graph.node[at].clone();
        let before = norm.input.first().with_context(|| format!("{}: it has no input", named(&norm)))?;
        let conv =
            graph.node.iter().position(|node| node.op_type == "Conv" && node.output.first() == Some(before));
        let uses = graph.node.iter().flat_map(|node| &node.input).filter(|name| *name == before).count();
        let Some(conv) = conv.filter(|_| uses == 1) else {
            bail!("{}: no convolution is before it", named(&norm))
        };
        let number = |index: usize| {
            let constant = norm.input.get(index).and_then(|name| constants.get(name));
            constant
                .map(|constant| constant.values.clone())
                .with_context(|| format!("{}: is not constant", named(&norm)))
        };
        let (scale, offset, mean, variance) = (number(1)?, number(2)?, number(3)?, number(4)?);
        let epsilon = attribute(&norm, "epsilon").map_or(1e-5, |epsilon| epsilon.f);
        let node = &mut graph.node[conv];
        let mut kernel = node
            .input
            .get(1)
            .and_then(|name| constants.get(name))
            .context("a kernel is no constant")?
            .clone();
        let outputs = *kernel.dims.first().context("a kernel has no dimensions")?;
        ensure!(
            [&scale, &offset, &mean, &variance].iter().all(|lane| lane.len() == outputs),
            "{}: of another size",
            named(&norm)
        );
        let mut bias = match node.input.get(2) {
            Some(name) => constants.get(name).context("a bias is no constant")?.clone(),
            None => Constant { dims: vec![outputs], values: vec![0.0; outputs] },
        };
        let size = kernel.values.len() / outputs.max(1);
        for output in 0..outputs {
            let factor = scale[output] / (variance[output] + epsilon).sqrt();
            kernel.values[output * size..][..size].iter_mut().for_each(|weight| *weight *= factor);
            bias.values[output] = (bias.values[output] - mean[output]) * factor + offset[output];
        }
        let [kernel_name, bias_name] = ["kernel", "bias"].map(|part| format!("{}_{part}", norm.output[0]));
        node.input.truncate(1);
        node.input.extend([kernel_name.clone(), bias_name.clone()]);
        node.output[0].clone_from(&norm.output[0]);
        for (name, constant) in [(kernel_name, kernel), (bias_name, bias)] {
            graph.initializer.push(TensorProto {
                name: name.clone(),
                dims: constant.dims.iter().map(|dim| *dim as i64).collect(),
                data_type: DataType::Float as i32,
                raw_data: constant.values.iter().flat_map(|value| value.to_le_bytes()).collect(),
                ..Default::default()
            });
            constants.insert(name, constant);
        }
        graph.node.remove(at);
    }
    Ok(())
}
