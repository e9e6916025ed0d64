//! `ostiary-trainer calibrate`: computes the thresholds of an embedder that keep a false positive identification rate, and measures
//! them on people who were not used.
//!
//! Visits of strangers are played against enrolled people by the daemon's own decision code: `visit` makes the templates of a
//! visit, `trials` scores visits and computes the thresholds, `tail` extends them to rates that no trial shows, `judge`
//! measures the errors of held-out people. `upright` fits the test of upright heads.

mod judge;
mod people;
mod tail;
mod trials;
mod upright;
mod visit;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use judge::{Measured, Rate, judge};
use ostiary_core::Precision;
use ostiary_models::{Bundle, Calibration};
use people::{Person, Turn};
use upright::MeasuredUpright;

use crate::evaluate::evaluation_set::EvaluationSet;
use crate::storage::write_atomic;

/// The least number of people, who support the highest rate.
const MIN_PEOPLE: usize = 30;

/// Arguments of `ostiary-trainer calibrate`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  ostiary-trainer calibrate webcam portraits strangers -o models/calibration-int8.toml\n\n\
    A set is a folder with a folder of pictures for each person, or a folder with one picture of each person. People of sets \
    with many pictures are enrolled and come as strangers; people with one picture come as strangers. Pictures of a person in \
    the order of their names are the frames of visits. Do not use the training data of the model."
)]
pub struct Args {
    /// The sets of people.
    #[arg(required = true, value_name = "SET")]
    sets: Vec<PathBuf>,
    /// The file to write (TOML).
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The folder with the models [default: the models that ship].
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Precision of the embedder.
    #[arg(long, value_name = "int8|fp32", default_value = "int8")]
    precision: Precision,
    /// The rate that the held-out people are judged at [default: the smallest that the people support, at most 0.01].
    #[arg(long, value_name = "RATE")]
    fpir: Option<f64>,
    /// Seed of the random draws.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// A calibration with its errors on held-out people.
#[derive(Debug, serde::Serialize)]
pub struct Calibrated {
    /// The calibration by all people.
    #[serde(skip)]
    pub calibration: Calibration,
    /// The rate that the held-out people are judged at.
    pub fpir: f64,
    /// The errors of calibrations by some of the people, on the others.
    pub measured: Vec<Measured>,
    /// The errors of the test of upright heads, on people who were not used to fit it.
    pub upright: Option<MeasuredUpright>,
}

/// Runs the command.
///
/// # Errors
/// If the sets cannot be read or have too few people, or the file cannot be written.
pub fn run(args: &Args) -> Result<ExitCode> {
    if args.fpir.is_some_and(|fpir| !(fpir > 0.0 && fpir < 1.0)) {
        bail!("--fpir must be between 0 and 1");
    }
    let models = Bundle::open_or_shipped(args.models.as_deref(), args.precision)?;
    let sets = open_sets(&args.sets)?;
    let calibrated = calibrate(&sets, &models, args.fpir, args.seed)?;
    if let Some(output) = &args.output {
        write(output, &calibrated.calibration)?;
    }
    if args.json {
        println!("{}", serde_json::to_string(&calibrated)?);
    } else {
        print!("{}", calibrated.text());
    }
    Ok(ExitCode::SUCCESS)
}

/// Opens sets of people, who can have one picture each.
///
/// # Errors
/// If a set cannot be read.
pub fn open_sets(paths: &[PathBuf]) -> Result<Vec<EvaluationSet>> {
    paths.iter().map(|path| EvaluationSet::strangers(path)).collect()
}

/// Calibrates the embedder of a bundle, and judges the calibration on held-out people.
///
/// # Errors
/// If a picture cannot be read, a network cannot run, or there are too few people.
pub fn calibrate(
    sets: &[EvaluationSet],
    models: &Bundle,
    fpir: Option<f64>,
    seed: u64,
) -> Result<Calibrated> {
    let people = people::load(sets, models, Turn::None)?;
    ensure!(
        people.len() >= MIN_PEOPLE,
        "a calibration needs at least {MIN_PEOPLE} people with a good face, and there are {}; add strangers, of whom one picture \
         is enough",
        people.len()
    );
    let mut turned = Vec::new();
    for turn in [Turn::Half, Turn::Left, Turn::Right] {
        turned.extend(people::load(sets, models, turn)?);
    }
    let names: Vec<String> = sets.iter().map(name).collect();
    let all: Vec<&Person> = people.iter().collect();
    let mut calibration = trials::calibrate(&all, names.clone(), seed)?;
    let fpir = fpir.unwrap_or(calibration.default_fpir());
    let measured = judge(&people, &names, fpir, seed);
    let (test, upright) = upright::fit(&people, &turned).unzip();
    calibration.upright = test;
    Ok(Calibrated { calibration, fpir, measured, upright })
}

/// The name of a set: its folder, and the folder above.
fn name(set: &EvaluationSet) -> String {
    let parts: Vec<_> =
        set.path.components().rev().take(2).map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join("/")
}

/// Writes a calibration as TOML.
fn write(path: &Path, calibration: &Calibration) -> Result<()> {
    let text = format!(
        "# The thresholds that keep a false positive identification rate, written by `ostiary-trainer calibrate`.\n\n{}",
        toml::to_string(calibration)?
    );
    write_atomic(path, |file| Ok(file.write_all(text.as_bytes())?))
}

/// Reads the file that the command wrote.
///
/// # Errors
/// If it cannot be read, or is not a calibration.
pub fn read(path: &Path) -> Result<Calibration> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("{}: is not a calibration", path.display()))
}

impl Calibrated {
    /// The calibration and its errors as a table in Markdown.
    pub fn text(&self) -> String {
        let Calibration { strangers, people, visits, supported_fpir, .. } = self.calibration;
        let mut text = format!(
            "{strangers} strangers, {people} enrolled people, {visits} visits; the smallest supported rate is {supported_fpir}.\n\n\
             Errors on held-out people at the rate {}:\n\n\
             | enrolled people of | photos | people | strangers let in | own people refused | taken for another |\n\
             |---|---|---|---|---|---|\n",
            self.fpir
        );
        for Measured { set, photos, people, fpir, fnir, mistaken } in &self.measured {
            let rate = |rate: &Rate| {
                let [low, high] = rate.interval.map(|end| 100.0 * end);
                format!(
                    "{:.2} % ({}/{}; {} people; {low:.2} to {high:.2} %)",
                    100.0 * rate.rate(),
                    rate.errors,
                    rate.visits,
                    rate.visitors
                )
            };
            text += &format!(
                "| {set} | {photos} | {people} | {} | {} | {} |\n",
                rate(fpir),
                rate(fnir),
                rate(mistaken)
            );
        }
        if let Some(MeasuredUpright { refused, found, turned }) = self.upright {
            text += &format!(
                "\nUpright heads: of people who were not used to fit the test it refuses {:.2} % of the upright faces of a set or \
                 less, and {:.1} % of the {turned} faces that are found in turned pictures.\n",
                100.0 * refused,
                100.0 * found
            );
        }
        text
    }
}
