//! The order of pictures in an epoch.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// A random permutation of the numbers below `count`, different for each epoch.
pub fn of_epoch(count: usize, epoch: usize, seed: u64) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count as u32).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(epoch as u64);
    order.shuffle(&mut rng);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_has_each_number_once_and_the_next_has_another_order() {
        let first = of_epoch(100, 0, 7);
        let mut sorted = first.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert_eq!(first, of_epoch(100, 0, 7));
        assert_ne!(first, of_epoch(100, 1, 7));
        assert_ne!(first, of_epoch(100, 0, 8));
    }
}
