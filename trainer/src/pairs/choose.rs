//! Which pairs: from a seed, and people apart from fold to fold.

use std::collections::HashSet;

use anyhow::{Result, ensure};
use rand::seq::{SliceRandom, index};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    pub folds: usize,
    /// Of each kind in each fold.
    pub pairs: usize,
    pub seed: u64,
}

/// Two pictures, each a person's number and the number of one of their pictures. Where a person has one picture, number 1
/// is the one that is made of it.
pub type Choice = [(usize, usize); 2];

/// Draws pairs: fold by fold, those of one person before those of two, none twice. People are given by the number of their
/// pictures. Everyone is drawn about as often as anyone else, however many pictures they have.
pub fn choose(sizes: &[usize], wanted: Wanted) -> Result<Vec<Choice>> {
    // Its numbers are the same on every machine and in every version, which those of rand's own generators are not.
    let mut rng = ChaCha8Rng::seed_from_u64(wanted.seed);
    let mut people: Vec<usize> = (0..sizes.len()).filter(|person| sizes[*person] > 0).collect();
    people.shuffle(&mut rng);
    let mut choices = Vec::with_capacity(2 * wanted.folds * wanted.pairs);
    for fold in 0..wanted.folds {
        let own: Vec<usize> = people.iter().copied().skip(fold).step_by(wanted.folds).collect();
        let (intra, inter) = possible(&own, sizes);
        ensure!(
            wanted.pairs <= intra.min(inter),
            "fold {} has {} people, who make {intra} pairs of one person and {inter} of two; ask for fewer --pairs or \
             --folds",
            fold + 1,
            own.len()
        );
        choices.extend(intra_pairs(&own, sizes, wanted.pairs, &mut rng));
        choices.extend(inter_pairs(&own, sizes, wanted.pairs, &mut rng));
    }
    Ok(choices)
}

/// Pairs that one person's pictures make.
fn own_pairs(size: usize) -> usize {
    // One that is alone has a second one made of it.
    size.max(2) * (size.max(2) - 1) / 2
}

/// How many pairs of one person and of two there are.
fn possible(people: &[usize], sizes: &[usize]) -> (usize, usize) {
    let pictures: usize = people.iter().map(|person| sizes[*person]).sum();
    let squares: usize = people.iter().map(|person| sizes[*person] * sizes[*person]).sum();
    (people.iter().map(|person| own_pairs(sizes[*person])).sum(), (pictures * pictures - squares) / 2)
}

/// One pair from each person in turn, until there are enough.
fn intra_pairs(people: &[usize], sizes: &[usize], count: usize, rng: &mut impl Rng) -> Vec<Choice> {
    let turns: Vec<(usize, Vec<usize>)> = people
        .iter()
        .map(|person| {
            let all = own_pairs(sizes[*person]);
            (*person, index::sample(rng, all, all.min(count)).into_vec())
        })
        .collect();
    let turn = |turn: usize| {
        let of_person = move |(person, order): &(usize, Vec<usize>)| Some((*person, *order.get(turn)?));
        turns.iter().filter_map(of_person)
    };
    (0..count)
        .flat_map(turn)
        .take(count)
        .map(|(person, number)| {
            let (first, second) = unranked(number);
            [(person, first), (person, second)]
        })
        .collect()
}

/// The pair of that number among (0, 1), (0, 2), (1, 2), (0, 3), ...
fn unranked(number: usize) -> (usize, usize) {
    let mut second = 1;
    while (second + 1) * second / 2 <= number {
        second += 1;
    }
    (number - second * (second - 1) / 2, second)
}

/// Pictures of two people, drawn until there are enough. There are enough.
fn inter_pairs(people: &[usize], sizes: &[usize], count: usize, rng: &mut impl Rng) -> Vec<Choice> {
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
    fn pairs_are_numbered_without_a_gap() {
        let first: Vec<_> = (0..6).map(unranked).collect();
        assert_eq!(first, [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]);
    }

    #[test]
    fn what_is_not_there_is_not_promised() {
        let wanted = Wanted { folds: 2, pairs: 3, seed: 1 };
        let why = choose(&[2, 2, 2, 2], wanted).unwrap_err().to_string();
        assert!(why.contains("2 people") && why.contains("2 pairs of one person and 4 of two"), "{why}");
        assert!(choose(&[], wanted).is_err() && choose(&[100], Wanted { folds: 1, ..wanted }).is_err());
        // Everything that there is.
        let all = choose(&[2, 0, 1, 2], Wanted { folds: 1, pairs: 3, seed: 9 }).unwrap();
        let intra: HashSet<_> = all[..3].iter().copied().collect();
        assert_eq!(intra, HashSet::from([[(0, 0), (0, 1)], [(2, 0), (2, 1)], [(3, 0), (3, 1)]]));
    }

    proptest! {
        #[test]
        fn pairs_are_what_was_asked(
            sizes in proptest::collection::vec(0usize..6, 8..40), folds in 1usize..4, pairs in 1usize..8, seed: u64,
        ) {
            let wanted = Wanted { folds, pairs, seed };
            let Ok(choices) = choose(&sizes, wanted) else { return Ok(()) };
            prop_assert_eq!(choices.len(), 2 * folds * pairs);
            prop_assert_eq!(&choices, &choose(&sizes, wanted).unwrap());
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
