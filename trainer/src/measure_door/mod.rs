//! `ostiary-trainer measure-door`: the program's own detections and embeddings, measured over folders of faces.
//!
//! In: a folder of test data and the `ostiary` program. Out: detection rate, EER and TAR for each set,
//! agreement with references, what int8 loses, and the table from FAR to threshold that a model's manifest carries.

mod door;
mod loss;
mod reference;
mod sets;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use door::Ostiary;
use ostiary_core::Precision;
use serde::Serialize;
use sets::{Reference, Set, Sets};

use crate::far_table;
use crate::scores::Scores;

/// Measure accuracy over folders of faces.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary-trainer measure-door faces --ostiary target/release/ostiary")]
pub struct Args {
    /// A folder with a folder of pictures for each person, or the folder that --sets speaks of.
    data: PathBuf,
    /// The program to measure.
    #[arg(long, default_value = "target/release/ostiary")]
    ostiary: PathBuf,
    /// Which sets the folder holds and what must be reached on each (TOML).
    #[arg(long, value_name = "FILE")]
    sets: Option<PathBuf>,
    /// Write the threshold that holds each FAR on the worst of the sets of people (TOML).
    #[arg(long, value_name = "FILE")]
    far_table: Option<PathBuf>,
    /// In what numbers the program computes; both where the sets' file says what int8 may lose.
    #[arg(long, value_name = "int8|fp32", default_value = "int8")]
    precision: Precision,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

/// The figures of one set; rates in percent.
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

#[derive(Debug, Serialize)]
struct Matching {
    genuine_pairs: usize,
    impostor_pairs: usize,
    eer: f64,
    /// At FAR 0.1 %.
    tar: f64,
    threshold: f32,
    mean_genuine: f64,
    mean_impostor: f64,
}

/// Measures, prints, and answers 1 where a figure that the sets' file asks for is missed.
pub fn run(args: Args) -> Result<ExitCode> {
    let sets = match &args.sets {
        Some(file) => Sets::read(file)?,
        None => Sets::one_folder_of_people(),
    };
    let program = |precision| Ostiary { program: args.ostiary.clone(), precision };
    let [fp32, int8] = [Precision::Fp32, Precision::Int8].map(program);
    let asked: &[&Ostiary] = match (&sets.loss, args.precision) {
        (Some(_), _) => &[&fp32, &int8],
        (None, Precision::Fp32) => &[&fp32],
        (None, Precision::Int8) => &[&int8],
    };
    let (mut missed, mut of_people) = (Vec::new(), Vec::new());
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
        // What must be reached is for the numbers that the networks were trained in; what int8 may lose is below.
        missed.extend(shortfalls(&both[0].row, set));
        if let (Some(most), [fp32, int8]) = (&sets.loss, &both[..]) {
            missed.extend(loss::of_set(fp32, int8, set, most, args.json)?);
        }
        let wanted = both.into_iter().find(|measured| measured.row.precision == args.precision);
        of_people.extend(wanted.and_then(|measured| measured.scores));
    }
    if let Some(most) = &sets.loss {
        missed.extend(loss::of_landmarks([&fp32, &int8], &args.data, most, args.json)?);
    }
    if let Some(reference) = &sets.reference {
        missed.extend(compare(&fp32, &args.data, reference, args.json)?);
    }
    if let Some(file) = &args.far_table {
        far_table::write(file, &of_people)?;
    }
    missed.iter().for_each(|line| eprintln!("missed: {line}"));
    Ok(if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A set, measured in one precision.
struct Measured {
    row: Row,
    /// Of a set of people.
    scores: Option<Scores>,
    faces: Vec<(PathBuf, Vec<f32>)>,
}

fn measure(ostiary: &Ostiary, data: &Path, set: &Set) -> Result<Measured> {
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
    Ok(Measured { row: Row { set, precision, pictures, detected, matching }, scores, faces })
}

fn matching(scores: &Scores) -> Result<Matching> {
    let threshold = scores.threshold_at_far(1e-3).context("needs two people")?;
    if scores.genuine_pairs() == 0 {
        bail!("needs two pictures of one person");
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

fn shortfalls(row: &Row, set: &Set) -> Vec<String> {
    let mut missed = Vec::new();
    if let (Some(got), Some(wanted)) = (row.detected, set.min_detected)
        && got < wanted
    {
        missed.push(format!("{}: faces found in {got:.2} % of pictures, {wanted} % wanted", row.set));
    }
    if let (Some(got), Some(wanted)) = (&row.matching, set.max_eer)
        && got.eer > wanted
    {
        missed.push(format!("{}: EER {:.2} %, at most {wanted} % wanted", row.set, got.eer));
    }
    missed
}

fn compare(ostiary: &Ostiary, data: &Path, wanted: &Reference, json: bool) -> Result<Vec<String>> {
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
        (found < wanted.min_found, "fewer of the reference's faces found than wanted"),
        (shift > wanted.max_landmark_shift, "landmarks are further from the reference's than wanted"),
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
