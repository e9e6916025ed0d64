//! Tests of the installed doorkeeper on a whole board: real camera driver, GPIO, systemd and broker. `scripts/board test`
//! starts it, with a virtual board or with the address of a real one.

mod board;
mod broker;
mod camera;
mod door;
mod frames;
mod guest_clock;
mod machine;
mod patience;
mod ssh;
mod state;
mod suite;
mod watcher;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use board::{Board, Camera, Lines};
use clap::Parser;
use suite::{Needs, TESTS, When};

/// Tests of the installed doorkeeper on a board. Exit code: 0 all passed, 1 some failed, 2 they could not be run.
#[derive(Parser)]
struct Args {
    /// The run folder of the virtual board.
    #[arg(long)]
    run: PathBuf,
    /// A real board, USER@ADDRESS; the user may become root with `sudo`.
    #[arg(long)]
    host: Option<String>,
    /// The line of the real board that is wired to the relay's line, to watch it from outside the program.
    #[arg(long, default_value_t = 27)]
    watch_line: u32,
    /// The relay's line of the real board.
    #[arg(long, default_value_t = 17)]
    relay_line: u32,
    /// The line of the real board's yes lamp, which the tests switch.
    #[arg(long, default_value_t = 22)]
    yes_line: u32,
    /// The line of the real board's no lamp.
    #[arg(long, default_value_t = 23)]
    no_line: u32,
    /// The real board's camera.
    #[arg(long, default_value = "/dev/video0")]
    camera: String,
    /// The node of the real board to which frames are played that the camera then gives; without it the tests that need
    /// that are skipped.
    #[arg(long)]
    player: Option<String>,
    /// All tests, not only the main path and the power cut.
    #[arg(long)]
    all: bool,
    /// Say which tests there are.
    #[arg(long)]
    list: bool,
    /// Only tests whose names contain one of these.
    filters: Vec<String>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if args.list {
        for test in TESTS {
            println!("{}: {}", test.name, test.shows);
        }
        return ExitCode::SUCCESS;
    }
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Runs the tests one after another; whether all passed.
fn run(args: &Args) -> anyhow::Result<bool> {
    let board = match &args.host {
        Some(host) => {
            // No hand presses a button there, or moves a door: those tests are skipped.
            let lines = Lines {
                relay: args.relay_line,
                yes: args.yes_line,
                no: args.no_line,
                button: 24,
                contact: 25,
            };
            let camera = Camera { node: args.camera.clone(), player: args.player.clone() };
            Board::real(host, lines, args.watch_line, camera)
        }
        None => Board::virtual_one(&args.run),
    }
    .context("the board cannot be used")?;
    let wanted = |name: &str, when: When| match args.filters.as_slice() {
        [] => args.all || when == When::Always,
        filters => filters.iter().any(|filter| name.contains(filter.as_str())),
    };
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    let started = Instant::now();
    for test in TESTS.iter().filter(|test| wanted(test.name, test.when)) {
        let lacks = match test.needs {
            Needs::Board => None,
            Needs::Frames => (!board.plays()).then_some("frames played to its camera (--player)"),
            Needs::Virtual => (!board.is_virtual()).then_some("the virtual board"),
        };
        if let Some(lacks) = lacks {
            println!("skipped  {}: needs {lacks}", test.name);
            skipped += 1;
            continue;
        }
        let since = Instant::now();
        let result = (test.run)(&board);
        let seconds = since.elapsed().as_secs_f64();
        match result {
            Ok(figures) => {
                println!("ok       {} ({seconds:.0} s): {figures}", test.name);
                passed += 1;
            }
            Err(error) => {
                println!("FAILED   {} ({seconds:.0} s): {error:#}", test.name);
                board.say_what_happened();
                failed += 1;
            }
        }
    }
    let minutes = started.elapsed().as_secs_f64() / 60.0;
    println!("{passed} passed, {failed} failed, {skipped} skipped, {minutes:.1} min");
    Ok(failed == 0 && passed > 0)
}
