//! Label noise: pictures that are more similar to another person than to the other pictures of their own person, and people who
//! may be one person under two names. These are candidates for inspection, not verdicts.

#![expect(clippy::indexing_slicing, reason = "indices are those of people in the same sample")]

use rayon::prelude::*;
use serde::Serialize;

use super::sample::{Face, Sample};

/// Labels that may be wrong.
#[derive(Debug, Serialize)]
pub struct LabelNoise {
    /// The most suspect first.
    pub pictures: Vec<SuspectPicture>,
    /// The most similar first.
    pub people: Vec<SimilarPeople>,
}

/// A picture that is nearer to the mean of another person than to the mean of the other pictures of its own person.
#[derive(Debug, Serialize)]
pub struct SuspectPicture {
    pub person: String,
    pub picture: String,
    /// Cosine to the mean of the other pictures of the person.
    #[serde(rename = "own")]
    pub own_similarity: f32,
    /// Cosine to the mean of the other person.
    #[serde(rename = "other")]
    pub other_similarity: f32,
    /// Name of the other person.
    #[serde(rename = "like")]
    pub other_person: String,
    /// Index in [`Sample::faces`].
    #[serde(skip)]
    pub face_index: usize,
    /// Index of the other person in [`Sample::people`].
    #[serde(skip)]
    pub other_index: usize,
}

/// Two people with similar mean embeddings.
#[derive(Debug, Serialize)]
pub struct SimilarPeople {
    pub first: String,
    pub second: String,
    /// Cosine of their means.
    #[serde(rename = "likeness")]
    pub similarity: f32,
}

/// Scales a sum of embeddings to unit length.
fn unit(mut sum: Vec<f32>) -> Vec<f32> {
    let length = dot(&sum, &sum).sqrt().max(f32::MIN_POSITIVE);
    sum.iter_mut().for_each(|value| *value /= length);
    sum
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn sum(faces: &[Face]) -> Vec<f32> {
    let mut sum = vec![0.0; faces.first().map_or(0, |face| face.embedding.values().len())];
    for face in faces {
        sum.iter_mut().zip(face.embedding.values()).for_each(|(sum, value)| *sum += value);
    }
    sum
}

impl LabelNoise {
    /// The `limit` most suspect pictures and the `limit` most similar pairs of people.
    pub fn of(sample: &Sample, limit: usize) -> Self {
        let sums: Vec<Vec<f32>> = sample.by_person().map(sum).collect();
        let means: Vec<Vec<f32>> = sums.iter().cloned().map(unit).collect();
        let sizes: Vec<usize> = sample.by_person().map(<[Face]>::len).collect();
        let nearest = |values: &[f32], own: usize| {
            let others = means.iter().enumerate().filter(|(person, _)| *person != own);
            others.map(|(person, mean)| (person, dot(values, mean))).max_by(|a, b| a.1.total_cmp(&b.1))
        };
        let suspect = |(index, face): (usize, &Face)| {
            // A single picture cannot be compared with others of its person.
            let own = face.person;
            if sizes[own] < 2 {
                return None;
            }
            let values = face.embedding.values();
            let others = sums[own].iter().zip(values).map(|(sum, value)| sum - value).collect();
            let to_own = dot(values, &unit(others));
            let (other, to_other) = nearest(values, own)?;
            (to_other > to_own).then(|| SuspectPicture {
                person: sample.people[own].clone(),
                picture: face.picture.name.clone(),
                own_similarity: to_own,
                other_similarity: to_other,
                other_person: sample.people[other].clone(),
                face_index: index,
                other_index: other,
            })
        };
        let mut pictures: Vec<SuspectPicture> =
            sample.faces.par_iter().enumerate().filter_map(suspect).collect();
        pictures.sort_by(|a, b| {
            let excess = |suspect: &SuspectPicture| suspect.other_similarity - suspect.own_similarity;
            excess(b).total_cmp(&excess(a))
        });
        pictures.truncate(limit);

        let similar = |first: usize| {
            let (second, similarity) = nearest(&means[first], first)?;
            // Each pair once.
            let mutual = nearest(&means[second], second)?.0 == first;
            (!mutual || first < second).then(|| SimilarPeople {
                first: sample.people[first].clone(),
                second: sample.people[second].clone(),
                similarity,
            })
        };
        let mut people: Vec<SimilarPeople> = (0..means.len()).into_par_iter().filter_map(similar).collect();
        people.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
        people.truncate(limit);
        Self { pictures, people }
    }
}

#[cfg(test)]
mod tests {
    use ostiary_core::Embedding;

    use super::*;
    use crate::faceset::{Location, Picture};

    #[test]
    fn a_picture_with_a_wrong_label_is_found() {
        let at = |person: usize, name: &str, degrees: f32| {
            let radians = degrees.to_radians();
            let picture = Picture { name: name.into(), location: Location::Record(0), face: None };
            Face {
                person,
                picture,
                embedding: Embedding::normalized(&[radians.cos(), radians.sin()]).unwrap(),
            }
        };
        let faces = vec![
            at(0, "a", 0.0),
            at(0, "b", 5.0),
            at(0, "stray", 85.0),
            at(1, "c", 80.0),
            at(1, "d", 90.0),
            at(2, "alone", 89.0),
        ];
        let people = ["Ann", "Bob", "Cid"].map(str::to_owned).to_vec();
        let label_noise = LabelNoise::of(&Sample { people, faces, not_compared: 0, model: String::new() }, 5);
        let found: Vec<_> =
            label_noise.pictures.iter().map(|s| (&*s.person, &*s.picture, &*s.other_person)).collect();
        assert_eq!(found[0], ("Ann", "stray", "Bob"));
        assert!(found.iter().all(|(person, ..)| *person != "Cid"), "{found:?}");
        assert_eq!((&*label_noise.people[0].first, &*label_noise.people[0].second), ("Bob", "Cid"));
    }
}
