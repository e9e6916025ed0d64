//! The template of a track: the mean of the embeddings of one face in view, from different moments of the last seconds.

use std::time::Duration;

use ostiary_core::{Embedding, Similarity};

/// Least time between two moments of a template. Frames that follow each other at the camera's rate show the same view, so
/// that further ones are no further evidence.
pub const MOMENT_INTERVAL: Duration = Duration::from_millis(150);
/// Number of moments that are kept; the oldest are dropped first.
const MAX_MOMENTS: usize = 16;
/// A face whose cosine with the template is smaller is another person's.
const MIN_SAME_PERSON: Similarity = Similarity(0.4);
/// A face whose cosine with the template is smaller disagrees with it.
const MIN_AGREEMENT: Similarity = Similarity(0.5);

/// The embeddings of one track from different moments, and their mean weighted by quality. Memory has a fixed size.
#[derive(Debug, Clone, Default)]
pub struct TrackTemplate {
    moments: heapless::Deque<Moment, MAX_MOMENTS>,
    mean: Option<Embedding>,
}

#[derive(Debug, Clone)]
struct Moment {
    time: Duration,
    weight: f32,
    embedding: Embedding,
    /// Whether it agreed with the template when it was added.
    agrees: bool,
}

impl TrackTemplate {
    /// Whether a face can be of the person of this template. True without moments.
    pub fn is_same_person(&self, embedding: &Embedding) -> bool {
        self.mean.as_ref().is_none_or(|mean| mean.similarity(embedding).reaches(MIN_SAME_PERSON))
    }

    /// Adds the face at a new moment, with its weight, above 0. Moments that are older than `window` are dropped.
    pub fn push(&mut self, time: Duration, weight: f32, embedding: &Embedding, window: Duration) {
        if self.moments.back().is_some_and(|last| time < last.time) {
            self.clear();
        }
        while self.moments.is_full()
            || self.moments.front().is_some_and(|first| time.saturating_sub(first.time) > window)
        {
            self.moments.pop_front();
        }
        let agrees = self.mean.as_ref().is_none_or(|mean| mean.similarity(embedding).reaches(MIN_AGREEMENT));
        // There is room: the loop removed at least one moment if the queue was full.
        let _ = self.moments.push_back(Moment { time, weight, embedding: embedding.clone(), agrees });
        self.mean = Embedding::mean(self.moments.iter().map(|moment| (&moment.embedding, moment.weight)));
    }

    /// The unit mean of the moments; `None` without moments, or if they have no mean.
    pub fn mean(&self) -> Option<&Embedding> {
        self.mean.as_ref()
    }

    /// Number of moments as evidence: each moment that agrees with the template counts for it, each that disagrees against it.
    pub fn evidence(&self) -> u32 {
        let agreeing = self.moments.iter().filter(|moment| moment.agrees).count();
        let disagreeing = self.moments.len() - agreeing;
        agreeing.saturating_sub(disagreeing) as u32
    }

    /// Removes all moments.
    pub fn clear(&mut self) {
        self.moments.clear();
        self.mean = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(2);

    fn ms(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    fn unit(x: f32, y: f32) -> Embedding {
        Embedding::normalized(&[x, y]).unwrap()
    }

    #[test]
    fn the_mean_is_weighted_and_old_moments_leave_it() {
        let mut template = TrackTemplate::default();
        assert!(template.mean().is_none());
        template.push(ms(0), 3.0, &unit(1.0, 0.0), WINDOW);
        template.push(ms(200), 4.0, &unit(0.0, 1.0), WINDOW);
        assert_eq!(template.mean().unwrap().values(), [0.6, 0.8]);
        template.push(ms(2100), 1.0, &unit(0.0, 1.0), WINDOW);
        assert_eq!(template.mean().unwrap().values(), [0.0, 1.0]);
    }

    #[test]
    fn a_moment_that_disagrees_counts_against_the_template() {
        let mut template = TrackTemplate::default();
        for (number, (x, y)) in [(1.0, 0.0), (1.0, 0.1), (1.0, 0.0)].into_iter().enumerate() {
            template.push(ms(200 * number as u64), 1.0, &unit(x, y), WINDOW);
        }
        assert_eq!(template.evidence(), 3);
        let other = unit(0.45, 0.89);
        assert!(template.is_same_person(&other));
        template.push(ms(600), 1.0, &other, WINDOW);
        assert_eq!(template.evidence(), 2);
        assert!(!template.is_same_person(&unit(-0.5, 1.0)));
    }

    #[test]
    fn a_clock_that_goes_back_begins_anew_and_the_size_is_limited() {
        let mut template = TrackTemplate::default();
        for number in 0..100 {
            template.push(ms(number), 1.0, &unit(1.0, 0.0), WINDOW);
        }
        assert_eq!(template.evidence(), MAX_MOMENTS as u32);
        template.push(ms(50), 1.0, &unit(0.0, 1.0), WINDOW);
        assert_eq!((template.evidence(), template.mean().unwrap().values()), (1, [0.0, 1.0].as_slice()));
    }
}
