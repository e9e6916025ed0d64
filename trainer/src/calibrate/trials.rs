//! Trials of strangers against enrolled people, and the thresholds that follow from them.

use anyhow::{Result, ensure};
use ostiary_core::{Embedding, Similarity, mean_cosine};
use ostiary_models::{Calibration, ThresholdRow};
use rand::seq::{IndexedRandom, index};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::people::{Face, Person};
use super::tail::Tail;
use super::visit::{MAX_FRAMES, Visit};

/// The numbers of photos and of people of the rows of a calibration.
pub const PHOTOS: [usize; 4] = [1, 2, 3, 5];
const PEOPLE: [u32; 9] = [1, 2, 5, 10, 20, 50, 100, 200, 500];
/// The rates of its columns.
const RATES: [f64; 7] = [1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4];
/// The smallest rate that a number of strangers supports: with no error in n trials, the 95 % bound is 3 / n.
const RULE_OF_THREE: f64 = 3.0;
/// How many times the photos of each person are drawn.
const DRAWS: u64 = 8;
/// The largest numbers of enrolled people and of strangers of one draw.
const MAX_ENROLLED: usize = 150;
const MAX_STRANGERS: usize = 600;
/// The least number of faces of an enrolled person beyond the photos: they make the person's own visits.
pub const MIN_OWN_FRAMES: usize = 3;
/// Number of times that people are resampled, and the share of these whose thresholds are not higher: a calibration by other people
/// would rarely be stricter.
const RESAMPLES: u64 = 40;
const CONFIDENCE: f64 = 0.9;
/// The score of a visit that no threshold lets in.
const LOWEST_SCORE: f32 = -2.0;
/// A group of trials with fewer scores has no tail.
const MIN_SCORES: usize = 30;

/// Computes the calibration from trials among these people. Each person is enrolled in turn with photos that are drawn at random,
/// and each other person comes as a stranger. Strangers of the person's own set, before the same camera, and those of other sets
/// are two groups: the stricter threshold counts, because a door sees its strangers with its own camera. All is repeated with
/// resampled people (bootstrap), and the threshold is the upper end of the results, since the trials have few people.
///
/// # Errors
/// If there are too few people.
pub fn calibrate(people: &[&Person], sets: Vec<String>, seed: u64) -> Result<Calibration> {
    let mean = mean(people);
    let visits = people.iter().map(|person| visits(person)).collect::<Vec<_>>();
    let mut number_of_visits = 0;
    let mut thresholds = Vec::new();
    let mut most_enrolled = 0;
    for photos in PHOTOS {
        let enrollable: Vec<usize> =
            (0..people.len()).filter(|number| has_faces(people, *number, photos + MIN_OWN_FRAMES)).collect();
        // Fewer photos make the rows if there are not enough for all.
        if enrollable.len() < 2 {
            break;
        }
        most_enrolled = most_enrolled.max(enrollable.len());
        let groups = scores(people, &enrollable, &visits, &mean, photos, seed);
        number_of_visits += groups.iter().map(Vec::len).sum::<usize>();
        let tails =
            (0..RESAMPLES).into_par_iter().map(|number| resample(&groups, people.len(), seed ^ number));
        // Of very few enrolled people a resample can have none.
        let resampled: Vec<Vec<Tail>> = tails.filter(|tails| !tails.is_empty()).collect();
        ensure!(
            2 * resampled.len() as u64 > RESAMPLES,
            "there are too few people and pictures for a calibration"
        );
        let mut before = [0.01f32; RATES.len()];
        for people in PEOPLE {
            let mut least = 0.01;
            let row = RATES.iter().zip(&mut before).map(|(rate, before)| {
                // The share of visits in which one of these people is matched, if all are equally likely.
                let share = 1.0 - (1.0 - rate).powf(1.0 / f64::from(people));
                let strictest =
                    upper(resampled.iter().map(|tails| {
                        tails.iter().map(|tail| tail.threshold(share)).fold(f32::MIN, f32::max)
                    }));
                // A threshold never falls with more people or a smaller rate.
                least = strictest.max(*before).max(least);
                *before = least;
                (least * 1000.0).ceil() / 1000.0
            });
            thresholds.push(ThresholdRow { photos: photos as u32, people, similarity: row.collect() });
        }
    }
    ensure!(
        !thresholds.is_empty(),
        "a calibration needs at least two people with {} good pictures each",
        PHOTOS[0] + MIN_OWN_FRAMES
    );
    let supported = (RULE_OF_THREE / people.len() as f64).min(RATES[0]);
    Ok(Calibration {
        sets,
        strangers: people.len() as u32,
        people: most_enrolled as u32,
        visits: number_of_visits as u64,
        supported_fpir: (supported * 1e4).ceil() / 1e4,
        fpir: RATES.to_vec(),
        mean,
        upright: None,
        thresholds,
    })
}

/// The mean embedding of people, each with the same weight. Not of unit length.
pub fn mean(people: &[&Person]) -> Vec<f32> {
    let of_person =
        |person: &&Person| Embedding::mean(person.faces.iter().map(|face| (&face.embedding, 1.0)));
    let means: Vec<Embedding> = people.iter().filter_map(of_person).collect();
    let length = means.iter().map(|mean| mean.values().len()).max().unwrap_or_default();
    let value = |index: usize| {
        means.iter().filter_map(|mean| mean.values().get(index)).sum::<f32>() / means.len().max(1) as f32
    };
    (0..length).map(value).collect()
}

/// All visits of a person as a stranger: the faces in their order, cut into visits.
fn visits(person: &Person) -> Vec<Visit> {
    person.faces.chunks(MAX_FRAMES).map(|faces| Visit::new(&faces.iter().collect::<Vec<_>>())).collect()
}

fn has_faces(people: &[&Person], number: usize, least: usize) -> bool {
    people.get(number).is_some_and(|person| person.faces.len() >= least)
}

/// The tails of the groups with people drawn at random, with replacement.
fn resample(groups: &[Vec<Trial>; 2], people: usize, seed: u64) -> Vec<Tail> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut copies = vec![0usize; people];
    for _ in 0..people {
        if let Some(copies) = copies.get_mut(random.random_range(0..people)) {
            *copies += 1;
        }
    }
    let times = |person: u32| copies.get(person as usize).copied().unwrap_or_default();
    let scores = |trials: &Vec<Trial>| -> Vec<f32> {
        let repeated =
            trials.iter().map(|trial| (trial.score, times(trial.stranger) * times(trial.enrolled)));
        repeated.flat_map(|(score, times)| std::iter::repeat_n(score, times)).collect()
    };
    groups.iter().map(scores).filter(|scores| scores.len() >= MIN_SCORES).filter_map(Tail::fit).collect()
}

/// The upper end of thresholds.
fn upper(thresholds: impl Iterator<Item = f32>) -> f32 {
    let mut sorted: Vec<f32> = thresholds.collect();
    sorted.sort_by(f32::total_cmp);
    let index = (sorted.len() as f64 * CONFIDENCE) as usize;
    sorted.get(index.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f32::INFINITY)
}

/// A visit of a stranger to one enrolled person.
#[derive(Debug, Clone, Copy)]
struct Trial {
    stranger: u32,
    enrolled: u32,
    /// The highest threshold at which the stranger is let in.
    score: f32,
}

/// The scores of strangers' visits with a number of photos: those of strangers of the enrolled person's set, and those of other
/// strangers.
fn scores(
    people: &[&Person],
    enrollable: &[usize],
    visits: &[Vec<Visit>],
    mean: &[f32],
    photos: usize,
    seed: u64,
) -> [Vec<Trial>; 2] {
    let draws: Vec<(u64, usize)> = (0..DRAWS)
        .flat_map(|draw| {
            let mut random = ChaCha8Rng::seed_from_u64(seed ^ (draw << 32 | photos as u64));
            let enrolled: Vec<usize> = enrollable.sample(&mut random, MAX_ENROLLED).copied().collect();
            enrolled.into_iter().map(move |person| (draw, person))
        })
        .collect();
    let of_person = |&(draw, enrolled): &(u64, usize)| {
        let mut random =
            ChaCha8Rng::seed_from_u64(seed ^ (draw << 32 | (photos as u64) << 24 | enrolled as u64));
        let person = people.get(enrolled)?;
        let (drawn, _) = draw_photos(person, photos, &mut random);
        let template = Embedding::mean(drawn.iter().map(|face| (&face.embedding, 1.0)))?;
        let template_mean_cosine = mean_cosine(template.values(), mean);
        let similarity = |visitor: &Embedding| {
            let mean_cosines = [template_mean_cosine, mean_cosine(visitor.values(), mean)];
            Similarity::normalized(visitor.similarity(&template), mean_cosines).0
        };
        let strangers = index::sample(&mut random, people.len(), people.len().min(MAX_STRANGERS));
        let [mut own, mut other] = [Vec::new(), Vec::new()];
        for stranger in strangers.iter().filter(|stranger| *stranger != enrolled) {
            let (Some(who), Some(visits)) = (people.get(stranger), visits.get(stranger)) else { continue };
            let Some(visit) = visits.get(random.random_range(0..visits.len().max(1))) else { continue };
            let score = visit.score(similarity);
            // The score of a visit with too few moments is not finite: it is never granted.
            let group = if who.set == person.set { &mut own } else { &mut other };
            let (stranger, enrolled) = (stranger as u32, enrolled as u32);
            group.push(Trial { stranger, enrolled, score: score.max(LOWEST_SCORE) });
        }
        Some([own, other])
    };
    let all: Vec<[Vec<Trial>; 2]> = draws.par_iter().filter_map(of_person).collect();
    let mut groups = [Vec::new(), Vec::new()];
    for of_person in all {
        groups.iter_mut().zip(of_person).for_each(|(all, scores)| all.extend(scores));
    }
    groups
}

/// Draws the photos of a person, and returns them and the other faces in their order.
pub fn draw_photos<'a>(
    person: &'a Person,
    photos: usize,
    random: &mut ChaCha8Rng,
) -> (Vec<&'a Face>, Vec<&'a Face>) {
    let drawn = index::sample(random, person.faces.len(), photos.min(person.faces.len())).into_vec();
    let (photos, others): (Vec<_>, Vec<_>) =
        person.faces.iter().enumerate().partition(|(number, _)| drawn.contains(number));
    let faces = |numbered: Vec<(usize, &'a Face)>| numbered.into_iter().map(|(_, face)| face).collect();
    (faces(photos), faces(others))
}
