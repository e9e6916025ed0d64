//! `ostiary bench`: measures the speed of this computer.

mod detect;
mod door;
mod embed;
mod host;
mod kernels;
mod live;
mod liveness;
mod pipeline;
mod report;
mod synthetic;
mod times;

use std::process::ExitCode;

use ostiary_config::Config;
use ostiary_core::Precision;

use super::Globals;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  ostiary bench embed\n  ostiary bench detect --image door.jpg --json\n\n\
    Times are the median, the 95th and the 99th percentile of all runs, in milliseconds, by the nearest-rank method: \
    each is a time that was measured, not interpolated. The memory is the peak of the process."
)]
pub struct Args {
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(Debug, clap::Subcommand)]
enum Benchmark {
    /// Time the embedding of one aligned face.
    Embed(embed::Args),
    /// Time a full detection in one picture.
    Detect(detect::Args),
    /// Time presentation attack detection on one face.
    Liveness(liveness::Args),
    /// Time a picture of the live view.
    Live(live::Args),
    /// Time each layer of a quantized network.
    Kernels(kernels::Args),
    /// Time the whole vision pipeline on each frame of a video.
    Pipeline(pipeline::Args),
    /// Time the whole door, from a face in view to the relay on.
    Door(door::Args),
}

/// The flags of the inference engine, which every benchmark takes.
#[derive(Debug, clap::Args)]
struct EngineFlags {
    /// The number of threads of a network.
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: u16,
    /// The precision of the networks; by default engine.precision of the configuration.
    #[arg(long, value_name = "int8|fp32")]
    precision: Option<Precision>,
}

impl EngineFlags {
    /// The configuration with these flags applied.
    fn config(&self, globals: &Globals) -> anyhow::Result<Config> {
        let mut config = globals.config()?;
        config.engine.threads = self.threads.into();
        config.engine.precision = self.precision.unwrap_or(config.engine.precision);
        Ok(config)
    }
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    if cfg!(debug_assertions) {
        eprintln!("this is a debug build; a build with --release is faster");
    }
    let report = match args.benchmark {
        Benchmark::Embed(args) => embed::run(globals, &args)?,
        Benchmark::Detect(args) => detect::run(globals, &args)?,
        Benchmark::Liveness(args) => liveness::run(globals, &args)?,
        Benchmark::Live(args) => live::run(globals, &args)?,
        Benchmark::Kernels(args) => return kernels::run(globals, &args).map(|()| ExitCode::SUCCESS),
        Benchmark::Pipeline(args) => pipeline::run(globals, &args)?,
        Benchmark::Door(args) => door::run(globals, &args)?,
    };
    report.print(globals.json)?;
    Ok(ExitCode::SUCCESS)
}
