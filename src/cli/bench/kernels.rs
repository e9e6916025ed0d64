//! `bench kernels`: where the time of a quantized network goes, layer by layer.

use std::time::Duration;

use anyhow::bail;
use ostiary_core::Precision;
use ostiary_engine::{Backend, LayerInfo, Network, Onnx};
use ostiary_models::Bundle;
use serde::Serialize;

use super::times::WARM_UP;
use super::{Effort, synthetic};
use crate::cli::Globals;
use crate::cli::output::{json_line, line};

/// Rows and columns of the input of a network that takes any.
const FREE: [usize; 2] = [144, 192];

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary bench kernels --model onet\n\n\
    A row a layer: its mean time, the products that it makes a second, and its share of the whole. Only networks that \
    are quantized run on kernels of this program's own.")]
pub struct Args {
    /// The role of the network: mobilefacenet, pnet, rnet or onet.
    #[arg(long, value_name = "ROLE", default_value = "mobilefacenet")]
    model: String,
    /// Runs that are timed.
    #[arg(long, value_name = "N", default_value_t = 200)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    runs: u32,
    #[command(flatten)]
    effort: Effort,
}

/// The names are stable.
#[derive(Debug, Serialize)]
struct Row<'a> {
    layer: &'a str,
    kind: &'a str,
    /// Channels, rows, columns.
    output: [usize; 3],
    mean_us: f64,
    /// Thousands of millions of multiplications and additions a second.
    gmac_s: f64,
    /// Of the whole time, percent.
    share: f64,
    kernels: &'a str,
    threads: usize,
}

pub fn run(globals: &Globals, args: &Args) -> anyhow::Result<()> {
    let config = args.effort.config(globals)?;
    let bundle = Bundle::find(&config.models, Precision::Int8)?;
    let path = bundle.path(&args.model)?.display().to_string();
    let input = &bundle.entry(&args.model)?.input;
    let onnx = Onnx::parse(&path, &bundle.read(&args.model)?, input, &Backend::tract(config.engine.threads))?;
    let [_, channels, height, width] = input.shape;
    let [height, width] = if height * width == 0 { FREE } else { [height, width] };
    let Some(mut network) = onnx.prepare_quantized(&[1, channels, height, width])? else {
        bail!("{path}: is not quantized; there is nothing to time layer by layer");
    };

    let pixels = synthetic::picture(width as u32, height as u32);
    let mut outputs = vec![Vec::new(); network.output_shapes().len()];
    for _ in 0..WARM_UP {
        network.run(&pixels, &mut outputs)?;
    }
    let kernels = network.isa().to_string();
    let layers = network.layers();
    let mut times = vec![Duration::ZERO; layers.len()];
    for _ in 0..args.runs {
        network.run_timed(&pixels, &mut times)?;
    }
    let runs = f64::from(args.runs);
    let whole: Duration = times.iter().sum();
    let row = |macs: usize, time: Duration| {
        let mean_us = time.as_secs_f64() * 1e6 / runs;
        let share = 100.0 * time.as_secs_f64() / whole.as_secs_f64().max(f64::MIN_POSITIVE);
        (mean_us, macs as f64 / mean_us.max(1e-3) / 1e3, share)
    };
    let threads = config.engine.threads;
    for (layer, time) in layers.iter().zip(&times) {
        let (mean_us, gmac_s, share) = row(layer.macs, *time);
        let LayerInfo { name, kind, output: output @ [channels, rows, columns], .. } = layer;
        if globals.json {
            let (layer, kernels) = (name.as_str(), kernels.as_str());
            json_line(&Row { layer, kind, output: *output, mean_us, gmac_s, share, kernels, threads })?;
        } else {
            line(&format!(
                "{name:14} {kind:16} {:>12} {mean_us:9.1} us {gmac_s:7.1} GMAC/s {share:5.1} %",
                format!("{channels}x{rows}x{columns}")
            ))?;
        }
    }
    if !globals.json {
        let macs = layers.iter().map(|layer| layer.macs).sum();
        let (mean_us, gmac_s, _) = row(macs, whole);
        line(&format!(
            "{} layers in {:.3} ms, {gmac_s:.1} GMAC/s, on {kernels} with {threads} threads",
            layers.len(),
            mean_us / 1e3
        ))?;
    }
    Ok(())
}
