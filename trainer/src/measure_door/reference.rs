//! Agreement with the results of other implementations of the same networks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::door_program::{DoorProgram, FoundFace};
use super::sets::Reference;

#[derive(Deserialize)]
struct Embeddings {
    embeddings: BTreeMap<PathBuf, Vec<f32>>,
}

#[derive(Deserialize)]
struct Detections {
    images: BTreeMap<PathBuf, Vec<ReferenceFace>>,
}

#[derive(Deserialize)]
struct ReferenceFace {
    box_xywh: [f64; 4],
    score: f64,
    landmarks: ReferenceLandmarks,
}

#[derive(Deserialize)]
struct ReferenceLandmarks {
    left_eye: [f64; 2],
    right_eye: [f64; 2],
    nose: [f64; 2],
    mouth_left: [f64; 2],
    mouth_right: [f64; 2],
}

/// Least score of a face in the reference that must be found.
const MIN_SCORE: f64 = 0.9;
/// Least intersection over union of two boxes of the same face.
pub const SAME_FACE_IOU: f64 = 0.5;

/// The least cosine between our embedding and that of the reference, over all crops.
pub fn least_cosine(ostiary: &DoorProgram, data: &Path, reference: &Reference) -> Result<f64> {
    let expected: Embeddings = read(&data.join(&reference.embeddings))?;
    let mut least = f64::INFINITY;
    for (file, wanted) in &expected.embeddings {
        let rows = ostiary.embed(&data.join(file), true)?;
        let got = rows.first().and_then(|row| row.embedding.as_ref());
        let got = got.with_context(|| format!("{}: the program gave no embedding", file.display()))?;
        least = least.min(cosine(got, wanted));
    }
    Ok(least)
}

/// Agreement of the detections.
#[derive(Debug)]
pub struct Agreement {
    /// Faces of the reference.
    pub faces: usize,
    /// Faces of the reference that we find.
    pub found: usize,
    /// Median over the found faces of the mean distance of landmarks, as a share of the width of the face.
    pub landmark_shift: f64,
}

/// Compares our faces with those of the reference whose score is at least [`MIN_SCORE`].
pub fn detection_agreement(ostiary: &DoorProgram, data: &Path, reference: &Reference) -> Result<Agreement> {
    let expected: Detections = read(&data.join(&reference.detections))?;
    let files: Vec<PathBuf> = expected.images.keys().map(|file| data.join(file)).collect();
    let rows = ostiary.detect(&files, reference.min_face)?;
    let (mut faces, mut shifts) = (0, Vec::new());
    for (file, wanted) in &expected.images {
        let path = data.join(file);
        let row = rows.iter().find(|row| row.file == path);
        let row = row.with_context(|| format!("{}: the program printed no line for it", path.display()))?;
        if let Some(error) = &row.error {
            bail!("{}: {error}", path.display());
        }
        for face in wanted.iter().filter(|face| face.score >= MIN_SCORE) {
            faces += 1;
            let best = row
                .faces
                .iter()
                .max_by(|a, b| iou(&a.bbox, &face.box_xywh).total_cmp(&iou(&b.bbox, &face.box_xywh)));
            if let Some(best) = best.filter(|best| iou(&best.bbox, &face.box_xywh) >= SAME_FACE_IOU) {
                shifts.push(landmark_shift(best, face));
            }
        }
    }
    shifts.sort_by(f64::total_cmp);
    let landmark_shift = shifts.get(shifts.len() / 2).copied().unwrap_or(f64::INFINITY);
    Ok(Agreement { faces, found: shifts.len(), landmark_shift })
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("{}: is not a file of reference results", path.display()))
}

/// The cosine of two vectors; -1 if their lengths differ.
pub fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    if a.len() == b.len() { dot(a, b) / (dot(a, a) * dot(b, b)).sqrt() } else { -1.0 }
}

/// Intersection over union of two boxes, each left, top, width, height.
pub fn iou(a: &[f64; 4], b: &[f64; 4]) -> f64 {
    let overlap = |[a, a_length]: [f64; 2], [b, b_length]: [f64; 2]| {
        ((a + a_length).min(b + b_length) - a.max(b)).max(0.0)
    };
    let ([ax, ay, aw, ah], [bx, by, bw, bh]) = (*a, *b);
    let shared = overlap([ax, aw], [bx, bw]) * overlap([ay, ah], [by, bh]);
    shared / (aw * ah + bw * bh - shared)
}

fn landmark_shift(ours: &FoundFace, face: &ReferenceFace) -> f64 {
    let marks = &face.landmarks;
    let wanted = [marks.left_eye, marks.right_eye, marks.nose, marks.mouth_left, marks.mouth_right];
    shift_between(&ours.landmarks, &wanted, face.box_xywh[2])
}

/// The mean distance of landmarks, as a share of the width of a face.
pub fn shift_between(a: &[[f64; 2]; 5], b: &[[f64; 2]; 5], width: f64) -> f64 {
    let distance = |(a, b): (&[f64; 2], &[f64; 2])| (a[0] - b[0]).hypot(a[1] - b[1]);
    a.iter().zip(b).map(distance).sum::<f64>() / a.len() as f64 / width
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_overlap_of_boxes_is_measured() {
        assert_eq!(iou(&[0.0, 0.0, 2.0, 2.0], &[0.0, 0.0, 2.0, 2.0]), 1.0);
        assert_eq!(iou(&[0.0, 0.0, 2.0, 2.0], &[1.0, 0.0, 2.0, 2.0]), 1.0 / 3.0);
        assert_eq!(iou(&[0.0, 0.0, 2.0, 2.0], &[5.0, 5.0, 2.0, 2.0]), 0.0);
    }

    #[test]
    fn vectors_of_different_lengths_do_not_agree() {
        assert_eq!(cosine(&[1.0, 0.0], &[2.0, 0.0]), 1.0);
        assert_eq!(cosine(&[1.0], &[1.0, 0.0]), -1.0);
    }
}
