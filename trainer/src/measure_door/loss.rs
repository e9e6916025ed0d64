//! What computing in bytes loses against computing in 32-bit floats, on the same pictures in the same run.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::door::Ostiary;
use super::reference::{cosine, iou, shift_between};
use super::sets::{Loss, Set};
use super::{Measured, Row};

/// Overlap at which two boxes are the same face.
const SAME_FACE_IOU: f64 = 0.5;

/// What a set lost that it should not have.
pub fn of_set(fp32: &Measured, int8: &Measured, set: &Set, most: &Loss, json: bool) -> Result<Vec<String>> {
    let mut missed = Vec::new();
    let name = &int8.row.set;
    let mut check = |what: &str, lost: Option<f64>, most: f64| {
        if let Some(lost) = lost.filter(|lost| *lost > most) {
            missed.push(format!("{name}: int8 loses {lost:.2} points of {what}, at most {most} wanted"));
        }
    };
    let detected = |row: &Row| row.detected;
    let eer = |row: &Row| row.matching.as_ref().map(|matching| matching.eer);
    let tar = |row: &Row| row.matching.as_ref().map(|matching| matching.tar);
    let lost = |of: &dyn Fn(&Row) -> Option<f64>| Some(of(&fp32.row)? - of(&int8.row)?);
    check("faces found", lost(&detected), most.max_detected);
    check("EER", lost(&eer).map(|gained| -gained), most.max_eer);
    check("TAR", lost(&tar), most.max_tar);

    if set.aligned {
        // Both looked at the same crops, so that only the embedding differs.
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
        if mean < most.min_mean_cosine || least < most.min_cosine {
            missed.push(format!(
                "{name}: int8 is at a mean cosine of {mean:.5} to fp32 and at least {least:.5}; {} and {} wanted",
                most.min_mean_cosine, most.min_cosine
            ));
        }
    }
    Ok(missed)
}

/// How far int8 moves the landmarks of the faces that both find: the median, percent of the face's width.
pub fn of_landmarks(
    [fp32, int8]: [&Ostiary; 2],
    data: &Path,
    most: &Loss,
    json: bool,
) -> Result<Option<String>> {
    let folder = data.join(&most.landmarks);
    let files = [folder.clone()];
    let mut shifts = Vec::new();
    let sure = fp32.detect(&files, 40).with_context(|| folder.display().to_string())?;
    let found = int8.detect(&files, 40).with_context(|| folder.display().to_string())?;
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
    Ok((median > most.max_landmark_shift).then(|| {
        format!(
            "int8 moves landmarks by {median:.2} % of the face's width, at most {} wanted",
            most.max_landmark_shift
        )
    }))
}
