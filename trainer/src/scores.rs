//! Genuine and impostor scores of a set of people, and the error rates that thresholds on them give.
//!
//! FAR is the share of impostor pairs at or above the threshold (FMR in ISO/IEC 19795-1), FRR the share of genuine pairs
//! below it (FNMR there). EER is the rate at the threshold where both are equal, TAR = 1 - FRR.

/// A set supports a FAR only if at least this many false accepts are expected. With fewer, the threshold is random. The
/// "rule of 3" (ISO/IEC 19795-1) has the same bound: no error in N trials gives an error rate of at most 3 / N at 95 %.
const MIN_FALSE_ACCEPTS: f64 = 3.0;

/// Scores of pairs, each list ascending.
#[derive(Debug, Clone, Default)]
pub struct Scores {
    genuine: Vec<f32>,
    impostor: Vec<f32>,
}

impl Scores {
    /// Every unordered pair of `faces`, each a label and a unit vector: pairs of one label are genuine.
    pub fn of_pairs(faces: &[(String, Vec<f32>)]) -> Self {
        let mut scores = Self::default();
        for (i, (label, probe)) in faces.iter().enumerate() {
            for (other, template) in faces.iter().skip(i + 1) {
                let cosine = probe.iter().zip(template).map(|(a, b)| a * b).sum();
                if label == other { &mut scores.genuine } else { &mut scores.impostor }.push(cosine);
            }
        }
        Self::new(scores.genuine, scores.impostor)
    }

    /// Takes the scores in any order.
    pub fn new(mut genuine: Vec<f32>, mut impostor: Vec<f32>) -> Self {
        genuine.sort_by(f32::total_cmp);
        impostor.sort_by(f32::total_cmp);
        Self { genuine, impostor }
    }

    /// Number of genuine pairs.
    pub fn genuine_pairs(&self) -> usize {
        self.genuine.len()
    }

    /// Number of impostor pairs.
    pub fn impostor_pairs(&self) -> usize {
        self.impostor.len()
    }

    /// The genuine scores, ascending.
    pub fn genuine(&self) -> &[f32] {
        &self.genuine
    }

    /// The impostor scores, ascending.
    pub fn impostor(&self) -> &[f32] {
        &self.impostor
    }

    /// Whether this number of impostor pairs supports a threshold for a FAR.
    pub fn supports(impostor_pairs: usize, far: f64) -> bool {
        impostor_pairs as f64 * far >= MIN_FALSE_ACCEPTS
    }

    /// Number of genuine pairs at or above a threshold.
    pub fn accepted(&self, threshold: f32) -> usize {
        self.genuine.len() - self.genuine.partition_point(|s| *s < threshold)
    }

    /// Mean genuine and mean impostor score.
    pub fn means(&self) -> (f64, f64) {
        let mean = |list: &[f32]| list.iter().map(|s| f64::from(*s)).sum::<f64>() / list.len().max(1) as f64;
        (mean(&self.genuine), mean(&self.impostor))
    }

    /// Share of impostor pairs at or above a threshold.
    pub fn far(&self, threshold: f32) -> f64 {
        let below = self.impostor.partition_point(|s| *s < threshold);
        (self.impostor.len() - below) as f64 / self.impostor.len().max(1) as f64
    }

    /// Share of genuine pairs below a threshold.
    pub fn frr(&self, threshold: f32) -> f64 {
        self.genuine.partition_point(|s| *s < threshold) as f64 / self.genuine.len().max(1) as f64
    }

    /// The equal error rate: the mean of FAR and FRR at the score where they differ least.
    pub fn eer(&self) -> f64 {
        // FAR falls and FRR rises with the threshold, so the sign of their difference changes once.
        let mut all: Vec<f32> = self.genuine.iter().chain(&self.impostor).copied().collect();
        all.sort_by(f32::total_cmp);
        let crossing = all.partition_point(|t| self.far(*t) > self.frr(*t));
        [crossing.checked_sub(1), Some(crossing)]
            .into_iter()
            .flatten()
            .filter_map(|i| all.get(i))
            .map(|t| (self.far(*t), self.frr(*t)))
            .min_by(|a, b| (a.0 - a.1).abs().total_cmp(&(b.0 - b.1).abs()))
            .map_or(0.0, |(far, frr)| (far + frr) / 2.0)
    }

    /// The lowest threshold at which at most the share `far` of impostor pairs is accepted; `None` without
    /// impostor pairs.
    pub fn threshold_at_far(&self, far: f64) -> Option<f32> {
        let accepted = (far * self.impostor.len() as f64).floor() as usize;
        let rejected = self.impostor.len().checked_sub(accepted)?.checked_sub(1)?;
        self.impostor.get(rejected).map(|s| s.next_up())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separated_scores_have_no_error() {
        let scores = Scores::new(vec![0.9, 0.8], vec![0.1, 0.2, 0.3]);
        assert_eq!(scores.eer(), 0.0);
        let threshold = scores.threshold_at_far(0.0).unwrap();
        assert!(threshold > 0.3 && scores.far(threshold) == 0.0 && scores.frr(threshold) == 0.0);
    }

    #[test]
    fn overlapping_scores_meet_in_the_middle() {
        let scores = Scores::new(vec![0.2, 0.6, 0.7, 0.8], vec![0.1, 0.3, 0.4, 0.65]);
        assert_eq!(scores.eer(), 0.25);
    }

    #[test]
    fn the_threshold_holds_its_far() {
        let impostor: Vec<f32> = (0..1000).map(|i| i as f32 / 1000.0).collect();
        let scores = Scores::new(vec![1.0], impostor);
        for far in [0.5, 0.1, 0.01, 0.001, 0.0] {
            let threshold = scores.threshold_at_far(far).unwrap();
            assert!(scores.far(threshold) <= far);
            assert!(scores.far(threshold - 0.0015) > far, "not the lowest at {far}");
        }
    }

    #[test]
    fn pairs_of_one_label_are_genuine() {
        let face = |label: &str, x: f32, y: f32| (label.to_owned(), vec![x, y]);
        let scores = Scores::of_pairs(&[face("a", 1.0, 0.0), face("a", 0.8, 0.6), face("b", 0.0, 1.0)]);
        assert_eq!((scores.genuine_pairs(), scores.impostor_pairs()), (1, 2));
        assert_eq!(scores.means(), (f64::from(0.8f32), f64::from(0.6f32) / 2.0));
    }
}
