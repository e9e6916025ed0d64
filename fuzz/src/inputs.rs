//! The numbered inputs of a target: its seed inputs, then mutations of them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::mutate::Mutator;
use crate::targets::Target;

/// Generates inputs. An input depends only on the seed inputs, the random seed and its number. So the campaign can generate
/// the input again that ended a worker, and no input is stored before it is run.
pub struct Inputs {
    seeds: Vec<Vec<u8>>,
    mutator: Mutator,
    /// Seed of the random generator.
    seed: u64,
}

impl Inputs {
    /// Reads the seed inputs that [`save_seeds`] wrote to `folder`. They are read and not made again, because some contain a
    /// time and differ each time.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn open(target: &Target, folder: &Path, seed: u64) -> Result<Self> {
        let read = |path: PathBuf| fs::read(&path).with_context(|| format!("cannot read {}", path.display()));
        let paths = (0..).map(|number| folder.join(format!("{number}"))).take_while(|path| path.exists());
        let seeds = paths.map(read).collect::<Result<_>>()?;
        Ok(Self { seeds, mutator: Mutator { dictionary: target.dictionary, max_len: target.max_len }, seed })
    }

    /// The input with this number. The seed inputs have the numbers from 0.
    pub fn nth(&self, number: u64) -> Vec<u8> {
        let seed = usize::try_from(number).ok().and_then(|number| self.seeds.get(number));
        if let Some(seed) = seed {
            return seed.clone();
        }
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(number);
        self.mutator.mutate_seed(&self.seeds, &mut rng)
    }
}

/// Makes the seed inputs of a target and writes them to `folder`, with their numbers as file names.
///
/// # Errors
/// They cannot be made or written.
pub fn save_seeds(target: &Target, folder: &Path) -> Result<()> {
    let seeds =
        (target.seeds)().with_context(|| format!("the seed inputs of {} cannot be made", target.name))?;
    for (number, input) in seeds.iter().enumerate() {
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
    fn inputs_depend_on_seed_and_number_only() {
        let target = targets::find("release").unwrap();
        let folder = tempfile::tempdir().unwrap();
        save_seeds(target, folder.path()).unwrap();
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
