//! `ostiary-trainer evaluate`: measures the accuracy of models on sets of faces by the published protocols.
//!
//! A set ([`evaluation_set`]) has labeled pairs, or people. Each model ([`model`]) embeds each picture once (`embed`), embeddings
//! are compared (`face_embeddings`, `comparisons`), and [`metrics`] are computed from the scores: accuracy over `folds`, EER, and
//! TAR with an exact `confidence_interval`. Sets of people also get `identification`, and `groups` if they are given. The output
//! is a `table` or JSON, and plots (`curves`).

mod comparisons;
mod curves;
mod embed;
pub mod evaluation_set;
mod face_embeddings;
mod folds;
mod groups;
mod identification;
pub mod metrics;
pub mod model;
mod short_names;
mod table;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, slice};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use curves::{Curve, Det, Histogram, Roc};
use embed::embed_all;
use evaluation_set::{EvaluationSet, Protocol};
use face_embeddings::FaceEmbeddings;
use groups::Group;
pub use groups::Groups;
use identification::{Identification, identify};
use metrics::Metrics;
use model::{Model, NamedModel, Preprocessing};
use ostiary_config as config;
use ostiary_core::{ChannelOrder, Embedding, Precision};
use ostiary_engine::Backend;
use ostiary_models::Bundle;
use serde::Serialize;

use crate::aligner::Aligner;
use crate::figure::{self, Figure};
use crate::net::Weights;
use crate::scores::Scores;
use crate::storage::{write_atomic, write_error};

/// File name of the results in --out, one JSON object a line.
const RESULTS: &str = "results.jsonl";

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    ostiary-trainer evaluate lfw.bin agedb_30.bin --model new.onnx --model new-int8.onnx --flip\n  \
    ostiary-trainer evaluate people --model new.onnx --cohort strangers --groups groups.csv --out report\n\n\
    Rates are in percent, FARs are shares. Exit code: 0 done, 2 error.")]
/// Arguments of `ostiary-trainer evaluate`.
pub struct Args {
    /// Sets: verification sets (.bin) of InsightFace, outputs of `ostiary-trainer pairs`, folders of people. Pictures of 112x112
    /// are taken as aligned; in other pictures the face is detected and aligned.
    #[arg(required = true)]
    data: Vec<PathBuf>,
    /// An ONNX file or a checkpoint; several to compare them.
    #[arg(long = "model", value_name = "FILE", required = true)]
    model: Vec<PathBuf>,
    /// The engine that runs the models: the door's (tract), onnxruntime (ort, in programs with the feature ort), or both.
    #[arg(long, value_enum, default_value_t = BackendChoice::Tract)]
    backend: BackendChoice,
    /// The library of onnxruntime; without it the system's search path is used.
    #[arg(long, value_name = "FILE", env = "OSTIARY_ORT__LIBRARY")]
    ort_library: Option<PathBuf>,
    /// Embed each face as the sum with its mirror image, as a door does with embedder.flip.
    #[arg(long)]
    flip: bool,
    /// Normalize scores by the 50 nearest faces of these strangers: a folder of pictures, or of people.
    #[arg(long, value_name = "FOLDER")]
    cohort: Option<PathBuf>,
    /// Also measure groups of people, from a CSV table with the columns person and group.
    #[arg(long, value_name = "FILE")]
    groups: Option<PathBuf>,
    /// The input of a pixel `p` is `(p - mean) / divisor`, unless a manifest beside the model has it.
    #[arg(long, default_value_t = 127.5)]
    mean: f32,
    /// See --mean.
    #[arg(long, default_value_t = 128.0)]
    divisor: f32,
    /// Order of the color channels, unless a manifest beside the model has it.
    #[arg(
        long,
        value_parser = PossibleValuesParser::new(["RGB", "BGR"]).try_map(|order| order.parse::<ChannelOrder>()),
        default_value = "RGB"
    )]
    channels: ChannelOrder,
    /// Write the results and plots (SVG and PNG) into this folder, which must be new or empty.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Seed of random pairs and galleries.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of threads; 0 is one for each processor.
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// The folder with the models that detect faces.
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Precision of the models that detect faces.
    #[arg(long, value_name = "int8|fp32", default_value = "int8")]
    precision: Precision,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

/// A function that opens a checkpoint as a model.
pub type OpenCheckpoint = dyn Fn(&Path) -> Result<Box<dyn Model>>;

/// The engine that runs models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum BackendChoice {
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
    /// Whether scores are normalized by a cohort.
    cohort: bool,
    /// Number of distinct pictures.
    pictures: usize,
    /// Number of pictures without a face; pairs with them are left out.
    without_face: usize,
    #[serde(flatten)]
    figures: Metrics,
    /// Only for sets of people.
    #[serde(skip_serializing_if = "Option::is_none")]
    identification: Option<Identification>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Vec<Group>>,
}

/// Runs the command. Checkpoints are opened by `open_checkpoint`, because running them needs libtorch, which this library does
/// not use.
///
/// # Errors
/// If an argument is wrong, a set or model cannot be read, or the output cannot be written.
pub fn run(args: &Args, open_checkpoint: &OpenCheckpoint) -> Result<ExitCode> {
    ensure!(
        args.divisor.is_normal(),
        "--divisor is {}; it must be a normal number other than 0",
        args.divisor
    );
    ensure!(args.mean.is_finite(), "--mean is {}; it must be finite", args.mean);
    let groups = args.groups.as_deref().map(Groups::read).transpose()?;
    let sets = args.data.iter().map(|path| EvaluationSet::open(path)).collect::<Result<Vec<_>>>()?;
    if let Some(groups) = &groups {
        sets.iter().try_for_each(|data| groups.check(data))?;
    }
    let cohort = args.cohort.as_deref().map(EvaluationSet::strangers).transpose()?;
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
        for (data, name) in sets.iter().zip(short_names::short(&args.data)) {
            let embedded = embed_all(data, &models, args.flip, &aligner)?;
            let mut curves = Vec::new();
            for (index, (model, embeddings)) in models.iter().zip(embedded).enumerate() {
                let faces = match cohort.as_ref().and_then(|cohort| cohort.get(index)) {
                    Some(cohort) => FaceEmbeddings::normalized(embeddings, cohort)?,
                    None => FaceEmbeddings::new(embeddings),
                };
                let measured = measure(args, data, &name, model, &faces, groups.as_ref());
                let (row, curve) = measured.with_context(|| data.path.display().to_string())?;
                rows.push(row);
                curves.push(curve);
            }
            if let Some(out) = &args.out {
                draw(out, &short_names::of_file(&name, &mut taken), &curves)?;
            }
        }
        anyhow::Ok(())
    })?;
    let lines = rows.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
    if let Some(out) = &args.out {
        let all: String = lines.iter().map(|line| format!("{line}\n")).collect();
        write_atomic(&out.join(RESULTS), |file| Ok(file.write_all(all.as_bytes())?))?;
    }
    if args.json {
        lines.iter().for_each(|line| println!("{line}"));
    } else {
        print!("{}", table::table(&rows));
    }
    Ok(ExitCode::SUCCESS)
}

/// Opens each model with each selected engine.
fn open_models(args: &Args, open_checkpoint: &OpenCheckpoint) -> Result<Vec<NamedModel>> {
    let preprocessing = Preprocessing { mean: args.mean, divisor: args.divisor, channels: args.channels };
    let mut backends = Vec::new();
    if args.backend != BackendChoice::Ort {
        backends.push(("tract", Backend::tract(1)));
    }
    if args.backend != BackendChoice::Tract {
        let engine = config::Engine { backend: config::Backend::Ort, ..config::Engine::default() };
        let ort = config::Ort { library: args.ort_library.clone(), ..config::Ort::default() };
        backends.push(("ort", Backend::new(&engine, &ort)?));
    }
    let mut models = Vec::new();
    for (file, name) in args.model.iter().zip(short_names::short(&args.model)) {
        for (runs, backend) in &backends {
            let name = if *runs == "ort" { format!("{name} (ort)") } else { name.clone() };
            let model = match Weights::is_checkpoint(file) {
                true => open_checkpoint(file)?,
                false => model::open(file, backend, runs, &preprocessing)?,
            };
            models.push(NamedModel { name, file: file.clone(), model });
        }
    }
    Ok(models)
}

/// Makes the output folder, and checks that files can be written there, before the measurement begins.
fn prepare(out: &Path) -> Result<()> {
    fs::create_dir_all(out).map_err(write_error(out))?;
    let mut there = out.read_dir().with_context(|| out.display().to_string())?;
    ensure!(there.next().is_none(), "{}: is not empty; choose another --out", out.display());
    tempfile::tempfile_in(out).map_err(write_error(out))?;
    Ok(())
}

fn measure(
    args: &Args,
    data: &EvaluationSet,
    name: &str,
    model: &NamedModel,
    faces: &FaceEmbeddings,
    groups: Option<&Groups>,
) -> Result<(Row, Curve)> {
    let scores = comparisons::scores(data, faces, &|_| true, args.seed);
    let (genuine, impostor) = (scores.genuine_pairs(), scores.impostor_pairs());
    ensure!(
        genuine > 0 && impostor > 0,
        "the pictures with a face make {genuine} pairs of one person and {impostor} of two; accuracy needs both"
    );
    let (trials, folds) = comparisons::trials(data, faces, &scores, args.seed);
    let figures = Metrics::of(&scores, &trials, folds);
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

/// The embeddings and scores of one model on one set.
///
/// # Errors
/// If a picture cannot be read, or the model cannot run.
pub fn scores_of(
    data: &EvaluationSet,
    model: &NamedModel,
    aligner: &Aligner,
    seed: u64,
) -> Result<(FaceEmbeddings, Scores)> {
    let faces = FaceEmbeddings::new(
        embed_all(data, slice::from_ref(model), false, aligner)?.pop().unwrap_or_default(),
    );
    let scores = comparisons::scores(data, &faces, &|_| true, seed);
    Ok((faces, scores))
}

/// The metrics of one model on one set.
///
/// # Errors
/// If a picture cannot be read, or the model cannot run.
pub fn metrics_of(data: &EvaluationSet, model: &NamedModel, aligner: &Aligner, seed: u64) -> Result<Metrics> {
    let (faces, scores) = scores_of(data, model, aligner, seed)?;
    let (trials, folds) = comparisons::trials(data, &faces, &scores, seed);
    Ok(Metrics::of(&scores, &trials, folds))
}

fn draw(out: &Path, name: &str, curves: &[Curve]) -> Result<()> {
    fn both<F: Figure>(out: &Path, name: &str, kind: &str, drawn: &F) -> Result<()> {
        let file = |ending: &str| out.join(format!("{name}-{kind}.{ending}"));
        let (svg, png) = (figure::svg(drawn)?, figure::png(drawn)?);
        write_atomic(&file("svg"), |file| Ok(file.write_all(svg.as_bytes())?))?;
        write_atomic(&file("png"), |file| Ok(file.write_all(&png)?))
    }
    both(out, name, "roc", &Roc(curves))?;
    both(out, name, "det", &Det(curves))?;
    both(out, name, "scores", &Histogram(curves))
}
