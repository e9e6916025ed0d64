//! Labels that may be wrong: a picture that is more like somebody else than like the rest of its person, and two people who
//! may be one. Candidates for a person to look at, no verdicts.

use rayon::prelude::*;
use serde::Serialize;

use super::sample::{Face, Sample};

#[derive(Debug, Serialize)]
pub struct Doubts {
    /// Worst first.
    pub pictures: Vec<Doubtful>,
    /// Most alike first.
    pub people: Vec<Alike>,
}

/// A picture that is nearer to another person's mean than to that of its own person's other pictures.
#[derive(Debug, Serialize)]
pub struct Doubtful {
    pub person: String,
    pub picture: String,
    /// Cosine to the mean of the person's other pictures.
    pub own: f32,
    /// Cosine to the mean of the other person.
    pub other: f32,
    pub like: String,
    /// Number among the sample's faces.
    #[serde(skip)]
    pub face: usize,
    /// Number among the sample's people.
    #[serde(skip)]
    pub like_number: usize,
}

/// Two people whose means are near each other.
#[derive(Debug, Serialize)]
pub struct Alike {
    pub first: String,
    pub second: String,
    /// Cosine of their means.
    pub likeness: f32,
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

impl Doubts {
    /// The `most` worst of each kind.
    pub fn of(sample: &Sample, most: usize) -> Self {
        let sums: Vec<Vec<f32>> = sample.by_person().map(sum).collect();
        let means: Vec<Vec<f32>> = sums.iter().cloned().map(unit).collect();
        let sizes: Vec<usize> = sample.by_person().map(<[Face]>::len).collect();
        let nearest = |values: &[f32], own: usize| {
            let others = means.iter().enumerate().filter(|(person, _)| *person != own);
            others.map(|(person, mean)| (person, dot(values, mean))).max_by(|a, b| a.1.total_cmp(&b.1))
        };
        let doubt = |(number, face): (usize, &Face)| {
            // With one picture there is nothing to be unlike.
            let own = face.person;
            if sizes[own] < 2 {
                return None;
            }
            let values = face.embedding.values();
            let others = sums[own].iter().zip(values).map(|(sum, value)| sum - value).collect();
            let to_own = dot(values, &unit(others));
            let (like, other) = nearest(values, own)?;
            (other > to_own).then(|| Doubtful {
                person: sample.people[own].clone(),
                picture: face.picture.name.clone(),
                own: to_own,
                other,
                like: sample.people[like].clone(),
                face: number,
                like_number: like,
            })
        };
        let mut pictures: Vec<Doubtful> = sample.faces.par_iter().enumerate().filter_map(doubt).collect();
        pictures.sort_by(|a, b| (b.other - b.own).total_cmp(&(a.other - a.own)));
        pictures.truncate(most);

        let alike = |first: usize| {
            let (second, likeness) = nearest(&means[first], first)?;
            // Each two once.
            let mutual = nearest(&means[second], second)?.0 == first;
            (!mutual || first < second).then(|| Alike {
                first: sample.people[first].clone(),
                second: sample.people[second].clone(),
                likeness,
            })
        };
        let mut people: Vec<Alike> = (0..means.len()).into_par_iter().filter_map(alike).collect();
        people.sort_by(|a, b| b.likeness.total_cmp(&a.likeness));
        people.truncate(most);
        Self { pictures, people }
    }
}

#[cfg(test)]
mod tests {
    use ostiary_core::Embedding;

    use super::*;
    use crate::faceset::{Picture, Place};

    #[test]
    fn a_picture_under_the_wrong_name_is_found() {
        let at = |person: usize, name: &str, degrees: f32| {
            let radians = degrees.to_radians();
            let picture = Picture { name: name.into(), place: Place::Record(0), face: None };
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
        let doubts = Doubts::of(&Sample { people, faces, not_compared: 0, model: String::new() }, 5);
        let found: Vec<_> = doubts.pictures.iter().map(|d| (&*d.person, &*d.picture, &*d.like)).collect();
        assert_eq!(found[0], ("Ann", "stray", "Bob"));
        assert!(found.iter().all(|(person, ..)| *person != "Cid"), "{found:?}");
        assert_eq!((&*doubts.people[0].first, &*doubts.people[0].second), ("Bob", "Cid"));
    }
}
