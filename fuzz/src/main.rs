//! Runs targets and reports their failures.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use ostiary_fuzz::campaign::Campaign;
use ostiary_fuzz::targets::{self, Target};
use ostiary_fuzz::worker::{self, Task};

/// Fuzzes everything that reads bytes from outside. Exit code: 0 no failure, 1 an input made a target fail, 2 the program
/// itself failed.
#[derive(Debug, Parser)]
#[command(
    after_help = "Examples:\n  ostiary-fuzz --seconds 20\n  ostiary-fuzz picture camera --seconds 600 --seed 7\n  \
                        ostiary-fuzz picture --input target/fuzz/picture-7-1234"
)]
struct Args {
    /// The targets to run. Default: all.
    #[arg(value_name = "TARGET", value_parser = targets::find)]
    targets: Vec<&'static Target>,

    /// How long each target is run, seconds.
    #[arg(long, default_value_t = 20.0, value_parser = seconds)]
    seconds: f64,

    /// Seed of the random generator: the same seed gives the same inputs. Default: the time.
    #[arg(long)]
    seed: Option<u64>,

    /// Run this one input, in this process.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,

    /// Time limit for one input, seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = seconds)]
    timeout: f64,

    /// Memory limit for a target, MiB.
    #[arg(long, default_value_t = 2048)]
    memory_mib: u64,

    /// The folder to which inputs are written that cause a failure.
    #[arg(long, value_name = "DIR", default_value = "target/fuzz")]
    output: PathBuf,

    /// List the targets.
    #[arg(long)]
    list: bool,

    /// Run as a worker process of a campaign.
    #[arg(long, hide = true, requires = "folder")]
    worker: bool,

    /// The worker's folder.
    #[arg(long, hide = true)]
    folder: Option<PathBuf>,

    /// The number of the worker's first input.
    #[arg(long, hide = true, default_value_t = 0)]
    begin: u64,
}

/// Parses a number of seconds, from 0 to 10,000,000.
fn seconds(text: &str) -> Result<f64> {
    let seconds: f64 = text.parse().context("not a number of seconds")?;
    ensure!((0.0..=1e7).contains(&seconds), "not from 0 to 10000000");
    Ok(seconds)
}

fn main() -> ExitCode {
    run(&Args::parse()).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(2)
    })
}

fn run(args: &Args) -> Result<ExitCode> {
    if args.list {
        for target in targets::ALL {
            println!("{:16} {}", target.name, target.about);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let duration = Duration::from_secs_f64(args.seconds);
    if args.worker || args.input.is_some() {
        let [target] = args.targets[..] else { bail!("--input needs exactly one target") };
        worker::limit_memory(args.memory_mib << 20)?;
        if let Some(path) = &args.input {
            let input = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            let code = worker::run_once(target, &input)?;
            if code == ExitCode::SUCCESS {
                println!("{}: {} causes no failure", target.name, path.display());
            }
            return Ok(code);
        }
        let folder = args.folder.as_deref().context("--worker needs --folder")?;
        let seed = args.seed.unwrap_or_default();
        return worker::run_inputs(&Task { target, folder, seed, begin: args.begin, duration });
    }
    let selected: Vec<&Target> = match args.targets[..] {
        [] => targets::ALL.iter().collect(),
        ref selected => selected.to_vec(),
    };
    fuzz(args, duration, &selected)
}

/// Runs a campaign for each target and prints its failures.
fn fuzz(args: &Args, duration: Duration, selected: &[&'static Target]) -> Result<ExitCode> {
    let seed = match args.seed {
        Some(seed) => seed,
        None => SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .context("the clock shows a time before 1970")?
            .as_secs(),
    };
    ensure!(args.memory_mib <= 1 << 20, "--memory-mib is more than a tebibyte");
    let campaign = Campaign {
        duration,
        seed,
        timeout: Duration::from_secs_f64(args.timeout),
        memory_mib: args.memory_mib,
        output: args.output.clone(),
    };
    println!("seed {seed}");
    let mut is_clean = true;
    for target in selected {
        let totals = campaign.run(target, |failure| {
            let path = failure.path.display();
            println!(
                "{}: {}\n  run it again: ostiary-fuzz {} --input {path}",
                target.name, failure.cause.0, target.name
            );
        })?;
        let rate = totals.inputs as f64 / totals.duration.as_secs_f64().max(1e-3);
        println!(
            "{:16} {:>10} inputs {:>8.0}/s {:>3} failures",
            target.name,
            totals.inputs,
            rate,
            totals.failures.len()
        );
        for failure in totals.failures.iter().filter(|failure| failure.count > 1) {
            println!("  {} inputs: {}", failure.count, failure.cause.0);
        }
        is_clean &= totals.failures.is_empty();
    }
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
