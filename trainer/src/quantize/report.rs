//! How far the quantised network is from the fp32 one.

use std::collections::BTreeMap;

use anyhow::Result;
use ostiary_core::Input;
use serde::Serialize;
use tract_onnx::pb::ModelProto;

use super::calibrate::Sample;
use super::network::{Network, Role};
use super::ranges::{Grid, Runner};
use super::write::real;

/// What the comparison found.
pub struct Report {
    layers: Vec<Layer>,
    outputs: Vec<Output>,
}

/// A value on its grid.
#[derive(Debug, Serialize)]
struct Layer {
    layer: String,
    op: String,
    /// `tensor`, or `channel` where each has a scale of its own.
    grid: &'static str,
    least: f32,
    greatest: f32,
    /// Of what the quantised network has there, to its distance from what the fp32 one has, decibels.
    snr_db: f64,
}

/// An output over all samples.
#[derive(Debug, Serialize)]
struct Output {
    output: String,
    samples: usize,
    cosine_mean: f64,
    cosine_min: f64,
}

/// Runs both networks over the samples: the quantised one as the door would, from what was written.
pub fn compare(
    network: &Network,
    grids: &BTreeMap<String, Grid>,
    quantised: &ModelProto,
    input: &Input,
    samples: &[Sample],
) -> Result<Report> {
    let own = |(name, role): (&String, &Role)| matches!(role, Role::Grid { .. }).then(|| name.clone());
    let values: Vec<String> = network.values.iter().filter_map(own).collect();
    let outputs: Vec<String> = network.graph.output.iter().map(|output| output.name.clone()).collect();
    let plain: Vec<String> = outputs.iter().chain(&values).cloned().collect();
    let written: Vec<String> =
        outputs.iter().cloned().chain(values.iter().map(|value| real(value))).collect();
    let graph = quantised.graph.clone().unwrap_or_default();
    let mut fp32 = Runner::new(&network.graph, &plain, input)?;
    let mut int8 = Runner::new(&graph, &written, input)?;

    let mut power = vec![[0.0f64; 2]; plain.len()];
    let mut cosines = vec![Vec::new(); outputs.len()];
    for sample in samples {
        let wanted = fp32.run(sample)?;
        let made = int8.run(sample)?;
        for (index, (wanted, made)) in wanted.iter().zip(made).enumerate() {
            let [signal, noise] = &mut power[index];
            let (mut dot, mut own) = (0.0, 0.0);
            let mut whole = 0.0;
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
    let op = |value: &String| {
        let made = network.graph.node.iter().find(|node| node.output[0] == **value);
        made.map_or_else(String::new, |node| node.op_type.clone())
    };
    let layers = network.graph.node.iter().filter_map(|node| {
        let value = &node.output[0];
        let index = values.iter().position(|listed| listed == value)?;
        let grid = &grids[value];
        let ends = grid.scale.iter().zip(&grid.zero_point).map(|(scale, zero_point)| {
            (-scale * f32::from(*zero_point), scale * (255.0 - f32::from(*zero_point)))
        });
        let (least, greatest) = ends.fold((0.0f32, 0.0f32), |(a, b), (c, d)| (a.min(c), b.max(d)));
        let [signal, noise] = power[outputs.len() + index];
        Some(Layer {
            layer: value.clone(),
            op: op(value),
            grid: if grid.scale.len() > 1 { "channel" } else { "tensor" },
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
    /// The mean cosine of the output that lost most; 0 where it is no number.
    pub fn least_mean(&self) -> f64 {
        let means = self.outputs.iter().map(|output| output.cosine_mean);
        means.map(|mean| if mean.is_finite() { mean } else { 0.0 }).fold(1.0, f64::min)
    }

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
        for Layer { layer, op, grid, least, greatest, snr_db } in &self.layers {
            println!("{layer:16} {op:8} {grid:8} {least:9.3} {greatest:9.3} {snr_db:5.1} dB");
        }
        for Output { output, samples, cosine_mean, cosine_min } in &self.outputs {
            println!(
                "{output}: cosine to fp32 over {samples} inputs: mean {cosine_mean:.5}, least {cosine_min:.5}"
            );
        }
        Ok(())
    }
}
