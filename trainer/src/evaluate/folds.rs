//! The accuracy of Labeled Faces in the Wild (Huang et al. 2007). Pairs are divided into folds. The accuracy of a fold is the
//! share of its pairs that are classified correctly, with a threshold that is chosen on all other folds.
//!
//! Folds are consecutive pairs, without shuffling, as in the evaluation of InsightFace. That evaluation tries thresholds in
//! fixed steps; here every threshold midway between two neighboring scores is tried. Of equally good thresholds the middle one
//! is chosen.

use serde::Serialize;

/// Number of folds if a set does not have one.
pub const FOLDS: usize = 10;

/// A pair that was compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trial {
    /// Similarity.
    pub score: f32,
    /// Whether both pictures show one person.
    pub same: bool,
    /// Number of its fold.
    pub fold: usize,
}

/// Accuracy over the folds; rates in percent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Accuracy {
    /// Mean accuracy of the folds.
    pub mean: f64,
    /// Population standard deviation of the accuracies of the folds, as InsightFace prints it.
    pub deviation: f64,
    /// The threshold that classifies most of all pairs correctly.
    pub threshold: f32,
    /// Number of folds.
    pub folds: usize,
    /// Number of pairs.
    pub pairs: usize,
}

/// The fold of pair number `pair` of `pairs`. If pairs cannot be divided evenly, the first folds have one more.
pub fn fold_of(pair: usize, pairs: usize, folds: usize) -> usize {
    let (size, larger) = (pairs / folds, pairs % folds);
    let begin_of_smaller = larger * (size + 1);
    if pair < begin_of_smaller { pair / (size + 1) } else { larger + (pair - begin_of_smaller) / size }
}

/// Accuracy over the folds. `None` if a fold, or all other folds together, have no pair.
pub fn accuracy(trials: &[Trial], folds: usize) -> Option<Accuracy> {
    let of_fold = |fold: usize| {
        let (tests, others): (Vec<Trial>, Vec<Trial>) = trials.iter().partition(|trial| trial.fold == fold);
        let threshold = best_threshold(&others)?;
        let correct = tests.iter().filter(|trial| (trial.score >= threshold) == trial.same).count();
        (!tests.is_empty()).then(|| 100.0 * correct as f64 / tests.len() as f64)
    };
    let rates: Vec<f64> = (0..folds).map(of_fold).collect::<Option<_>>()?;
    let mean = rates.iter().sum::<f64>() / folds as f64;
    let variance = rates.iter().map(|rate| (rate - mean).powi(2)).sum::<f64>() / folds as f64;
    let threshold = best_threshold(trials)?;
    Some(Accuracy { mean, deviation: variance.sqrt(), threshold, folds, pairs: trials.len() })
}

/// The threshold that classifies most pairs correctly; `None` without pairs.
fn best_threshold(trials: &[Trial]) -> Option<f32> {
    let mut sorted: Vec<(f32, bool)> = trials.iter().map(|trial| (trial.score, trial.same)).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (least, most) = (sorted.first()?.0, sorted.last()?.0);
    // With a threshold below all scores, every pair is accepted. As the threshold passes each score from the lowest on, a pair
    // of two people becomes correct, and a pair of one person becomes wrong.
    let mut correct = sorted.iter().filter(|(_, same)| *same).count();
    let mut tried = vec![(least, correct)];
    for (index, (score, same)) in sorted.iter().enumerate() {
        if *same {
            correct -= 1
        } else {
            correct += 1
        };
        let next = sorted.get(index + 1).map(|(score, _)| *score);
        if next != Some(*score) {
            tried.push((next.map_or(most.next_up(), |next| score + (next - score) / 2.0), correct));
        }
    }
    let best = tried.iter().map(|(_, correct)| *correct).max()?;
    let equal: Vec<f32> =
        tried.iter().filter(|(_, correct)| *correct == best).map(|(threshold, _)| *threshold).collect();
    equal.get(equal.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(fold: usize, same: bool, score: f32) -> Trial {
        Trial { score, same, fold }
    }

    #[test]
    fn each_fold_uses_the_threshold_of_the_other_folds() {
        // The scores of the second fold are higher. Its threshold (between 0.5 and 0.9: 0.7) rejects the genuine pair of the
        // first fold. The threshold of the first fold (between 0.1 and 0.6: 0.35) accepts the impostors of the second.
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
        // Together they are separated between 0.5 and 0.6.
        assert!((found.threshold - 0.55).abs() < 1e-6, "{found:?}");
        assert_eq!((found.folds, found.pairs), (2, 5));
    }

    #[test]
    fn equal_scores_get_equal_results() {
        // With any threshold, one of the two pairs at 0.5 is classified wrong.
        let trials: Vec<Trial> = (0..4)
            .flat_map(|fold| [trial(fold, true, 0.5), trial(fold, false, 0.5), trial(fold, true, 0.8)])
            .collect();
        let found = accuracy(&trials, 4).unwrap();
        assert!((found.mean - 200.0 / 3.0).abs() < 1e-9 && found.deviation.abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn folds_are_those_of_scikit_learn() {
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
    fn too_few_pairs_give_no_accuracy() {
        assert_eq!(accuracy(&[], 10), None);
        assert_eq!(accuracy(&[trial(0, true, 0.5)], 1), None);
        assert_eq!(accuracy(&[trial(0, true, 0.5), trial(1, false, 0.1)], 3), None);
    }
}
