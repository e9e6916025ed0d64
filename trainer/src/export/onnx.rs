//! A network as an ONNX file: the same layers, with batch norms multiplied into what is beside them.

use crate::net::{Conv, EPSILON, Layer, SIDE, Weights, layer_name};
use crate::onnx::graph::{Dim, Graph, INPUT, float, int, ints};

/// The name of the output.
pub const OUTPUT: &str = "embedding";

/// The file's bytes. It takes one picture `[1, 3, 112, 112]` of normalised numbers and gives `[1, embedding]`.
pub fn to_onnx(weights: &Weights) -> Vec<u8> {
    let architecture = weights.architecture();
    let mut writer = Writer { weights, graph: Graph::new("network") };
    writer.graph.input(INPUT, &[Dim::Fixed(1), Dim::Fixed(3), Dim::Fixed(SIDE), Dim::Fixed(SIDE)]);
    let made = writer.run(&architecture.layers(), "", INPUT.to_owned());
    writer.graph.output(&made, OUTPUT, &[Dim::Fixed(1), Dim::Fixed(architecture.embedding())]);
    writer.graph.encode()
}

/// What a norm does to each channel: `x * factor + offset`. In double precision, so that what it is multiplied into is
/// rounded once.
struct Affine {
    factor: Vec<f64>,
    offset: Vec<f64>,
}

struct Writer<'a> {
    weights: &'a Weights,
    graph: Graph,
}

impl Writer<'_> {
    /// Writes a list of layers behind a value; gives what comes out. `prefix` is that of the layers' names.
    fn run(&mut self, layers: &[Layer], prefix: &str, mut value: String) -> String {
        let mut place = 0;
        while place < layers.len() {
            let name = |further: usize| layer_name(prefix, place + further);
            let taken;
            (value, taken) = match &layers[place..] {
                [Layer::Conv(conv), Layer::BatchNorm { .. }, ..] => {
                    let norm = self.affine(&name(1));
                    (self.conv(conv, &name(0), Some(&norm), &value), 2)
                }
                [Layer::Conv(conv), ..] => (self.conv(conv, &name(0), None, &value), 1),
                // Nothing is padded before the matrix, so that this norm goes into it as well.
                [
                    Layer::BatchNorm { .. },
                    Layer::Dropout,
                    Layer::Flatten,
                    Layer::Linear { .. },
                    Layer::BatchNorm { .. },
                    ..,
                ] => {
                    let flat = self.graph.node("Flatten", &[&value], vec![int("axis", 1)]);
                    let (before, behind) = (self.affine(&name(0)), self.affine(&name(4)));
                    (self.gemm(&name(3), Some(&before), Some(&behind), &flat), 5)
                }
                [Layer::Linear { .. }, Layer::BatchNorm { .. }, ..] => {
                    let norm = self.affine(&name(1));
                    (self.gemm(&name(0), None, Some(&norm), &value), 2)
                }
                [Layer::Linear { .. }, ..] => (self.gemm(&name(0), None, None, &value), 1),
                // Zeros are padded behind it, which it would move: it stays.
                [Layer::BatchNorm { .. }, ..] => (self.norm(&name(0), &value), 1),
                [Layer::Prelu { .. }, ..] => (self.prelu(&name(0), &value), 1),
                [Layer::Squeeze { .. }, ..] => (self.squeeze(&name(0), &value), 1),
                [Layer::Residual { body, shortcut }, ..] => {
                    let long = self.run(body, &format!("{}body.", name(0)), value.clone());
                    let short = self.run(shortcut, &format!("{}shortcut.", name(0)), value);
                    (self.graph.node("Add", &[&long, &short], vec![]), 1)
                }
                [Layer::Middle { columns }, ..] => (self.middle(*columns, &value), 1),
                [Layer::Subsample { stride }, ..] => {
                    let attributes = vec![ints("kernel_shape", &[1, 1]), ints("strides", &[*stride; 2])];
                    (self.graph.node("MaxPool", &[&value], attributes), 1)
                }
                [Layer::Flatten, ..] => (self.graph.node("Flatten", &[&value], vec![int("axis", 1)]), 1),
                // It drops in training alone.
                [Layer::Dropout, ..] | [] => (value, 1),
            };
            place += taken;
        }
        value
    }

    fn values(&self, layer: &str, part: &str) -> &[f32] {
        &self.weights.tensor(&format!("{layer}{part}")).values
    }

    fn affine(&self, layer: &str) -> Affine {
        let numbers = |part| self.values(layer, part).iter().map(|n| f64::from(*n));
        let deviation = numbers("running_var").map(|variance| (variance + EPSILON).sqrt());
        let factor: Vec<f64> = numbers("weight").zip(deviation).map(|(scale, by)| scale / by).collect();
        let shifts = numbers("bias").zip(numbers("running_mean"));
        let offset = shifts.zip(&factor).map(|((shift, mean), factor)| shift - mean * factor).collect();
        Affine { factor, offset }
    }

    fn conv(&mut self, conv: &Conv, layer: &str, norm: Option<&Affine>, value: &str) -> String {
        let size: usize = conv.shape()[1..].iter().product();
        let kernels = self.values(layer, "weight").chunks_exact(size).enumerate();
        let kernels = kernels.flat_map(|(channel, kernel)| {
            let factor = norm.map_or(1.0, |norm| norm.factor[channel]);
            kernel.iter().map(move |weight| (f64::from(*weight) * factor) as f32)
        });
        let kernels: Vec<f32> = kernels.collect();
        let kernel = self.graph.constant("kernel", &conv.shape(), &kernels);
        let bias = norm.map(|norm| self.bias(&norm.offset));
        let inputs: Vec<&str> = [value, &kernel].into_iter().chain(bias.as_deref()).collect();
        let attributes = vec![
            ints("kernel_shape", &conv.kernel),
            ints("strides", &[conv.stride; 2]),
            ints("pads", &[conv.pad_before, conv.pad_before, conv.pad_behind, conv.pad_behind]),
            int("group", conv.groups as i64),
        ];
        self.graph.node("Conv", &inputs, attributes)
    }

    fn middle(&mut self, columns: usize, value: &str) -> String {
        let first = (SIDE - columns) / 2;
        let bounds = [first, first + columns, 3].map(|number| self.graph.index("index", number));
        let [from, to, axis] = bounds.each_ref().map(String::as_str);
        self.graph.node("Slice", &[value, from, to, axis], vec![])
    }

    /// A matrix over a flattened map. `before` is of the map's channels, `behind` of the outputs.
    fn gemm(&mut self, layer: &str, before: Option<&Affine>, behind: Option<&Affine>, value: &str) -> String {
        let tensor = self.weights.tensor(&format!("{layer}weight"));
        let [outputs, inputs] = [tensor.shape[0], tensor.shape[1]];
        let (mut matrix, mut bias) = (Vec::with_capacity(tensor.values.len()), Vec::with_capacity(outputs));
        for (output, row) in tensor.values.chunks_exact(inputs).enumerate() {
            let factor = behind.map_or(1.0, |norm| norm.factor[output]);
            let mut sum = 0.0;
            for (input, weight) in row.iter().enumerate() {
                let weight = f64::from(*weight) * factor;
                let channel = |norm: &Affine| input * norm.factor.len() / inputs;
                matrix.push((weight * before.map_or(1.0, |norm| norm.factor[channel(norm)])) as f32);
                sum += weight * before.map_or(0.0, |norm| norm.offset[channel(norm)]);
            }
            bias.push(sum + behind.map_or(0.0, |norm| norm.offset[output]));
        }
        let matrix = self.graph.constant("matrix", &[outputs, inputs], &matrix);
        let bias = self.bias(&bias);
        self.graph.node("Gemm", &[value, &matrix, &bias], vec![int("transB", 1)])
    }

    fn bias(&mut self, values: &[f64]) -> String {
        let values: Vec<f32> = values.iter().map(|value| *value as f32).collect();
        self.graph.constant("bias", &[values.len()], &values)
    }

    fn norm(&mut self, layer: &str, value: &str) -> String {
        let parts = ["weight", "bias", "running_mean", "running_var"];
        let parts = parts.map(|part| {
            let tensor = self.weights.tensor(&format!("{layer}{part}"));
            self.graph.constant("norm", &tensor.shape, &tensor.values)
        });
        let inputs: Vec<&str> = [value].into_iter().chain(parts.iter().map(String::as_str)).collect();
        self.graph.node("BatchNormalization", &inputs, vec![float("epsilon", EPSILON as f32)])
    }

    fn prelu(&mut self, layer: &str, value: &str) -> String {
        let slopes = self.weights.tensor(&format!("{layer}weight"));
        let slope = self.graph.constant("slope", &[slopes.values.len(), 1, 1], &slopes.values);
        self.graph.node("PRelu", &[value, &slope], vec![])
    }

    fn squeeze(&mut self, layer: &str, value: &str) -> String {
        let means = self.graph.node("GlobalAveragePool", &[value], vec![]);
        let few = self.pointwise(&format!("{layer}fc1.weight"), &means);
        let active = self.graph.node("Relu", &[&few], vec![]);
        let many = self.pointwise(&format!("{layer}fc2.weight"), &active);
        let shares = self.graph.node("Sigmoid", &[&many], vec![]);
        self.graph.node("Mul", &[value, &shares], vec![])
    }

    fn pointwise(&mut self, tensor: &str, value: &str) -> String {
        let tensor = self.weights.tensor(tensor);
        let kernel = self.graph.constant("kernel", &tensor.shape, &tensor.values);
        self.graph.node("Conv", &[value, &kernel], vec![ints("kernel_shape", &[1, 1])])
    }
}

#[cfg(test)]
mod tests {
    use ostiary_config as config;
    use ostiary_config::{Engine, Ort};
    use ostiary_core::{ChannelOrder, Crop, Input};
    use ostiary_engine::{Backend, Onnx};

    use super::*;
    use crate::net::{DIVISOR, MEAN};
    use crate::reference::{Reference, architecture, by_tract, filled, near, numbers};

    const NETS: [&str; 5] = [
        "mobilefacenet",
        "mobilefacenet of half the width",
        "mobilefacenet of the paper for 96 columns",
        "ir-50",
        "ir-se-50",
    ];

    /// What an engine makes of pixels.
    fn by_engine(onnx: &[u8], pixels: &[u8], backend: &Backend) -> Vec<f64> {
        let input = Input {
            name: INPUT.into(),
            shape: [0; 4],
            channels: ChannelOrder::Rgb,
            mean: MEAN,
            divisor: DIVISOR,
        };
        let onnx = Onnx::parse("exported", onnx, &input, backend).unwrap();
        let mut made = [Vec::new()];
        onnx.prepare(&[1, 3, SIDE, SIDE]).unwrap().run(pixels, &mut made).unwrap();
        made[0].iter().map(|n| f64::from(*n)).collect()
    }

    /// Asserts that two embeddings are within 1e-4 of each other, by the largest number and by their cosine.
    fn agree(got: &[f64], wanted: &[f64]) {
        near(got, wanted);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let cosine = dot(got, wanted) / (dot(got, got) * dot(wanted, wanted)).sqrt();
        assert!(cosine > 1.0 - 1e-4, "{cosine}");
    }

    fn ort() -> Option<Backend> {
        let library = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/onnxruntime/libonnxruntime.so").into();
        let engine = Engine { backend: config::Backend::Ort, ..Engine::default() };
        match Backend::new(&engine, &Ort { library: Some(library), ..Ort::default() }) {
            Err(error) if error.to_string().contains("without the feature ort") => {
                eprintln!("SKIPPED: built without the feature ort");
                None
            }
            made => Some(made.unwrap()),
        }
    }

    #[test]
    fn exported_networks_are_pytorchs() {
        let reference = Reference::stored();
        let pictures: Vec<f32> = numbers("pictures", 4 * 3 * SIDE * SIDE).collect();
        for name in NETS {
            let of = architecture(name);
            let onnx = to_onnx(&filled(of));
            let wanted = reference.nets[name].embeddings.chunks_exact(of.embedding());
            for (picture, wanted) in pictures.chunks_exact(3 * SIDE * SIDE).zip(wanted) {
                agree(&by_tract(&onnx, picture), wanted);
            }
        }
    }

    #[test]
    fn all_engines_agree_on_exported_networks() {
        let (pixels, ort) = (Crop::pattern(), ort());
        for name in NETS {
            let onnx = to_onnx(&filled(architecture(name)));
            let door = by_engine(&onnx, pixels.rgb(), &Backend::tract(1));
            if let Some(ort) = &ort {
                agree(&by_engine(&onnx, pixels.rgb(), ort), &door);
            }
        }
    }
}
