//! Follows the landmarks of a face through frames of 640x480 pixels: `ostiary-follow FRAMES`.
//!
//! For `scripts/count-instructions`: the difference of many and few frames is what optical flow costs in each.

use std::process::ExitCode;

use ostiary_core::{Frame, Landmarks, Point};
use ostiary_liveness::LandmarkTracker;

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

fn main() -> ExitCode {
    let frames = std::env::args().nth(1).and_then(|frames| frames.parse::<u32>().ok());
    let (Some(frames), Some(first), Some(second)) = (frames, picture([0.0; 2], 1), picture(MOTION, 2)) else {
        eprintln!("usage: ostiary-follow FRAMES, for example ostiary-follow 100");
        return ExitCode::from(2);
    };
    let mut tracker = LandmarkTracker::new(WIDTH, HEIGHT);
    tracker.start(&first, &FACE);
    let mut landmarks = FACE;
    for number in 0..frames {
        let Some(followed) = tracker.follow(if number % 2 == 0 { &second } else { &first }) else {
            eprintln!("the face was lost in frame {number}");
            return ExitCode::FAILURE;
        };
        landmarks = followed;
    }
    println!("{landmarks:?}");
    ExitCode::SUCCESS
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
