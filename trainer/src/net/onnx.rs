//! A MobileFaceNet's numbers out of an ONNX file, such as the one that ships.
//!
//! The graph is followed along the network's layers. In a file the norms are multiplied into the convolutions; here each
//! convolution's bias becomes that of its norm, which otherwise changes nothing. So the network computes what the file
//! does. Its norms have measured nothing, though: what they have noted is not the mean and variance of real pictures.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result, bail, ensure};
use prost::Message;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto};

use super::layer::{self, Conv, EPSILON, Layer};
use super::weights::Weights;
use super::{Architecture, Kind, SIDE};
use crate::onnx::{Constant, attribute, input_shape, named, tidy};
use crate::tensors::Tensor;

impl Weights {
    /// Takes the numbers out of the bytes of an ONNX file. An error names the node that does not belong to a MobileFaceNet,
    /// and what was wanted in its place.
    pub fn from_onnx(bytes: &[u8]) -> Result<Self> {
        let file = ModelProto::decode(bytes).context("it is no ONNX file")?;
        let mut graph = file.graph.context("there is no graph in it")?;
        let constants = tidy(&mut graph)?;
        let [input] = graph.input.iter().filter(|i| !constants.contains_key(&i.name)).collect::<Vec<_>>()[..]
        else {
            bail!("it has not one input")
        };
        let shape = input_shape(input)?;
        ensure!(shape == [3, SIDE, SIDE], "its input is {shape:?}, not [3, {SIDE}, {SIDE}]");
        let mut last = None;
        for architecture in architectures(&graph, &constants)? {
            let mut walk = Walk { graph: &graph, constants: &constants, tensors: BTreeMap::new(), nodes: 0 };
            match walk.whole(&architecture.layers(), &input.name) {
                Ok(()) => return Self::new(architecture, walk.tensors),
                Err(error) => last = Some(error.context(format!("it is no {architecture}"))),
            }
        }
        Err(last.context("it is no MobileFaceNet")?)
    }
}

/// What the last convolution says of the network. Of two widths that round to as many channels there, one rounds other
/// layers up, the other down.
fn architectures(graph: &GraphProto, constants: &HashMap<String, Constant>) -> Result<Vec<Architecture>> {
    let last =
        graph.node.iter().rev().find(|node| node.op_type == "Conv").context("it has no convolution")?;
    let kernel = last.input.get(1).and_then(|name| constants.get(name));
    let [embedding, channels, 1, 1] = kernel.context("its last convolution has no kernel")?.dims[..] else {
        bail!("{}: a pointwise convolution to the embedding was wanted", named(last))
    };
    let eighths = channels as f64 / 8.0;
    let of = |eighths: f64| Architecture::new(Kind::MobileFaceNet, eighths / 64.0, Some(embedding));
    let up = of(eighths).with_context(|| format!("it is no MobileFaceNet: {}", named(last)))?;
    Ok([up].into_iter().chain(of(eighths - 0.25)).collect())
}

struct Walk<'a> {
    graph: &'a GraphProto,
    constants: &'a HashMap<String, Constant>,
    tensors: BTreeMap<String, Tensor>,
    /// How many nodes belong to layers.
    nodes: usize,
}

impl<'a> Walk<'a> {
    fn whole(&mut self, layers: &[Layer], input: &'a str) -> Result<()> {
        let end = self.layers(layers, "", input)?;
        let is_output = self.graph.output.iter().any(|output| output.name == end);
        ensure!(is_output, "{end} is the embedding, and not an output");
        ensure!(self.nodes == self.graph.node.len(), "there are nodes in it beside the network's");
        Ok(())
    }

    fn layers(&mut self, layers: &[Layer], prefix: &str, input: &'a str) -> Result<&'a str> {
        let mut value = input;
        for (place, layer) in layers.iter().enumerate() {
            let name = layer::name(prefix, place);
            value = match layer {
                Layer::Conv(conv) => self.conv(conv, &name, &layer::name(prefix, place + 1), value)?,
                // The convolution before it has brought it along.
                Layer::BatchNorm { .. } => value,
                Layer::Prelu { channels } => self.prelu(*channels, &name, value)?,
                Layer::Residual { body, shortcut } => {
                    let long = self.layers(body, &format!("{name}body."), value)?;
                    let short = self.layers(shortcut, &format!("{name}shortcut."), value)?;
                    let sum = self.next("Add", long)?;
                    ensure!(
                        sum.input.iter().any(|input| input == short),
                        "{}: {short} was wanted as the other summand",
                        named(sum)
                    );
                    output(sum)?
                }
                Layer::Flatten => output(self.next("Flatten", value)?)?,
                Layer::Squeeze { .. }
                | Layer::Middle { .. }
                | Layer::Subsample { .. }
                | Layer::Dropout
                | Layer::Linear { .. } => {
                    bail!("{name} is no layer of a MobileFaceNet")
                }
            };
        }
        Ok(value)
    }

    /// The one node of this kind that takes a value.
    fn next(&mut self, op: &str, value: &str) -> Result<&'a NodeProto> {
        let graph = self.graph;
        let takers: Vec<&NodeProto> =
            graph.node.iter().filter(|node| node.input.iter().any(|input| input == value)).collect();
        let mut fitting = takers.iter().filter(|node| node.op_type == op);
        if let (Some(node), None) = (fitting.next(), fitting.next()) {
            self.nodes += 1;
            return Ok(node);
        }
        let found: Vec<String> = takers.into_iter().map(named).collect();
        bail!("behind {value} one {op} was wanted; there is {}", found.join(", "))
    }

    fn conv(&mut self, conv: &Conv, name: &str, norm: &str, value: &str) -> Result<&'a str> {
        let node = self.next("Conv", value)?;
        let wanted: [(&str, Vec<i64>, Vec<i64>); 4] = [
            ("strides", vec![conv.stride as i64; 2], vec![1; 2]),
            (
                "pads",
                [conv.pad_before, conv.pad_before, conv.pad_behind, conv.pad_behind]
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
            ensure!(has == wanted, "{}: has {key} {has:?}; {wanted:?} was wanted", named(node));
        }
        let pads = attribute(node, "auto_pad").is_none_or(|pads| pads.s == b"NOTSET");
        ensure!(pads, "{}: has auto_pad; pads were wanted", named(node));
        let kernel = self.constant(node, 1, &conv.shape())?;
        let bias = match node.input.len() {
            2 => vec![0.0; conv.outputs],
            _ => self.constant(node, 2, &[conv.outputs])?,
        };
        let ones = vec![1.0; conv.outputs];
        // With what a norm adds to it, the variance is 1.
        let variance = vec![(1.0 - EPSILON) as f32; conv.outputs];
        self.put(format!("{name}weight"), conv.shape().to_vec(), kernel);
        self.put(format!("{norm}weight"), vec![conv.outputs], ones);
        self.put(format!("{norm}bias"), vec![conv.outputs], bias);
        self.put(format!("{norm}running_mean"), vec![conv.outputs], vec![0.0; conv.outputs]);
        self.put(format!("{norm}running_var"), vec![conv.outputs], variance);
        output(node)
    }

    fn prelu(&mut self, channels: usize, name: &str, value: &str) -> Result<&'a str> {
        let node = self.next("PRelu", value)?;
        let slopes = self.constant(node, 1, &[channels, 1, 1])?;
        self.put(format!("{name}weight"), vec![channels], slopes);
        output(node)
    }

    fn constant(&self, node: &NodeProto, input: usize, wanted: &[usize]) -> Result<Vec<f32>> {
        let found = node.input.get(input).and_then(|name| self.constants.get(name));
        let found = found.with_context(|| format!("{}: its input {input} is no constant", named(node)))?;
        ensure!(
            found.dims == wanted,
            "{}: its input {input} is {:?}; {wanted:?} was wanted",
            named(node),
            found.dims
        );
        Ok(found.values.clone())
    }

    fn put(&mut self, name: String, shape: Vec<usize>, values: Vec<f32>) {
        self.tensors.insert(name, Tensor { shape, values });
    }
}

fn output(node: &NodeProto) -> Result<&str> {
    node.output.first().map(String::as_str).with_context(|| format!("{}: it has no output", named(node)))
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
    fn the_file_that_ships_comes_back_to_the_last_bit() {
        let weights = Weights::from_onnx(&shipped()).unwrap();
        assert_eq!(weights.architecture(), Architecture::mobilefacenet(1.0, 192));
        assert!(export::to_onnx(&weights) == shipped());
    }

    #[test]
    fn the_width_is_told_by_the_shapes() {
        // 0.34 rounds to as many channels at the end as 0.34375, which has others before.
        for (width, embedding) in [(0.5, 128), (0.125, 8), (0.34, 64), (0.344, 64), (0.43, 32), (2.0, 16)] {
            let of = Architecture::mobilefacenet(width, embedding);
            let file = export::to_onnx(&filled(of));
            let back = Weights::from_onnx(&file).unwrap();
            assert_eq!(back.architecture().layers(), of.layers(), "{width}");
            assert!(export::to_onnx(&back) == file, "{width}");
        }
    }

    #[test]
    fn what_does_not_fit_is_named_with_what_was_wanted() {
        let refused = |change: &dyn Fn(&mut GraphProto), parts: &[&str]| {
            let mut file = ModelProto::decode(&shipped()[..]).unwrap();
            change(file.graph.as_mut().unwrap());
            let why = format!("{:#}", Weights::from_onnx(&file.encode_to_vec()).unwrap_err());
            assert!(parts.iter().all(|part| why.contains(part)), "{why}");
        };
        refused(&|graph| graph.node[1].op_type = "Relu".into(), &["behind conv1", "PRelu", "Relu prelu2"]);
        refused(
            &|graph| graph.node[0].attribute[2].ints = vec![1; 4],
            &["Conv conv1", "pads", "[0, 0, 1, 1] was wanted"],
        );
        refused(
            &|graph| {
                graph.initializer[0].dims = vec![32, 6, 3, 3];
            },
            &["Conv conv1", "[32, 6, 3, 3]", "[64, 3, 3, 3] was wanted"],
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
            &["nodes in it beside"],
        );
        refused(&|graph| graph.node.clear(), &["no convolution"]);
        refused(&|graph| graph.initializer[0].raw_data[..4].copy_from_slice(&[0xff; 4]), &["not finite"]);
        let ir = export::to_onnx(&filled(Architecture::new("ir-50".parse().unwrap(), 1.0, None).unwrap()));
        assert!(Weights::from_onnx(&ir).is_err());
        assert!(format!("{:#}", Weights::from_onnx(&[0xff; 64]).unwrap_err()).contains("no ONNX file"));
    }
}
