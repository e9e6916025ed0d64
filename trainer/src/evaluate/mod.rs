//! `ostiary-trainer evaluate`: models and sets of faces in; accuracy by the published protocols out.
//!
//! A set ([`data`]) is pairs with answers, or people. Its pictures go once through every model ([`model`], `embed`), the
//! `faces` are compared (`comparisons`), and their scores come to [`figures`]: accuracy over `folds`, EER, and TAR
//! with an exact `interval`. Of people there is `identification` too, and `groups` where they are given. Out: a
//! `table` or JSON, and `curves`.

mod comparisons;
mod curves;
pub mod data;
mod embed;
mod faces;
pub mod figures;
mod folds;
mod groups;
mod identification;
mod interval;
pub mod model;
mod names;
mod table;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, slice};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use curves::{Curve, Det, Histogram, Roc};
use data::{Data, Protocol};
use embed::embed_all;
use faces::Faces;
use figures::Figures;
use groups::Group;
pub use groups::Groups;
use identification::{Identification, identify};
use model::{Feed, Model, Named};
use ostiary_config as config;
use ostiary_core::{ChannelOrder, Embedding, Precision};
use ostiary_engine::Backend;
use ostiary_models::Bundle;
use serde::Serialize;

use crate::aligner::Aligner;
use crate::figure::{self, Figure};
use crate::net::Weights;
use crate::scores::Scores;
use crate::storage::{failed, write_whole};

/// The results in the folder of --out, one JSON object a line.
const RESULTS: &str = "results.jsonl";

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    ostiary-trainer evaluate lfw.bin agedb_30.bin --model new.onnx --model new-int8.onnx --flip\n  \
    ostiary-trainer evaluate people --model new.onnx --cohort strangers --groups groups.csv --out report\n\n\
    Rates are in percent, FARs shares. Exit code: 0 done, 2 error.")]
pub struct Args {
    /// Sets: verification sets (.bin) as InsightFace ships them, what `ostiary-trainer pairs` writes, folders of people.
    /// Pictures of 112x112 are aligned already; in others the face is found and aligned.
    #[arg(required = true)]
    data: Vec<PathBuf>,
    /// A model, as ONNX; several to compare them.
    #[arg(long = "model", value_name = "FILE", required = true)]
    model: Vec<PathBuf>,
    /// What runs the models: the door's engine, onnxruntime (in programs built with the feature ort), or both.
    #[arg(long, value_enum, default_value_t = Runs::Tract)]
    backend: Runs,
    /// The library of onnxruntime; else wherever the system looks.
    #[arg(long, value_name = "FILE", env = "OSTIARY_ORT__LIBRARY")]
    ort_library: Option<PathBuf>,
    /// Embed each face as the sum with its mirror image, as a door does with embedder.flip.
    #[arg(long)]
    flip: bool,
    /// Centre scores by the nearest 50 faces of these strangers: a folder of pictures, or of people.
    #[arg(long, value_name = "FOLDER")]
    cohort: Option<PathBuf>,
    /// Measure groups of people too: a table (CSV) with the columns person and group.
    #[arg(long, value_name = "FILE")]
    groups: Option<PathBuf>,
    /// A pixel `p` is fed as `(p - mean) / divisor`, where no manifest beside the model says it.
    #[arg(long, default_value_t = 127.5)]
    mean: f32,
    /// See --mean.
    #[arg(long, default_value_t = 128.0)]
    divisor: f32,
    /// The order of colours, where no manifest says it.
    #[arg(long, value_parser = PossibleValuesParser::new(["RGB", "BGR"]).try_map(|order| order.parse::<ChannelOrder>()), default_value = "RGB")]
    channels: ChannelOrder,
    /// Write the results and plots (SVG and PNG) into this folder, which is new or empty.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Draws what is drawn: pairs, galleries.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads; 0 is one for each of the machine's.
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// The folder with the models that find faces.
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// In what numbers these compute.
    #[arg(long, value_name = "int8|fp32", default_value = "int8")]
    precision: Precision,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

/// Opens a checkpoint as a model.
pub type OpenCheckpoint = dyn Fn(&Path) -> Result<Box<dyn Model>>;

/// What runs models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Runs {
    /// The door's own kernels, and tract.
    Tract,
    /// onnxruntime.
    Ort,
    Both,
}

/// One model on one set.
#[derive(Debug, Serialize)]
struct Row {
    data: String,
    path: PathBuf,
    model: String,
    file: PathBuf,
    backend: String,
    flip: bool,
    /// Whether scores are centred by a cohort.
    cohort: bool,
    /// Different ones.
    pictures: usize,
    /// In which no face is found; pairs with them are left out.
    without_face: usize,
    #[serde(flatten)]
    figures: Figures,
    /// Of sets of people.
    #[serde(skip_serializing_if = "Option::is_none")]
    identification: Option<Identification>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Vec<Group>>,
}

/// Runs the command. Checkpoints are opened by `open_checkpoint`: what runs them needs libtorch, which this library does not have.
pub fn run(args: &Args, open_checkpoint: &OpenCheckpoint) -> Result<ExitCode> {
    ensure!(args.divisor.is_normal(), "--divisor is {}; nothing can be divided by it", args.divisor);
    ensure!(args.mean.is_finite(), "--mean is {}, not a number", args.mean);
    let groups = args.groups.as_deref().map(Groups::read).transpose()?;
    let sets = args.data.iter().map(|path| Data::open(path)).collect::<Result<Vec<_>>>()?;
    if let Some(groups) = &groups {
        sets.iter().try_for_each(|data| groups.check(data))?;
    }
    let cohort = args.cohort.as_deref().map(Data::strangers).transpose()?;
    let bundle = Bundle::open_or_shipped(args.models.as_deref(), args.precision)?;
    let aligner = Aligner::new(&bundle);
    let models = open_models(args, open_checkpoint)?;
    if let Some(out) = &args.out {
        prepare(out)?;
    }
    let threads =
        rayon::ThreadPoolBuilder::new().num_threads(args.threads).build().context("cannot start threads")?;
    let (mut rows, mut taken) = (Vec::new(), HashSet::new());
    threads.install(|| {
        let cohort =
            cohort.map(|strangers| embed_all(&strangers, &models, args.flip, &aligner)).transpose()?;
        let cohort: Option<Vec<Vec<Embedding>>> = cohort.map(|embedded| {
            embedded.into_iter().map(|faces| faces.into_iter().flatten().collect()).collect()
        });
        for (data, name) in sets.iter().zip(names::short(&args.data)) {
            let embedded = embed_all(data, &models, args.flip, &aligner)?;
            let mut curves = Vec::new();
            for (index, (model, embeddings)) in models.iter().zip(embedded).enumerate() {
                let faces = match &cohort {
                    Some(cohort) => Faces::centred(embeddings, &cohort[index])?,
                    None => Faces::new(embeddings),
                };
                let measured = measure(args, data, &name, model, &faces, groups.as_ref());
                let (row, curve) = measured.with_context(|| data.path.display().to_string())?;
                rows.push(row);
                curves.push(curve);
            }
            if let Some(out) = &args.out {
                draw(out, &names::of_file(&name, &mut taken), &curves)?;
            }
        }
        anyhow::Ok(())
    })?;
    let lines = rows.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
    if let Some(out) = &args.out {
        let all: String = lines.iter().map(|line| format!("{line}\n")).collect();
        write_whole(&out.join(RESULTS), |file| Ok(file.write_all(all.as_bytes())?))?;
    }
    if args.json {
        lines.iter().for_each(|line| println!("{line}"));
    } else {
        print!("{}", table::table(&rows));
    }
    Ok(ExitCode::SUCCESS)
}

/// Every model with everything that it is to be run by.
fn open_models(args: &Args, open_checkpoint: &OpenCheckpoint) -> Result<Vec<Named>> {
    let feed = Feed { mean: args.mean, divisor: args.divisor, channels: args.channels };
    let mut backends = Vec::new();
    if args.backend != Runs::Ort {
        backends.push(("tract", Backend::tract(1)));
    }
    if args.backend != Runs::Tract {
        let engine = config::Engine { backend: config::Backend::Ort, ..config::Engine::default() };
        let ort = config::Ort { library: args.ort_library.clone(), ..config::Ort::default() };
        backends.push(("ort", Backend::new(&engine, &ort)?));
    }
    let mut models = Vec::new();
    for (file, name) in args.model.iter().zip(names::short(&args.model)) {
        for (runs, backend) in &backends {
            let name = if *runs == "ort" { format!("{name} (ort)") } else { name.clone() };
            let model = match Weights::is_checkpoint(file) {
                true => open_checkpoint(file)?,
                false => model::open(file, backend, runs, &feed)?,
            };
            models.push(Named { name, file: file.clone(), model });
        }
    }
    Ok(models)
}

/// Makes the folder, or says why nothing can be written there, before anything is measured.
fn prepare(out: &Path) -> Result<()> {
    fs::create_dir_all(out).map_err(failed(out))?;
    let mut there = out.read_dir().with_context(|| out.display().to_string())?;
    ensure!(there.next().is_none(), "{}: is not empty; choose another --out", out.display());
    tempfile::tempfile_in(out).map_err(failed(out))?;
    Ok(())
}

fn measure(
    args: &Args,
    data: &Data,
    name: &str,
    model: &Named,
    faces: &Faces,
    groups: Option<&Groups>,
) -> Result<(Row, Curve)> {
    let scores = comparisons::scores(data, faces, &|_| true, args.seed);
    let (genuine, impostor) = (scores.genuine_pairs(), scores.impostor_pairs());
    ensure!(
        genuine > 0 && impostor > 0,
        "of the pictures with a face, {genuine} pairs of one person are left and {impostor} of two; accuracy needs both"
    );
    let (trials, folds) = comparisons::trials(data, faces, &scores, args.seed);
    let figures = Figures::of(&scores, &trials, folds);
    let identification = match &data.protocol {
        Protocol::Pairs { .. } => None,
        Protocol::People { .. } => {
            let person: Vec<usize> = data.pictures.iter().filter_map(|picture| picture.person).collect();
            identify(faces, &person, args.seed)
        }
    };
    let groups = groups.map(|groups| groups.measure(data, faces, &figures, args.seed));
    let row = Row {
        data: name.to_owned(),
        path: data.path.clone(),
        model: model.name.clone(),
        file: model.file.clone(),
        backend: model.model.backend().to_owned(),
        flip: args.flip,
        cohort: args.cohort.is_some(),
        pictures: data.pictures.len(),
        without_face: (0..data.pictures.len()).filter(|picture| !faces.has(*picture)).count(),
        figures,
        identification,
        groups,
    };
    Ok((row, Curve::of(&model.name, &scores)))
}

/// The scores of one model on one set.
pub fn scores_of(data: &Data, model: &Named, aligner: &Aligner, seed: u64) -> Result<(Faces, Scores)> {
    let faces =
        Faces::new(embed_all(data, slice::from_ref(model), false, aligner)?.pop().unwrap_or_default());
    let scores = comparisons::scores(data, &faces, &|_| true, seed);
    Ok((faces, scores))
}

/// The figures of one model on one set, as those who train one watch them.
pub fn figures_of(data: &Data, model: &Named, aligner: &Aligner, seed: u64) -> Result<Figures> {
    let (faces, scores) = scores_of(data, model, aligner, seed)?;
    let (trials, folds) = comparisons::trials(data, &faces, &scores, seed);
    Ok(Figures::of(&scores, &trials, folds))
}

fn draw(out: &Path, name: &str, curves: &[Curve]) -> Result<()> {
    fn both<F: Figure>(out: &Path, name: &str, kind: &str, drawn: &F) -> Result<()> {
        let file = |ending: &str| out.join(format!("{name}-{kind}.{ending}"));
        let (svg, png) = (figure::svg(drawn)?, figure::png(drawn)?);
        write_whole(&file("svg"), |file| Ok(file.write_all(svg.as_bytes())?))?;
        write_whole(&file("png"), |file| Ok(file.write_all(&png)?))
    }
    both(out, name, "roc", &Roc(curves))?;
    both(out, name, "det", &Det(curves))?;
    both(out, name, "scores", &Histogram(curves))
}
