//! `bench --board`: measures all parts whose instructions and modelled cycles docs/PERFORMANCE.md lists, on a real board.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Parser;
use ostiary_core::durable;
use serde::Serialize;

use super::Benchmark;
use super::host::{Board, BoardState};
use super::report::Report;
use crate::cli::Globals;
use crate::cli::output::{json_line, line};

/// The parts, as they are named by `scripts/board-profile` and can be run one by one.
const PARTS: [&str; 14] = [
    "embed --precision int8",
    "embed --precision fp32",
    "network --model pnet",
    "network --model rnet",
    "network --model onet",
    "network --model pnet --precision fp32",
    "network --model rnet --precision fp32",
    "detect",
    "follow",
    "follow --embed",
    "liveness",
    "challenge",
    "live",
    "visit",
];

#[derive(Debug, clap::Args)]
pub struct BoardFlags {
    /// Measure all parts that docs/PERFORMANCE.md lists, and describe the board.
    #[arg(long)]
    pub board: bool,
    /// Also write the result to this file, as JSON.
    #[arg(long, value_name = "FILE", requires = "board")]
    output: Option<PathBuf>,
    /// The number of timed runs of each part.
    #[arg(long, value_name = "N", requires = "board", default_value_t = 50)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    runs: u32,
}

/// What is sent to us. The names in JSON are stable.
#[derive(Debug, Serialize)]
struct BoardReport {
    board: Board,
    parts: Vec<Part>,
}

/// The result of a part.
#[derive(Debug, Serialize)]
struct Part {
    /// The words after `ostiary bench`.
    command: &'static str,
    #[serde(flatten)]
    report: Report,
}

/// The command line of a part.
#[derive(Debug, clap::Parser)]
struct PartCommand {
    #[command(subcommand)]
    benchmark: Benchmark,
}

pub fn run(globals: &Globals, args: &BoardFlags) -> anyhow::Result<()> {
    let mut board = Board::read(Path::new("/"));
    if !globals.json {
        line(&board.to_string())?;
    }
    let mut parts = Vec::with_capacity(PARTS.len());
    for command in PARTS {
        let runs = args.runs.to_string();
        let words = ["bench"].into_iter().chain(command.split(' ')).chain(["--runs", &runs]);
        let report = PartCommand::try_parse_from(words)?.benchmark.measure(globals)?;
        if !globals.json {
            report.print(false)?;
        }
        parts.push(Part { command, report });
    }
    board.after = Some(BoardState::read(Path::new("/")));
    if let (false, Some(after)) = (globals.json, &board.after) {
        line(&format!("afterwards: {after}"))?;
    }
    let report = BoardReport { board, parts };
    if globals.json {
        json_line(&report)?;
    }
    if let Some(file) = &args.output {
        let mut json = serde_json::to_vec_pretty(&report)?;
        json.push(b'\n');
        durable::write(file, &json, 0o644).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_a_benchmark() {
        for command in PARTS {
            let words = ["bench"].into_iter().chain(command.split(' ')).chain(["--runs", "7"]);
            assert!(PartCommand::try_parse_from(words).is_ok(), "{command}");
        }
    }
}
