//! A visit to a door, and the highest threshold at which it would let the visitor in.

use std::time::Duration;

use ostiary_access::{
    Access, CLEAR_EXCESS, Decider, EARLY_EXCESS, LivenessEvidence, LivenessRules, Observation, Outcome,
};
use ostiary_config::Door;
use ostiary_core::{Candidate, Embedding, PersonId, Quality, Similarity, TrackId};
use ostiary_facebank::Gallery;
use ostiary_pipeline::TrackTemplate;

use super::people::Face;

/// Time between two frames of a visit.
const FRAME_INTERVAL: Duration = Duration::from_millis(200);
/// Number of frames of a visit; a longer series of pictures is several visits.
pub const MAX_FRAMES: usize = 40;
/// Number of frames for which a single picture is held.
const HELD_FRAMES: usize = 12;
/// Precision of a score.
const SCORE_STEP: f32 = 5e-4;

/// A visit: the templates of the visitor's tracks at each moment, as the door computes them.
#[derive(Debug, Clone)]
pub struct Visit(Vec<Moment>);

#[derive(Debug, Clone)]
struct Moment {
    time: Duration,
    track: TrackId,
    moments: u32,
    template: Embedding,
}

impl Visit {
    /// The visit of a person who shows these faces, one a frame; a single face is held for some seconds.
    pub fn new(faces: &[&Face]) -> Self {
        let window = Door::default().window();
        let frames = if faces.len() == 1 { HELD_FRAMES } else { faces.len().min(MAX_FRAMES) };
        let mut template = TrackTemplate::default();
        let mut track = TrackId(1);
        let mut moments = Vec::with_capacity(frames);
        let mut time = Duration::ZERO;
        for face in faces.iter().cycle().take(frames) {
            time += FRAME_INTERVAL;
            if !template.is_same_person(&face.embedding) {
                template.clear();
                track.0 += 1;
            }
            template.push(time, face.weight, &face.embedding, window);
            if let Some(mean) = template.mean() {
                moments.push(Moment { time, track, moments: template.evidence(), template: mean.clone() });
            }
        }
        Self(moments)
    }

    /// The highest threshold at which the door's own decision lets the visitor in as a person, by the similarity of a template
    /// and that person. Lower than any similarity if no threshold does.
    pub fn score(&self, similarity: impl Fn(&Embedding) -> f32) -> f32 {
        let similarities: Vec<f32> = self.0.iter().map(|moment| similarity(&moment.template)).collect();
        let highest = similarities.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        // A grant is possible between these two at most: each moment reaches the threshold with an excess or without.
        let (mut granted, mut refused) = (f32::NEG_INFINITY, highest + SCORE_STEP);
        let mut tried = highest - CLEAR_EXCESS;
        // A visit of too few moments is never granted. One that disagrees with itself may be granted far below its highest.
        let lowest = similarities.iter().copied().fold(f32::INFINITY, f32::min) - EARLY_EXCESS - CLEAR_EXCESS;
        while tried >= lowest && granted == f32::NEG_INFINITY {
            if self.is_granted(&similarities, tried) {
                granted = tried;
            } else {
                refused = tried;
                tried -= CLEAR_EXCESS;
            }
        }
        while granted.is_finite() && refused - granted > SCORE_STEP {
            let middle = f32::midpoint(granted, refused);
            if self.is_granted(&similarities, middle) { granted = middle } else { refused = middle }
        }
        granted
    }

    /// Whether the door lets the visitor in at this threshold.
    fn is_granted(&self, similarities: &[f32], threshold: f32) -> bool {
        let candidate = |similarity: f32| Candidate {
            person: PersonId(1),
            similarity: Similarity(similarity),
            cosine: Similarity(similarity),
            threshold: Similarity(threshold),
            photos: 1,
            second: None,
            third: None,
        };
        self.decide(similarities.iter().map(|similarity| Some(candidate(*similarity)))).is_some()
    }

    /// The person that a door with this gallery lets the visitor in as.
    pub fn admitted(&self, gallery: &Gallery) -> Option<PersonId> {
        self.decide(self.0.iter().map(|moment| gallery.best(&moment.template)))
    }

    /// The first person that the door's own decision grants entry as, by the candidate of each moment.
    fn decide(&self, candidates: impl Iterator<Item = Option<Candidate>>) -> Option<PersonId> {
        let mut decider = Decider::new(&Door::default(), LivenessRules::OFF);
        self.0.iter().zip(candidates).find_map(|(moment, candidate)| {
            let observation = Observation {
                track: moment.track,
                first_seen: Duration::ZERO,
                quality: Quality::default(),
                fault: None,
                embedded: true,
                moments: moment.moments,
                candidate,
                access: Access::Allowed,
                liveness: LivenessEvidence::default(),
            };
            let decisions = decider.observe(moment.time, &[observation]);
            decisions.iter().find(|decision| decision.outcome == Outcome::Granted)?.person
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(degrees: f32) -> Face {
        let (sin, cos) = degrees.to_radians().sin_cos();
        Face { embedding: Embedding::normalized(&[cos, sin]).unwrap(), weight: 1.0 }
    }

    fn score(degrees: &[f32]) -> f32 {
        let faces: Vec<Face> = degrees.iter().map(|degrees| face(*degrees)).collect();
        let person = face(0.0).embedding;
        Visit::new(&faces.iter().collect::<Vec<_>>()).score(|template| template.similarity(&person).0)
    }

    #[test]
    fn a_long_visit_scores_its_similarity_and_a_short_one_less() {
        assert!((score(&[0.0]) - 1.0).abs() < 2.0 * SCORE_STEP, "held: {}", score(&[0.0]));
        assert!((score(&[0.0; 3]) - (1.0 - CLEAR_EXCESS)).abs() < 2.0 * SCORE_STEP);
        assert!((score(&[0.0; 2]) - (1.0 - EARLY_EXCESS)).abs() < 2.0 * SCORE_STEP, "an early match");
        assert_eq!(score(&[0.0, 90.0]), f32::NEG_INFINITY, "too few moments");
    }

    #[test]
    fn a_late_match_of_a_stranger_needs_the_clear_excess() {
        let mut visit = vec![60.0; 12];
        visit.extend([30.0; 24]);
        let late = score(&visit);
        let alone = score(&[30.0; 24]);
        assert!((alone - 30f32.to_radians().cos()).abs() < 2.0 * SCORE_STEP, "{alone}");
        assert!((late - (alone - CLEAR_EXCESS)).abs() < 2.0 * SCORE_STEP, "{late}");
    }

    #[test]
    fn two_people_before_the_camera_are_two_tracks() {
        let mut visit = vec![100.0; 2];
        visit.extend([0.0; 3]);
        assert!((score(&visit) - (1.0 - CLEAR_EXCESS)).abs() < 2.0 * SCORE_STEP);
    }
}
