//! `bench live`: times a picture of the live view.

use anyhow::Context;
use ostiary_core::Frame;

use super::report::Report;
use super::synthetic;
use super::times::{Times, WARM_UP_RUNS};
use crate::daemon::live_jpeg;

/// The size of the synthetic picture, in pixels.
const WIDTH: u32 = 640;
const HEIGHT: u32 = 480;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary bench live --json\n\n\
    Times the JPEG of a picture of 640x480, which the door makes for those who watch it, with at most ten pictures a second for each. \
    Nothing is done while nobody watches.")]
pub struct Args {
    /// The number of timed runs.
    #[arg(long, value_name = "N", default_value_t = 100)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    runs: u32,
    /// The number of runs before the timed ones.
    #[arg(long, value_name = "N", default_value_t = WARM_UP_RUNS)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=1000))]
    warm_up: u32,
}

pub fn run(args: &Args) -> anyhow::Result<Report> {
    let picture = Frame::from_rgb(WIDTH, HEIGHT, synthetic::picture(WIDTH, HEIGHT)).context("no picture")?;
    let times = Times::measure(args.warm_up, args.runs, || live_jpeg(&picture).map(drop))?;
    Ok(Report::without_networks("live", &times, format!("a synthetic picture of {WIDTH}x{HEIGHT}")))
}
