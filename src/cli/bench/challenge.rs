//! `bench challenge`: times following the landmarks of a face while a person is asked to turn the head.

use anyhow::{Context, bail};
use ostiary_core::{Frame, Landmarks, Point};
use ostiary_liveness::LandmarkTracker;

use super::report::Report;
use super::times::{Times, WARM_UP_RUNS};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary bench challenge --json\n\n\
    Times the optical flow of one frame of 640x480 at the level `active`, with the gray pyramid of that frame. It runs only while a \
    person is asked to turn. The picture is a texture with noise that moves by 5 pixels; one that is harder to follow takes longer.")]
pub struct Args {
    /// The number of timed frames.
    #[arg(long, value_name = "N", default_value_t = 200)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    runs: u32,
    /// The number of frames before the timed ones.
    #[arg(long, value_name = "N", default_value_t = WARM_UP_RUNS)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=1000))]
    warm_up: u32,
}

const WIDTH: u32 = 640;
const HEIGHT: u32 = 480;
/// Eyes, nose and corners of the mouth in the first frame, pixels: 70 between the eyes.
const FACE: Landmarks = [
    Point { x: 285.0, y: 210.0 },
    Point { x: 355.0, y: 210.0 },
    Point { x: 320.0, y: 250.0 },
    Point { x: 290.0, y: 284.0 },
    Point { x: 350.0, y: 284.0 },
];
/// The motion from one frame to the next, and back, pixels.
const MOTION: [f32; 2] = [4.3, -2.6];
/// Gray levels of the noise.
const NOISE: u64 = 6;

pub fn run(args: &Args) -> anyhow::Result<Report> {
    let mut pictures =
        [picture([0.0; 2], 1).context("no picture")?, picture(MOTION, 2).context("no picture")?];
    let mut tracker = LandmarkTracker::new(WIDTH, HEIGHT);
    tracker.start(&pictures[0], &FACE);
    let times = Times::measure(args.warm_up, args.runs, || {
        pictures.swap(0, 1);
        match tracker.follow(&pictures[0]) {
            Some(_) => Ok(()),
            None => bail!("the face was lost"),
        }
    })?;
    Ok(Report::without_networks("challenge", &times, format!("five landmarks in {WIDTH}x{HEIGHT}")))
}

/// A textured picture, moved by this many pixels, with noise.
fn picture([right, down]: [f32; 2], seed: u64) -> Option<Frame> {
    let mut random = seed;
    let pixels = (0..HEIGHT).flat_map(|row| (0..WIDTH).map(move |column| (column as f32, row as f32)));
    let gray = pixels.map(|(x, y)| {
        let (x, y) = (x - right, y - down);
        let wave = |a: f32, b: f32| (a * x + b * y).sin();
        let texture = wave(0.11, 0.05) + wave(-0.06, 0.13) + wave(0.03, -0.04) + wave(0.24, 0.19);
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (125.0 + 28.0 * texture + ((random >> 33) % NOISE) as f32) as u8
    });
    Frame::from_rgb(WIDTH, HEIGHT, gray.flat_map(|gray| [gray; 3]).collect())
}
