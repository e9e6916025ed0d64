//! Visits to a running door: the pictures of a person, one after the other, are the frames of its camera.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use ostiary_config::LivenessLevel;
use ostiary_core::clopper_pearson;
use ostiary_pictures::{PersonFolder, person_folders};
use serde::{Deserialize, Serialize};

use super::door_program::DoorProgram;

/// Frames a second of a visit: each picture is held for 0.2 s.
const FPS: u32 = 5;

/// How people of a set visit, and the limits of errors.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Visits {
    /// Number of photos that each person is enrolled with, spread over the person's pictures.
    photos: Vec<usize>,
    /// Greatest number of strangers who are let in.
    max_let_in: usize,
    /// Greatest number of enrolled people who are let in as another person.
    max_mistaken: usize,
    /// Greatest number of enrolled people who are refused.
    max_refused: usize,
    /// `liveness.level` of the door.
    level: LivenessLevel,
    /// If given, prints of these people are shown to a door of all.
    prints: Option<Prints>,
}

/// Printed photos of the people of a set.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prints {
    /// A folder beside those of the sets, with a folder for each person: pictures of prints in front of a camera.
    folder: PathBuf,
    /// How long the prints of the first person are in view, minutes. The others are shown once.
    minutes: u32,
    /// Greatest number of people whose prints open the door.
    max_let_in: usize,
}

/// The errors of all visits to doors of one set, with a number of photos of each person.
#[derive(Debug, Default, Serialize)]
struct Errors {
    set: String,
    photos: usize,
    people: usize,
    /// Each person was a stranger to a door of all others.
    let_in: usize,
    /// Each person was enrolled in a door of all, and came with the other pictures.
    refused: usize,
    mistaken: usize,
    /// People whose prints were shown, and how many of them opened the door.
    prints: usize,
    prints_let_in: usize,
}

/// Lets each person of a set visit a door of all others as a stranger, and a door of all as one of them, and shows prints of them to
/// it. Returns the limits that are missed.
///
/// # Errors
/// If the program fails, or a person has too few pictures that can be enrolled.
pub fn of_set(
    ostiary: &DoorProgram,
    data: &Path,
    folder: &Path,
    name: &str,
    visits: &Visits,
    json: bool,
) -> Result<Vec<String>> {
    let mut missed = Vec::new();
    for &photos in &visits.photos {
        let errors = measure(ostiary, data, folder, name, photos, visits)?;
        let Errors { people, let_in, refused, mistaken, prints, prints_let_in, .. } = errors;
        if json {
            println!("{}", serde_json::json!({ "visits": errors }));
        } else {
            println!(
                "{name}, liveness {}: {people} people at the door, {photos} photos each: {let_in} strangers let in, {refused} \
                 enrolled people refused{}, {mistaken} taken for another",
                visits.level,
                interval(refused, people)
            );
            if prints > 0 {
                let interval = interval(prints_let_in, prints);
                println!("{name}, prints of {prints} enrolled people: {prints_let_in} let in{interval}");
            }
        }
        for (what, found, most) in [
            ("strangers let in", let_in, visits.max_let_in),
            ("enrolled people refused", refused, visits.max_refused),
            ("enrolled people taken for another", mistaken, visits.max_mistaken),
            ("prints let in", prints_let_in, visits.prints.as_ref().map_or(0, |prints| prints.max_let_in)),
        ] {
            if found > most {
                missed.push(format!("{name}, {photos} photos: {found} {what}; the limit is {most}"));
            }
        }
    }
    Ok(missed)
}

/// The exact 95 % interval of a share, for people.
fn interval(found: usize, of: usize) -> String {
    let [low, high] = clopper_pearson(found, of);
    format!(" ({:.1} to {:.1} %)", 100.0 * low, 100.0 * high)
}

fn measure(
    ostiary: &DoorProgram,
    data: &Path,
    folder: &Path,
    name: &str,
    photos: usize,
    visits: &Visits,
) -> Result<Errors> {
    let work = tempfile::tempdir().context("cannot make a folder")?;
    let all = work.path().join("all.sqlite");
    let people = people_of(folder)?;
    let mut enrolled: HashSet<PathBuf> = HashSet::new();
    for person in &people {
        // Spread over all pictures; a picture that is refused is replaced by the next.
        let spread = (0..photos).filter_map(|n| person.photos.get(n * person.photos.len() / photos));
        let mut candidates: Vec<&PathBuf> = spread.collect();
        candidates
            .extend(person.photos.iter().filter(|photo| !candidates.contains(photo)).collect::<Vec<_>>());
        let mut count = 0;
        for photo in candidates {
            if count < photos && ostiary.enroll(&all, &person.name, photo)? {
                count += 1;
                enrolled.insert(photo.clone());
            }
        }
        ensure!(count == photos, "{}: only {count} of its pictures can be enrolled", person.name);
    }
    let mut errors = Errors { set: name.to_owned(), photos, people: people.len(), ..Errors::default() };
    for person in &people {
        let door = work.path().join("door.sqlite");
        fs::copy(&all, &door)?;
        ostiary.remove(&door, &person.name)?;
        let camera = camera(work.path(), person.photos.iter())?;
        errors.let_in += usize::from(ostiary.visit(&door, &camera, FPS, visits.level)?.is_some());

        fs::copy(&all, &door)?;
        let others = person.photos.iter().filter(|photo| !enrolled.contains(*photo));
        match ostiary.visit(&door, &self::camera(work.path(), others)?, FPS, visits.level)? {
            None => errors.refused += 1,
            Some(admitted) => errors.mistaken += usize::from(admitted != person.name),
        }
    }
    // Once is enough: the number of photos has no influence on what a print is.
    let Some(prints) = visits.prints.as_ref().filter(|_| visits.photos.first() == Some(&photos)) else {
        return Ok(errors);
    };
    for person in people_of(&data.join(&prints.folder))? {
        if !people.iter().any(|enrolled| enrolled.name == person.name) {
            continue;
        }
        let frames = match errors.prints {
            0 => (60 * prints.minutes * FPS) as usize,
            _ => person.photos.len(),
        };
        errors.prints += 1;
        fs::copy(&all, work.path().join("door.sqlite"))?;
        let camera = camera(work.path(), person.photos.iter().cycle().take(frames))?;
        let admitted = ostiary.visit(&work.path().join("door.sqlite"), &camera, FPS, visits.level)?;
        errors.prints_let_in += usize::from(admitted.is_some());
    }
    ensure!(errors.prints > 0, "{}: has no folder of an enrolled person", prints.folder.display());
    Ok(errors)
}

/// The people in a folder. A measurement that left somebody out would be one of other people.
fn people_of(folder: &Path) -> Result<Vec<PersonFolder>> {
    let found = person_folders(folder)?;
    if let Some(passed) = found.passed_over.first() {
        bail!("{passed}");
    }
    Ok(found.people.into_iter().filter(|person| !person.photos.is_empty()).collect())
}

/// A folder whose pictures are these, in this order.
fn camera<'a>(work: &Path, photos: impl Iterator<Item = &'a PathBuf>) -> Result<PathBuf> {
    let folder = work.join("camera");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir(&folder)?;
    for (number, photo) in photos.enumerate() {
        let extension = photo.extension().unwrap_or_default().to_string_lossy();
        let photo = std::path::absolute(photo)?;
        symlink(photo, folder.join(format!("{number:05}.{extension}")))?;
    }
    Ok(folder)
}
