//! Identification: whom of a gallery does a picture show, if anybody? Terms as in ISO/IEC 19795-1.
//!
//! A gallery has one template a person: one of their pictures, drawn. All other pictures are probes, and the answer to one
//! is the person of the highest score. Closed set: everybody is enrolled, and the rank-1 rate is the share of probes that
//! are answered by their own person. Open set: some are enrolled, as at a door, and their probes are mated, those of all
//! others not; at the threshold that lets the share FPIR of non-mated probes be taken for anybody, FNIR is the share of
//! mated ones that are answered by another person or by none. All is drawn several times, and counted together.

use std::collections::HashSet;

use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

use super::faces::Faces;
use crate::scores::Scores;

/// The share of strangers who may be taken for somebody.
const FPIR: f64 = 1e-2;
/// Galleries that are drawn of each size.
const DRAWS: u64 = 10;
/// Probes of each kind for a gallery, at most: where there are more, so many are drawn.
const MOST_PROBES: usize = 1000;

/// Rates in percent.
#[derive(Debug, Serialize)]
pub struct Identification {
    /// People of the closed set.
    pub people: usize,
    pub rank1: f64,
    pub rank1_probes: usize,
    /// At this FPIR.
    pub fpir: f64,
    /// By size of the gallery.
    pub open: Vec<OpenSet>,
}

/// An open set, over all draws.
#[derive(Debug, Serialize)]
pub struct OpenSet {
    /// People enrolled.
    pub gallery: usize,
    pub mated: usize,
    pub non_mated: usize,
    /// `None` where there are too few strangers' pictures to say.
    pub threshold: Option<f32>,
    pub fnir: Option<f64>,
}

/// `person` has the person of each picture, by number from 0. `None` where nobody has two pictures with a face.
pub fn identify(faces: &Faces, person: &[usize], seed: u64) -> Option<Identification> {
    let mut people = vec![Vec::new(); person.iter().max()? + 1];
    for (picture, person) in person.iter().enumerate().filter(|(picture, _)| faces.has(*picture)) {
        people[*person].push(picture);
    }
    people.retain(|pictures| !pictures.is_empty());
    let closed: Vec<Draw> = draws(faces, &people, people.len(), seed);
    let answers: Vec<f32> = closed.into_iter().flat_map(|draw| draw.mated).collect();
    let right = answers.iter().filter(|score| **score > f32::NEG_INFINITY).count();
    let rank1 = (!answers.is_empty()).then(|| 100.0 * right as f64 / answers.len() as f64)?;
    let open = sizes(people.len()).map(|size| OpenSet::of(size, draws(faces, &people, size, seed))).collect();
    let (fpir, rank1_probes) = (100.0 * FPIR, answers.len());
    Some(Identification { people: people.len(), rank1, rank1_probes, fpir, open })
}

/// 1, 2, 5, 10, ..., so that somebody stays outside.
fn sizes(people: usize) -> impl Iterator<Item = usize> {
    let steps = (0..).flat_map(|power| [1, 2, 5].map(|digit| digit * 10usize.saturating_pow(power)));
    steps.take_while(move |size| *size < people)
}

/// One gallery and its probes.
struct Draw {
    /// The score of each mated probe that is answered by its own person, and minus infinity for others.
    mated: Vec<f32>,
    /// The highest score of each probe of a stranger.
    non_mated: Vec<f32>,
    strangers: HashSet<usize>,
}

fn draws(faces: &Faces, people: &[Vec<usize>], size: usize, seed: u64) -> Vec<Draw> {
    let draw = |number: u64| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(number);
        Draw::of(faces, people, size, &mut rng)
    };
    (0..DRAWS).into_par_iter().map(draw).collect()
}

impl Draw {
    fn of(faces: &Faces, people: &[Vec<usize>], size: usize, rng: &mut impl Rng) -> Self {
        let mut order: Vec<&Vec<usize>> = people.iter().collect();
        order.shuffle(rng);
        let (enrolled, others) = order.split_at(size);
        let templates: Vec<usize> =
            enrolled.iter().filter_map(|pictures| pictures.choose(rng).copied()).collect();
        let mated = enrolled.iter().zip(&templates).enumerate().flat_map(|(person, (pictures, template))| {
            pictures.iter().filter(move |picture| *picture != template).map(move |picture| (person, *picture))
        });
        let mated = some(mated.collect(), rng);
        let strangers = some(others.iter().copied().flatten().copied().collect(), rng);
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

fn some<T: Clone>(mut probes: Vec<T>, rng: &mut impl Rng) -> Vec<T> {
    let (drawn, _) = probes.partial_shuffle(rng, MOST_PROBES);
    drawn.to_vec()
}

impl OpenSet {
    fn of(gallery: usize, draws: Vec<Draw>) -> Self {
        let strangers: HashSet<usize> = draws.iter().flat_map(|draw| &draw.strangers).copied().collect();
        let (mut mated, mut non_mated) = (Vec::new(), Vec::new());
        for draw in draws {
            mated.extend(draw.mated);
            non_mated.extend(draw.non_mated);
        }
        let scores = Scores::new(mated, non_mated);
        // The same picture before another gallery is no other stranger.
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
    fn people_who_lie_apart_are_all_identified() {
        // Six people 60 degrees apart, a hundred pictures each within 4 degrees.
        let degrees = |picture: usize| (picture / 100) as f32 * 60.0 + (picture % 100) as f32 * 0.04;
        let faces = Faces::new((0..600).map(|picture| at(degrees(picture))).collect());
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
    fn whoever_looks_like_another_is_answered_by_them() {
        // The second person's pictures lie about the first one's template, and away from each other.
        let faces = Faces::new([0.0, 0.0, -50.0, 50.0].map(at).to_vec());
        let found = identify(&faces, &[0, 0, 1, 1], 1).unwrap();
        // Both of the first's are answered right, whichever is the template; neither of the second's.
        assert_eq!(found.rank1, 50.0);
        // Two strangers' pictures say nothing of one false accept in a hundred.
        assert_eq!((found.open.len(), found.open[0].gallery, found.open[0].fnir), (1, 1, None));
    }

    #[test]
    fn pictures_without_a_face_do_not_count() {
        let faces = Faces::new(vec![at(0.0), None, at(90.0)]);
        assert!(identify(&faces, &[0, 0, 1], 1).is_none());
    }
}
