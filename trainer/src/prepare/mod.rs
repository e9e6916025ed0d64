//! `ostiary-trainer prepare`: converts a published set of faces into a training set of aligned crops.
//!
//! The set is read person by person ([`crate::faceset`]). Pictures are checked in parallel (`picture_check`): a face is
//! detected and aligned by the door's own code, and rejected if it is not good enough. Near duplicates of a person's picture
//! are removed (`near_duplicates`). Each person goes to train or val as a whole (`split`), and crops are written to folders or
//! to RecordIO (`output`). The outcome of each picture is written to a journal (`journal`). An interrupted run continues from
//! it, and the report is made from it (`report`).

mod journal;
mod near_duplicates;
mod output;
mod picture_check;
mod report;
mod split;
mod unpack;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use journal::{Entry, Journal, Outcome};
use near_duplicates::NearDuplicates;
use ostiary_config::QualityLimits;
use ostiary_core::{ModelRole, Precision};
use ostiary_models::Bundle;
use output::{Format, Output};
use picture_check::{PictureChecker, RejectReason, Verdict};
use rayon::prelude::*;
use report::{REPORT, Report};
use serde_json::json;
use split::Split;

use crate::faceset::{self, FaceSet, Picture};
pub use crate::prepared::JOURNAL;

/// Pictures that are checked before their outcomes are written to the journal. Only the crops of one chunk are in memory.
const CHUNK: usize = 256;
/// Least and greatest mean luma of a crop, as shares. A model should learn from faces in bad light, but nothing can be seen
/// in a crop outside this range.
const MIN_EXPOSURE: f32 = 0.05;
const MAX_EXPOSURE: f32 = 0.97;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ostiary-trainer prepare celeba -o celeba-112\n  \
    ostiary-trainer prepare faces_emore -o emore --aligned --format recordio\n  \
    ostiary-trainer prepare lfw.bin -o lfw\n\n\
    An interrupted run continues when the same command is given again.\n\
    Exit code: 0 done, 1 no picture was kept, 2 error.")]
/// Arguments of `ostiary-trainer prepare`.
pub struct Args {
    /// The set: a folder with a folder of pictures for each person, or with one picture of each person; the folder of CelebA;
    /// a train.rec or its folder; a verification set (.bin), which is only unpacked.
    source: PathBuf,
    /// The folder to write.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Write JPEGs into a folder for each person, or MXNet's RecordIO.
    #[arg(long, value_enum, default_value_t = Format::Folders)]
    format: Format,
    /// The pictures are aligned crops of 112x112 already: keep them as they are. Only exposure and sharpness are checked
    /// then.
    #[arg(long)]
    aligned: bool,
    /// Smallest face that is kept, pixels.
    #[arg(long, value_name = "PIXELS", default_value_t = 40.0)]
    min_size: f32,
    /// Least sharpness: variance of the Laplacian of the aligned crop, gray levels squared.
    #[arg(long, value_name = "VARIANCE", default_value_t = 20.0)]
    min_sharpness: f32,
    /// Greatest rotation of the head to a side, degrees.
    #[arg(long, value_name = "DEGREES", default_value_t = 60.0)]
    max_yaw: f32,
    /// Greatest rotation of the head up or down, degrees.
    #[arg(long, value_name = "DEGREES", default_value_t = 50.0)]
    max_pitch: f32,
    /// Greatest tilt of the head, degrees.
    #[arg(long, value_name = "DEGREES", default_value_t = 60.0)]
    max_roll: f32,
    /// Share of people in the validation set, percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0)]
    val: f64,
    /// Seed of the choice of people for validation.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of threads; 0 is one for each processor.
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// The folder with the models that detect faces.
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// If the set or the models cannot be read, or the output cannot be written or continued.
pub fn run(args: &Args) -> Result<ExitCode> {
    if args.source.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("bin")) {
        return unpack::unpack(&args.source, &args.output, args.json);
    }
    let split = Split::new(args.val, args.seed)?;
    let set = faceset::open(&args.source)?;
    let threads =
        rayon::ThreadPoolBuilder::new().num_threads(args.threads).build().context("cannot start threads")?;
    let models = (!args.aligned)
        .then(|| Bundle::open_or_shipped(args.models.as_deref(), Precision::default()))
        .transpose()?;
    let checker = PictureChecker::new(limits(args), models.as_ref());
    let journal = Journal::open(&args.output, &settings(args, models.as_ref())?)?;
    if !args.output.join(REPORT).exists() {
        let output = args.format.output(&args.output);
        threads.install(|| prepare(&*set, &checker, split, &journal, output))?;
        Report::write(&journal, &args.output)?;
    }
    let report = Report::read(&args.output)?;
    report.print(&args.output, args.json)?;
    if args.val > 0.0 && report.val.people == 0 && report.kept > 0 {
        eprintln!("the validation set is empty: choose another --seed or a larger --val");
    }
    Ok(ExitCode::from(u8::from(report.kept == 0)))
}

fn limits(args: &Args) -> QualityLimits {
    QualityLimits {
        min_size: args.min_size,
        min_sharpness: args.min_sharpness,
        min_exposure: MIN_EXPOSURE,
        max_exposure: MAX_EXPOSURE,
        max_yaw: args.max_yaw,
        max_pitch: args.max_pitch,
        max_roll: args.max_roll,
    }
}

/// All settings that the output depends on, as one line. A run can only be continued with the same settings.
fn settings(args: &Args, models: Option<&Bundle>) -> Result<String> {
    let source = args.source.canonicalize().with_context(|| args.source.display().to_string())?;
    let id = |role| anyhow::Ok(models.map(|bundle| bundle.id(role)).transpose()?.map(|id| id.to_string()));
    let models = [id(ModelRole::PNet)?, id(ModelRole::RNet)?, id(ModelRole::ONet)?];
    Ok(json!({
        "source": source, "format": args.format, "aligned": args.aligned, "limits": limits(args),
        "val": args.val, "seed": args.seed, "models": models,
    })
    .to_string())
}

/// Processes all pictures that are not in the journal yet.
fn prepare(
    set: &dyn FaceSet,
    checker: &PictureChecker,
    split: Split,
    journal: &Journal,
    mut output: Box<dyn Output>,
) -> Result<()> {
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} people, {eta} left  {msg}")?;
    let bar = ProgressBar::new(set.people() as u64).with_style(style);
    let mut near_duplicates = NearDuplicates::default();
    let mut journaled = journal.entries()?;
    let mut chunk: Vec<(String, Picture)> = Vec::new();
    for number in 0..set.people() {
        let person = set.person(number)?;
        for picture in person.pictures {
            if let Some(entry) = journaled.next() {
                let entry = entry?;
                if (&entry.person, &entry.picture) != (&person.name, &picture.name) {
                    bail!(
                        "the set has changed since {} was begun: it has {}/{} in the place of {}/{}; choose another --output",
                        journal.folder().display(),
                        person.name,
                        picture.name,
                        entry.person,
                        entry.picture
                    );
                }
                if let Outcome::Kept { fingerprint, .. } = &entry.outcome {
                    near_duplicates.is_new(&entry.person, fingerprint);
                }
                output.resume(&entry)?;
                continue;
            }
            chunk.push((person.name.clone(), picture));
            if chunk.len() == CHUNK {
                process_chunk(set, checker, split, journal, &mut *output, &mut near_duplicates, &mut chunk)?;
            }
        }
        bar.inc(1);
    }
    process_chunk(set, checker, split, journal, &mut *output, &mut near_duplicates, &mut chunk)?;
    if journaled.next().is_some() {
        bail!(
            "the set has fewer pictures than when {} was begun; choose another --output",
            journal.folder().display()
        );
    }
    output.finish(journal)?;
    bar.finish_and_clear();
    Ok(())
}

/// Checks a chunk in parallel, then writes the kept crops in order, then the journal, so that every crop in the journal is
/// on the disk.
fn process_chunk(
    set: &dyn FaceSet,
    checker: &PictureChecker,
    split: Split,
    journal: &Journal,
    output: &mut dyn Output,
    near_duplicates: &mut NearDuplicates,
    chunk: &mut Vec<(String, Picture)>,
) -> Result<()> {
    let verdicts: Vec<Verdict> =
        chunk.par_iter().map(|(_, picture)| checker.check(set, picture)).collect::<Result<_>>()?;
    let mut entries = Vec::with_capacity(chunk.len());
    for ((person, picture), verdict) in chunk.drain(..).zip(verdicts) {
        let outcome = match verdict {
            Verdict::Rejected { reason, why } => Outcome::Rejected { rejected: reason, why },
            Verdict::Good { fingerprint, .. } if !near_duplicates.is_new(&person, &fingerprint) => {
                Outcome::Rejected { rejected: RejectReason::NearDuplicate, why: None }
            }
            Verdict::Good { fingerprint, jpeg } => {
                let subset = split.subset(&person);
                let end = output.write_crop(subset, &person, &picture.name, &jpeg)?;
                Outcome::Kept { subset, fingerprint, end }
            }
        };
        entries.push(Entry { person, picture: picture.name, outcome });
    }
    output.sync()?;
    journal.append(&entries)
}
