//! `bench kernels`: times each layer of a quantized network.

use std::time::Duration;

use anyhow::bail;
use ostiary_core::{ModelRole, Precision};
use ostiary_engine::{Backend, LayerInfo, Network};
use ostiary_models::Bundle;
use ostiary_vision::load_network;
use serde::Serialize;

use super::network::input_shape;
use super::{EngineFlags, synthetic};
use crate::cli::Globals;
use crate::cli::output::{json_line, line};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary bench kernels --model onet\n\n\
    Prints one row per layer: its mean time, its multiplications per second, and its share of the total time. Only \
    quantized networks run on Ostiary's own kernels.")]
pub struct Args {
    /// The role of the network: mobilefacenet, pnet, rnet, onet or liveness.
    #[arg(long, value_name = "ROLE", default_value_t = ModelRole::Embedder)]
    model: ModelRole,
    /// The number of timed runs.
    #[arg(long, value_name = "N", default_value_t = 200)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    runs: u32,
    #[command(flatten)]
    engine_flags: EngineFlags,
}

/// The time of one layer. The names in JSON are stable.
#[derive(Debug, Serialize)]
struct LayerTime<'a> {
    layer: &'a str,
    kind: &'a str,
    /// Channels, rows, columns.
    output: [usize; 3],
    mean_us: f64,
    /// Multiply-accumulate operations per second, in 10^9.
    gmac_s: f64,
    /// The share of the total time, in percent.
    share: f64,
    kernels: &'a str,
    threads: usize,
}

pub fn run(globals: &Globals, args: &Args) -> anyhow::Result<()> {
    let config = args.engine_flags.config(globals)?;
    let bundle = Bundle::find(&config.models, Precision::Int8)?;
    let onnx = load_network(&bundle, args.model, &Backend::tract(config.engine.threads))?;
    let shape = input_shape(&bundle, args.model)?;
    let Some(mut network) = onnx.prepare_quantized(&shape)? else {
        let path = bundle.path(args.model)?;
        bail!("{}: is not quantized; only the layers of a quantized network can be timed", path.display());
    };

    let [_, _, height, width] = shape;
    let pixels = synthetic::picture(width as u32, height as u32);
    let mut outputs = vec![Vec::new(); network.output_shapes().len()];
    for _ in 0..args.engine_flags.warm_up {
        network.run(&pixels, &mut outputs)?;
    }
    let kernels = network.isa().to_string();
    let layers = network.layers();
    let mut times = vec![Duration::ZERO; layers.len()];
    for _ in 0..args.runs {
        network.run_timed(&pixels, &mut times)?;
    }
    let runs = f64::from(args.runs);
    let total: Duration = times.iter().sum();
    let statistics = |macs: usize, time: Duration| {
        let mean_us = time.as_secs_f64() * 1e6 / runs;
        let share = 100.0 * time.as_secs_f64() / total.as_secs_f64().max(f64::MIN_POSITIVE);
        (mean_us, macs as f64 / mean_us.max(1e-3) / 1e3, share)
    };
    let threads = config.engine.threads;
    for (layer, time) in layers.iter().zip(&times) {
        let (mean_us, gmac_s, share) = statistics(layer.macs, *time);
        let LayerInfo { name, kind, output: output @ [channels, rows, columns], .. } = layer;
        if globals.json {
            let (layer, kernels) = (name.as_str(), kernels.as_str());
            json_line(&LayerTime { layer, kind, output: *output, mean_us, gmac_s, share, kernels, threads })?;
        } else {
            line(&format!(
                "{name:14} {kind:16} {:>12} {mean_us:9.1} us {gmac_s:7.1} GMAC/s {share:5.1} %",
                format!("{channels}x{rows}x{columns}")
            ))?;
        }
    }
    if !globals.json {
        let macs = layers.iter().map(|layer| layer.macs).sum();
        let (mean_us, gmac_s, _) = statistics(macs, total);
        line(&format!(
            "{} layers in {:.3} ms, {gmac_s:.1} GMAC/s, on {kernels} with {threads} threads",
            layers.len(),
            mean_us / 1e3
        ))?;
    }
    Ok(())
}
