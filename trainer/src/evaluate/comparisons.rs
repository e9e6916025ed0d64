//! The scores of a set by one model: of all listed pairs, or of all pairs of pictures of people.

#![expect(clippy::indexing_slicing, reason = "indices are those of people and pictures in the same set")]

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::evaluation_set::{EvaluationSet, Pair, Protocol};
use super::face_embeddings::FaceEmbeddings;
use super::folds::{FOLDS, Trial, fold_of};
use crate::scores::Scores;

/// Greatest number of pairs of each kind. If a set has more, this many are drawn: enough for a FAR of 1e-6.
const MAX_PAIRS: usize = 10_000_000;
/// Pairs of each kind for the accuracy over folds of a set of people: as many as LFW has.
const BALANCED: usize = 3000;

/// The scores of all comparisons whose two pictures satisfy `among`.
pub fn scores(
    data: &EvaluationSet,
    faces: &FaceEmbeddings,
    among: &(dyn Fn(usize) -> bool + Sync),
    seed: u64,
) -> Scores {
    let both = |pair: [usize; 2]| pair.into_iter().all(|picture| faces.has(picture) && among(picture));
    match &data.protocol {
        Protocol::Pairs { pairs, .. } => {
            let of_kind = |same: bool| {
                let chosen = pairs.iter().filter(move |pair| pair.same == same && both(pair.pictures));
                chosen.filter_map(|pair| faces.score(pair.pictures[0], pair.pictures[1])).collect()
            };
            Scores::new(of_kind(true), of_kind(false))
        }
        Protocol::People { names } => {
            let mut people = vec![Vec::new(); names.len()];
            for (number, picture) in data.pictures.iter().enumerate() {
                if let Some(person) = picture.person
                    && both([number; 2])
                {
                    people[person].push(number);
                }
            }
            people.retain(|pictures| !pictures.is_empty());
            of_people(faces, &people, MAX_PAIRS, seed)
        }
    }
}

/// The scores of all pairs of one person and of two people, or of `limit` random pairs of each kind.
fn of_people(faces: &FaceEmbeddings, people: &[Vec<usize>], limit: usize, seed: u64) -> Scores {
    let pictures: Vec<(usize, usize)> = people
        .iter()
        .enumerate()
        .flat_map(|(person, pictures)| pictures.iter().map(move |p| (person, *p)))
        .collect();
    let pairs = |count: usize| count * count.saturating_sub(1) / 2;
    let genuine: usize = people.iter().map(|pictures| pairs(pictures.len())).sum();
    let impostors = pairs(pictures.len()) - genuine;
    let score = |a: usize, b: usize| faces.score(a, b);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);

    let genuine_scores: Vec<f32> = if genuine <= limit {
        people
            .par_iter()
            .flat_map_iter(|own| {
                own.iter()
                    .enumerate()
                    .flat_map(move |(index, a)| own[index + 1..].iter().filter_map(move |b| score(*a, *b)))
            })
            .collect()
    } else {
        // A person is drawn with a probability proportional to the number of their pairs.
        let ends: Vec<usize> = people
            .iter()
            .scan(0, |sum, own| {
                *sum += pairs(own.len());
                Some(*sum)
            })
            .collect();
        let drawn: Vec<[usize; 2]> = (0..limit)
            .map(|_| {
                let number = rng.random_range(0..genuine);
                let own = &people[ends.partition_point(|end| *end <= number)];
                let first = rng.random_range(0..own.len());
                let second = (first + rng.random_range(1..own.len())) % own.len();
                [own[first], own[second]]
            })
            .collect();
        drawn.into_par_iter().filter_map(|[a, b]| score(a, b)).collect()
    };

    let impostor_scores: Vec<f32> = if impostors <= limit {
        let row = |first: usize| {
            let (person, a) = pictures[first];
            let others = pictures[first + 1..].iter().filter(move |(other, _)| *other != person);
            others.filter_map(move |(_, b)| score(a, *b))
        };
        (0..pictures.len()).into_par_iter().flat_map_iter(row).collect()
    } else {
        let mut drawn = Vec::with_capacity(limit);
        while drawn.len() < limit {
            let [(person, a), (other, b)] = [(); 2].map(|()| pictures[rng.random_range(0..pictures.len())]);
            if person != other {
                drawn.push([a, b]);
            }
        }
        drawn.into_par_iter().filter_map(|[a, b]| score(a, b)).collect()
    };
    Scores::new(genuine_scores, impostor_scores)
}

/// The trials for the accuracy over folds, and the number of folds. They are the listed pairs of a set, in its order; for a set
/// of people, random pairs, as many of one person as of two.
pub fn trials(
    data: &EvaluationSet,
    faces: &FaceEmbeddings,
    scores: &Scores,
    seed: u64,
) -> (Vec<Trial>, usize) {
    if let Protocol::Pairs { pairs, folds, .. } = &data.protocol {
        let trial = |(index, pair): (usize, &Pair)| {
            let score = faces.score(pair.pictures[0], pair.pictures[1])?;
            Some(Trial { score, same: pair.same, fold: fold_of(index, pairs.len(), *folds) })
        };
        return (pairs.iter().enumerate().filter_map(trial).collect(), *folds);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let count = BALANCED.min(scores.genuine_pairs()).min(scores.impostor_pairs());
    let mut drawn = |same: bool, scores: &[f32]| {
        let mut numbers: Vec<usize> = (0..scores.len()).collect();
        let (numbers, _) = numbers.partial_shuffle(&mut rng, count);
        let trial =
            |(index, number): (usize, &usize)| Trial { score: scores[*number], same, fold: index % FOLDS };
        numbers.iter().enumerate().map(trial).collect::<Vec<_>>()
    };
    let (genuine, impostor) = (drawn(true, scores.genuine()), drawn(false, scores.impostor()));
    ([genuine, impostor].concat(), FOLDS)
}

#[cfg(test)]
mod tests {
    use ostiary_core::Embedding;

    use super::*;

    #[test]
    fn all_pairs_are_compared_once_or_some_are_drawn() {
        let at = |degrees: f32| {
            let radians = degrees.to_radians();
            Embedding::normalized(&[radians.cos(), radians.sin()])
        };
        // Three embeddings of one person at one point, and two of another person at a right angle to it.
        let faces = FaceEmbeddings::new([0.0, 0.0, 0.0, 90.0, 90.0].map(at).to_vec());
        let people = [vec![0, 1, 2], vec![3, 4]];
        let all = of_people(&faces, &people, 100, 1);
        assert_eq!((all.genuine_pairs(), all.impostor_pairs()), (4, 6));
        let some = of_people(&faces, &people, 3, 1);
        assert_eq!((some.genuine_pairs(), some.impostor_pairs()), (3, 3));
        for scores in [all, some] {
            let (genuine, impostor) = scores.means();
            assert!((genuine - 1.0).abs() < 1e-6 && impostor.abs() < 1e-6);
        }
    }
}
