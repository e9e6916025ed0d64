//! `ostiary-trainer train`: trains a network on a prepared set.
//!
//! [`training_set`] reads batches ahead of the network, in the [`order`] of each epoch. A [`train_step`] copies pictures to the
//! device ([`pixels`]), augments them there ([`mod@augment`]), computes the [`crate::loss`] and that of [`distill`], and updates the
//! weights ([`optimizer`]) with the rate of the [`schedule`]. A [`mod@run`] is all epochs, with its folder: [`mod@settings`], curves
//! ([`tensorboard`]), and the file from which it continues ([`resume`]).

mod augment;
mod device;
mod distill;
mod find_rate;
mod memory;
mod optimizer;
mod order;
mod pixels;
mod resume;
mod run;
mod schedule;
mod settings;
mod tensorboard;
mod train_step;
mod training_set;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::available_parallelism;

use anyhow::{Context, Result, bail, ensure};
use augment::Augmentation;
use distill::Teachers;
use optimizer::Optimizer;
use ostiary_core::Precision as ModelPrecision;
use ostiary_models::Bundle;
use ostiary_trainer::aligner::Aligner;
use ostiary_trainer::evaluate::evaluation_set::EvaluationSet as ValidationSet;
use ostiary_trainer::faceset;
use ostiary_trainer::net::{Architecture, NetworkKind, Weights};
use ostiary_trainer::prepare::JOURNAL;
use run::Run;
use schedule::{RateDecay, Schedule};
use settings::{InputFile, Precision, Settings};
use train_step::TrainStep;
use training_set::TrainingSet;

use crate::loss::{self, Classifier, Margin};
use crate::network::Network;

/// Number of pictures for the statistics of norms, if norms were folded in the initial weights.
const NORM_PICTURES: usize = 256;
/// Number of pictures for the projection of teachers: several for each number of an embedding.
const PROCRUSTES_PICTURES: usize = 1024;

#[derive(Debug, clap::Args)]
#[command(
    args_override_self = true,
    after_help = "Examples:\n  \
    ostiary-trainer train emore -o runs/first -n mobilefacenet -b 200 -e 20 --lr 0.1 -w 4\n  \
    ostiary-trainer train faces -o runs/fine --init models/mobilefacenet.onnx --lr 0.01 -e 8 --teacher big.safetensors\n  \
    ostiary-trainer train emore -o runs/first --find-rate\n\n\
    An interrupted run continues when the same command is given again.\n\
    Exit code: 0 done, 1 ended by a signal, 2 error."
)]
/// Arguments of `ostiary-trainer train`.
pub struct Args {
    /// The set: the output of `ostiary-trainer prepare`, a folder with a folder of aligned crops (112x112) for each person, or a
    /// train.rec.
    data: PathBuf,
    /// The folder of the run.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// mobilefacenet, ir-50, ir-100, ir-152, ir-se-50, ir-se-100 or ir-se-152 [default: that of --init, or mobilefacenet].
    #[arg(short, long)]
    net: Option<NetworkKind>,
    /// Factor of the numbers of channels of a MobileFaceNet.
    #[arg(long, default_value_t = 1.0)]
    width: f64,
    /// Length of an embedding [default: 192 for a MobileFaceNet, 512 for an IR].
    #[arg(long, value_name = "N")]
    embedding: Option<usize>,
    /// Initial weights: a checkpoint (.safetensors, or PyTorch's .pth), or a MobileFaceNet as ONNX, like the one that ships.
    #[arg(long, value_name = "FILE")]
    init: Option<PathBuf>,
    /// A network whose embeddings are the target: a checkpoint (.safetensors, or PyTorch's .pth), or any embedder as ONNX. Can be
    /// given several times: several teachers together are better than each of them.
    #[arg(long, value_name = "FILE")]
    teacher: Vec<PathBuf>,
    /// Weight of the teachers' loss.
    #[arg(long, value_name = "FACTOR", default_value_t = 10.0)]
    teacher_weight: f64,
    /// Weight of the classifier's loss; 0 uses only teachers, and one picture of each person is enough then.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    classifier_weight: f64,
    /// arcface, cosface, combined or adaface.
    #[arg(long, default_value = "arcface")]
    margin: Margin,
    /// Factor of the cosines before the softmax.
    #[arg(long, default_value_t = 64.0)]
    scale: f64,
    /// Share of people that a step uses, besides those of its batch; below 1 for a hundred thousand people and more.
    #[arg(long, value_name = "SHARE", default_value_t = 1.0)]
    sample: f64,
    /// Number of pictures in a batch.
    #[arg(short, long, default_value_t = 128)]
    batch: usize,
    /// Number of passes over the set.
    #[arg(short, long, default_value_t = 20)]
    epochs: usize,
    /// The highest learning rate.
    #[arg(long, default_value_t = 0.1)]
    lr: f64,
    /// Number of epochs in which the rate rises.
    #[arg(long, value_name = "EPOCHS", default_value_t = 1.0)]
    warm_up: f64,
    /// Epochs at which the rate falls to a tenth; without them it falls along a cosine.
    #[arg(long, value_name = "EPOCH", value_delimiter = ',')]
    milestones: Vec<f64>,
    /// Momentum of stochastic gradient descent.
    #[arg(long, default_value_t = 0.9)]
    momentum: f64,
    /// Weight decay; norms and slopes have none.
    #[arg(long, default_value_t = 5e-4)]
    decay: f64,
    /// Greatest length of a gradient; longer ones are clipped.
    #[arg(long, value_name = "LENGTH", default_value_t = 5.0)]
    clip: f64,
    /// Keep the running statistics of norms: for fine-tuning trained weights (--init) with few people.
    #[arg(long)]
    fixed_norms: bool,
    /// Augmentation of pictures: flip, crop, mask, dark, color, blur, jpeg, or none.
    #[arg(long, value_name = "CHANGES", value_delimiter = ',', default_value = "flip")]
    augment: Vec<String>,
    /// Sets to measure after each epoch, as for `evaluate`, besides the val of the set itself.
    #[arg(long, value_name = "DATA")]
    val: Vec<PathBuf>,
    /// Number of threads that read and decode [default: one for each processor].
    #[arg(short, long, value_name = "N")]
    workers: Option<usize>,
    /// cpu, cuda, or cuda:N [default: a GPU if there is one].
    #[arg(long)]
    device: Option<device::DeviceChoice>,
    /// Number type of convolutions [default: bf16 on a GPU, fp32 on a processor].
    #[arg(long)]
    precision: Option<Precision>,
    /// Steps between two checkpoints; each epoch also ends with one.
    #[arg(long, value_name = "STEPS", default_value_t = 1000)]
    save_every: usize,
    /// Seed of all random numbers.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Do not train: try learning rates from 1e-5 to 10, print the losses, and write a plot to the folder.
    #[arg(long)]
    find_rate: bool,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// If an argument is wrong, the set or a network cannot be read, the run cannot be continued, or the loss diverges.
pub fn run(args: &Args) -> Result<ExitCode> {
    memory::retain_freed_memory();
    let device = device::choose(args.device)?;
    let (folder, own_val) = parts(&args.data);
    let workers = args.workers.unwrap_or_else(|| available_parallelism().map_or(1, usize::from));
    let data = TrainingSet::open(faceset::open(&folder)?, workers)?;
    let init = args.init.as_deref().map(Weights::open).transpose()?;
    let settings = settings(args, &folder, &data, init.as_ref(), device)?;
    tch::manual_seed(settings.seed as i64);
    let mut network = match &init {
        Some(weights) => Network::load(weights, device)?,
        None => Network::new(settings.net, device)?,
    };
    if args.init.as_deref().is_some_and(|file| !Weights::is_checkpoint(file)) {
        network.estimate_norms(&pixels::normalized(&sample(&data, NORM_PICTURES, &settings, device)?)?)?;
    }
    let teachers = match args.teacher[..] {
        [] => None,
        _ => {
            let sample =
                sample(&data, PROCRUSTES_PICTURES, &settings, device)?.f_split(settings.batch as i64, 0)?;
            Some(Teachers::open(&args.teacher, &network, &sample)?)
        }
    };
    let loss = loss::Settings { margin: settings.margin, scale: settings.scale, sample: settings.sample };
    let classifier = Classifier::new(data.people(), settings.net.embedding(), loss, device)?;
    let optimizer = Optimizer::new(&network)?;
    let train_step = TrainStep { settings, network, classifier, optimizer, teachers };
    let data = Arc::new(data);
    if args.find_rate {
        return find_rate::find(train_step, &data, &args.output, args.json);
    }
    let sets = own_val.iter().chain(&args.val);
    let validation = sets.map(|path| ValidationSet::open(path)).collect::<Result<Vec<_>>>()?;
    let bundle = Bundle::open_or_shipped(None, ModelPrecision::default())?;
    Run {
        train_step,
        data,
        validation,
        aligner: Aligner::new(&bundle),
        folder: &args.output,
        json: args.json,
    }
    .train(args.save_every)
}

/// The folder of training pictures, and that of validation pictures if a prepared set has one.
fn parts(data: &Path) -> (PathBuf, Option<PathBuf>) {
    if !data.join(JOURNAL).exists() {
        return (data.to_owned(), None);
    }
    let val = data.join("val");
    (data.join("train"), val.is_dir().then_some(val))
}

fn settings(
    args: &Args,
    folder: &Path,
    data: &TrainingSet,
    init: Option<&Weights>,
    device: tch::Device,
) -> Result<Settings> {
    ensure!(
        args.classifier_weight > 0.0 || (args.teacher_weight > 0.0 && !args.teacher.is_empty()),
        "--classifier-weight is 0, and there is no --teacher with a weight: training needs one of them"
    );
    ensure!(
        data.people() > 1 || args.classifier_weight == 0.0,
        "{}: has pictures of {} people; training needs at least two",
        folder.display(),
        data.people()
    );
    ensure!(
        args.batch > 1,
        "--batch is {}; it must be at least 2, because norms need a variance",
        args.batch
    );
    ensure!(
        data.pictures() >= args.batch,
        "{}: has {} pictures, fewer than one batch; lower --batch",
        folder.display(),
        data.pictures()
    );
    for (name, number) in [("--lr", args.lr), ("--scale", args.scale), ("--clip", args.clip)] {
        ensure!(number > 0.0 && number.is_finite(), "{name} is {number}; it must be above 0");
    }
    for (name, number) in [
        ("--warm-up", args.warm_up),
        ("--decay", args.decay),
        ("--teacher-weight", args.teacher_weight),
        ("--classifier-weight", args.classifier_weight),
    ] {
        ensure!(number >= 0.0 && number.is_finite(), "{name} is {number}; it must be 0 or more");
    }
    ensure!(
        (0.0..1.0).contains(&args.momentum),
        "--momentum is {}; it must be from 0 to below 1",
        args.momentum
    );
    ensure!(args.epochs > 0, "--epochs is 0; it must be at least 1");
    ensure!(
        !args.fixed_norms || init.is_some(),
        "--fixed-norms needs --init: the norms of a new network have no statistics"
    );
    let net = match (args.net, init) {
        (None, Some(weights)) => weights.architecture(),
        (kind, _) => {
            Architecture::new(kind.unwrap_or(NetworkKind::MobileFaceNet), args.width, args.embedding)?
        }
    };
    if let (Some(weights), Some(file)) = (init, &args.init)
        && weights.architecture() != net
    {
        bail!("{}: is a {}, but the arguments select a {net}", file.display(), weights.architecture());
    }
    let decay = if args.milestones.is_empty() {
        RateDecay::Cosine
    } else {
        RateDecay::Milestones(args.milestones.clone())
    };
    let precision = if device.is_cuda() { Precision::Bf16 } else { Precision::Fp32 };
    Ok(Settings {
        data: folder.canonicalize().with_context(|| folder.display().to_string())?,
        set: data.fingerprint(),
        people: data.people(),
        pictures: data.pictures(),
        batch: args.batch,
        seed: args.seed,
        precision: args.precision.unwrap_or(precision),
        momentum: args.momentum,
        decay: args.decay,
        clip: args.clip,
        fixed_norms: args.fixed_norms,
        scale: args.scale,
        sample: args.sample,
        augment: augmentations(&args.augment)?,
        init: args.init.clone().map(InputFile::of).transpose()?,
        teachers: args.teacher.iter().cloned().map(InputFile::of).collect::<Result<_>>()?,
        teacher_weight: args.teacher_weight,
        classifier_weight: args.classifier_weight,
        net,
        margin: args.margin,
        schedule: Schedule { rate: args.lr, epochs: args.epochs, warm_up: args.warm_up, decay },
    })
}

fn augmentations(names: &[String]) -> Result<Vec<Augmentation>> {
    if names == ["none"] {
        return Ok(Vec::new());
    }
    let augmentation =
        |name: &String| name.parse::<Augmentation>().with_context(|| format!("--augment {name}"));
    names.iter().map(augmentation).collect()
}

/// Random pictures of the set on the device, at most `pictures`: `[pictures, 3, SIDE, SIDE]` from 0 to 255.
fn sample(
    data: &TrainingSet,
    pictures: usize,
    settings: &Settings,
    device: tch::Device,
) -> Result<tch::Tensor> {
    let numbers = order::of_epoch(data.pictures(), 0, settings.seed);
    let numbers: Vec<u32> = numbers.into_iter().take(pictures).collect();
    let batch = data.read(&numbers);
    ensure!(
        batch.labels.len() > 1,
        "{}: of {pictures} random pictures fewer than two can be read",
        settings.data.display()
    );
    Ok(pixels::on_device(&batch, device)?)
}
