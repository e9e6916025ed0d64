//! `ostiary-trainer measure-liveness`: counts which faces and which pictures of faces a bundle's presentation attack detection
//! takes for live, by its own thresholds.
//!
//! Input are folders of pictures: live faces, photos that were held before a camera, and others. Output are the counts with
//! exact intervals, of single pictures, of medians, of faces that are pasted into other scenes, and of simulated prints.

mod counts;
mod folders;
mod limits;
mod paste;
mod print;
mod scorer;
mod swapped_scenes;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, ensure};
use counts::{Kind, Report, Scores};
use folders::{SubFolder, pictures_below, subfolders};
pub use limits::Limits;
use ostiary_core::Precision;
use ostiary_models::Bundle;
pub use paste::paste_face;
use scorer::Scorer;

/// Pictures of a median.
const MEDIAN_OF: usize = 5;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  ostiary-trainer measure-liveness --live nuaa/live --attack nuaa/photo --models models\n\n\
    The folders of --live and --attack have one folder for each person or recording. Medians are of 5 pictures of one folder \
    that follow each other by their numbers."
)]
/// Arguments of `ostiary-trainer measure-liveness`.
pub struct Args {
    /// The folder with pictures of live faces.
    #[arg(long, value_name = "DIR")]
    live: Option<PathBuf>,
    /// The folder with pictures of photos, prints or screens that show faces.
    #[arg(long, value_name = "DIR")]
    attack: Option<PathBuf>,
    /// A folder with pictures of live faces that do not follow each other, to count how many have too little room. May be
    /// repeated.
    #[arg(long, value_name = "DIR")]
    others: Vec<PathBuf>,
    /// Also score attacks that are made of these pictures: every third face of a folder, pasted into a picture of the next
    /// folder, of the same and of the other kind; and simulated prints of the bundled portraits, before the scenes of --live and
    /// so near that they fill the view. Needs --live and --attack.
    #[arg(long, requires_all = ["live", "attack"])]
    simulate: bool,
    /// The folder with the models.
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Print one JSON object a line: the counts, and the score of each picture.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// If a folder or picture cannot be read, or the bundle has no presentation attack detection.
pub fn run(args: &Args) -> Result<ExitCode> {
    let others = args.others.iter().map(|folder| (folder.display().to_string(), folder.clone())).collect();
    let sets = Sets::read(args.live.as_deref(), args.attack.as_deref(), others, args.simulate)?;
    for precision in [Precision::Fp32, Precision::Int8] {
        for report in sets.measure(args.models.as_deref(), precision)? {
            report.print(args.json, args.json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Measures the sets below `data` that the limits name, at both precisions, prints the counts, and returns the limits that are
/// missed.
///
/// # Errors
/// As [`run`].
pub fn of_sets(data: &Path, limits: &Limits, json: bool) -> Result<Vec<String>> {
    let others = limits.others.iter().map(|folder| (folder.display().to_string(), data.join(folder)));
    let [live, attack] = [&limits.live, &limits.attack].map(|folder| data.join(folder));
    let sets = Sets::read(Some(&live), Some(&attack), others.collect(), true)?;
    let mut missed = Vec::new();
    for precision in [Precision::Fp32, Precision::Int8] {
        for report in sets.measure(None, precision)? {
            report.print(json, false)?;
            missed.extend(report.counts.iter().filter_map(|counts| limits.missed_by(counts)));
        }
    }
    Ok(missed)
}

/// The pictures to measure.
struct Sets {
    live: Vec<SubFolder>,
    attack: Vec<SubFolder>,
    /// Pictures of live faces, with the name of their set.
    others: Vec<(String, Vec<PathBuf>)>,
    /// Whether attacks are also made of these pictures.
    is_simulated: bool,
}

impl Sets {
    fn read(
        live: Option<&Path>,
        attack: Option<&Path>,
        others: Vec<(String, PathBuf)>,
        is_simulated: bool,
    ) -> Result<Self> {
        ensure!(
            live.is_some() || attack.is_some() || !others.is_empty(),
            "there is nothing to measure: pass --live, --attack or --others"
        );
        let read = |folder: Option<&Path>| folder.map(subfolders).transpose().map(Option::unwrap_or_default);
        let others = others
            .into_iter()
            .map(|(name, folder)| Ok((name, pictures_below(&folder)?)))
            .collect::<Result<_>>()?;
        Ok(Self { live: read(live)?, attack: read(attack)?, others, is_simulated })
    }

    /// Scores all pictures.
    fn measure(&self, models: Option<&Path>, precision: Precision) -> Result<Vec<Report>> {
        let bundle = Bundle::open_or_shipped(models, precision)?;
        let scorer = Scorer::new(&bundle, precision)?;
        let score = |folders: &[SubFolder]| -> Result<Vec<Scores>> {
            folders.iter().map(|folder| scorer.score_pictures(&folder.pictures)).collect()
        };
        let (live, attack) = (score(&self.live)?, score(&self.attack)?);
        let mut reports = Vec::new();
        for (kind, scores) in [(Kind::Live, &live), (Kind::Attack, &attack)] {
            if !scores.is_empty() {
                reports.push(Report::of_folders(&scorer, &kind.to_string(), kind, scores));
            }
        }
        if self.is_simulated {
            reports.extend(swapped_scenes::measure(&scorer, &live, &attack)?);
            reports.extend(print::measure(&scorer, &live)?);
        }
        for (name, pictures) in &self.others {
            let scores = scorer.score_pictures(pictures)?;
            reports.push(Report::of_pictures(&scorer, name, Kind::Live, scores));
        }
        Ok(reports)
    }
}
