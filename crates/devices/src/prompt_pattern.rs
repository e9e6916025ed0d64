//! What lamps and buzzer do for a prompt.
//!
//! All outputs do the same, so that a door with only one of them says as much. A person must tell the patterns apart within about a
//! second, and not take one for a grant or a denial:
//!
//! | prompt | pattern |
//! |---|---|
//! | look at the camera | even: on and off for 0.4 s each |
//! | step back | long: on for 0.8 s, off for 0.2 s |
//! | turn left, right, up, down | 1, 2, 3 or 4 short pulses of 50 ms, then a pause of 0.7 s |
//!
//! A grant or a denial lights one of the two lamps, for `signals.lamp_ms`, and buzzes for 150 ms: three times as long as a
//! short pulse, which is the ratio of Morse code. Four pulses a second can be counted. All patterns but these have fewer than three
//! flashes a second.

use std::time::Duration;

use ostiary_core::{Direction, Prompt};

use super::blinker::Pulses;

/// The pattern of a prompt: a group of pulses that is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PromptPattern {
    /// The pulses of a group.
    pub pulses: Pulses,
    /// The pause between two groups.
    pub pause: Duration,
}

impl From<Prompt> for PromptPattern {
    fn from(prompt: Prompt) -> Self {
        match prompt {
            Prompt::LookAtCamera => single(400, 400),
            Prompt::StepBack => single(800, 200),
            Prompt::Turn(Direction::Left) => short_pulses(1),
            Prompt::Turn(Direction::Right) => short_pulses(2),
            Prompt::Turn(Direction::Up) => short_pulses(3),
            Prompt::Turn(Direction::Down) => short_pulses(4),
        }
    }
}

/// One pulse with a pause, milliseconds.
fn single(on: u64, pause: u64) -> PromptPattern {
    let pulses = Pulses { count: 1, on: Duration::from_millis(on), off: Duration::ZERO };
    PromptPattern { pulses, pause: Duration::from_millis(pause) }
}

/// This number of short pulses, which a person counts.
fn short_pulses(count: u32) -> PromptPattern {
    let pulses = Pulses { count, on: Duration::from_millis(50), off: Duration::from_millis(200) };
    PromptPattern { pulses, pause: Duration::from_millis(700) }
}
