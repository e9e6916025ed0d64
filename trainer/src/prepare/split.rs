//! Who trains and who validates: people as a whole, chosen by a seed.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Train,
    Val,
}

impl Side {
    pub const ALL: [Self; 2] = [Self::Train, Self::Val];

    /// The name of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
        }
    }
}

/// A rule that looks at a name and nothing else: someone stays on their side when the set grows, and nobody has to be
/// counted before.
#[derive(Debug, Clone, Copy)]
pub struct Split {
    /// The share that validates, 0 to 1.
    val: f64,
    seed: u64,
}

impl Split {
    /// `val` in percent.
    pub fn new(val: f64, seed: u64) -> Result<Self> {
        ensure!((0.0..100.0).contains(&val), "--val is {val}, not 0 to below 100");
        Ok(Self { val: val / 100.0, seed })
    }

    pub fn side(self, person: &str) -> Side {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_le_bytes());
        hash.update(person);
        let drawn = hash.finalize()[..8].iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
        if (drawn as f64) < self.val * 2f64.powi(64) { Side::Val } else { Side::Train }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_as_asked_and_the_seed_decides() {
        let sides = |val, seed| {
            let split = Split::new(val, seed).unwrap();
            (0..10_000).map(|number| split.side(&format!("person {number}"))).collect::<Vec<_>>()
        };
        let share = |val| sides(val, 1).iter().filter(|side| **side == Side::Val).count();
        assert_eq!(share(0.0), 0);
        assert!((400..600).contains(&share(5.0)) && (4800..5200).contains(&share(50.0)));
        assert_eq!(sides(50.0, 1), sides(50.0, 1));
        assert_ne!(sides(50.0, 1), sides(50.0, 2));
        assert!(Split::new(100.0, 1).is_err() && Split::new(f64::NAN, 1).is_err());
    }
}
