//! Draws pairs of pictures from a seed. No person is in two folds.

#![expect(clippy::indexing_slicing, reason = "indices are those of people in `sizes`")]

use std::collections::HashSet;

use anyhow::{Result, ensure};
use rand::seq::{SliceRandom, index};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How many pairs to draw.
#[derive(Debug, Clone, Copy)]
pub struct PairCounts {
    /// Number of folds.
    pub folds: usize,
    /// Pairs of one person in each fold, and as many of two people.
    pub pairs: usize,
    /// Seed of the choice.
    pub seed: u64,
}

/// Two pictures, each as the number of a person and the number of a picture of that person. If a person has only one picture,
/// picture 1 is its augmentation.
pub type PicturePair = [(usize, usize); 2];

/// Draws distinct pairs, ordered by fold; in each fold the pairs of one person come first. `sizes` has the number of pictures
/// of each person. Each person is drawn about equally often, whatever the number of their pictures.
///
/// # Errors
/// If a fold has too few people or pictures.
pub fn draw_pairs(sizes: &[usize], wanted: PairCounts) -> Result<Vec<PicturePair>> {
    // ChaCha8 gives the same numbers on every machine and in every version. The default generators of rand do not.
    let mut rng = ChaCha8Rng::seed_from_u64(wanted.seed);
    let mut people: Vec<usize> = (0..sizes.len()).filter(|person| sizes[*person] > 0).collect();
    people.shuffle(&mut rng);
    let mut choices = Vec::with_capacity(2 * wanted.folds * wanted.pairs);
    for fold in 0..wanted.folds {
        let own: Vec<usize> = people.iter().copied().skip(fold).step_by(wanted.folds).collect();
        let (intra, inter) = possible(&own, sizes);
        ensure!(
            wanted.pairs <= intra.min(inter),
            "fold {} has {} people, who make {intra} pairs of one person and {inter} of two; lower --pairs or --folds",
            fold + 1,
            own.len()
        );
        choices.extend(intra_pairs(&own, sizes, wanted.pairs, &mut rng));
        choices.extend(inter_pairs(&own, sizes, wanted.pairs, &mut rng));
    }
    Ok(choices)
}

/// Number of pairs of the pictures of one person.
fn own_pairs(size: usize) -> usize {
    // A single picture gets an augmented second one.
    size.max(2) * (size.max(2) - 1) / 2
}

/// Number of possible pairs of one person and of two people.
fn possible(people: &[usize], sizes: &[usize]) -> (usize, usize) {
    let pictures: usize = people.iter().map(|person| sizes[*person]).sum();
    let squares: usize = people.iter().map(|person| sizes[*person] * sizes[*person]).sum();
    (people.iter().map(|person| own_pairs(sizes[*person])).sum(), (pictures * pictures - squares) / 2)
}

/// Takes one pair of each person in every round, until there are enough.
fn intra_pairs(people: &[usize], sizes: &[usize], count: usize, rng: &mut impl Rng) -> Vec<PicturePair> {
    let orders: Vec<(usize, Vec<usize>)> = people
        .iter()
        .map(|person| {
            let all = own_pairs(sizes[*person]);
            (*person, index::sample(rng, all, all.min(count)).into_vec())
        })
        .collect();
    let round = |round: usize| {
        let of_person = move |(person, order): &(usize, Vec<usize>)| Some((*person, *order.get(round)?));
        orders.iter().filter_map(of_person)
    };
    (0..count)
        .flat_map(round)
        .take(count)
        .map(|(person, number)| {
            let (first, second) = unranked(number);
            [(person, first), (person, second)]
        })
        .collect()
}

/// The pair of this number in the order (0, 1), (0, 2), (1, 2), (0, 3), ...
fn unranked(number: usize) -> (usize, usize) {
    let mut second = 1;
    while (second + 1) * second / 2 <= number {
        second += 1;
    }
    (number - second * (second - 1) / 2, second)
}

/// Draws pairs of pictures of two people. The caller makes sure that enough pairs exist.
fn inter_pairs(people: &[usize], sizes: &[usize], count: usize, rng: &mut impl Rng) -> Vec<PicturePair> {
    let mut known = HashSet::new();
    let mut pairs = Vec::with_capacity(count);
    while pairs.len() < count {
        let drawn = index::sample(rng, people.len(), 2);
        let mut pair = [drawn.index(0), drawn.index(1)].map(|number| {
            let person = people[number];
            (person, rng.random_range(0..sizes[person]))
        });
        pair.sort_unstable();
        if known.insert(pair) {
            pairs.push(pair);
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pair_numbers_have_no_gaps() {
        let first: Vec<_> = (0..6).map(unranked).collect();
        assert_eq!(first, [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]);
    }

    #[test]
    fn too_few_pictures_are_an_error() {
        let wanted = PairCounts { folds: 2, pairs: 3, seed: 1 };
        let why = draw_pairs(&[2, 2, 2, 2], wanted).unwrap_err().to_string();
        assert!(why.contains("2 people") && why.contains("2 pairs of one person and 4 of two"), "{why}");
        assert!(
            draw_pairs(&[], wanted).is_err()
                && draw_pairs(&[100], PairCounts { folds: 1, ..wanted }).is_err()
        );
        // All possible pairs.
        let all = draw_pairs(&[2, 0, 1, 2], PairCounts { folds: 1, pairs: 3, seed: 9 }).unwrap();
        let intra: HashSet<_> = all[..3].iter().copied().collect();
        assert_eq!(intra, HashSet::from([[(0, 0), (0, 1)], [(2, 0), (2, 1)], [(3, 0), (3, 1)]]));
    }

    proptest! {
        #[test]
        fn pairs_have_the_configured_counts(
            sizes in proptest::collection::vec(0usize..6, 8..40), folds in 1usize..4, pairs in 1usize..8, seed: u64,
        ) {
            let wanted = PairCounts { folds, pairs, seed };
            let Ok(choices) = draw_pairs(&sizes, wanted) else { return Ok(()) };
            prop_assert_eq!(choices.len(), 2 * folds * pairs);
            prop_assert_eq!(&choices, &draw_pairs(&sizes, wanted).unwrap());
            let distinct: HashSet<_> = choices.iter().collect();
            prop_assert_eq!(distinct.len(), choices.len());
            let mut seen = HashSet::new();
            for fold in choices.chunks(2 * pairs) {
                for (index, [first, second]) in fold.iter().enumerate() {
                    prop_assert_eq!(first.0 == second.0, index < pairs);
                    prop_assert_ne!(first, second);
                    let most = |person: usize| if index < pairs { sizes[person].max(2) } else { sizes[person] };
                    prop_assert!(first.1 < most(first.0) && second.1 < most(second.0));
                }
                let own: HashSet<usize> = fold.iter().flatten().map(|(person, _)| *person).collect();
                prop_assert!(own.is_disjoint(&seen));
                seen.extend(own);
            }
        }
    }
}
