//! `ostiary-trainer prepare`: a set of faces as it is published in, one to train on out.
//!
//! People come one after another ([`crate::faceset`]); their pictures are looked at in parallel (`look`): a face is found
//! and aligned by the door's own code, and refused where it is not good enough. Copies within a person are taken out
//! (`copies`). What is kept goes to folders or to records (`output`), people as a whole to train or val (`split`).
//! What became of each picture stands in a journal (`journal`), from which a run goes on that was ended, and of which the
//! report is made (`report`).

mod copies;
mod journal;
mod look;
mod output;
mod report;
mod split;
mod unpack;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use copies::Copies;
use indicatif::{ProgressBar, ProgressStyle};
use journal::{Entry, Fate, Journal};
use look::{Lookers, Reason, Verdict};
use ostiary_config::QualityLimits;
use ostiary_core::Precision;
use ostiary_models::Bundle;
use output::{Format, Output};
use rayon::prelude::*;
use report::{REPORT, Report};
use serde_json::json;
use split::Split;

use crate::faceset::{self, FaceSet, Picture};
pub use crate::prepared::JOURNAL;

/// Pictures that are looked at before what became of them is written down: all that is ever in memory, as crops.
const CHUNK: usize = 256;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ostiary-trainer prepare celeba -o celeba-112\n  \
    ostiary-trainer prepare faces_emore -o emore --aligned --format recordio\n  \
    ostiary-trainer prepare lfw.bin -o lfw\n\n\
    A run that was ended goes on where it was when the same command is given again.\n\
    Exit code: 0 done, 1 no picture was kept, 2 error.")]
pub struct Args {
    /// The set: a folder with a folder of pictures for each person, or with one picture of each; CelebA's folder; a
    /// train.rec or its folder; a verification set (.bin), which is only unpacked.
    source: PathBuf,
    /// The folder to write.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Write JPEGs in a folder for each person, or MXNet's records.
    #[arg(long, value_enum, default_value_t = Format::Folders)]
    format: Format,
    /// The pictures are aligned crops of 112x112 already: take them as they are. Of how a face is seen only light and
    /// sharpness are then looked at.
    #[arg(long)]
    aligned: bool,
    /// The smallest face that is kept, pixels.
    #[arg(long, value_name = "PIXELS", default_value_t = 40.0)]
    min_size: f32,
    /// The least sharpness: variance of the aligned crop's Laplacian, grey levels squared.
    #[arg(long, value_name = "VARIANCE", default_value_t = 20.0)]
    min_sharpness: f32,
    /// How far a head may be turned to a side, degrees.
    #[arg(long, value_name = "DEGREES", default_value_t = 60.0)]
    max_yaw: f32,
    /// How far a head may be turned up or down, degrees.
    #[arg(long, value_name = "DEGREES", default_value_t = 50.0)]
    max_pitch: f32,
    /// How far a head may be tilted, degrees.
    #[arg(long, value_name = "DEGREES", default_value_t = 60.0)]
    max_roll: f32,
    /// The share of people who are set apart for validation, percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0)]
    val: f64,
    /// Chooses who is set apart.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads; 0 is one for each of the machine's.
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// The folder with the models that find faces.
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

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
    let lookers = Lookers::new(limits(args), models.as_ref());
    let journal = Journal::open(&args.output, &settings(args, models.as_ref())?)?;
    if !args.output.join(REPORT).exists() {
        let output = args.format.output(&args.output);
        threads.install(|| prepare(&*set, &lookers, split, &journal, output))?;
        Report::write(&journal, &args.output)?;
    }
    let report = Report::read(&args.output)?;
    report.print(&args.output, args.json)?;
    if args.val > 0.0 && report.val.people == 0 && report.kept > 0 {
        eprintln!("nobody was set apart for validation: with another --seed or a larger --val somebody is");
    }
    Ok(ExitCode::from(u8::from(report.kept == 0)))
}

fn limits(args: &Args) -> QualityLimits {
    QualityLimits {
        min_size: args.min_size,
        min_sharpness: args.min_sharpness,
        // What is darker or brighter shows nothing; a face in bad light is what a model should learn from.
        min_exposure: 0.05,
        max_exposure: 0.97,
        max_yaw: args.max_yaw,
        max_pitch: args.max_pitch,
        max_roll: args.max_roll,
    }
}

/// All that the output depends on, as one line: another run goes on only if it is the same.
fn settings(args: &Args, models: Option<&Bundle>) -> Result<String> {
    let source = args.source.canonicalize().with_context(|| args.source.display().to_string())?;
    let id = |role| anyhow::Ok(models.map(|bundle| bundle.id(role)).transpose()?.map(|id| id.to_string()));
    let models = [id("pnet")?, id("rnet")?, id("onet")?];
    Ok(json!({
        "source": source, "format": args.format, "aligned": args.aligned, "limits": limits(args),
        "val": args.val, "seed": args.seed, "models": models,
    })
    .to_string())
}

/// Looks at all pictures that the journal does not know yet.
fn prepare(
    set: &dyn FaceSet,
    lookers: &Lookers,
    split: Split,
    journal: &Journal,
    mut output: Box<dyn Output>,
) -> Result<()> {
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} people, {eta} left  {msg}")?;
    let bar = ProgressBar::new(set.people() as u64).with_style(style);
    let mut copies = Copies::default();
    let mut past = journal.entries()?;
    let mut chunk: Vec<(String, Picture)> = Vec::new();
    for number in 0..set.people() {
        let person = set.person(number)?;
        for picture in person.pictures {
            if let Some(entry) = past.next() {
                let entry = entry?;
                if (&entry.person, &entry.picture) != (&person.name, &picture.name) {
                    bail!(
                        "the set has changed since {} was begun: there is {}/{} where {}/{} was; choose another --output",
                        journal.folder().display(),
                        person.name,
                        picture.name,
                        entry.person,
                        entry.picture
                    );
                }
                if let Fate::Kept { fingerprint, .. } = &entry.fate {
                    copies.is_new(&entry.person, fingerprint);
                }
                output.recall(&entry)?;
                continue;
            }
            chunk.push((person.name.clone(), picture));
            if chunk.len() == CHUNK {
                finish(set, lookers, split, journal, &mut *output, &mut copies, &mut chunk)?;
            }
        }
        bar.inc(1);
    }
    finish(set, lookers, split, journal, &mut *output, &mut copies, &mut chunk)?;
    if past.next().is_some() {
        bail!(
            "the set has fewer pictures than when {} was begun; choose another --output",
            journal.folder().display()
        );
    }
    output.finish(journal)?;
    bar.finish_and_clear();
    Ok(())
}

/// Looks at a chunk in parallel, then writes in order what is kept, and the journal last: a picture that it names is on
/// the disk.
fn finish(
    set: &dyn FaceSet,
    lookers: &Lookers,
    split: Split,
    journal: &Journal,
    output: &mut dyn Output,
    copies: &mut Copies,
    chunk: &mut Vec<(String, Picture)>,
) -> Result<()> {
    let looked: Vec<Verdict> =
        chunk.par_iter().map(|(_, picture)| lookers.look(set, picture)).collect::<Result<_>>()?;
    let mut entries = Vec::with_capacity(chunk.len());
    for ((person, picture), verdict) in chunk.drain(..).zip(looked) {
        let fate = match verdict {
            Verdict::Rejected { reason, why } => Fate::Rejected { rejected: reason, why },
            Verdict::Good { fingerprint, .. } if !copies.is_new(&person, &fingerprint) => {
                Fate::Rejected { rejected: Reason::Copy, why: None }
            }
            Verdict::Good { fingerprint, jpeg } => {
                let side = split.side(&person);
                let end = output.put(side, &person, &picture.name, &jpeg)?;
                Fate::Kept { side, fingerprint, end }
            }
        };
        entries.push(Entry { person, picture: picture.name, fate });
    }
    output.sync()?;
    journal.append(&entries)
}
