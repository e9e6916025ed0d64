//! Fits the test that tells upright heads from those upside down or sideways.

use ostiary_core::Embedding;
use ostiary_models::UprightTest;

use super::people::Person;

/// Steps of the gradient descent, and its step size. The problem is convex; this many steps reach the minimum to the last digit that
/// matters.
const STEPS: usize = 600;
const STEP_SIZE: f32 = 8.0;
/// Weight of the penalty of large weights (L2).
const PENALTY: f32 = 1e-4;
/// The largest share of the upright faces that the test may refuse, of any set of people with several pictures. Sets of strangers
/// have covered faces, some of which resemble those of turned pictures.
const MAX_REFUSED: f64 = 0.005;

/// What a fitted test does to faces of people who were not used to fit it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct MeasuredUpright {
    /// Share of the upright faces that are refused, the largest of all sets of people with several pictures.
    pub refused: f64,
    /// Share of the faces of turned pictures that are refused.
    pub found: f64,
    /// Number of faces of turned pictures.
    pub turned: usize,
}

/// Fits the test to the faces of pictures as they are and of turned pictures, and measures it: each half of the people by a test of
/// the other half. `None` without faces of turned pictures.
pub fn fit(upright: &[Person], turned: &[Person]) -> Option<(UprightTest, MeasuredUpright)> {
    let half = |people: &[Person], odd: usize| -> Vec<Person> {
        people
            .iter()
            .enumerate()
            .filter(|(number, _)| number % 2 == odd)
            .map(|(_, person)| person.clone())
            .collect()
    };
    let (mut refused, mut found, mut count) = (0f64, 0usize, 0usize);
    // Weighted sums of faces by tests that do not know them, for each set.
    let mut scores: Vec<Vec<f32>> = Vec::new();
    let mut turned_scores = Vec::new();
    let is_reference = |set: usize| upright.iter().any(|person| person.set == set && person.faces.len() > 1);
    for odd in [0, 1] {
        let weights = weights(&half(upright, odd), &half(turned, odd))?;
        let test = UprightTest { weights, threshold: 0.0 };
        for person in half(upright, 1 - odd).into_iter().filter(|person| is_reference(person.set)) {
            if scores.len() <= person.set {
                scores.resize(person.set + 1, Vec::new());
            }
            if let Some(of_set) = scores.get_mut(person.set) {
                of_set.extend(person.faces.iter().map(|face| test.score(&face.embedding)));
            }
        }
        for person in half(turned, 1 - odd) {
            turned_scores.extend(person.faces.iter().map(|face| test.score(&face.embedding)));
        }
    }
    let quantile = |scores: &mut Vec<f32>| {
        scores.sort_by(f32::total_cmp);
        let index = (scores.len() as f64 * (1.0 - MAX_REFUSED)) as usize;
        scores.get(index.min(scores.len().saturating_sub(1))).copied()
    };
    let threshold = scores.iter_mut().filter_map(quantile).fold(f32::MIN, f32::max);
    for of_set in scores.iter().filter(|scores| !scores.is_empty()) {
        let above = of_set.iter().filter(|score| **score > threshold).count();
        refused = refused.max(above as f64 / of_set.len() as f64);
    }
    for score in &turned_scores {
        found += usize::from(*score > threshold);
        count += 1;
    }
    let measured = MeasuredUpright { refused, found: found as f64 / count.max(1) as f64, turned: count };
    Some((UprightTest { weights: weights(upright, turned)?, threshold }, measured))
}

/// Logistic regression: both classes have the same weight. The intercept is left out, because the threshold is set separately.
fn weights(upright: &[Person], turned: &[Person]) -> Option<Vec<f32>> {
    let faces = |people: &[Person]| -> Vec<Embedding> {
        people.iter().flat_map(|person| person.faces.iter().map(|face| face.embedding.clone())).collect()
    };
    let classes = [faces(upright), faces(turned)];
    if classes.iter().any(Vec::is_empty) {
        return None;
    }
    let length = classes.iter().flatten().map(|face| face.values().len()).max()?;
    let (mut weights, mut intercept) = (vec![0f32; length], 0f32);
    for _ in 0..STEPS {
        let (mut gradient, mut of_intercept) = (vec![0f32; length], 0f32);
        for (class, faces) in classes.iter().enumerate() {
            let share = 0.5 / faces.len() as f32;
            for face in faces {
                let sum: f32 = face.values().iter().zip(&weights).map(|(value, weight)| value * weight).sum();
                let error = 1.0 / (1.0 + (-sum - intercept).exp()) - class as f32;
                gradient.iter_mut().zip(face.values()).for_each(|(sum, value)| *sum += share * error * value);
                of_intercept += share * error;
            }
        }
        for (weight, gradient) in weights.iter_mut().zip(&gradient) {
            *weight -= STEP_SIZE * (gradient + PENALTY * *weight);
        }
        intercept -= STEP_SIZE * of_intercept;
    }
    Some(weights)
}

#[cfg(test)]
mod tests {
    use super::super::people::Face;
    use super::*;

    #[test]
    fn two_directions_are_told_apart() {
        let person = |x: f32, y: f32| {
            let face = |n: usize| Face {
                embedding: Embedding::normalized(&[x, y, n as f32 / 20.0]).unwrap(),
                weight: 1.0,
            };
            Person { set: 0, faces: (0..5).map(face).collect() }
        };
        let upright: Vec<Person> = (0..10).map(|n| person(1.0, n as f32 / 10.0)).collect();
        let turned: Vec<Person> = (0..10).map(|n| person(-1.0, n as f32 / 10.0)).collect();
        let (test, measured) = fit(&upright, &turned).unwrap();
        assert_eq!((measured.refused, measured.found, measured.turned), (0.0, 1.0, 50));
        assert!(test.is_upright(&upright[3].faces[0].embedding));
        assert!(!test.is_upright(&turned[3].faces[0].embedding));
        assert!(fit(&upright, &[]).is_none());
    }
}
