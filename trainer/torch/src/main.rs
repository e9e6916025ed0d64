//! The program `ostiary-trainer-torch`: training, and running checkpoints, which need libtorch. `ostiary-trainer` starts it with the
//! same command line.

mod loss;
mod network;
#[cfg(test)]
mod reference;
mod torch_model;
mod train;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use ostiary_trainer::evaluate;
use ostiary_trainer::evaluate::model::Model;
use torch_model::TorchModel;

/// Train networks, and measure checkpoints.
#[derive(Debug, Parser)]
#[command(name = "ostiary-trainer", bin_name = "ostiary-trainer", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Measure the accuracy of models by the published protocols.
    Evaluate(evaluate::Args),
    /// Train a network on a prepared set.
    Train(train::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().verb {
        Verb::Evaluate(args) => evaluate::run(&args, &open),
        Verb::Train(args) => train::run(&args),
    };
    done.unwrap_or_else(|error| {
        // After the message, torch adds a stack trace of its own code.
        let text = format!("{error:#}");
        eprintln!("error: {}", text.split("\nException raised from").next().unwrap_or(&text));
        ExitCode::from(2)
    })
}

fn open(checkpoint: &Path) -> Result<Box<dyn Model>> {
    Ok(Box::new(TorchModel::open(checkpoint)?))
}
