//! Measures a calibration on people who were not used to compute it.

use std::collections::BTreeMap;

use ostiary_core::{Embedding, PersonId, clopper_pearson};
use ostiary_facebank::Gallery;
use ostiary_models::Calibration;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

use super::people::Person;
use super::trials::{MIN_OWN_FRAMES, PHOTOS, calibrate, draw_photos};
use super::visit::Visit;

/// Number of groups that people are divided into. Each group is judged by a calibration of the others.
const FOLDS: usize = 5;
/// Largest number of people of a judged door.
const MAX_PEOPLE: usize = 10;
/// Number of doors of each judged person.
const DOORS: usize = 10;
/// Number of resampled sets of people of an interval.
const RESAMPLES: usize = 1000;

/// The errors of doors whose people are of one set, with a number of photos of each.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// The set of the enrolled people.
    pub set: String,
    pub photos: usize,
    /// Largest number of enrolled people.
    pub people: usize,
    /// Strangers who were let in as anybody.
    pub fpir: Rate,
    /// Enrolled people who were not let in.
    pub fnir: Rate,
    /// Enrolled people who were let in as somebody else.
    pub mistaken: Rate,
}

/// Errors in a number of visits, with the 95 % interval of the rate.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Rate {
    pub errors: usize,
    pub visits: usize,
    /// Number of different visitors.
    pub visitors: usize,
    /// By resampling visitors (bootstrap); exact (Clopper-Pearson, with a trial for each visitor) if no visit has an error.
    pub interval: [f64; 2],
}

impl Rate {
    /// The rate of visits `(errors, visits)` of each visitor.
    fn of(visitors: &BTreeMap<usize, (usize, usize)>, random: &mut ChaCha8Rng) -> Self {
        let counts: Vec<(usize, usize)> = visitors.values().copied().collect();
        let sum = |counts: &mut dyn Iterator<Item = (usize, usize)>| {
            counts.fold((0, 0), |(errors, visits), (more, of)| (errors + more, visits + of))
        };
        let (errors, visits) = sum(&mut counts.iter().copied());
        let interval = if errors == 0 || counts.is_empty() {
            clopper_pearson(0, counts.len())
        } else {
            let mut rates: Vec<f64> = (0..RESAMPLES)
                .map(|_| {
                    let resampled = (0..counts.len()).filter_map(|_| counts.choose(random).copied());
                    let (errors, visits) = sum(&mut { resampled });
                    errors as f64 / visits.max(1) as f64
                })
                .collect();
            rates.sort_by(f64::total_cmp);
            let at = |share: f64| rates.get((share * RESAMPLES as f64) as usize).copied().unwrap_or(1.0);
            [at(0.025), at(0.975)]
        };
        Self { errors, visits, visitors: counts.len(), interval }
    }

    /// The rate, 0 to 1.
    pub fn rate(&self) -> f64 {
        self.errors as f64 / self.visits.max(1) as f64
    }
}

/// One judged visit.
struct Judged {
    set: usize,
    photos: usize,
    people: usize,
    visitor: usize,
    is_own: bool,
    let_in: bool,
    is_mistaken: bool,
}

/// Judges calibrations of these people at a rate. Each person is judged by a calibration of people who
/// are not in the person's group: as a stranger to doors of up to ten people of each set, and as one of the people of doors of the
/// own set. A group is not judged if the others are too few for a calibration.
pub fn judge(people: &[Person], names: &[String], fpir: f64, seed: u64) -> Vec<Measured> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let folds: Vec<usize> = people.iter().map(|_| random.random_range(0..FOLDS)).collect();
    let mut judged = Vec::new();
    for fold in 0..FOLDS {
        let others: Vec<&Person> =
            people.iter().zip(&folds).filter(|(_, of)| **of != fold).map(|(p, _)| p).collect();
        // The only error is that the others are too few. Then this group is not judged.
        let Ok(calibration) = calibrate(&others, names.to_vec(), seed) else { continue };
        let held_out: Vec<usize> =
            (0..people.len()).filter(|number| folds.get(*number) == Some(&fold)).collect();
        let of_visitor =
            |visitor: &usize| judge_visitor(people, &folds, *visitor, &calibration, fpir, names.len(), seed);
        judged.par_extend(held_out.par_iter().flat_map_iter(of_visitor));
    }
    let mut measured = Vec::new();
    for (set, name) in names.iter().enumerate() {
        for photos in PHOTOS {
            let of_row = || judged.iter().filter(|judged| judged.set == set && judged.photos == photos);
            let mut rate = |is_error: &dyn Fn(&Judged) -> bool, is_own: bool| {
                let mut visitors: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
                for judged in of_row().filter(|judged| judged.is_own == is_own) {
                    let count = visitors.entry(judged.visitor).or_default();
                    count.0 += usize::from(is_error(judged));
                    count.1 += 1;
                }
                Rate::of(&visitors, &mut random)
            };
            let fpir = rate(&|judged| judged.let_in, false);
            let fnir = rate(&|judged| !judged.let_in, true);
            let mistaken = rate(&|judged| judged.is_mistaken, true);
            if fpir.visits > 0 {
                let people = of_row().map(|judged| judged.people).max().unwrap_or_default();
                measured.push(Measured { set: name.clone(), photos, people, fpir, fnir, mistaken });
            }
        }
    }
    measured
}

/// The judged visits of one person who was not used for the calibration.
fn judge_visitor(
    people: &[Person],
    folds: &[usize],
    visitor: usize,
    calibration: &Calibration,
    fpir: f64,
    sets: usize,
    seed: u64,
) -> Vec<Judged> {
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ (visitor as u64) << 16);
    let mut judged = Vec::new();
    let Some(who) = people.get(visitor) else { return judged };
    for (set, photos) in (0..sets).flat_map(|set| PHOTOS.map(|photos| (set, photos))) {
        let can_enroll = |person: &Person| person.set == set && person.faces.len() >= photos + MIN_OWN_FRAMES;
        let others: Vec<usize> = (0..people.len())
            .filter(|number| *number != visitor && folds.get(*number) != folds.get(visitor))
            .filter(|number| people.get(*number).is_some_and(can_enroll))
            .collect();
        if others.is_empty() {
            continue;
        }
        for _ in 0..DOORS {
            let enrolled: Vec<usize> = others.sample(&mut random, MAX_PEOPLE).copied().collect();
            let mut door: Vec<(usize, Vec<Embedding>)> = Vec::new();
            for number in enrolled {
                let Some(person) = people.get(number) else { continue };
                let (drawn, _) = draw_photos(person, photos, &mut random);
                door.push((number, drawn.iter().map(|face| face.embedding.clone()).collect()));
            }
            let size = door.len();
            let mut record = |is_own: bool, people: usize, admitted: Option<usize>| {
                judged.push(Judged {
                    set,
                    photos,
                    people,
                    visitor,
                    is_own,
                    let_in: admitted.is_some_and(|admitted| !is_own || admitted == visitor),
                    is_mistaken: is_own && admitted.is_some_and(|admitted| admitted != visitor),
                });
            };
            let all: Vec<_> = who.faces.iter().collect();
            record(false, size, admitted(&door, &Visit::new(&all), calibration, fpir));
            if can_enroll(who) {
                let (drawn, rest) = draw_photos(who, photos, &mut random);
                door.push((visitor, drawn.iter().map(|face| face.embedding.clone()).collect()));
                record(true, size + 1, admitted(&door, &Visit::new(&rest), calibration, fpir));
            }
        }
    }
    judged
}

/// Whom the door of these people lets in as.
fn admitted(
    door: &[(usize, Vec<Embedding>)],
    visit: &Visit,
    calibration: &Calibration,
    fpir: f64,
) -> Option<usize> {
    let person = |number: usize| ostiary_core::Person {
        id: PersonId(number as i64),
        name: String::new(),
        enabled: true,
        group: None,
        created: jiff::Timestamp::UNIX_EPOCH,
    };
    let people = door
        .iter()
        .map(|(number, photos)| (person(*number), photos.iter().map(|photo| (photo.clone(), 1.0)).collect()));
    let mut gallery = Gallery::new(people).ok()?;
    let size = gallery.len();
    gallery.set_matching(&calibration.mean, |photos| calibration.threshold(fpir, size, photos).similarity);
    visit.admitted(&gallery).map(|person| person.0 as usize)
}
