//! `ostiary-trainer measure-liveness`: counts how many live faces and how many pictures of faces a bundle's presentation
//! attack detection takes for live, by its own thresholds: in single pictures, and by medians of several.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use ostiary_core::{BBox, Precision, clopper_pearson};
use ostiary_engine::Backend;
use ostiary_models::{Bundle, LivenessTest};
use ostiary_pictures::read_picture;
use ostiary_vision::{LivenessNetwork, LivenessScore};
use serde::Serialize;

use crate::aligner::Aligner;

/// Pictures of a median.
const MEDIAN_OF: usize = 5;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  ostiary-trainer measure-liveness --live nuaa/live --attack nuaa/photo --models models\n\n\
    Each folder has one folder for each person or recording. Medians are of 5 pictures of one folder that follow each \
    other by their numbers."
)]
/// Arguments of `ostiary-trainer measure-liveness`.
pub struct Args {
    /// The folder with pictures of live faces.
    #[arg(long, value_name = "DIR")]
    live: Option<PathBuf>,
    /// The folder with pictures of photos, prints or screens that show faces.
    #[arg(long, value_name = "DIR")]
    attack: Option<PathBuf>,
    /// The folder with the models.
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Print one JSON object a line: the counts, and the score of each picture.
    #[arg(long)]
    json: bool,
}

/// The score of one picture.
#[derive(Debug, Serialize)]
struct PictureScore<'a> {
    picture: &'a Path,
    precision: Precision,
    face: BBox,
    live: f32,
    scale: f32,
}

/// How many pictures or medians are on which side of the thresholds.
#[derive(Debug, Serialize)]
struct Counts {
    set: &'static str,
    precision: Precision,
    /// `picture`, or `median of 5`.
    unit: String,
    total: usize,
    spoof: usize,
    unclear: usize,
    pass: usize,
}

/// Runs the command.
///
/// # Errors
/// If a folder or picture cannot be read, or the bundle has no presentation attack detection.
pub fn run(args: &Args) -> Result<ExitCode> {
    let sets: Vec<(&'static str, &Path)> = [("live", &args.live), ("attack", &args.attack)]
        .into_iter()
        .filter_map(|(name, folder)| Some((name, folder.as_deref()?)))
        .collect();
    ensure!(!sets.is_empty(), "there is nothing to measure: pass --live, --attack or both");
    for precision in [Precision::Fp32, Precision::Int8] {
        let bundle = Bundle::open_or_shipped(args.models.as_deref(), precision)?;
        let network = LivenessNetwork::load(&bundle, &Backend::tract(1))?;
        let mut network = network.with_context(|| {
            format!(
                "{} has no model \"liveness\"; pass another folder with --models",
                bundle.folder().display()
            )
        })?;
        let aligner = Aligner::new(&bundle);
        for (set, folder) in &sets {
            let scores = Scores::of(folder, precision, &mut network, &aligner, args.json)?;
            scores.print(set, precision, network.test(), args.json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The scores of a set.
#[derive(Default)]
struct Scores {
    /// The scores of each folder, in the order of the pictures.
    folders: Vec<Vec<f32>>,
    without_face: usize,
}

impl Scores {
    fn of(
        set: &Path,
        precision: Precision,
        network: &mut LivenessNetwork,
        aligner: &Aligner,
        json: bool,
    ) -> Result<Self> {
        let mut scores = Self::default();
        for folder in entries(set)?.into_iter().filter(|path| path.is_dir()) {
            let mut of_folder = Vec::new();
            for picture in entries(&folder)?.into_iter().filter(|path| is_picture(path)) {
                let frame = read_picture(&picture)?;
                let face = aligner.align_face(&frame, None)?.ok().map(|aligned| aligned.detection.bbox);
                let score = match face {
                    Some(face) => network.score(&frame, &face)?.map(|score| (face, score)),
                    None => None,
                };
                let Some((face, LivenessScore { live, scale })) = score else {
                    scores.without_face += 1;
                    continue;
                };
                if json {
                    let row = PictureScore { picture: &picture, precision, face, live, scale };
                    println!("{}", serde_json::to_string(&row)?);
                }
                of_folder.push(live);
            }
            scores.folders.push(of_folder);
        }
        let is_empty = scores.folders.iter().all(Vec::is_empty);
        ensure!(!is_empty, "{}: has no folders with pictures of faces", set.display());
        Ok(scores)
    }

    fn print(&self, set: &'static str, precision: Precision, test: &LivenessTest, json: bool) -> Result<()> {
        let medians = self.folders.iter().flat_map(|folder| folder.chunks_exact(MEDIAN_OF)).map(median);
        let units = [
            ("picture".to_owned(), self.folders.concat()),
            (format!("median of {MEDIAN_OF}"), medians.collect()),
        ];
        for (unit, scores) in units {
            let count = |range: &dyn Fn(f32) -> bool| scores.iter().filter(|score| range(**score)).count();
            let counts = Counts {
                set,
                precision,
                unit,
                total: scores.len(),
                spoof: count(&|score| score < test.spoof_below),
                unclear: count(&|score| score >= test.spoof_below && score < test.pass_from),
                pass: count(&|score| score >= test.pass_from),
            };
            if json {
                println!("{}", serde_json::to_string(&counts)?);
            } else {
                counts.print();
            }
        }
        if self.without_face > 0 && !json {
            println!("{set}, {precision}: no face was found in {} pictures", self.without_face);
        }
        Ok(())
    }
}

impl Counts {
    fn print(&self) {
        let Self { set, precision, unit, total, .. } = self;
        let share = |hits: usize| {
            let [low, high] = clopper_pearson(hits, *total).map(|bound| 100.0 * bound);
            format!("{hits} ({low:.1} to {high:.1} %)")
        };
        println!(
            "{set}, {precision}, {total} scores of one {unit}: attack {}, unclear {}, live {}",
            share(self.spoof),
            share(self.unclear),
            share(self.pass)
        );
    }
}

/// The paths in a folder. Names with the same beginning are in the order of their numbers.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)
        .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
        .with_context(|| format!("cannot read the folder {}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
    Ok(paths)
}

/// Whether a file has the name of a picture.
fn is_picture(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_lowercase);
    extension.is_some_and(|extension| ["jpg", "jpeg", "png"].contains(&extension.as_str()))
}

/// The middle one of an odd number of scores.
fn median(scores: &[f32]) -> f32 {
    let mut sorted = scores.to_vec();
    sorted.sort_by(f32::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
