//! Runs targets, and says what they did not survive.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use ostiary_fuzz::campaign::Campaign;
use ostiary_fuzz::targets::{self, Target};
use ostiary_fuzz::worker::{self, Task};

/// Fuzzes everything that reads bytes from outside. The exit code is 1 where a target did not survive an input.
#[derive(Debug, Parser)]
#[command(
    after_help = "Examples:\n  ostiary-fuzz --seconds 20\n  ostiary-fuzz picture camera --seconds 600 --seed 7\n  \
                        ostiary-fuzz picture --input target/fuzz/picture-7-1234"
)]
struct Args {
    /// The targets to run; all where none is named.
    #[arg(value_name = "TARGET", value_parser = targets::find)]
    targets: Vec<&'static Target>,

    /// How long each target is run, seconds.
    #[arg(long, default_value_t = 20.0, value_parser = seconds)]
    seconds: f64,

    /// Gives the same inputs again; another number each time where it is not given.
    #[arg(long)]
    seed: Option<u64>,

    /// Run this one input, in this process.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,

    /// The longest that one input may take, seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = seconds)]
    timeout: f64,

    /// Memory that a target may take, MiB.
    #[arg(long, default_value_t = 2048)]
    memory_mib: u64,

    /// The folder that inputs are written to which a target did not survive.
    #[arg(long, value_name = "DIR", default_value = "target/fuzz")]
    output: PathBuf,

    /// Say what targets there are.
    #[arg(long)]
    list: bool,

    /// Be the process that runs a target.
    #[arg(long, hide = true, requires = "folder")]
    worker: bool,

    #[arg(long, hide = true)]
    folder: Option<PathBuf>,

    #[arg(long, hide = true, default_value_t = 0)]
    begin: u64,
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "it is no number of seconds".to_owned())?;
    if (0.0..=1e7).contains(&seconds) { Ok(seconds) } else { Err("it is not from 0 to 10000000".into()) }
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
        let [target] = args.targets[..] else { anyhow::bail!("one target runs an input; name it") };
        worker::limit_memory(args.memory_mib << 20)?;
        if let Some(path) = &args.input {
            let input = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            let code = worker::run_once(target, &input)?;
            if code == ExitCode::SUCCESS {
                println!("{} survives {}", target.name, path.display());
            }
            return Ok(code);
        }
        let folder = args.folder.as_deref().context("a worker has a folder")?;
        let seed = args.seed.unwrap_or_default();
        return worker::work(&Task { target, folder, seed, begin: args.begin, duration });
    }
    let named: Vec<&Target> = match args.targets[..] {
        [] => targets::ALL.iter().collect(),
        ref named => named.to_vec(),
    };
    fuzz(args, duration, &named)
}

fn fuzz(args: &Args, duration: Duration, named: &[&'static Target]) -> Result<ExitCode> {
    let seed = match args.seed {
        Some(seed) => seed,
        None => SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?.as_secs(),
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
    for target in named {
        let totals = campaign.run(target, |finding| {
            let path = finding.path.display();
            println!(
                "{}: {}\n  run it again: ostiary-fuzz {} --input {path}",
                target.name, finding.cause.0, target.name
            );
        })?;
        let rate = totals.inputs as f64 / totals.duration.as_secs_f64().max(1e-3);
        println!(
            "{:16} {:>10} inputs {:>8.0}/s {:>3} findings",
            target.name,
            totals.inputs,
            rate,
            totals.findings.len()
        );
        for finding in totals.findings.iter().filter(|finding| finding.count > 1) {
            println!("  {} inputs: {}", finding.count, finding.cause.0);
        }
        is_clean &= totals.findings.is_empty();
    }
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
