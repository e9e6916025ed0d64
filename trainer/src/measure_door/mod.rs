//! `ostiary-trainer measure-door`: measures the detections and embeddings of the program `ostiary` over folders of faces.
//!
//! Input is a folder of test data and the program. Output is the detection rate, EER and TAR of each set, the agreement with
//! reference implementations, the loss of int8, the errors of visits to the running program, and the errors of presentation
//! attack detection.

mod camera_folder;
mod door_program;
mod enrolled_folders;
mod int8_loss;
mod pasted_faces;
mod reference;
mod sets;
mod visits;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use door_program::DoorProgram;
use ostiary_core::Precision;
use serde::Serialize;
use sets::{Reference, Set, Sets};

use crate::measure_liveness;
use crate::scores::Scores;

/// The FAR at which TAR is reported.
const FAR: f64 = 1e-3;

/// Arguments of `ostiary-trainer measure-door`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary-trainer measure-door faces --ostiary target/release/ostiary")]
pub struct Args {
    /// A folder with a folder of pictures for each person, or the folder of the sets in --sets.
    data: PathBuf,
    /// The program to measure.
    #[arg(long, default_value = "target/release/ostiary")]
    ostiary: PathBuf,
    /// The sets in the folder, and the limits of each set (TOML).
    #[arg(long, value_name = "FILE")]
    sets: Option<PathBuf>,
    /// Precision of the program. If --sets has limits for the loss of int8, both precisions are measured.
    #[arg(long, value_name = "int8|fp32", default_value = "int8")]
    precision: Precision,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

/// The results of one set; rates in percent.
#[derive(Debug, Serialize)]
struct Row {
    set: String,
    precision: Precision,
    pictures: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    detected: Option<f64>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    matching: Option<Matching>,
}

/// Results of the comparison of all pairs; rates in percent.
#[derive(Debug, Serialize)]
struct Matching {
    genuine_pairs: usize,
    impostor_pairs: usize,
    eer: f64,
    /// At [`FAR`].
    tar: f64,
    threshold: f32,
    mean_genuine: f64,
    mean_impostor: f64,
}

/// Runs the command. The exit code is 1 if a limit of the sets is missed.
///
/// # Errors
/// If the sets cannot be read, the program cannot run, or a picture cannot be read.
pub fn run(args: Args) -> Result<ExitCode> {
    let sets = match &args.sets {
        Some(file) => Sets::read(file)?,
        None => Sets::one_folder_of_people(),
    };
    let program = |precision| DoorProgram { program: args.ostiary.clone(), precision };
    let [fp32, int8] = [Precision::Fp32, Precision::Int8].map(program);
    let asked: &[&DoorProgram] = match (&sets.loss, args.precision) {
        (Some(_), _) => &[&fp32, &int8],
        (None, Precision::Fp32) => &[&fp32],
        (None, Precision::Int8) => &[&int8],
    };
    let mut missed = Vec::new();
    if !args.json {
        println!(
            "{:<22} in    pictures  detected     EER  TAR at FAR 0.1 % (threshold)  mean genuine / impostor",
            "set"
        );
    }
    for set in &sets.sets {
        let mut both = Vec::new();
        for ostiary in asked {
            let measured = measure(ostiary, &args.data, set)?;
            print(&measured.row, args.json)?;
            both.push(measured);
        }
        // The limits of a set apply to the first precision, floats if both are measured. The limits of int8 follow.
        missed.extend(both.first().into_iter().flat_map(|measured| missed_limits(&measured.row, set)));
        if let Some(visits) = &set.visits {
            let ostiary = asked.last().copied().unwrap_or(&int8);
            let (folder, name) = (args.data.join(&set.folder), set.folder.display().to_string());
            missed.extend(visits::of_set(ostiary, &args.data, &folder, &name, visits, args.json)?);
        }
        if let (Some(most), [fp32, int8]) = (&sets.loss, &both[..]) {
            missed.extend(int8_loss::of_set(fp32, int8, set, most, args.json)?);
        }
    }
    if let Some(most) = &sets.loss {
        missed.extend(int8_loss::of_landmarks([&fp32, &int8], &args.data, most, args.json)?);
    }
    if let Some(reference) = &sets.reference {
        missed.extend(compare(&fp32, &args.data, reference, args.json)?);
    }
    if let Some(limits) = &sets.liveness {
        missed.extend(measure_liveness::of_sets(&args.data, limits, args.json)?);
    }
    missed.iter().for_each(|line| eprintln!("missed: {line}"));
    Ok(if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A set, measured at one precision.
struct Measured {
    row: Row,
    faces: Vec<(PathBuf, Vec<f32>)>,
}

fn measure(ostiary: &DoorProgram, data: &Path, set: &Set) -> Result<Measured> {
    let folder = data.join(&set.folder);
    let rows = ostiary.embed(&folder, set.aligned).with_context(|| folder.display().to_string())?;
    let unreadable = rows.iter().find(|row| row.error.as_deref().is_some_and(|why| why != "no face"));
    if let Some(row) = unreadable {
        bail!("{}: {}", row.file.display(), row.error.as_deref().unwrap_or_default());
    }
    let pictures = rows.len();
    let faces: Vec<(PathBuf, Vec<f32>)> =
        rows.into_iter().filter_map(|row| Some((row.file, row.embedding?))).collect();
    let detected = (!set.aligned).then(|| 100.0 * faces.len() as f64 / pictures as f64);
    let person = |(file, face): &(PathBuf, Vec<f32>)| {
        Some((file.parent()?.to_string_lossy().into_owned(), face.clone()))
    };
    let scores = set.people.then(|| Scores::of_pairs(&faces.iter().filter_map(person).collect::<Vec<_>>()));
    let matching = scores.as_ref().map(matching).transpose().with_context(|| folder.display().to_string())?;
    let name = if set.folder.as_os_str().is_empty() { data } else { &set.folder };
    let (set, precision) = (name.display().to_string(), ostiary.precision);
    Ok(Measured { row: Row { set, precision, pictures, detected, matching }, faces })
}

fn matching(scores: &Scores) -> Result<Matching> {
    let threshold = scores.threshold_at_far(FAR).context("the set must have two people")?;
    if scores.genuine_pairs() == 0 {
        bail!("the set must have two pictures of one person");
    }
    let (mean_genuine, mean_impostor) = scores.means();
    Ok(Matching {
        genuine_pairs: scores.genuine_pairs(),
        impostor_pairs: scores.impostor_pairs(),
        eer: 100.0 * scores.eer(),
        tar: 100.0 * (1.0 - scores.frr(threshold)),
        threshold,
        mean_genuine,
        mean_impostor,
    })
}

fn missed_limits(row: &Row, set: &Set) -> Vec<String> {
    let mut missed = Vec::new();
    if let (Some(got), Some(wanted)) = (row.detected, set.min_detected)
        && got < wanted
    {
        missed.push(format!("{}: faces found in {got:.2} % of pictures; the limit is {wanted} %", row.set));
    }
    if let (Some(got), Some(wanted)) = (&row.matching, set.max_eer)
        && got.eer > wanted
    {
        missed.push(format!("{}: EER {:.2} %; the limit is {wanted} %", row.set, got.eer));
    }
    missed
}

fn compare(ostiary: &DoorProgram, data: &Path, wanted: &Reference, json: bool) -> Result<Vec<String>> {
    let cosine = reference::least_cosine(ostiary, data, wanted)?;
    let agreement = reference::detection_agreement(ostiary, data, wanted)?;
    let found = 100.0 * agreement.found as f64 / agreement.faces.max(1) as f64;
    let shift = 100.0 * agreement.landmark_shift;
    if json {
        let row = serde_json::json!({
            "reference": {
                "least_cosine": cosine, "faces": agreement.faces, "found": found, "landmark_shift": shift,
            }
        });
        println!("{row}");
    } else {
        println!("reference embeddings: least cosine {cosine:.6}");
        println!(
            "reference detections: {found:.1} % of {} faces found, landmarks {shift:.1} % of the face's width away",
            agreement.faces
        );
    }
    let checks = [
        (cosine < wanted.min_cosine, "embeddings disagree with the reference"),
        (found < wanted.min_found, "fewer faces of the reference found than the limit"),
        (
            shift > wanted.max_landmark_shift,
            "landmarks are further from those of the reference than the limit",
        ),
    ];
    Ok(checks.iter().filter(|(bad, _)| *bad).map(|(_, line)| (*line).to_owned()).collect())
}

fn print(row: &Row, json: bool) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string(row)?);
        return Ok(());
    }
    let detected = row.detected.map_or("-".to_owned(), |rate| format!("{rate:.1} %"));
    print!("{:<22} {:<4} {:>9} {detected:>9}", row.set, row.precision.to_string(), row.pictures);
    if let Some(m) = &row.matching {
        print!("  {:>4.2} %  {:>6.2} % ({:.3})", m.eer, m.tar, m.threshold);
        print!("{:>20.3} / {:.3}", m.mean_genuine, m.mean_impostor);
    }
    println!();
    Ok(())
}
