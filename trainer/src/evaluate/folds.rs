//! The accuracy of Labeled Faces in the Wild (Huang et al. 2007): pairs are cut into folds; for each, the threshold is
//! chosen on all others, and the share of its pairs that are told right is its accuracy.
//!
//! Folds follow each other in the order of the pairs, as in InsightFace's evaluation, which cuts its sets so without
//! shuffling. It tries thresholds in steps; here every threshold that makes a difference is tried: all that lie midway
//! between two neighbouring scores. Of those that tell equally many pairs right, the middle one is taken.

use serde::Serialize;

/// Folds where a set does not say how many it has.
pub const FOLDS: usize = 10;

/// A pair that was compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trial {
    pub score: f32,
    /// Whether it shows one person.
    pub same: bool,
    pub fold: usize,
}

/// What the folds gave; rates in percent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Accuracy {
    pub mean: f64,
    /// Standard deviation of the folds' accuracies, over their number, as InsightFace prints it.
    pub deviation: f64,
    /// What tells most of all pairs right.
    pub threshold: f32,
    pub folds: usize,
    pub pairs: usize,
}

/// The fold of the pair of that number, of so many pairs: each has as many as another, the first ones one more.
pub fn fold_of(pair: usize, pairs: usize, folds: usize) -> usize {
    let (size, larger) = (pairs / folds, pairs % folds);
    let begin_of_smaller = larger * (size + 1);
    if pair < begin_of_smaller { pair / (size + 1) } else { larger + (pair - begin_of_smaller) / size }
}

/// `None` where there are fewer pairs than folds, or a fold has nothing to test or to choose by.
pub fn accuracy(trials: &[Trial], folds: usize) -> Option<Accuracy> {
    let of_fold = |fold: usize| {
        let (tests, others): (Vec<Trial>, Vec<Trial>) = trials.iter().partition(|trial| trial.fold == fold);
        let threshold = best_threshold(&others)?;
        let right = tests.iter().filter(|trial| (trial.score >= threshold) == trial.same).count();
        (!tests.is_empty()).then(|| 100.0 * right as f64 / tests.len() as f64)
    };
    let rates: Vec<f64> = (0..folds).map(of_fold).collect::<Option<_>>()?;
    let mean = rates.iter().sum::<f64>() / folds as f64;
    let variance = rates.iter().map(|rate| (rate - mean).powi(2)).sum::<f64>() / folds as f64;
    let threshold = best_threshold(trials)?;
    Some(Accuracy { mean, deviation: variance.sqrt(), threshold, folds, pairs: trials.len() })
}

/// The threshold that tells most pairs right; `None` without pairs.
fn best_threshold(trials: &[Trial]) -> Option<f32> {
    let mut sorted: Vec<(f32, bool)> = trials.iter().map(|trial| (trial.score, trial.same)).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (least, most) = (sorted.first()?.0, sorted.last()?.0);
    // Below all scores every pair is called one person. Then scores are passed from the lowest: a pair of two is told
    // right from there on, one of one person wrong.
    let mut right = sorted.iter().filter(|(_, same)| *same).count();
    let mut tried = vec![(least, right)];
    for (index, (score, same)) in sorted.iter().enumerate() {
        if *same {
            right -= 1
        } else {
            right += 1
        };
        let next = sorted.get(index + 1).map(|(score, _)| *score);
        if next != Some(*score) {
            tried.push((next.map_or(most.next_up(), |next| score + (next - score) / 2.0), right));
        }
    }
    let best = tried.iter().map(|(_, right)| *right).max()?;
    let equal: Vec<f32> =
        tried.iter().filter(|(_, right)| *right == best).map(|(threshold, _)| *threshold).collect();
    equal.get(equal.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(fold: usize, same: bool, score: f32) -> Trial {
        Trial { score, same, fold }
    }

    #[test]
    fn each_fold_is_told_by_the_threshold_of_the_others() {
        // The second fold's scores lie higher. Chosen on it (between 0.5 and 0.9: 0.7), the threshold tells the first
        // fold's genuine pair wrong; chosen on the first (between 0.1 and 0.6: 0.35), the second's impostors.
        let trials = [
            trial(0, true, 0.6),
            trial(0, false, 0.1),
            trial(1, true, 0.9),
            trial(1, false, 0.5),
            trial(1, false, 0.4),
        ];
        let found = accuracy(&trials, 2).unwrap();
        let [first, second] = [100.0 / 2.0, 100.0 / 3.0];
        assert!((found.mean - (first + second) / 2.0).abs() < 1e-9, "{found:?}");
        assert!((found.deviation - (first - second) / 2.0).abs() < 1e-9, "{found:?}");
        // Together they are told apart between 0.5 and 0.6.
        assert!((found.threshold - 0.55).abs() < 1e-6, "{found:?}");
        assert_eq!((found.folds, found.pairs), (2, 5));
    }

    #[test]
    fn equal_scores_are_told_alike() {
        // Whatever the threshold, one of the two pairs at 0.5 is told wrong.
        let trials: Vec<Trial> = (0..4)
            .flat_map(|fold| [trial(fold, true, 0.5), trial(fold, false, 0.5), trial(fold, true, 0.8)])
            .collect();
        let found = accuracy(&trials, 4).unwrap();
        assert!((found.mean - 200.0 / 3.0).abs() < 1e-9 && found.deviation.abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn folds_are_cut_as_scikit_learn_cuts_them() {
        let sizes = |pairs: usize, folds: usize| {
            (0..folds)
                .map(|fold| (0..pairs).filter(|pair| fold_of(*pair, pairs, folds) == fold).count())
                .collect::<Vec<_>>()
        };
        assert_eq!(sizes(6000, 10), [600; 10]);
        assert_eq!(sizes(23, 10), [3, 3, 3, 2, 2, 2, 2, 2, 2, 2]);
        assert!((0..23).map(|pair| fold_of(pair, 23, 10)).is_sorted());
    }

    #[test]
    fn without_enough_pairs_there_is_no_accuracy() {
        assert_eq!(accuracy(&[], 10), None);
        assert_eq!(accuracy(&[trial(0, true, 0.5)], 1), None);
        assert_eq!(accuracy(&[trial(0, true, 0.5), trial(1, false, 0.1)], 3), None);
    }
}
