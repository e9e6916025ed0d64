//! Tests the installed package on a whole board, with real camera and GPIO drivers, systemd and a broker. `scripts/board test`
//! starts it, on a virtual board or on a real one.

mod board;
mod camera;
mod frames;
mod guest_clock;
mod line_monitor;
mod service;
mod ssh;
mod state;
mod subscriber;
mod suite;
mod timeouts;
mod virtual_machine;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use board::{Board, Camera, Lines};
use clap::Parser;
use suite::{Group, Needs, TESTS};

/// Tests the installed package on a board. Exit code: 0 all tests passed, 1 a test failed or none was run, 2 the tests could
/// not be run.
#[derive(Parser)]
struct Args {
    /// The run folder of the virtual board.
    #[arg(long)]
    run: PathBuf,
    /// Use a real board, USER@ADDRESS. The user must be able to use sudo without a password.
    #[arg(long)]
    host: Option<String>,
    /// The real board's input line that is wired to the relay's line, to monitor it.
    #[arg(long, default_value_t = 27)]
    watch_line: u32,
    /// The real board's relay line.
    #[arg(long, default_value_t = 17)]
    relay_line: u32,
    /// The real board's line of the yes lamp. The tests switch it.
    #[arg(long, default_value_t = 22)]
    yes_line: u32,
    /// The real board's line of the no lamp. The tests switch it.
    #[arg(long, default_value_t = 23)]
    no_line: u32,
    /// The real board's camera.
    #[arg(long, default_value = "/dev/video0")]
    camera: String,
    /// The real board's video output node whose frames appear at the camera. Without it, tests that play frames are
    /// skipped.
    #[arg(long)]
    player: Option<String>,
    /// Run all tests, not only the main path and the power cut.
    #[arg(long)]
    all: bool,
    /// List the tests.
    #[arg(long)]
    list: bool,
    /// Run only tests whose names contain one of these.
    filters: Vec<String>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if args.list {
        for test in TESTS {
            println!("{}: {}", test.name, test.checks);
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

/// Runs the selected tests one after another; returns whether all passed.
fn run(args: &Args) -> anyhow::Result<bool> {
    let board = match &args.host {
        Some(host) => {
            // Unused: the tests of button and contact need the virtual board.
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
        None => Board::virtual_board(&args.run),
    }
    .context("the board cannot be used")?;
    let is_selected = |name: &str, group: Group| match args.filters.as_slice() {
        [] => args.all || group == Group::Default,
        filters => filters.iter().any(|filter| name.contains(filter.as_str())),
    };
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    let started = Instant::now();
    for test in TESTS.iter().filter(|test| is_selected(test.name, test.group)) {
        let missing = match test.needs {
            Needs::Board => None,
            Needs::Frames => {
                (!board.can_play_frames()).then_some("a camera to which frames can be played (--player)")
            }
            Needs::Virtual => (!board.is_virtual()).then_some("the virtual board"),
        };
        if let Some(missing) = missing {
            println!("skipped  {}: needs {missing}", test.name);
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
                board.print_journal();
                failed += 1;
            }
        }
    }
    let minutes = started.elapsed().as_secs_f64() / 60.0;
    println!("{passed} passed, {failed} failed, {skipped} skipped, {minutes:.1} min");
    Ok(failed == 0 && passed > 0)
}
