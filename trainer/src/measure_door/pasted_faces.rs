//! Faces of printed photos that are pasted into live pictures of other people: no edge of a print is in view.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use ostiary_config::LivenessLevel;
use ostiary_core::{BBox, Frame};
use ostiary_pictures::{PersonFolder, read_picture};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::camera_folder::{self, FPS};
use super::door_program::{Detected, DoorProgram};
use super::enrolled_folders::people_of;
use crate::jpeg;
use crate::measure_liveness::paste_face;

/// The levels at which they are shown.
const LEVELS: [LivenessLevel; 2] = [LivenessLevel::Passive, LivenessLevel::Active];
/// Smaller faces are not looked for, pixels.
const MIN_FACE: u32 = 80;

/// The faces to paste, how long they are shown, and the limit of errors.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PastedFaces {
    /// A folder beside those of the sets, with a folder for each person: pictures of prints in front of a camera.
    folder: PathBuf,
    /// How long each face is in view, seconds.
    seconds: u32,
    /// Greatest number of people whose face opens the door at the level `active`. At `passive` it is only counted.
    max_let_in_active: usize,
}

/// What happened at one level.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shown {
    pub level: LivenessLevel,
    /// People whose printed face was shown.
    pub people: usize,
    /// How many of these faces opened the door.
    pub let_in: usize,
    /// How many were asked to turn the head.
    pub asked_to_turn: usize,
}

impl PastedFaces {
    /// Shows the printed face of each of these enrolled people, in live pictures of the next one, to a door of all at each
    /// level. `all` is its facebank, which remains as it is.
    ///
    /// # Errors
    /// If a picture cannot be read, the program fails, or no enrolled person has a folder of prints.
    pub fn show(
        &self,
        ostiary: &DoorProgram,
        data: &Path,
        people: &[PersonFolder],
        all: &Path,
        work: &Path,
    ) -> Result<Vec<Shown>> {
        let prints = people_of(&data.join(&self.folder))?;
        let mut shown = LEVELS.map(|level| Shown { level, people: 0, let_in: 0, asked_to_turn: 0 }).to_vec();
        for (person, other) in people.iter().zip(people.iter().cycle().skip(1)) {
            let Some(prints) = prints.iter().find(|prints| prints.name == person.name) else { continue };
            let faces = main_faces(ostiary, &prints.photos)?;
            let scenes = main_faces(ostiary, &other.photos)?;
            let camera = camera_folder::empty(work)?;
            let frames = frames(&faces, &scenes, (self.seconds * FPS) as usize);
            frames.into_par_iter().enumerate().try_for_each(|(number, pair)| -> Result<()> {
                let pasted = pair.pasted()?;
                let file = jpeg::encode(pasted.rgb(), pasted.width(), pasted.height())?;
                Ok(fs::write(camera.join(format!("{number:05}.jpg")), file)?)
            })?;
            for shown in &mut shown {
                let door = work.join("door.sqlite");
                fs::copy(all, &door)?;
                let visit = ostiary.visit(&door, &camera, FPS, shown.level)?;
                shown.people += 1;
                shown.let_in += usize::from(visit.admitted.is_some());
                shown.asked_to_turn += usize::from(visit.asked_to_turn);
            }
        }
        let is_shown = shown.iter().all(|shown| shown.people > 0);
        ensure!(is_shown, "{}: has no folder of an enrolled person", self.folder.display());
        Ok(shown)
    }

    /// The limit that these counts miss.
    pub fn missed_by(&self, shown: &Shown) -> Option<String> {
        let most = self.max_let_in_active;
        let Shown { level, let_in, .. } = shown;
        (*level == LivenessLevel::Active && *let_in > most)
            .then(|| format!("{let_in} pasted faces let in at the level {level}; the limit is {most}"))
    }
}

/// A picture with its widest face.
#[derive(Debug, Clone, PartialEq)]
struct MainFace {
    picture: PathBuf,
    face: BBox,
}

/// The widest face of each picture that has one.
fn main_faces(ostiary: &DoorProgram, pictures: &[PathBuf]) -> Result<Vec<MainFace>> {
    let found = ostiary.detect(pictures, MIN_FACE)?;
    let main_face = |picture: Detected| {
        let boxes = picture.faces.iter().map(|face| BBox::from(face.bbox.map(|value| value as f32)));
        let face = boxes.max_by(|a, b| a.width.total_cmp(&b.width))?;
        Some(MainFace { picture: picture.file, face })
    };
    let faces: Vec<MainFace> = found.into_iter().filter_map(main_face).collect();
    let folder = || pictures.first().and_then(|picture| picture.parent()).unwrap_or(Path::new(""));
    ensure!(!faces.is_empty(), "{}: no face of at least {MIN_FACE} pixels was found", folder().display());
    Ok(faces)
}

/// A face, and the picture in which it replaces the face of another person.
struct Pair<'a> {
    face: &'a MainFace,
    scene: &'a MainFace,
}

impl Pair<'_> {
    fn pasted(&self) -> Result<Frame> {
        let Self { face, scene } = self;
        let read =
            |main: &MainFace| read_picture(&main.picture).with_context(|| main.picture.display().to_string());
        Ok(paste_face(&read(face)?, &face.face, &read(scene)?, &scene.face))
    }
}

/// This number of frames: the faces and the scenes in their order, each repeated from the beginning.
fn frames<'a>(faces: &'a [MainFace], scenes: &'a [MainFace], number: usize) -> Vec<Pair<'a>> {
    let pairs = faces.iter().cycle().zip(scenes.iter().cycle());
    pairs.map(|(face, scene)| Pair { face, scene }).take(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faces(kind: &str, number: usize) -> Vec<MainFace> {
        let face = |n| MainFace { picture: format!("{kind}{n}").into(), face: [0.0, 0.0, 1.0, 1.0].into() };
        (0..number).map(face).collect()
    }

    #[test]
    fn faces_and_scenes_are_repeated_in_their_order() {
        let (prints, live) = (faces("print", 3), faces("live", 2));
        let names: Vec<[&str; 2]> = frames(&prints, &live, 5)
            .iter()
            .map(|pair| [pair.face, pair.scene].map(|main| main.picture.to_str().unwrap()))
            .collect();
        let expected = [
            ["print0", "live0"],
            ["print1", "live1"],
            ["print2", "live0"],
            ["print0", "live1"],
            ["print1", "live0"],
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn the_limit_is_that_of_the_level_active() {
        let attack = PastedFaces { folder: PathBuf::new(), seconds: 15, max_let_in_active: 0 };
        let shown = |level, let_in| Shown { level, people: 8, let_in, asked_to_turn: 8 };
        assert_eq!(attack.missed_by(&shown(LivenessLevel::Active, 0)), None);
        assert_eq!(attack.missed_by(&shown(LivenessLevel::Passive, 8)), None);
        let missed = attack.missed_by(&shown(LivenessLevel::Active, 1)).unwrap();
        assert_eq!(missed, "1 pasted faces let in at the level active; the limit is 0");
    }
}
