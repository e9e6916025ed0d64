//! `bench network`: times one network alone.

use ostiary_core::ModelRole;
use ostiary_engine::Backend;
use ostiary_models::{Bundle, BundleError};
use ostiary_vision::load_network;

use super::report::Report;
use super::times::Times;
use super::{EngineFlags, synthetic};
use crate::cli::Globals;

/// The height and width of the input, in pixels, for a network that takes any size.
const DEFAULT_INPUT_SIZE: [usize; 2] = [144, 192];

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary bench network --model onet --json\n\n\
    Times one picture of the network's own size; for P-Net, which takes any size, of 192x144. `ostiary bench kernels` shows the \
    layers of a quantized one.")]
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

pub fn run(globals: &Globals, args: &Args) -> anyhow::Result<Report> {
    let config = args.engine_flags.config(globals)?;
    let bundle = Bundle::find(&config.models, config.engine.precision)?;
    let backend = Backend::new(&config.engine, &config.ort)?;
    let shape = input_shape(&bundle, args.model)?;
    let mut network = load_network(&bundle, args.model, &backend)?.prepare(&shape)?;
    let [_, _, height, width] = shape;
    let pixels = synthetic::picture(width as u32, height as u32);
    let mut outputs = vec![Vec::new(); network.output_shapes().len()];
    let times = Times::measure(args.engine_flags.warm_up, args.runs, || network.run(&pixels, &mut outputs))?;
    let file = bundle.path(args.model)?;
    let file = file.file_name().unwrap_or_default().display();
    Ok(Report::new("network", &times, &backend, format!("{file} ({width}x{height})")))
}

/// The shape of one input of a network.
pub fn input_shape(bundle: &Bundle, model: ModelRole) -> Result<[usize; 4], BundleError> {
    let [_, channels, height, width] = bundle.entry(model)?.input.shape;
    let [height, width] = if height * width == 0 { DEFAULT_INPUT_SIZE } else { [height, width] };
    Ok([1, channels, height, width])
}
