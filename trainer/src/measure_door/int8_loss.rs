//! The loss of accuracy of the 8-bit models against the float models, on the same pictures in the same run.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::door_program::DoorProgram;
use super::reference::{SAME_FACE_IOU, cosine, iou, shift_between};
use super::sets::{Int8Loss, Set};
use super::{Measured, Row};

/// Smallest face that is detected for the comparison of landmarks, pixels.
const MIN_FACE: u32 = 40;

/// Compares both precisions on a set; returns the limits that are missed.
pub fn of_set(
    fp32: &Measured,
    int8: &Measured,
    set: &Set,
    limits: &Int8Loss,
    json: bool,
) -> Result<Vec<String>> {
    let mut missed = Vec::new();
    let name = &int8.row.set;
    let mut check = |what: &str, lost: Option<f64>, most: f64| {
        if let Some(lost) = lost.filter(|lost| *lost > most) {
            missed.push(format!("{name}: int8 loses {lost:.2} points of {what}; the limit is {most}"));
        }
    };
    let detected = |row: &Row| row.detected;
    let eer = |row: &Row| row.matching.as_ref().map(|matching| matching.eer);
    let tar = |row: &Row| row.matching.as_ref().map(|matching| matching.tar);
    let lost = |of: &dyn Fn(&Row) -> Option<f64>| Some(of(&fp32.row)? - of(&int8.row)?);
    check("faces found", lost(&detected), limits.max_detected);
    check("EER", lost(&eer).map(|gained| -gained), limits.max_eer);
    check("TAR", lost(&tar), limits.max_tar);

    if set.aligned {
        // Both precisions embed the same crops, so that only the embeddings differ.
        let known: HashMap<&PathBuf, &Vec<f32>> =
            fp32.faces.iter().map(|(file, face)| (file, face)).collect();
        let pairs = int8.faces.iter().filter_map(|(file, face)| Some(cosine(known.get(file)?, face)));
        let cosines: Vec<f64> = pairs.collect();
        let mean = cosines.iter().sum::<f64>() / cosines.len().max(1) as f64;
        let least = cosines.iter().copied().fold(1.0, f64::min);
        if json {
            let row = serde_json::json!({"int8_to_fp32": {"set": name, "mean_cosine": mean, "least_cosine": least}});
            println!("{row}");
        } else {
            println!(
                "{name}: int8 to fp32 over {} crops: mean cosine {mean:.5}, least {least:.5}",
                cosines.len()
            );
        }
        if mean < limits.min_mean_cosine || least < limits.min_cosine {
            missed.push(format!(
                "{name}: int8 has a mean cosine of {mean:.5} to fp32, and a least cosine of {least:.5}; the limits are {} and {}",
                limits.min_mean_cosine, limits.min_cosine
            ));
        }
    }
    Ok(missed)
}

/// Compares the landmarks of the faces that both precisions find; returns the limit if it is missed. The shift is the median,
/// in percent of the width of the face.
pub fn of_landmarks(
    [fp32, int8]: [&DoorProgram; 2],
    data: &Path,
    limits: &Int8Loss,
    json: bool,
) -> Result<Option<String>> {
    let folder = data.join(&limits.landmarks);
    let files = [folder.clone()];
    let mut shifts = Vec::new();
    let sure = fp32.detect(&files, MIN_FACE).with_context(|| folder.display().to_string())?;
    let found = int8.detect(&files, MIN_FACE).with_context(|| folder.display().to_string())?;
    for (wanted, found) in sure.iter().zip(&found) {
        for face in &wanted.faces {
            let best = found
                .faces
                .iter()
                .max_by(|a, b| iou(&a.bbox, &face.bbox).total_cmp(&iou(&b.bbox, &face.bbox)));
            if let Some(best) = best.filter(|best| iou(&best.bbox, &face.bbox) >= SAME_FACE_IOU) {
                shifts.push(100.0 * shift_between(&best.landmarks, &face.landmarks, face.bbox[2]));
            }
        }
    }
    shifts.sort_by(f64::total_cmp);
    let median = shifts.get(shifts.len() / 2).copied().unwrap_or(f64::INFINITY);
    if json {
        println!(
            "{}",
            serde_json::json!({"int8_to_fp32": {"faces": shifts.len(), "landmark_shift": median}})
        );
    } else {
        println!(
            "int8 moves the landmarks of {} faces by {median:.2} % of their width (median)",
            shifts.len()
        );
    }
    Ok((median > limits.max_landmark_shift).then(|| {
        format!(
            "int8 moves landmarks by {median:.2} % of the width of the face; the limit is {}",
            limits.max_landmark_shift
        )
    }))
}
