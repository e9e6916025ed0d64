//! Compares the quantized network with the fp32 network.

use std::collections::BTreeMap;

use anyhow::Result;
use ostiary_core::NetworkInput;
use serde::Serialize;
use tract_onnx::pb::ModelProto;

use super::calibrate::Sample;
use super::graph::{QuantizationGraph, ValueRole};
use super::graph_runner::GraphRunner;
use super::ranges::{QuantParams, STEPS};
use super::write::dequantized_name;
use crate::onnx::output;

/// The result of the comparison.
pub struct Report {
    layers: Vec<Layer>,
    outputs: Vec<Output>,
}

/// A quantized value.
#[derive(Debug, Serialize)]
struct Layer {
    layer: String,
    op: String,
    /// `tensor`, or `channel` if each channel has its own scale.
    #[serde(rename = "grid")]
    granularity: &'static str,
    /// The least and the greatest number that the bytes can express.
    least: f32,
    greatest: f32,
    /// Power of the fp32 value, relative to the power of its difference to the quantized value, decibels.
    snr_db: f64,
}

/// An output of the network, over all samples.
#[derive(Debug, Serialize)]
struct Output {
    output: String,
    samples: usize,
    cosine_mean: f64,
    cosine_min: f64,
}

/// Runs both networks over the samples. The quantized one is the written file.
///
/// # Errors
/// If a network cannot run, or a value has no parameters.
pub fn compare(
    network: &QuantizationGraph,
    params: &BTreeMap<String, QuantParams>,
    quantized: &ModelProto,
    input: &NetworkInput,
    samples: &[Sample],
) -> Result<Report> {
    let own = |(name, role): (&String, &ValueRole)| {
        matches!(role, ValueRole::Quantized { .. }).then(|| name.clone())
    };
    let values: Vec<String> = network.values.iter().filter_map(own).collect();
    let outputs: Vec<String> = network.graph.output.iter().map(|output| output.name.clone()).collect();
    let plain: Vec<String> = outputs.iter().chain(&values).cloned().collect();
    let written: Vec<String> =
        outputs.iter().cloned().chain(values.iter().map(|value| dequantized_name(value))).collect();
    let graph = quantized.graph.clone().unwrap_or_default();
    let mut fp32 = GraphRunner::new(&network.graph, &plain, input);
    let mut int8 = GraphRunner::new(&graph, &written, input);

    let mut power = vec![[0.0f64; 2]; plain.len()];
    let mut cosines = vec![Vec::new(); outputs.len()];
    for sample in samples {
        let wanted = fp32.run(sample)?;
        let made = int8.run(sample)?;
        let pairs = wanted.zip(made).map(|((_, wanted), (_, made))| (wanted, made));
        for (index, ((wanted, made), [signal, noise])) in pairs.zip(&mut power).enumerate() {
            let (mut dot, mut own, mut whole) = (0.0, 0.0, 0.0f64);
            for (wanted, made) in wanted.iter().zip(made).map(|(a, b)| (f64::from(*a), f64::from(*b))) {
                dot += wanted * made;
                own += made * made;
                whole += wanted * wanted;
                *noise += (wanted - made) * (wanted - made);
            }
            *signal += whole;
            if let Some(cosines) = cosines.get_mut(index) {
                cosines.push(dot / (whole * own).sqrt().max(f64::MIN_POSITIVE));
            }
        }
    }
    let layers = network.graph.node.iter().filter_map(|node| {
        let value = output(node);
        let index = values.iter().position(|listed| listed == value)?;
        let params = params.get(value)?;
        let ends = params.scale.iter().zip(&params.zero_point).map(|(scale, zero_point)| {
            (-scale * f32::from(*zero_point), scale * (STEPS - f32::from(*zero_point)))
        });
        let (least, greatest) = ends.fold((0.0f32, 0.0f32), |(a, b), (c, d)| (a.min(c), b.max(d)));
        let [signal, noise] = power.get(outputs.len() + index)?;
        Some(Layer {
            layer: value.to_owned(),
            op: node.op_type.clone(),
            granularity: if params.scale.len() > 1 { "channel" } else { "tensor" },
            least,
            greatest,
            snr_db: 10.0 * (signal / noise.max(f64::MIN_POSITIVE)).log10(),
        })
    });
    let layers = layers.collect();
    let outputs = outputs.into_iter().zip(cosines).map(|(output, cosines)| Output {
        output,
        samples: cosines.len(),
        cosine_mean: cosines.iter().sum::<f64>() / cosines.len().max(1) as f64,
        cosine_min: cosines.iter().copied().fold(1.0, f64::min),
    });
    Ok(Report { layers, outputs: outputs.collect() })
}

impl Report {
    /// The mean cosine of the output with the greatest loss; 0 if it is not finite.
    pub fn least_mean(&self) -> f64 {
        let means = self.outputs.iter().map(|output| output.cosine_mean);
        means.map(|mean| if mean.is_finite() { mean } else { 0.0 }).fold(1.0, f64::min)
    }

    /// Prints the report as a table, or as one JSON object a line.
    ///
    /// # Errors
    /// If it cannot be written as JSON.
    pub fn print(&self, json: bool) -> Result<()> {
        if json {
            for layer in &self.layers {
                println!("{}", serde_json::to_string(layer)?);
            }
            for output in &self.outputs {
                println!("{}", serde_json::to_string(output)?);
            }
            return Ok(());
        }
        println!("{:16} {:8} {:8} {:>9} {:>9} {:>8}", "layer", "op", "grid", "least", "greatest", "SNR");
        for Layer { layer, op, granularity, least, greatest, snr_db } in &self.layers {
            println!("{layer:16} {op:8} {granularity:8} {least:9.3} {greatest:9.3} {snr_db:5.1} dB");
        }
        for Output { output, samples, cosine_mean, cosine_min } in &self.outputs {
            println!(
                "{output}: cosine to fp32 over {samples} inputs: mean {cosine_mean:.5}, least {cosine_min:.5}"
            );
        }
        Ok(())
    }
}
