//! Counts of people, pictures and pairs.

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::faceset::FaceSet;

/// Upper ends of the bins of the histogram. One more bin has all larger counts.
const BINS: [usize; 9] = [1, 2, 4, 9, 19, 49, 99, 199, 499];

/// The counts of a set.
#[derive(Debug, Serialize)]
pub struct Counts {
    pub people: usize,
    pub pictures: usize,
    /// Pictures per person.
    pub least: usize,
    pub median: usize,
    pub mean: f64,
    pub most: usize,
    pub people_with_one: usize,
    /// People by their number of pictures.
    pub histogram: Vec<Bin>,
    /// Pairs of pictures of one person, and of two people.
    pub intra_pairs: u64,
    pub inter_pairs: u64,
    pub intra_to_inter: f64,
}

/// People whose number of pictures is in a range.
#[derive(Debug, Serialize)]
pub struct Bin {
    pub from: usize,
    /// Inclusive; `None` if the range has no end.
    pub to: Option<usize>,
    pub people: usize,
}

impl Counts {
    /// Counts all people with pictures.
    pub fn of(set: &dyn FaceSet) -> Result<Self> {
        let mut sizes = Vec::with_capacity(set.people());
        for number in 0..set.people() {
            let size = set.person(number)?.pictures.len();
            if size > 0 {
                sizes.push(size);
            }
        }
        ensure!(!sizes.is_empty(), "the set has no picture");
        Ok(Self::of_sizes(sizes))
    }

    fn of_sizes(mut sizes: Vec<usize>) -> Self {
        sizes.sort_unstable();
        let (people, pictures) = (sizes.len(), sizes.iter().sum::<usize>());
        let pairs = |pictures: usize| (pictures as u64 * (pictures as u64).saturating_sub(1)) / 2;
        let intra_pairs: u64 = sizes.iter().map(|size| pairs(*size)).sum();
        let inter_pairs = pairs(pictures) - intra_pairs;
        let ends = BINS.iter().copied().map(Some).chain([None]);
        let froms = [1].into_iter().chain(BINS.map(|end| end + 1));
        let within = |from: usize, to: Option<usize>| {
            sizes.partition_point(|size| to.is_none_or(|to| *size <= to))
                - sizes.partition_point(|size| *size < from)
        };
        let histogram =
            froms.zip(ends).map(|(from, to)| Bin { from, to, people: within(from, to) }).collect();
        Self {
            people,
            pictures,
            least: sizes.first().copied().unwrap_or(0),
            median: sizes.get(people / 2).copied().unwrap_or(0),
            mean: pictures as f64 / people as f64,
            most: sizes.last().copied().unwrap_or(0),
            people_with_one: sizes.partition_point(|size| *size == 1),
            histogram,
            intra_pairs,
            inter_pairs,
            intra_to_inter: intra_pairs as f64 / inter_pairs.max(1) as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_pictures_and_pairs_are_counted() {
        let counts = Counts::of_sizes(vec![3, 1, 1, 1000]);
        assert_eq!((counts.people, counts.pictures, counts.people_with_one), (4, 1005, 2));
        assert_eq!((counts.least, counts.median, counts.most), (1, 3, 1000));
        assert_eq!((counts.intra_pairs, counts.inter_pairs), (499_503, 5007));
        let filled: Vec<_> =
            counts.histogram.iter().filter(|bin| bin.people > 0).map(|b| (b.from, b.to, b.people)).collect();
        assert_eq!(filled, [(1, Some(1), 2), (3, Some(4), 1), (500, None, 1)]);
    }
}
