//! Writes a network as ONNX: the same layers, with batch norms folded into neighboring layers.

#![expect(
    clippy::indexing_slicing,
    reason = "indices are computed from the shapes of the network's own tensors"
)]

use anyhow::Result;

use crate::net::{BATCH_NORM_EPSILON, Conv, Layer, SIDE, Weights, layer_name};
use crate::onnx::graph::{Dim, Graph, INPUT, float, int, ints};

/// Name of the output.
pub const OUTPUT: &str = "embedding";

/// The bytes of the file. Its input is one picture of normalized values, `[1, 3, 112, 112]`, its output `[1, embedding]`.
///
/// # Errors
/// If the weights have not all tensors of the network.
pub fn to_onnx(weights: &Weights) -> Result<Vec<u8>> {
    let architecture = weights.architecture();
    let mut writer = OnnxWriter { weights, graph: Graph::new("network") };
    writer.graph.input(INPUT, &[Dim::Fixed(1), Dim::Fixed(3), Dim::Fixed(SIDE), Dim::Fixed(SIDE)]);
    let made = writer.run(&architecture.layers(), "", INPUT.to_owned())?;
    writer.graph.output(&made, OUTPUT, &[Dim::Fixed(1), Dim::Fixed(architecture.embedding())]);
    Ok(writer.graph.encode())
}

/// A batch norm as an affine function of each channel: `x * factor + offset`. In double precision, so that folded weights are
/// rounded only once.
struct Affine {
    factor: Vec<f64>,
    offset: Vec<f64>,
}

struct OnnxWriter<'a> {
    weights: &'a Weights,
    graph: Graph,
}

impl OnnxWriter<'_> {
    /// Writes a list of layers after a value; returns the name of the result. `prefix` is that of the layers' names.
    fn run(&mut self, layers: &[Layer], prefix: &str, mut value: String) -> Result<String> {
        let mut place = 0;
        while place < layers.len() {
            let name = |further: usize| layer_name(prefix, place + further);
            let taken;
            (value, taken) = match &layers[place..] {
                [Layer::Conv(conv), Layer::BatchNorm { .. }, ..] => {
                    let norm = self.affine(&name(1))?;
                    (self.conv(conv, &name(0), Some(&norm), &value)?, 2)
                }
                [Layer::Conv(conv), ..] => (self.conv(conv, &name(0), None, &value)?, 1),
                // There is no padding before the matrix, so the first norm can be folded into it too.
                [
                    Layer::BatchNorm { .. },
                    Layer::Dropout,
                    Layer::Flatten,
                    Layer::Linear { .. },
                    Layer::BatchNorm { .. },
                    ..,
                ] => {
                    let flat = self.graph.node("Flatten", &[&value], vec![int("axis", 1)]);
                    let (before, after) = (self.affine(&name(0))?, self.affine(&name(4))?);
                    (self.gemm(&name(3), Some(&before), Some(&after), &flat)?, 5)
                }
                [Layer::Linear { .. }, Layer::BatchNorm { .. }, ..] => {
                    let norm = self.affine(&name(1))?;
                    (self.gemm(&name(0), None, Some(&norm), &value)?, 2)
                }
                [Layer::Linear { .. }, ..] => (self.gemm(&name(0), None, None, &value)?, 1),
                // The next convolution pads with zeros, which a folded norm would shift: this norm stays.
                [Layer::BatchNorm { .. }, ..] => (self.norm(&name(0), &value)?, 1),
                [Layer::Prelu { .. }, ..] => (self.prelu(&name(0), &value)?, 1),
                [Layer::SqueezeExcitation { .. }, ..] => (self.squeeze(&name(0), &value)?, 1),
                [Layer::Residual { body, shortcut }, ..] => {
                    let long = self.run(body, &format!("{}body.", name(0)), value.clone())?;
                    let short = self.run(shortcut, &format!("{}shortcut.", name(0)), value)?;
                    (self.graph.node("Add", &[&long, &short], vec![]), 1)
                }
                [Layer::CenterColumns { columns }, ..] => (self.center_columns(*columns, &value), 1),
                [Layer::Subsample { stride }, ..] => {
                    let attributes = vec![ints("kernel_shape", &[1, 1]), ints("strides", &[*stride; 2])];
                    (self.graph.node("MaxPool", &[&value], attributes), 1)
                }
                [Layer::Flatten, ..] => (self.graph.node("Flatten", &[&value], vec![int("axis", 1)]), 1),
                // Dropout does nothing outside training.
                [Layer::Dropout, ..] | [] => (value, 1),
            };
            place += taken;
        }
        Ok(value)
    }

    fn values(&self, layer: &str, part: &str) -> Result<&[f32]> {
        Ok(&self.weights.tensor(&format!("{layer}{part}"))?.values)
    }

    fn affine(&self, layer: &str) -> Result<Affine> {
        let numbers = |part| anyhow::Ok(self.values(layer, part)?.iter().map(|n| f64::from(*n)));
        let deviation = numbers("running_var")?.map(|variance| (variance + BATCH_NORM_EPSILON).sqrt());
        let factor: Vec<f64> = numbers("weight")?.zip(deviation).map(|(scale, by)| scale / by).collect();
        let shifts = numbers("bias")?.zip(numbers("running_mean")?);
        let offset = shifts.zip(&factor).map(|((shift, mean), factor)| shift - mean * factor).collect();
        Ok(Affine { factor, offset })
    }

    fn conv(&mut self, conv: &Conv, layer: &str, norm: Option<&Affine>, value: &str) -> Result<String> {
        let size: usize = conv.shape()[1..].iter().product();
        let kernels = self.values(layer, "weight")?.chunks_exact(size).enumerate();
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
            ints("pads", &[conv.pad_begin, conv.pad_begin, conv.pad_end, conv.pad_end]),
            int("group", conv.groups as i64),
        ];
        Ok(self.graph.node("Conv", &inputs, attributes))
    }

    fn center_columns(&mut self, columns: usize, value: &str) -> String {
        let first = (SIDE - columns) / 2;
        let bounds = [first, first + columns, 3].map(|number| self.graph.index("index", number));
        let [from, to, axis] = bounds.each_ref().map(String::as_str);
        self.graph.node("Slice", &[value, from, to, axis], vec![])
    }

    /// A matrix over a flattened map. `before` is a norm of the channels of the map, `after` a norm of the outputs.
    fn gemm(
        &mut self,
        layer: &str,
        before: Option<&Affine>,
        after: Option<&Affine>,
        value: &str,
    ) -> Result<String> {
        let tensor = self.weights.tensor(&format!("{layer}weight"))?;
        let [outputs, inputs] = [tensor.shape[0], tensor.shape[1]];
        let (mut matrix, mut bias) = (Vec::with_capacity(tensor.values.len()), Vec::with_capacity(outputs));
        for (output, row) in tensor.values.chunks_exact(inputs).enumerate() {
            let factor = after.map_or(1.0, |norm| norm.factor[output]);
            let mut sum = 0.0;
            for (input, weight) in row.iter().enumerate() {
                let weight = f64::from(*weight) * factor;
                let channel = |norm: &Affine| input * norm.factor.len() / inputs;
                matrix.push((weight * before.map_or(1.0, |norm| norm.factor[channel(norm)])) as f32);
                sum += weight * before.map_or(0.0, |norm| norm.offset[channel(norm)]);
            }
            bias.push(sum + after.map_or(0.0, |norm| norm.offset[output]));
        }
        let matrix = self.graph.constant("matrix", &[outputs, inputs], &matrix);
        let bias = self.bias(&bias);
        Ok(self.graph.node("Gemm", &[value, &matrix, &bias], vec![int("transB", 1)]))
    }

    fn bias(&mut self, values: &[f64]) -> String {
        let values: Vec<f32> = values.iter().map(|value| *value as f32).collect();
        self.graph.constant("bias", &[values.len()], &values)
    }

    fn norm(&mut self, layer: &str, value: &str) -> Result<String> {
        let mut inputs = vec![value.to_owned()];
        for part in ["weight", "bias", "running_mean", "running_var"] {
            let tensor = self.weights.tensor(&format!("{layer}{part}"))?;
            inputs.push(self.graph.constant("norm", &tensor.shape, &tensor.values));
        }
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        Ok(self.graph.node("BatchNormalization", &inputs, vec![float("epsilon", BATCH_NORM_EPSILON as f32)]))
    }

    fn prelu(&mut self, layer: &str, value: &str) -> Result<String> {
        let slopes = self.weights.tensor(&format!("{layer}weight"))?;
        let slope = self.graph.constant("slope", &[slopes.values.len(), 1, 1], &slopes.values);
        Ok(self.graph.node("PRelu", &[value, &slope], vec![]))
    }

    fn squeeze(&mut self, layer: &str, value: &str) -> Result<String> {
        let means = self.graph.node("GlobalAveragePool", &[value], vec![]);
        let few = self.pointwise(&format!("{layer}fc1.weight"), &means)?;
        let active = self.graph.node("Relu", &[&few], vec![]);
        let many = self.pointwise(&format!("{layer}fc2.weight"), &active)?;
        let shares = self.graph.node("Sigmoid", &[&many], vec![]);
        Ok(self.graph.node("Mul", &[value, &shares], vec![]))
    }

    fn pointwise(&mut self, tensor: &str, value: &str) -> Result<String> {
        let tensor = self.weights.tensor(tensor)?;
        let kernel = self.graph.constant("kernel", &tensor.shape, &tensor.values);
        Ok(self.graph.node("Conv", &[value, &kernel], vec![ints("kernel_shape", &[1, 1])]))
    }
}

#[cfg(test)]
mod tests {
    use ostiary_config as config;
    use ostiary_config::{Engine, Ort};
    use ostiary_core::{ChannelOrder, Crop, NetworkInput};
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

    /// The output of an engine for pixels.
    fn by_engine(onnx: &[u8], pixels: &[u8], backend: &Backend) -> Vec<f64> {
        let input = NetworkInput {
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

    /// Asserts that two embeddings differ by at most 1e-4, relative to the largest value and by their cosine.
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
    fn exported_networks_give_the_outputs_of_pytorch() {
        let reference = Reference::stored();
        let pictures: Vec<f32> = numbers("pictures", 4 * 3 * SIDE * SIDE).collect();
        for name in NETS {
            let of = architecture(name);
            let onnx = to_onnx(&filled(of)).unwrap();
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
            let onnx = to_onnx(&filled(architecture(name))).unwrap();
            let door = by_engine(&onnx, pixels.rgb(), &Backend::tract(1));
            if let Some(ort) = &ort {
                agree(&by_engine(&onnx, pixels.rgb(), ort), &door);
            }
        }
    }
}
