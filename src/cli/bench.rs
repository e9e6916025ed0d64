//! `ostiary bench`: speed on this machine.

mod detect;
mod door;
mod embed;
mod kernels;
mod machine;
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
    Times are of one run, in milliseconds: the median and the 95th and 99th percentile by the nearest-rank \
    method, that is, times that were measured, not means between them. The memory is the most that the process \
    held."
)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Time the embedding of one aligned face.
    Embed(embed::Args),
    /// Time a full detection on one picture.
    Detect(detect::Args),
    /// Time each layer of a quantized network.
    Kernels(kernels::Args),
    /// Time the whole look at each frame of a video.
    Pipeline(pipeline::Args),
    /// Time the whole door: from a face in view to the relay on.
    Door(door::Args),
}

/// What every measurement takes.
#[derive(Debug, clap::Args)]
struct Effort {
    /// Threads that a network may use.
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: u16,
    /// In what numbers to compute; engine.precision of the configuration where it is not given.
    #[arg(long, value_name = "int8|fp32")]
    precision: Option<Precision>,
}

impl Effort {
    /// The configuration with what was asked for.
    fn config(&self, globals: &Globals) -> anyhow::Result<Config> {
        let mut config = globals.config()?;
        config.engine.threads = self.threads.into();
        config.engine.precision = self.precision.unwrap_or(config.engine.precision);
        Ok(config)
    }
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    if cfg!(debug_assertions) {
        eprintln!("this program was built for tests: a build with --release is faster");
    }
    let report = match args.what {
        What::Embed(args) => embed::run(globals, &args)?,
        What::Detect(args) => detect::run(globals, &args)?,
        What::Kernels(args) => return kernels::run(globals, &args).map(|()| ExitCode::SUCCESS),
        What::Pipeline(args) => pipeline::run(globals, &args)?,
        What::Door(args) => door::run(globals, &args)?,
    };
    report.print(globals.json)?;
    Ok(ExitCode::SUCCESS)
}
