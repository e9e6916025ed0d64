//! The split into training and validation sets, by person.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::name_hash::name_hash;

/// The set that a person belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subset {
    Train,
    Val,
}

impl Subset {
    pub const ALL: [Self; 2] = [Self::Train, Self::Val];

    /// The name of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
        }
    }
}

/// Assigns people by a hash of the seed and the name. A person stays in the same subset when the set grows, and the number
/// of people need not be known.
#[derive(Debug, Clone, Copy)]
pub struct Split {
    /// Share of the validation set, 0 to 1.
    val: f64,
    seed: u64,
}

impl Split {
    /// `val` is the share of the validation set in percent, from 0 to below 100.
    pub fn new(val: f64, seed: u64) -> Result<Self> {
        ensure!((0.0..100.0).contains(&val), "--val is {val}; it must be from 0 to below 100");
        Ok(Self { val: val / 100.0, seed })
    }

    /// The subset of a person.
    pub fn subset(self, person: &str) -> Subset {
        let drawn = name_hash(self.seed, person);
        if (drawn as f64) < self.val * 2f64.powi(64) { Subset::Val } else { Subset::Train }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_as_configured_and_depend_on_the_seed() {
        let subsets = |val, seed| {
            let split = Split::new(val, seed).unwrap();
            (0..10_000).map(|number| split.subset(&format!("person {number}"))).collect::<Vec<_>>()
        };
        let share = |val| subsets(val, 1).iter().filter(|subset| **subset == Subset::Val).count();
        assert_eq!(share(0.0), 0);
        assert!((400..600).contains(&share(5.0)) && (4800..5200).contains(&share(50.0)));
        assert_eq!(subsets(50.0, 1), subsets(50.0, 1));
        assert_ne!(subsets(50.0, 1), subsets(50.0, 2));
        assert!(Split::new(100.0, 1).is_err() && Split::new(f64::NAN, 1).is_err());
    }
}
