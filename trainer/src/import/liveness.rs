//! Simplifies the published network for presentation attack detection.
//!
//! Batch norms are folded, the reshape becomes `Flatten`, and the last two matrix products, between which there is no
//! activation, become one. The result is of a newer operator set and computes the same.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result, bail, ensure};
use ostiary_models::LivenessTest;
use prost::Message;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto};

use crate::onnx::graph::{Dim, Graph, INPUT, int, ints};
use crate::onnx::{Constant, attribute, input, input_shape, node_label, output, simplify};

/// Name of the output.
pub const OUTPUT: &str = "classes";

/// Operator sets in which the operators of the network are the same as in that of the result.
const OPSETS: std::ops::RangeInclusive<i64> = 9..=13;

/// How the network is used, as its package does, without golden outputs. The thresholds were measured on photos and live
/// people (models/liveness.md).
pub fn test() -> LivenessTest {
    LivenessTest {
        crop_scale: 2.7,
        classes: 3,
        live_class: 0,
        spoof_below: 0.1,
        pass_from: 0.5,
        golden: Vec::new(),
    }
}

/// Simplifies the network. `onnx` is the published file; returns the bytes of the new one.
///
/// # Errors
/// If the file is not ONNX, or has an operator that the network does not have.
pub fn convert(onnx: &[u8]) -> Result<Vec<u8>> {
    let file = ModelProto::decode(onnx).context("the file is not ONNX")?;
    let version = file.opset_import.iter().find(|set| set.domain.is_empty()).map_or(0, |set| set.version);
    ensure!(OPSETS.contains(&version), "the operator set is {version}; it must be from 9 to 13");
    let mut graph = file.graph.context("the file has no graph")?;
    let constants = simplify(&mut graph)?;
    let graph_input = graph.input.iter().find(|input| !constants.contains_key(&input.name));
    let graph_input = graph_input.context("the graph has no input")?;
    let [channels, height, width] = input_shape(graph_input)?;
    let names = BTreeMap::from([(graph_input.name.clone(), INPUT.to_owned())]);
    let mut out = Graph::new("network");
    out.input(INPUT, &[1, channels, height, width].map(Dim::Fixed));
    let mut converter = Converter { constants: &constants, out, names };
    let tail = LinearTail::find(&graph, &constants)?;
    let (body, _) = graph.node.split_at_checked(tail.first).context("the graph has no body")?;
    for node in body {
        converter.node(node).with_context(|| node_label(node))?;
    }
    let classes = converter.tail(&tail)?;
    let [graph_output] = &graph.output[..] else { bail!("the graph must have one output") };
    ensure!(graph_output.name == tail.output, "the graph does not end with matrix products");
    let mut out = converter.out;
    out.output(&classes, OUTPUT, &[1, tail.bias.len()].map(Dim::Fixed));
    Ok(out.encode())
}

/// The matrix products and biases at the end of the network, as one product and one bias.
struct LinearTail {
    /// Index of its first node; it reaches to the end of the graph.
    first: usize,
    input: String,
    output: String,
    matrix: Constant,
    bias: Vec<f32>,
}

impl LinearTail {
    fn find(graph: &GraphProto, constants: &HashMap<String, Constant>) -> Result<Self> {
        let is_linear = |node: &&NodeProto| {
            ["MatMul", "Add"].contains(&node.op_type.as_str()) && constants.contains_key(input(node, 1))
        };
        let count = graph.node.iter().rev().take_while(is_linear).count();
        let first = graph.node.len() - count;
        let nodes = graph.node.get(first..).unwrap_or_default();
        let (Some(begin), Some(end)) = (nodes.first(), nodes.last()) else {
            bail!("the graph does not end with matrix products")
        };
        ensure!(
            nodes.array_windows().all(|[a, b]| input(b, 0) == output(a)),
            "the matrix products at the end of the graph do not follow each other"
        );
        // In 64 bits, so that the one rounding is that of the result.
        let mut dims: Option<[usize; 2]> = None;
        let (mut matrix, mut bias) = (Vec::new(), Vec::new());
        for node in nodes {
            let constant = constants.get(input(node, 1)).context("a factor is not a constant")?;
            let values: Vec<f64> = constant.values.iter().copied().map(f64::from).collect();
            match (node.op_type.as_str(), dims, &constant.dims[..]) {
                ("MatMul", None, &[rows, columns]) => {
                    (dims, matrix, bias) = (Some([rows, columns]), values, vec![0.0; columns]);
                }
                ("MatMul", Some([rows, inner]), &[factor_rows, columns])
                    if inner == factor_rows && columns > 0 =>
                {
                    matrix = product(&matrix, inner, &values, columns);
                    bias = product(&bias, inner, &values, columns);
                    dims = Some([rows, columns]);
                }
                ("Add", Some([_, columns]), &[count]) if columns == count => {
                    bias.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
                }
                _ => bail!("{}: has a factor of shape {:?}", node_label(node), constant.dims),
            }
        }
        let dims = dims.context("the graph does not end with matrix products")?;
        let rounded = |values: Vec<f64>| values.into_iter().map(|value| value as f32).collect();
        Ok(Self {
            first,
            input: input(begin, 0).to_owned(),
            output: output(end).to_owned(),
            matrix: Constant { dims: dims.to_vec(), values: rounded(matrix) },
            bias: rounded(bias),
        })
    }
}

/// The product of a matrix with `inner` columns and one with `columns` columns, both in row-major order.
fn product(left: &[f64], inner: usize, right: &[f64], columns: usize) -> Vec<f64> {
    let rows = left.chunks_exact(inner.max(1));
    rows.flat_map(|row| {
        let mut sums = vec![0.0; columns];
        for (value, factors) in row.iter().zip(right.chunks_exact(columns.max(1))) {
            sums.iter_mut().zip(factors).for_each(|(sum, factor)| *sum += value * factor);
        }
        sums
    })
    .collect()
}

struct Converter<'a> {
    constants: &'a HashMap<String, Constant>,
    out: Graph,
    /// From a value's published name to its name here.
    names: BTreeMap<String, String>,
}

impl Converter<'_> {
    fn node(&mut self, node: &NodeProto) -> Result<()> {
        let attributes = match node.op_type.as_str() {
            "Conv" => conv_attributes(node)?,
            "Flatten" => vec![int("axis", 1)],
            "Add" | "GlobalAveragePool" | "Mul" | "PRelu" | "Relu" | "Sigmoid" => Vec::new(),
            _ => bail!("is not an operator of the network"),
        };
        let inputs: Vec<String> = node.input.iter().map(|name| self.value(name)).collect::<Result<_>>()?;
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let made = self.out.node(&node.op_type, &inputs, attributes);
        self.names.insert(output(node).to_owned(), made);
        Ok(())
    }

    /// The name of a value or constant here.
    fn value(&mut self, published: &str) -> Result<String> {
        if let Some(name) = self.names.get(published) {
            return Ok(name.clone());
        }
        let constant = self.constants.get(published);
        let Constant { dims, values } =
            constant.with_context(|| format!("{published} is used before it is made"))?;
        let kind = match dims.len() {
            4 => "kernel",
            3 => "slope",
            _ => "bias",
        };
        Ok(self.out.constant(kind, dims, values))
    }

    fn tail(&mut self, tail: &LinearTail) -> Result<String> {
        let value = self.value(&tail.input)?;
        let matrix = self.out.constant("matrix", &tail.matrix.dims, &tail.matrix.values);
        let product = self.out.node("MatMul", &[&value, &matrix], Vec::new());
        let bias = self.out.constant("bias", &[tail.bias.len()], &tail.bias);
        Ok(self.out.node("Add", &[&product, &bias], Vec::new()))
    }
}

/// The attributes of a convolution that are not the defaults.
fn conv_attributes(node: &NodeProto) -> Result<Vec<tract_onnx::pb::AttributeProto>> {
    let list = |name| attribute(node, name).map(|attribute| &attribute.ints[..]);
    let dilated = list("dilations").is_some_and(|steps| steps.iter().any(|step| *step != 1));
    ensure!(!dilated && attribute(node, "auto_pad").is_none(), "is dilated, or has an automatic padding");
    let mut attributes = Vec::new();
    for (name, default) in [("kernel_shape", -1), ("pads", 0), ("strides", 1)] {
        if let Some(values) = list(name).filter(|values| values.iter().any(|value| *value != default)) {
            let values = values.iter().map(|value| usize::try_from(*value)).collect::<Result<Vec<_>, _>>();
            attributes.push(ints(name, &values.with_context(|| format!("has the {name} {:?}", list(name)))?));
        }
    }
    if let Some(group) = attribute(node, "group").filter(|group| group.i != 1) {
        attributes.push(int("group", group.i));
    }
    Ok(attributes)
}

#[cfg(test)]
mod tests {
    use ostiary_core::{ChannelOrder, NetworkInput};
    use ostiary_engine::{Backend, Onnx};

    use super::*;
    use crate::onnx::graph::float;

    fn values(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|index| ((index * 37 + seed * 11) % 64) as f32 / 32.0 - 1.0).collect()
    }

    /// A small network with the operators of the published one.
    fn published() -> Graph {
        let mut graph = Graph::new("published");
        graph.input("image", &[1, 3, 8, 8].map(Dim::Fixed));
        let conv =
            |graph: &mut Graph, from: &str, [outputs, inputs]: [usize; 2], side: usize, stride: usize| {
                let kernel = graph.constant(
                    "w",
                    &[outputs, inputs, side, side],
                    &values(outputs * inputs * side * side, 1),
                );
                let bias = graph.constant("b", &[outputs], &values(outputs, 2));
                let sizes = |name, value| ints(name, &[value, value]);
                let attributes =
                    vec![sizes("dilations", 1), sizes("kernel_shape", side), sizes("strides", stride)];
                graph.node("Conv", &[from, &kernel, &bias], attributes)
            };
        let map = conv(&mut graph, "image", [4, 3], 2, 2);
        let slope = graph.constant("s", &[4, 1, 1], &values(4, 3));
        let map = graph.node("PRelu", &[&map, &slope], vec![]);
        let mean = graph.node("GlobalAveragePool", &[&map], vec![]);
        let hidden = conv(&mut graph, &mean, [2, 4], 1, 1);
        let hidden = graph.node("Relu", &[&hidden], vec![]);
        let gate = conv(&mut graph, &hidden, [4, 2], 1, 1);
        let gate = graph.node("Sigmoid", &[&gate], vec![]);
        let gated = graph.node("Mul", &[&map, &gate], vec![]);
        let sum = graph.node("Add", &[&map, &gated], vec![]);
        let flat = graph.node("Flatten", &[&sum], vec![int("axis", 1)]);
        let matrix = graph.constant("m", &[64, 5], &values(320, 4));
        let row = graph.node("MatMul", &[&flat, &matrix], vec![]);
        let parameters = [1, 2, 3, 4].map(|seed| {
            let positive = values(5, seed).into_iter().map(|value| value.abs() + 0.5).collect::<Vec<_>>();
            graph.constant("n", &[5], &positive)
        });
        let [a, b, c, d] = &parameters;
        let row = graph.node("BatchNormalization", &[&row, a, b, c, d], vec![float("epsilon", 1e-5)]);
        let matrix = graph.constant("m", &[5, 3], &values(15, 5));
        let end = graph.node("MatMul", &[&row, &matrix], vec![]);
        graph.output(&end, "end", &[1, 3].map(Dim::Fixed));
        graph
    }

    fn run(onnx: &[u8]) -> Vec<f32> {
        let channels = ChannelOrder::Bgr;
        let input =
            NetworkInput { name: "input".into(), shape: [1, 3, 8, 8], channels, mean: 0.0, divisor: 64.0 };
        let onnx = Onnx::parse("network", onnx, &input, &Backend::tract(1)).unwrap();
        let mut network = onnx.prepare(&[1, 3, 8, 8]).unwrap();
        let pixels: Vec<u8> = (0..192).map(|index| (index * 29 % 256) as u8).collect();
        let mut outputs = [Vec::new()];
        network.run(&pixels, &mut outputs).unwrap();
        outputs[0].clone()
    }

    #[test]
    fn the_simplified_network_computes_the_same_with_one_matrix_product() {
        let published = published().encode();
        let simplified = convert(&published).unwrap();
        let (expected, made) = (run(&published), run(&simplified));
        assert_eq!(made.len(), 3);
        for (made, expected) in made.iter().zip(&expected) {
            assert!((made - expected).abs() < 1e-4 * expected.abs().max(1.0), "{made} is not {expected}");
        }
        let graph = ModelProto::decode(&simplified[..]).unwrap().graph.unwrap();
        let count = |op: &str| graph.node.iter().filter(|node| node.op_type == op).count();
        assert_eq!([count("MatMul"), count("BatchNormalization"), count("Conv")], [1, 0, 3]);
        assert_eq!((graph.input[0].name.as_str(), graph.output[0].name.as_str()), (INPUT, OUTPUT));
        assert_eq!(simplified, convert(&published).unwrap(), "the same bytes");
    }

    #[test]
    fn other_networks_are_refused() {
        let refused = |change: &dyn Fn(&mut ModelProto)| {
            let mut file = ModelProto::decode(&published().encode()[..]).unwrap();
            change(&mut file);
            format!("{:#}", convert(&file.encode_to_vec()).unwrap_err())
        };
        let node = |index: usize, op: &'static str| {
            move |file: &mut ModelProto| file.graph.as_mut().unwrap().node[index].op_type = op.into()
        };
        assert!(refused(&|file| file.opset_import[0].version = 8).contains("the operator set is 8"));
        assert!(refused(&node(1, "Elu")).contains("Elu prelu2: is not an operator of the network"));
        assert!(refused(&node(12, "Softmax")).contains("does not end with matrix products"));
        let dilated = refused(&|file| file.graph.as_mut().unwrap().node[0].attribute[0].ints = vec![2, 2]);
        assert!(dilated.contains("is dilated"), "{dilated}");
        assert!(format!("{:#}", convert(b"no network").unwrap_err()).contains("not ONNX"));
    }
}
