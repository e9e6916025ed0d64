//! Identification: search of a gallery for the person of a probe. Terms as in ISO/IEC 19795-1.
//!
//! A gallery has one template for each person: a random picture. All other pictures are probes, and the result of a search is
//! the person with the highest score. In a closed set all people are enrolled, and the rank-1 rate is the share of probes whose
//! result is their own person. In an open set some people are enrolled, as at a door. Their probes are mated, those of all other
//! people are non-mated. At the threshold at which the share FPIR of non-mated probes gives a result, FNIR is the share of mated
//! probes whose result is another person or none. Several galleries are drawn, and their searches are counted together.

use std::collections::HashSet;

use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

use super::face_embeddings::FaceEmbeddings;
use crate::scores::Scores;

/// The FPIR at which FNIR is reported.
const FPIR: f64 = 1e-2;
/// Number of random galleries of each size.
const DRAWS: u64 = 10;
/// Greatest number of probes of each kind for a gallery. If there are more, this many are drawn.
const MAX_PROBES: usize = 1000;

/// Identification rates of a set, in percent.
#[derive(Debug, Serialize)]
pub struct Identification {
    /// People of the closed set.
    pub people: usize,
    /// Rank-1 rate of the closed set.
    pub rank1: f64,
    /// Number of its probes, over all galleries.
    pub rank1_probes: usize,
    /// The FPIR of `open`.
    pub fpir: f64,
    /// Results by size of the gallery.
    pub open: Vec<OpenSet>,
}

/// Results of an open set, over all galleries of a size.
#[derive(Debug, Serialize)]
pub struct OpenSet {
    /// Number of enrolled people.
    pub gallery: usize,
    /// Number of mated probes.
    pub mated: usize,
    /// Number of non-mated probes.
    pub non_mated: usize,
    /// `None` if there are too few pictures of strangers for this FPIR.
    pub threshold: Option<f32>,
    /// FNIR at this threshold.
    pub fnir: Option<f64>,
}

/// Measures identification. `person` has the index of each picture's person. `None` if no person has two pictures with a face.
pub fn identify(faces: &FaceEmbeddings, person: &[usize], seed: u64) -> Option<Identification> {
    let mut people = vec![Vec::new(); person.iter().max()? + 1];
    for (picture, person) in person.iter().enumerate().filter(|(picture, _)| faces.has(*picture)) {
        if let Some(pictures) = people.get_mut(*person) {
            pictures.push(picture);
        }
    }
    people.retain(|pictures| !pictures.is_empty());
    let closed: Vec<GalleryDraw> = draws(faces, &people, people.len(), seed);
    let answers: Vec<f32> = closed.into_iter().flat_map(|draw| draw.mated).collect();
    let right = answers.iter().filter(|score| **score > f32::NEG_INFINITY).count();
    let rank1 = (!answers.is_empty()).then(|| 100.0 * right as f64 / answers.len() as f64)?;
    let open = sizes(people.len()).map(|size| OpenSet::of(size, draws(faces, &people, size, seed))).collect();
    let (fpir, rank1_probes) = (100.0 * FPIR, answers.len());
    Some(Identification { people: people.len(), rank1, rank1_probes, fpir, open })
}

/// Sizes of galleries: 1, 2, 5, 10, ..., below the number of people.
fn sizes(people: usize) -> impl Iterator<Item = usize> {
    let steps = (0..).flat_map(|power| [1, 2, 5].map(|digit| digit * 10usize.saturating_pow(power)));
    steps.take_while(move |size| *size < people)
}

/// The results of one gallery.
struct GalleryDraw {
    /// Score of each mated probe whose result is its own person; minus infinity for other results.
    mated: Vec<f32>,
    /// Highest score of each non-mated probe.
    non_mated: Vec<f32>,
    /// Indices of the pictures of non-mated probes.
    strangers: HashSet<usize>,
}

fn draws(faces: &FaceEmbeddings, people: &[Vec<usize>], size: usize, seed: u64) -> Vec<GalleryDraw> {
    let draw = |number: u64| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(number);
        GalleryDraw::of(faces, people, size, &mut rng)
    };
    (0..DRAWS).into_par_iter().map(draw).collect()
}

impl GalleryDraw {
    fn of(faces: &FaceEmbeddings, people: &[Vec<usize>], size: usize, rng: &mut impl Rng) -> Self {
        let mut order: Vec<&Vec<usize>> = people.iter().collect();
        order.shuffle(rng);
        let (enrolled, others) = order.split_at(size);
        let templates: Vec<usize> =
            enrolled.iter().filter_map(|pictures| pictures.choose(rng).copied()).collect();
        let mated = enrolled.iter().zip(&templates).enumerate().flat_map(|(person, (pictures, template))| {
            pictures.iter().filter(move |picture| *picture != template).map(move |picture| (person, *picture))
        });
        let mated = sample_probes(mated.collect(), rng);
        let strangers = sample_probes(others.iter().copied().flatten().copied().collect(), rng);
        let answer = |probe: usize| {
            let scores = templates.iter().enumerate();
            let scores =
                scores.filter_map(|(person, template)| Some((person, faces.score(probe, *template)?)));
            scores.max_by(|a, b| a.1.total_cmp(&b.1))
        };
        let of_mated = |(person, probe): &(usize, usize)| match answer(*probe) {
            Some((found, score)) if found == *person => score,
            _ => f32::NEG_INFINITY,
        };
        Self {
            mated: mated.iter().map(of_mated).collect(),
            non_mated: strangers.iter().filter_map(|probe| Some(answer(*probe)?.1)).collect(),
            strangers: strangers.into_iter().collect(),
        }
    }
}

/// At most [`MAX_PROBES`] random items.
fn sample_probes<T: Clone>(mut probes: Vec<T>, rng: &mut impl Rng) -> Vec<T> {
    let (drawn, _) = probes.partial_shuffle(rng, MAX_PROBES);
    drawn.to_vec()
}

impl OpenSet {
    fn of(gallery: usize, draws: Vec<GalleryDraw>) -> Self {
        let strangers: HashSet<usize> = draws.iter().flat_map(|draw| &draw.strangers).copied().collect();
        let (mut mated, mut non_mated) = (Vec::new(), Vec::new());
        for draw in draws {
            mated.extend(draw.mated);
            non_mated.extend(draw.non_mated);
        }
        let scores = Scores::new(mated, non_mated);
        // The same picture with another gallery is not another stranger.
        let supported = Scores::supports(strangers.len(), FPIR) && scores.genuine_pairs() > 0;
        let threshold = scores.threshold_at_far(FPIR).filter(|_| supported);
        Self {
            gallery,
            mated: scores.genuine_pairs(),
            non_mated: scores.impostor_pairs(),
            threshold,
            fnir: threshold.map(|threshold| 100.0 * scores.frr(threshold)),
        }
    }
}

#[cfg(test)]
mod tests {
    use ostiary_core::Embedding;

    use super::*;

    /// A face at an angle on the circle, degrees.
    fn at(degrees: f32) -> Option<Embedding> {
        let radians = degrees.to_radians();
        Embedding::normalized(&[radians.cos(), radians.sin()])
    }

    #[test]
    fn separated_people_are_all_identified() {
        // Six people 60 degrees apart, a hundred pictures each within 4 degrees.
        let degrees = |picture: usize| (picture / 100) as f32 * 60.0 + (picture % 100) as f32 * 0.04;
        let faces = FaceEmbeddings::new((0..600).map(|picture| at(degrees(picture))).collect());
        let person: Vec<usize> = (0..600).map(|picture| picture / 100).collect();
        let found = identify(&faces, &person, 1).unwrap();
        assert_eq!((found.people, found.rank1, found.rank1_probes), (6, 100.0, 5940));
        let galleries: Vec<_> = found.open.iter().map(|set| (set.gallery, set.mated)).collect();
        assert_eq!(galleries, [(1, 990), (2, 1980), (5, 4950)]);
        for set in &found.open {
            assert_eq!(set.fnir, Some(0.0), "{set:?}");
            let threshold = set.threshold.unwrap();
            assert!((64.1f32.to_radians().cos()..0.99).contains(&threshold), "{threshold}");
        }
    }

    #[test]
    fn a_person_who_resembles_another_is_identified_as_that_person() {
        // The pictures of the second person lie around the template of the first, and far from each other.
        let faces = FaceEmbeddings::new([0.0, 0.0, -50.0, 50.0].map(at).to_vec());
        let found = identify(&faces, &[0, 0, 1, 1], 1).unwrap();
        // With any template, both probes of the first person are identified correctly, and none of the second.
        assert_eq!(found.rank1, 50.0);
        // Two pictures of strangers do not support a FPIR of one in a hundred.
        assert_eq!((found.open.len(), found.open[0].gallery, found.open[0].fnir), (1, 1, None));
    }

    #[test]
    fn pictures_without_a_face_are_not_counted() {
        let faces = FaceEmbeddings::new(vec![at(0.0), None, at(90.0)]);
        assert!(identify(&faces, &[0, 0, 1], 1).is_none());
    }
}
