//! What decides the score, the face or its surroundings: faces that are pasted into other scenes.

use std::path::PathBuf;

use anyhow::Result;
use ostiary_pictures::read_picture;
use rayon::prelude::*;

use super::counts::{Kind, Report, Scores};
use super::paste::paste_face;
use super::scorer::{PictureScore, Scorer};

/// Every how manieth face of a folder is pasted.
const STEP: usize = 3;

/// A face and the picture into which it is pasted.
struct Pair<'a> {
    face: &'a PictureScore,
    scene: &'a PictureScore,
}

/// Pastes faces into scenes of both kinds. A face of the kind that it is in is there for comparison: it shows what pasting
/// alone does.
///
/// # Errors
/// If a picture cannot be read, or a network cannot be run.
pub fn measure(scorer: &Scorer<'_>, live: &[Scores], attack: &[Scores]) -> Result<Vec<Report>> {
    let sets = [
        ("attack face in a live scene", Kind::Attack, attack, live),
        ("live face in an attack scene", Kind::Attack, live, attack),
        ("live face in a live scene of another", Kind::Live, live, live),
        ("attack face in an attack scene of another", Kind::Attack, attack, attack),
    ];
    let measure = |(name, kind, faces, scenes)| {
        let pairs = pairs(faces, scenes);
        let scores = pairs.par_iter().map(|pair| score(scorer, pair)).collect::<Result<_>>()?;
        Ok(Report::of_pictures(scorer, name, kind, scores))
    };
    sets.into_iter().map(measure).collect()
}

/// Every [`STEP`]th face of each folder, with the picture of the same number in the next folder of the scenes.
fn pairs<'a>(faces: &'a [Scores], scenes: &'a [Scores]) -> Vec<Pair<'a>> {
    let next = scenes.iter().cycle().skip(1);
    let folders = faces.iter().zip(next);
    let of_folder = |(faces, scenes): (&'a Scores, &'a Scores)| {
        let faces = faces.iter().flatten().step_by(STEP);
        // A folder with fewer pictures is repeated.
        let scenes = scenes.iter().flatten().cycle().step_by(STEP);
        faces.zip(scenes).map(|(face, scene)| Pair { face, scene }).collect::<Vec<_>>()
    };
    folders.flat_map(of_folder).collect()
}

fn score(scorer: &Scorer<'_>, Pair { face, scene }: &Pair<'_>) -> Result<Option<PictureScore>> {
    let frame =
        paste_face(&read_picture(&face.picture)?, &face.face, &read_picture(&scene.picture)?, &scene.face);
    let name = format!("{} in {}", face.picture.display(), scene.picture.display());
    scorer.score(&PathBuf::from(name), &frame)
}

#[cfg(test)]
mod tests {
    use ostiary_core::Precision;

    use super::*;

    fn folders(kind: &str, sizes: &[usize]) -> Vec<Scores> {
        let score = |folder: usize, number: usize| PictureScore {
            picture: format!("{kind}{folder}/{number}").into(),
            precision: Precision::Int8,
            face: [0.0, 0.0, 1.0, 1.0].into(),
            live: 0.0,
            scale: 2.7,
        };
        let of_folder = |(folder, &size)| (0..size).map(|number| Some(score(folder, number))).collect();
        sizes.iter().enumerate().map(of_folder).collect()
    }

    #[test]
    fn a_face_comes_into_a_scene_of_the_next_folder() {
        let (faces, scenes) = (folders("a", &[7, 3, 1]), folders("b", &[5, 2, 9]));
        let pairs = pairs(&faces, &scenes);
        let names: Vec<[&str; 2]> = pairs
            .iter()
            .map(|pair| [&pair.face.picture, &pair.scene.picture].map(|path| path.to_str().unwrap()))
            .collect();
        let expected =
            [["a0/0", "b1/0"], ["a0/3", "b1/1"], ["a0/6", "b1/0"], ["a1/0", "b2/0"], ["a2/0", "b0/0"]];
        assert_eq!(names, expected);
    }
}
