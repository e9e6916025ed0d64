//! The inputs of a target, by number.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::mutate::Mutator;
use crate::targets::Target;

/// Every input is a function of the target's first inputs, of the seed and of its number alone: the process that supervises
/// a worker makes the input again that the worker died of, and no input need be kept before it is run.
pub struct Inputs {
    first: Vec<Vec<u8>>,
    mutator: Mutator,
    seed: u64,
}

impl Inputs {
    /// The inputs of a target for this seed. The first ones are in the folder, which [`save`] wrote: those that hold a time
    /// differ from one making to the next.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn open(target: &Target, folder: &Path, seed: u64) -> Result<Self> {
        let read = |path: PathBuf| fs::read(&path).with_context(|| format!("cannot read {}", path.display()));
        let paths = (0..).map(|number| folder.join(format!("{number}"))).take_while(|path| path.exists());
        let first = paths.map(read).collect::<Result<_>>()?;
        Ok(Self { first, mutator: Mutator { words: target.words, most: target.most }, seed })
    }

    /// The input of that number.
    pub fn nth(&self, number: u64) -> Vec<u8> {
        let first = usize::try_from(number).ok().and_then(|number| self.first.get(number));
        if let Some(first) = first {
            return first.clone();
        }
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(number);
        self.mutator.mutated(&self.first, &mut rng)
    }
}

/// Makes a target's first inputs, and writes them to a folder.
///
/// # Errors
/// They cannot be made or written.
pub fn save(target: &Target, folder: &Path) -> Result<()> {
    let first =
        (target.seeds)().with_context(|| format!("the first inputs of {} cannot be made", target.name))?;
    for (number, input) in first.iter().enumerate() {
        let path = folder.join(format!("{number}"));
        fs::write(&path, input).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets;

    #[test]
    fn an_input_is_the_same_every_time_and_differs_from_the_next() {
        let target = targets::find("release").unwrap();
        let folder = tempfile::tempdir().unwrap();
        save(target, folder.path()).unwrap();
        let open = |seed| Inputs::open(target, folder.path(), seed).unwrap();
        let inputs = open(7);
        let made: Vec<Vec<u8>> = (0..200).map(|number| inputs.nth(number)).collect();
        let again = open(7);
        assert!((0..200).rev().all(|number| again.nth(number) == made[number as usize]));
        let seeds = (target.seeds)().unwrap();
        assert_eq!(made[..seeds.len()], seeds);
        let other = open(8);
        let differs = |number: &u64| other.nth(*number) != made[*number as usize];
        assert!((seeds.len() as u64..200).filter(differs).count() > 150);
    }
}
