//! Visits to a running door: the pictures of a person, one after the other, are the frames of its camera.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use ostiary_config::LivenessLevel;
use ostiary_core::clopper_pearson;
use serde::{Deserialize, Serialize};

use super::camera_folder::{self, FPS};
use super::door_program::DoorProgram;
use super::enrolled_folders::people_of;
use super::pasted_faces::{PastedFaces, Shown};

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
    /// If given, faces of prints of these people are pasted into live pictures of others, and shown to a door of all.
    pasted: Option<PastedFaces>,
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
    /// Faces of prints that were pasted into live pictures of others, at each level.
    pasted: Vec<Shown>,
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
        let &Errors { people, let_in, refused, mistaken, prints, prints_let_in, ref pasted, .. } = &errors;
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
            for Shown { level, people, let_in, asked_to_turn } in pasted {
                println!(
                    "{name}, liveness {level}: the printed faces of {people} enrolled people, pasted into live pictures of others: \
                     {let_in} let in{}, {asked_to_turn} asked to turn the head",
                    interval(*let_in, *people)
                );
            }
        }
        let missed_by = |shown| visits.pasted.as_ref()?.missed_by(shown);
        missed.extend(pasted.iter().filter_map(missed_by).map(|line| format!("{name}: {line}")));
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
        let camera = camera_folder::with_links(work.path(), person.photos.iter())?;
        errors.let_in += usize::from(ostiary.visit(&door, &camera, FPS, visits.level)?.admitted.is_some());

        fs::copy(&all, &door)?;
        let others = person.photos.iter().filter(|photo| !enrolled.contains(*photo));
        let camera = camera_folder::with_links(work.path(), others)?;
        match ostiary.visit(&door, &camera, FPS, visits.level)?.admitted {
            None => errors.refused += 1,
            Some(admitted) => errors.mistaken += usize::from(admitted != person.name),
        }
    }
    // Once is enough: the number of photos has no influence on what a print is.
    if visits.photos.first() != Some(&photos) {
        return Ok(errors);
    }
    if let Some(pasted) = &visits.pasted {
        errors.pasted = pasted.show(ostiary, data, &people, &all, work.path())?;
    }
    let Some(prints) = &visits.prints else { return Ok(errors) };
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
        let camera = camera_folder::with_links(work.path(), person.photos.iter().cycle().take(frames))?;
        let visit = ostiary.visit(&work.path().join("door.sqlite"), &camera, FPS, visits.level)?;
        errors.prints_let_in += usize::from(visit.admitted.is_some());
    }
    ensure!(errors.prints > 0, "{}: has no folder of an enrolled person", prints.folder.display());
    Ok(errors)
}
