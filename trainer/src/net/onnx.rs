//! Reads the weights of a MobileFaceNet from an ONNX file, such as the one that ships.
//!
//! The nodes of the graph are matched with the layers of the network. In the file the norms are folded into convolutions. Here
//! the bias of a convolution becomes the bias of a norm that otherwise changes nothing, so the network computes the same as the
//! file. The statistics of these norms are not those of real pictures.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result, bail, ensure};
use prost::Message;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto};

use super::layer::{self, BATCH_NORM_EPSILON, Conv, Layer};
use super::weights::Weights;
use super::{Architecture, NetworkKind, SIDE};
use crate::onnx::{Constant, attribute, input_shape, node_label, simplify};
use crate::tensors::Tensor;

impl Weights {
    /// Reads the weights from the bytes of an ONNX file.
    ///
    /// # Errors
    /// If the file is not the ONNX file of a MobileFaceNet. The error names the node that does not match, and what was expected.
    pub fn from_onnx(bytes: &[u8]) -> Result<Self> {
        let file = ModelProto::decode(bytes).context("the file is not ONNX")?;
        let mut graph = file.graph.context("the file has no graph")?;
        let constants = simplify(&mut graph)?;
        let [input] = graph.input.iter().filter(|i| !constants.contains_key(&i.name)).collect::<Vec<_>>()[..]
        else {
            bail!("the graph must have one input")
        };
        let shape = input_shape(input)?;
        ensure!(shape == [3, SIDE, SIDE], "the shape of the input is {shape:?}, not [3, {SIDE}, {SIDE}]");
        let mut last = None;
        for architecture in architectures(&graph, &constants)? {
            let mut matcher =
                GraphMatcher { graph: &graph, constants: &constants, tensors: BTreeMap::new(), nodes: 0 };
            match matcher.graph(&architecture.layers(), &input.name) {
                Ok(()) => return Self::new(architecture, matcher.tensors),
                Err(error) => last = Some(error.context(format!("the network is not a {architecture}"))),
            }
        }
        Err(last.context("the network is not a MobileFaceNet")?)
    }
}

/// The possible architectures by the shape of the last convolution. Two widths can round to the same number of channels there,
/// and to different numbers in other layers.
fn architectures(graph: &GraphProto, constants: &HashMap<String, Constant>) -> Result<Vec<Architecture>> {
    let last = graph
        .node
        .iter()
        .rev()
        .find(|node| node.op_type == "Conv")
        .context("the graph has no convolution")?;
    let kernel = last.input.get(1).and_then(|name| constants.get(name));
    let [embedding, channels, 1, 1] = kernel.context("the last convolution has no constant kernel")?.dims[..]
    else {
        bail!("{}: expected a pointwise convolution to the embedding", node_label(last))
    };
    let eighths = channels as f64 / 8.0;
    let of = |eighths: f64| Architecture::new(NetworkKind::MobileFaceNet, eighths / 64.0, Some(embedding));
    let up =
        of(eighths).with_context(|| format!("the network is not a MobileFaceNet: {}", node_label(last)))?;
    Ok([up].into_iter().chain(of(eighths - 0.25)).collect())
}

struct GraphMatcher<'a> {
    graph: &'a GraphProto,
    constants: &'a HashMap<String, Constant>,
    tensors: BTreeMap<String, Tensor>,
    /// Number of matched nodes.
    nodes: usize,
}

impl<'a> GraphMatcher<'a> {
    /// Matches the whole graph with a network.
    fn graph(&mut self, layers: &[Layer], input: &'a str) -> Result<()> {
        let end = self.layers(layers, "", input)?;
        let is_output = self.graph.output.iter().any(|output| output.name == end);
        ensure!(is_output, "{end} is the embedding, but not an output");
        ensure!(self.nodes == self.graph.node.len(), "the graph has more nodes than the network");
        Ok(())
    }

    fn layers(&mut self, layers: &[Layer], prefix: &str, input: &'a str) -> Result<&'a str> {
        let mut value = input;
        for (place, layer) in layers.iter().enumerate() {
            let name = layer::layer_name(prefix, place);
            value = match layer {
                Layer::Conv(conv) => self.conv(conv, &name, &layer::layer_name(prefix, place + 1), value)?,
                // Read together with the convolution before it.
                Layer::BatchNorm { .. } => value,
                Layer::Prelu { channels } => self.prelu(*channels, &name, value)?,
                Layer::Residual { body, shortcut } => {
                    let long = self.layers(body, &format!("{name}body."), value)?;
                    let short = self.layers(shortcut, &format!("{name}shortcut."), value)?;
                    let sum = self.sole_consumer("Add", long)?;
                    ensure!(
                        sum.input.iter().any(|input| input == short),
                        "{}: expected {short} as the other summand",
                        node_label(sum)
                    );
                    output(sum)?
                }
                Layer::Flatten => output(self.sole_consumer("Flatten", value)?)?,
                Layer::SqueezeExcitation { .. }
                | Layer::CenterColumns { .. }
                | Layer::Subsample { .. }
                | Layer::Dropout
                | Layer::Linear { .. } => {
                    bail!("{name} is not a layer of a MobileFaceNet")
                }
            };
        }
        Ok(value)
    }

    /// The only node with this operator that consumes a value.
    fn sole_consumer(&mut self, op: &str, value: &str) -> Result<&'a NodeProto> {
        let graph = self.graph;
        let takers: Vec<&NodeProto> =
            graph.node.iter().filter(|node| node.input.iter().any(|input| input == value)).collect();
        let mut fitting = takers.iter().filter(|node| node.op_type == op);
        if let (Some(node), None) = (fitting.next(), fitting.next()) {
            self.nodes += 1;
            return Ok(node);
        }
        let found: Vec<String> = takers.into_iter().map(node_label).collect();
        bail!("expected one {op} after {value}; found {}", found.join(", "))
    }

    fn conv(&mut self, conv: &Conv, name: &str, norm: &str, value: &str) -> Result<&'a str> {
        let node = self.sole_consumer("Conv", value)?;
        let wanted: [(&str, Vec<i64>, Vec<i64>); 4] = [
            ("strides", vec![conv.stride as i64; 2], vec![1; 2]),
            (
                "pads",
                [conv.pad_begin, conv.pad_begin, conv.pad_end, conv.pad_end]
                    .map(|zeros| zeros as i64)
                    .to_vec(),
                vec![0; 4],
            ),
            ("dilations", vec![1; 2], vec![1; 2]),
            ("group", vec![conv.groups as i64], vec![1]),
        ];
        for (key, wanted, otherwise) in wanted {
            let given = attribute(node, key);
            let has = given.map_or(otherwise, |a| if a.ints.is_empty() { vec![a.i] } else { a.ints.clone() });
            ensure!(has == wanted, "{}: {key} is {has:?}; expected {wanted:?}", node_label(node));
        }
        let pads = attribute(node, "auto_pad").is_none_or(|pads| pads.s == b"NOTSET");
        ensure!(pads, "{}: has auto_pad; expected pads", node_label(node));
        let kernel = self.constant(node, 1, &conv.shape())?;
        let bias = match node.input.len() {
            2 => vec![0.0; conv.outputs],
            _ => self.constant(node, 2, &[conv.outputs])?,
        };
        let ones = vec![1.0; conv.outputs];
        // Together with the epsilon of the norm, the variance is 1.
        let variance = vec![(1.0 - BATCH_NORM_EPSILON) as f32; conv.outputs];
        self.insert(format!("{name}weight"), conv.shape().to_vec(), kernel);
        self.insert(format!("{norm}weight"), vec![conv.outputs], ones);
        self.insert(format!("{norm}bias"), vec![conv.outputs], bias);
        self.insert(format!("{norm}running_mean"), vec![conv.outputs], vec![0.0; conv.outputs]);
        self.insert(format!("{norm}running_var"), vec![conv.outputs], variance);
        output(node)
    }

    fn prelu(&mut self, channels: usize, name: &str, value: &str) -> Result<&'a str> {
        let node = self.sole_consumer("PRelu", value)?;
        let slopes = self.constant(node, 1, &[channels, 1, 1])?;
        self.insert(format!("{name}weight"), vec![channels], slopes);
        output(node)
    }

    fn constant(&self, node: &NodeProto, input: usize, wanted: &[usize]) -> Result<Vec<f32>> {
        let found = node.input.get(input).and_then(|name| self.constants.get(name));
        let found =
            found.with_context(|| format!("{}: input {input} is not a constant", node_label(node)))?;
        ensure!(
            found.dims == wanted,
            "{}: the shape of input {input} is {:?}; expected {wanted:?}",
            node_label(node),
            found.dims
        );
        Ok(found.values.clone())
    }

    fn insert(&mut self, name: String, shape: Vec<usize>, values: Vec<f32>) {
        self.tensors.insert(name, Tensor { shape, values });
    }
}

fn output(node: &NodeProto) -> Result<&str> {
    node.output.first().map(String::as_str).with_context(|| format!("{}: has no output", node_label(node)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export;
    use crate::reference::filled;

    fn shipped() -> Vec<u8> {
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../models/mobilefacenet.onnx")).unwrap()
    }

    #[test]
    fn the_file_that_ships_is_exported_bit_for_bit() {
        let weights = Weights::from_onnx(&shipped()).unwrap();
        assert_eq!(weights.architecture(), Architecture::mobilefacenet(1.0, 192));
        assert!(export::to_onnx(&weights).unwrap() == shipped());
    }

    #[test]
    fn the_width_is_read_from_the_shapes() {
        // 0.34 rounds to the same number of channels at the end as 0.34375, and to other numbers before.
        for (width, embedding) in [(0.5, 128), (0.125, 8), (0.34, 64), (0.344, 64), (0.43, 32), (2.0, 16)] {
            let of = Architecture::mobilefacenet(width, embedding);
            let file = export::to_onnx(&filled(of)).unwrap();
            let back = Weights::from_onnx(&file).unwrap();
            assert_eq!(back.architecture().layers(), of.layers(), "{width}");
            assert!(export::to_onnx(&back).unwrap() == file, "{width}");
        }
    }

    #[test]
    fn a_mismatch_is_reported_with_the_expected_node() {
        let refused = |change: &dyn Fn(&mut GraphProto), parts: &[&str]| {
            let mut file = ModelProto::decode(&shipped()[..]).unwrap();
            change(file.graph.as_mut().unwrap());
            let why = format!("{:#}", Weights::from_onnx(&file.encode_to_vec()).unwrap_err());
            assert!(parts.iter().all(|part| why.contains(part)), "{why}");
        };
        refused(&|graph| graph.node[1].op_type = "Relu".into(), &["PRelu after conv1", "Relu prelu2"]);
        refused(
            &|graph| graph.node[0].attribute[2].ints = vec![1; 4],
            &["Conv conv1", "pads", "expected [0, 0, 1, 1]"],
        );
        refused(
            &|graph| {
                graph.initializer[0].dims = vec![32, 6, 3, 3];
            },
            &["Conv conv1", "[32, 6, 3, 3]", "expected [64, 3, 3, 3]"],
        );
        refused(
            &|graph| {
                let add = graph.node.iter_mut().find(|node| node.op_type == "Add").unwrap();
                add.input[1] = "conv6".into();
            },
            &["Add add16", "conv10"],
        );
        refused(
            &|graph| {
                let twin = graph.node[1].clone();
                graph.node.push(NodeProto { op_type: "Relu".into(), output: vec!["more".into()], ..twin });
            },
            &["more nodes than the network"],
        );
        refused(&|graph| graph.node.clear(), &["no convolution"]);
        refused(&|graph| graph.initializer[0].raw_data[..4].copy_from_slice(&[0xff; 4]), &["not finite"]);
        let ir = Architecture::new("ir-50".parse().unwrap(), 1.0, None).unwrap();
        let ir = export::to_onnx(&filled(ir)).unwrap();
        assert!(Weights::from_onnx(&ir).is_err());
        assert!(
            format!("{:#}", Weights::from_onnx(&[0xff; 64]).unwrap_err()).contains("the file is not ONNX")
        );
    }
}
