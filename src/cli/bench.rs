//! `ostiary bench`: measures the speed of this computer.

mod board;
mod challenge;
mod cycle_counter;
mod demo_scene;
mod detect;
mod door;
mod embed;
mod follow;
mod host;
mod kernels;
mod live;
mod liveness;
mod network;
mod pipeline;
mod report;
mod synthetic;
mod times;
mod visit;

use std::process::ExitCode;

use anyhow::bail;
use ostiary_config::Config;
use ostiary_core::Precision;

use super::Globals;
use report::Report;

#[derive(Debug, clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:\n  ostiary bench embed\n  ostiary bench detect --image door.jpg --json\n  \
    ostiary bench --board --output board.json\n\n\
    Times are the median, the 95th and the 99th percentile of all runs, in milliseconds, by the nearest-rank method: \
    each is a time that was measured, not interpolated. The memory is the peak of the process."
)]
pub struct Args {
    #[command(flatten)]
    board: board::BoardFlags,
    #[command(subcommand)]
    benchmark: Option<Benchmark>,
}

#[derive(Debug, clap::Subcommand)]
enum Benchmark {
    /// Time the embedding of one aligned face.
    Embed(embed::Args),
    /// Time a full detection in one picture.
    Detect(detect::Args),
    /// Time a frame in which the face of the last frame is followed.
    Follow(follow::Args),
    /// Time presentation attack detection on one face.
    Liveness(liveness::Args),
    /// Time following a face's landmarks while a person is asked to turn the head.
    Challenge(challenge::Args),
    /// Time a picture of the live view.
    Live(live::Args),
    /// Time one network alone.
    Network(network::Args),
    /// Time each layer of a quantized network.
    Kernels(kernels::Args),
    /// Time the whole vision pipeline on each frame of a video.
    Pipeline(pipeline::Args),
    /// Time the arithmetic of a whole visit, without waiting for its frames.
    Visit(visit::Args),
    /// Time the whole door, from a face in view to the relay on.
    Door(door::Args),
}

/// The flags that every benchmark with a network takes.
#[derive(Debug, clap::Args)]
struct EngineFlags {
    /// The number of threads of a network.
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: u16,
    /// The precision of the networks; by default engine.precision of the configuration.
    #[arg(long, value_name = "int8|fp32")]
    precision: Option<Precision>,
    /// The number of runs before the timed ones.
    #[arg(long, value_name = "N", default_value_t = times::WARM_UP_RUNS)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=1000))]
    warm_up: u32,
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
    match (args.board.board, args.benchmark) {
        (true, None) => board::run(globals, &args.board)?,
        (true, Some(_)) => bail!("--board measures all parts; leave out the name of the benchmark"),
        (false, None) => bail!("there is nothing to measure; name a benchmark, or give --board"),
        (false, Some(Benchmark::Kernels(args))) => kernels::run(globals, &args)?,
        (false, Some(benchmark)) => benchmark.measure(globals)?.print(globals.json)?,
    }
    Ok(ExitCode::SUCCESS)
}

impl Benchmark {
    /// Runs a benchmark that has one result.
    fn measure(self, globals: &Globals) -> anyhow::Result<Report> {
        match self {
            Self::Embed(args) => embed::run(globals, &args),
            Self::Detect(args) => detect::run(globals, &args),
            Self::Follow(args) => follow::run(globals, &args),
            Self::Liveness(args) => liveness::run(globals, &args),
            Self::Challenge(args) => challenge::run(&args),
            Self::Live(args) => live::run(&args),
            Self::Network(args) => network::run(globals, &args),
            Self::Kernels(_) => bail!("the layers of a network have no common time"),
            Self::Pipeline(args) => pipeline::run(globals, &args),
            Self::Visit(args) => visit::run(globals, &args),
            Self::Door(args) => door::run(globals, &args),
        }
    }
}
