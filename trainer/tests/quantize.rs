//! Tests of `ostiary-trainer quantize` through the binary.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::cargo::cargo_bin_cmd;
use ostiary_core::{ChannelOrder, NetworkInput};
use ostiary_engine::{Backend, Network, Onnx};
use prost::Message;
use tempfile::TempDir;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
use tract_onnx::pb::type_proto::{Tensor, Value};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto,
    TypeProto, ValueInfoProto,
};

/// A file of the repository.
fn repository_file(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)
}

fn quantize(model: &Path, calibrate: &Path, output: &Path, more: &[&str]) -> Output {
    let mut command = cargo_bin_cmd!("ostiary-trainer");
    command.arg("quantize").arg(model).arg("--calibrate").arg(calibrate).arg("-o").arg(output);
    command.arg("--models").arg(repository_file("models")).args(["--augment", "4"]).args(more);
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// R-Net after a change.
fn changed(folder: &TempDir, change: impl FnOnce(&mut ModelProto)) -> PathBuf {
    let mut file = ModelProto::decode(&fs::read(repository_file("models/rnet.onnx")).unwrap()[..]).unwrap();
    change(&mut file);
    let path = folder.path().join("changed.onnx");
    fs::write(&path, file.encode_to_vec()).unwrap();
    path
}

#[test]
fn quantized_networks_are_similar_and_reproducible() {
    let folder = tempfile::tempdir().unwrap();
    for (role, pixels) in [("rnet", true), ("pnet", false), ("mobilefacenet", true)] {
        let [first, second] = ["first.onnx", "second.onnx"].map(|name| folder.path().join(name));
        let more: &[&str] = if pixels { &["--pixels", "--json"] } else { &["--json"] };
        let model = repository_file(&format!("models/{role}.onnx"));
        let output = quantize(&model, &repository_file("crates/self-test/portraits"), &first, more);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        let rows = String::from_utf8(output.stdout).unwrap();
        let rows: Vec<serde_json::Value> =
            rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let outputs: Vec<&serde_json::Value> = rows.iter().filter(|row| row["output"].is_string()).collect();
        assert!(!outputs.is_empty() && rows.len() > outputs.len());
        for output in outputs {
            assert!(output["cosine_mean"].as_f64().unwrap() > 0.98, "{role}: {output}");
        }
        quantize(&model, &repository_file("crates/self-test/portraits"), &second, more);
        assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap(), "the same bytes");
        assert!(fs::metadata(&first).unwrap().len() * 2 < fs::metadata(&model).unwrap().len());
    }
}

#[test]
fn a_loss_above_the_limit_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.onnx");
    let model = repository_file("models/rnet.onnx");
    let output = quantize(
        &model,
        &repository_file("crates/self-test/portraits"),
        &file,
        &["--min-cosine", "0.9999999"],
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("below --min-cosine") && !file.exists(), "{}", said(&output));
}

#[test]
fn unsuitable_pictures_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.onnx");
    let model = repository_file("models/rnet.onnx");
    let refused = |calibrate: &Path, part: &str| {
        let output = quantize(&model, calibrate, &file, &[]);
        assert_eq!(output.status.code(), Some(2));
        assert!(said(&output).contains(part) && !file.exists(), "{}", said(&output));
    };
    refused(&folder.path().join("absent"), "no such file or folder");
    refused(folder.path(), "there is no picture");
    let gray = image::RgbImage::from_pixel(200, 150, image::Rgb([90, 90, 90]));
    gray.save(folder.path().join("gray.png")).unwrap();
    refused(folder.path(), "no face was found");

    // One picture is accepted, with a warning.
    fs::copy(repository_file("crates/self-test/portraits/hopper.jpg"), folder.path().join("gray.png"))
        .unwrap();
    let output = quantize(&model, folder.path(), &file, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("has only one picture") && file.exists());
}

#[test]
fn an_unsupported_network_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.onnx");
    let refused = |model: &Path, part: &str| {
        let output = quantize(model, &repository_file("crates/self-test/portraits"), &file, &[]);
        assert_eq!(output.status.code(), Some(2));
        assert!(said(&output).contains(part) && !file.exists(), "{part}: {}", said(&output));
    };
    let text = folder.path().join("text.onnx");
    fs::write(&text, "this is no network").unwrap();
    refused(&text, "the file is not ONNX");
    refused(&folder.path().join("absent.onnx"), "cannot read");
    refused(&repository_file("models/rnet-int8.onnx"), "is the network already quantized?");
    refused(&changed(&folder, |file| file.opset_import[0].version = 11), "the operator set is 11");
    refused(
        &changed(&folder, |file| file.graph.as_mut().unwrap().node[1].op_type = "Elu".into()),
        "Elu prelu2",
    );
    refused(
        &changed(&folder, |file| file.graph.as_mut().unwrap().node[1].op_type = "Sigmoid".into()),
        "Sigmoid prelu2: is only supported in a squeeze-and-excitation block",
    );
    refused(
        &changed(&folder, |file| {
            let graph = file.graph.as_mut().unwrap();
            graph.initializer[0].raw_data[..4].copy_from_slice(&f32::NAN.to_le_bytes());
        }),
        "has values that are not finite",
    );
    refused(
        &changed(&folder, |file| {
            let node = &mut file.graph.as_mut().unwrap().node[1];
            node.op_type = "BatchNormalization".into();
            node.input.clear();
        }),
        "has no input",
    );
}

/// Builds a network as PyTorch would export it, with random weights.
struct Net {
    graph: GraphProto,
    seed: u32,
    /// The current value, and its channels.
    at: String,
    channels: usize,
}

impl Net {
    fn new(side: i64) -> Self {
        let dims = [1, 3, side, side]
            .map(|dim| Dimension { value: Some(dimension::Value::DimValue(dim)), ..Default::default() });
        let tensor = Tensor {
            elem_type: DataType::Float as i32,
            shape: Some(TensorShapeProto { dim: dims.to_vec() }),
        };
        let kind = TypeProto { value: Some(Value::TensorType(tensor)), ..Default::default() };
        let input = ValueInfoProto { name: "input".into(), r#type: Some(kind), ..Default::default() };
        let graph = GraphProto { name: "made up".into(), input: vec![input], ..Default::default() };
        Self { graph, seed: 1, at: "input".into(), channels: 3 }
    }

    /// Random numbers from -1 to 1.
    fn random(&mut self, count: usize) -> Vec<f32> {
        let mut next = || {
            self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (self.seed >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    fn constant(&mut self, dims: &[usize], values: Vec<f32>) -> String {
        let name = format!("constant{}", self.graph.initializer.len());
        self.graph.initializer.push(TensorProto {
            name: name.clone(),
            dims: dims.iter().map(|dim| *dim as i64).collect(),
            data_type: DataType::Float as i32,
            float_data: values,
            ..Default::default()
        });
        name
    }

    fn node(&mut self, op: &str, more: &[String], attribute: Vec<AttributeProto>) -> &mut Self {
        let output = format!("{op}{}", self.graph.node.len());
        let input = [std::slice::from_ref(&self.at), more].concat();
        self.graph.node.push(NodeProto {
            name: output.clone(),
            op_type: op.into(),
            input,
            output: vec![output.clone()],
            attribute,
            ..Default::default()
        });
        self.at = output;
        self
    }

    /// A convolution without a bias, and a batch norm; depthwise if `outputs` is `None`.
    fn conv(&mut self, outputs: Option<usize>, side: usize, stride: i64, padding: i64) -> &mut Self {
        let (kernels, depth) = (outputs.unwrap_or(self.channels), outputs.map_or(1, |_| self.channels));
        let spread = (3.0 / (depth * side * side) as f32).sqrt();
        let weights = self.random(kernels * depth * side * side).iter().map(|w| w * spread).collect();
        let weights = self.constant(&[kernels, depth, side, side], weights);
        let group = if outputs.is_some() { 1 } else { kernels as i64 };
        let ints = [("strides", vec![stride; 2]), ("pads", vec![padding; 4])];
        let mut attributes = ints
            .map(|(name, ints)| AttributeProto { name: name.into(), r#type: 7, ints, ..Default::default() })
            .to_vec();
        attributes.push(AttributeProto { name: "group".into(), r#type: 2, i: group, ..Default::default() });
        self.channels = kernels;
        self.node("Conv", &[weights], attributes).norm()
    }

    fn norm(&mut self) -> &mut Self {
        let channels = self.channels;
        let near = |values: Vec<f32>, middle: f32| values.iter().map(|v| middle + 0.3 * v).collect();
        let numbers = [1.0, 0.0, 0.0, 1.0].map(|middle| {
            let values = near(self.random(channels), middle);
            self.constant(&[channels], values)
        });
        self.node("BatchNormalization", &numbers, Vec::new())
    }

    fn prelu(&mut self) -> &mut Self {
        let slopes = self.random(self.channels).iter().map(|slope| 0.25 + 0.2 * slope).collect();
        let slopes = self.constant(&[self.channels, 1, 1], slopes);
        self.node("PRelu", &[slopes], Vec::new())
    }

    /// A linear layer without a bias, as `torch.nn.Linear` is exported.
    fn linear(&mut self, outputs: usize) -> &mut Self {
        let inputs = self.channels;
        let spread = (3.0 / inputs as f32).sqrt();
        let weights = self.random(outputs * inputs).iter().map(|w| w * spread).collect();
        let weights = self.constant(&[outputs, inputs], weights);
        self.channels = outputs;
        let transposed = AttributeProto { name: "transB".into(), r#type: 2, i: 1, ..Default::default() };
        self.node("Gemm", &[weights], vec![transposed])
    }

    /// An inverted residual, with a shortcut if the shape stays the same.
    fn block(&mut self, inner: usize, outputs: usize, stride: i64) -> &mut Self {
        let (before, channels) = (self.at.clone(), self.channels);
        self.conv(Some(inner), 1, 1, 0).prelu().conv(None, 3, stride, 1).prelu().conv(Some(outputs), 1, 1, 0);
        if stride == 1 && channels == outputs {
            self.node("Add", &[before], Vec::new());
        }
        self
    }

    /// As [`Net::block`], with squeeze and excitation before the shortcut.
    fn gated_block(&mut self, inner: usize, hidden: usize) -> &mut Self {
        let (before, outputs) = (self.at.clone(), self.channels);
        self.conv(Some(inner), 1, 1, 0).prelu().conv(None, 3, 1, 1).prelu().conv(Some(outputs), 1, 1, 0);
        let map = self.at.clone();
        self.node("GlobalAveragePool", &[], Vec::new()).conv(Some(hidden), 1, 1, 0);
        self.node("Relu", &[], Vec::new()).conv(Some(outputs), 1, 1, 0);
        self.node("Sigmoid", &[], Vec::new()).node("Mul", &[map], Vec::new());
        self.node("Add", &[before], Vec::new())
    }

    fn integers(&mut self, dims: &[i64], values: &[i64]) -> String {
        let name = format!("constant{}", self.graph.initializer.len());
        self.graph.initializer.push(TensorProto {
            name: name.clone(),
            dims: dims.to_vec(),
            data_type: DataType::Int64 as i32,
            int64_data: values.to_vec(),
            ..Default::default()
        });
        name
    }

    /// A reshape to one row for each picture, whose shape is computed from that of the map.
    fn rows(&mut self) -> &mut Self {
        let map = self.at.clone();
        let (first, axes, rest) =
            (self.integers(&[], &[0]), self.integers(&[1], &[0]), self.integers(&[1], &[-1]));
        let axis = AttributeProto { name: "axis".into(), r#type: 2, i: 0, ..Default::default() };
        self.node("Shape", &[], Vec::new()).node("Gather", &[first], vec![axis.clone()]);
        self.node("Unsqueeze", &[axes], Vec::new()).node("Concat", &[rest], vec![axis]);
        let shape = std::mem::replace(&mut self.at, map);
        self.node("Reshape", &[shape], Vec::new())
    }

    fn write(mut self, path: &Path) {
        let output = ValueInfoProto { name: self.at.clone(), r#type: None, ..Default::default() };
        self.graph.output.push(output);
        let opset = OperatorSetIdProto { domain: String::new(), version: 13 };
        let graph = Some(self.graph);
        let file = ModelProto { ir_version: 7, graph, opset_import: vec![opset], ..Default::default() };
        fs::write(path, file.encode_to_vec()).unwrap();
    }
}

/// The shapes of MiniFASNetV2, which detects presentation attacks (Silent-Face-Anti-Spoofing): an input of 80x80, odd numbers of
/// channels, a row of 512 numbers, and two linear layers with a batch norm between, with the operators of PyTorch's exporter. With
/// `gated`, some blocks have squeeze and excitation, as in MiniFASNetV2SE.
fn minifasnet(path: &Path, gated: bool) {
    let mut net = Net::new(80);
    net.conv(Some(32), 3, 2, 1).prelu().conv(None, 3, 1, 1).prelu();
    net.block(103, 64, 2).block(13, 64, 1);
    if gated {
        net.gated_block(26, 16);
    } else {
        net.block(26, 64, 1);
    }
    net.block(231, 128, 2).block(52, 128, 1);
    if gated {
        net.gated_block(26, 32);
    }
    net.block(308, 128, 2).conv(Some(512), 1, 1, 0).prelu().conv(None, 5, 1, 0);
    if gated {
        net.rows();
    } else {
        let row = net.integers(&[2], &[1, -1]);
        net.node("Reshape", &[row], Vec::new());
    }
    net.linear(128).norm().node("Dropout", &[], Vec::new()).linear(3);
    net.write(path);
}

#[test]
fn a_network_exported_by_pytorch_runs_in_8_bits() {
    runs_in_8_bits(false, ChannelOrder::Rgb);
}

#[test]
fn a_network_with_squeeze_and_excitation_runs_in_8_bits() {
    runs_in_8_bits(true, ChannelOrder::Bgr);
}

fn runs_in_8_bits(gated: bool, channels: ChannelOrder) {
    let folder = tempfile::tempdir().unwrap();
    let [model, file] = ["fp32.onnx", "int8.onnx"].map(|name| folder.path().join(name));
    minifasnet(&model, gated);
    let order = channels.to_string();
    let more = ["--pixels", "--json", "--channels", &order];
    let output = quantize(&model, &repository_file("crates/self-test/portraits"), &file, &more);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));

    let input = NetworkInput { name: "input".into(), shape: [0; 4], channels, mean: 127.5, divisor: 128.0 };
    let load =
        |path: &Path| Onnx::parse("made up", &fs::read(path).unwrap(), &input, &Backend::tract(1)).unwrap();
    let shape = [1, 3, 80, 80];
    let mut real = load(&model).prepare(&shape).unwrap();
    let mut bytes =
        load(&file).prepare_quantized(&shape).unwrap().expect("the network runs on the 8-bit kernels");
    assert_eq!(real.output_shapes(), bytes.output_shapes());
    let picture = image::open(repository_file("crates/self-test/portraits/obama.jpg")).unwrap();
    let picture = picture.resize_exact(80, 80, image::imageops::FilterType::Triangle).to_rgb8();
    let [mut a, mut b] = [[Vec::new()], [Vec::new()]];
    real.run(picture.as_raw(), &mut a).unwrap();
    bytes.run(picture.as_raw(), &mut b).unwrap();
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let cosine = dot(&a[0], &b[0]) / (dot(&a[0], &a[0]) * dot(&b[0], &b[0])).sqrt();
    assert!(cosine > 0.98, "{cosine}: {a:?} and {b:?}");
}
