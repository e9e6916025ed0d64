//! The turns that a challenge asks for.

use heapless::Vec;
use ostiary_core::Direction;

/// The largest number of turns in a challenge.
pub const MAX_STEPS: usize = 3;
/// The number of turns in a challenge unless the configuration says otherwise.
pub const DEFAULT_STEPS: usize = 2;

/// The turns of one challenge, in order; no turn follows itself. At least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steps(Vec<Direction, MAX_STEPS>);

/// Why no steps can be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StepsError {
    /// The number of steps is out of range.
    #[error("a challenge has 1 to {MAX_STEPS} steps, not {0}")]
    Count(usize),
    /// There is nothing to choose from.
    #[error("a challenge needs at least 2 different directions to draw from, not {0}")]
    Directions(usize),
}

impl Steps {
    /// Draws `count` steps, 1 to 3, from the directions in use, of which repeated ones count once. `random` is a uniform
    /// random number that nobody can predict; all sequences are equally probable (up to 1 in 10^17).
    ///
    /// A fixed recording of a person passes one try with a probability of 1 / (n (n - 1)^(count - 1)) at most, for n
    /// directions: 1 in 12 for 4 directions and 2 steps, 1 in 36 for 3 steps.
    ///
    /// # Errors
    /// `count` is not 1 to 3, or there are fewer than 2 different directions.
    pub fn draw(directions: &[Direction], count: usize, mut random: u64) -> Result<Self, StepsError> {
        if !(1..=MAX_STEPS).contains(&count) {
            return Err(StepsError::Count(count));
        }
        let in_use = || Direction::ALL.into_iter().filter(|direction| directions.contains(direction));
        let number = in_use().count();
        if number < 2 {
            return Err(StepsError::Directions(number));
        }
        let mut steps: Vec<Direction, MAX_STEPS> = Vec::new();
        for _ in 0..count {
            let last = steps.last().copied();
            let choices = number as u64 - u64::from(last.is_some());
            let chosen = (random % choices) as usize;
            random /= choices;
            // There is a choice with this number, and room for it.
            steps.extend(in_use().filter(|direction| Some(*direction) != last).nth(chosen));
        }
        Ok(Self(steps))
    }

    /// The number of steps, 1 to 3.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The step with this number, from 0; `None` after the last.
    pub fn get(&self, number: usize) -> Option<Direction> {
        self.0.get(number).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn each_sequence_without_repeats_is_drawn_equally_often() {
        for (directions, count, sequences) in
            [(4usize, 1usize, 4usize), (4, 2, 12), (4, 3, 36), (3, 2, 6), (2, 3, 2)]
        {
            let mut drawn: HashMap<Vec<Direction, MAX_STEPS>, u32> = HashMap::new();
            for random in 0..360 {
                let steps = Steps::draw(&Direction::ALL[..directions], count, random).unwrap();
                assert_eq!(steps.count(), count);
                assert!(steps.0.windows(2).all(|pair| pair[0] != pair[1]), "{steps:?}");
                *drawn.entry(steps.0).or_default() += 1;
            }
            assert_eq!(drawn.len(), sequences);
            assert!(drawn.values().all(|times| *times as usize == 360 / sequences), "{drawn:?}");
        }
    }

    #[test]
    fn counts_and_directions_out_of_range_are_refused() {
        for count in [0, 4, usize::MAX] {
            assert_eq!(Steps::draw(&Direction::ALL, count, 1), Err(StepsError::Count(count)));
        }
        let twice = [Direction::Up, Direction::Up];
        assert_eq!(Steps::draw(&twice, 2, 1), Err(StepsError::Directions(1)));
        assert_eq!(Steps::draw(&[], 2, 1), Err(StepsError::Directions(0)));
    }
}
