//! `ostiary-trainer train`: a prepared set in, a network out.
//!
//! [`data`] makes batches ahead of the network, in an [`order`] of each epoch's own; a [`lesson`] is one step: pictures go to
//! the device ([`pixels`]), are made different there ([`augment`]), and what the classifier ([`crate::head`]) and a
//! [`teacher`] say of their embeddings moves the weights ([`optimiser`]), as fast as the [`schedule`] has it. A [`mod@run`] is all
//! of them, with its folder: [`mod@settings`], [`events`], and the [`checkpoint`] from which it goes on.

mod augment;
mod checkpoint;
mod data;
mod device;
mod events;
mod find_rate;
mod lesson;
mod memory;
mod optimiser;
mod order;
mod pixels;
mod run;
mod schedule;
mod settings;
mod teacher;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::available_parallelism;

use anyhow::{Context, Result, bail, ensure};
use augment::Change;
use data::Data;
use lesson::Lesson;
use optimiser::Optimiser;
use ostiary_core::Precision as ModelPrecision;
use ostiary_models::Bundle;
use ostiary_trainer::aligner::Aligner;
use ostiary_trainer::evaluate::data::Data as ValidationSet;
use ostiary_trainer::faceset;
use ostiary_trainer::net::{Architecture, Kind, Weights};
use ostiary_trainer::prepare::JOURNAL;
use run::Run;
use schedule::{Fall, Schedule};
use settings::{Origin, Precision, Settings};
use teacher::Teachers;

use crate::head::{self, Classifier, Margin};
use crate::network::Network;

/// Pictures over which the norms of a network that has none left are measured.
const MEASURED: usize = 256;
/// Pictures over which teachers are turned to their pupil: several for each of its numbers.
const TURNED: usize = 1024;

#[derive(Debug, clap::Args)]
#[command(
    args_override_self = true,
    after_help = "Examples:\n  \
    ostiary-trainer train emore -o runs/first -n mobilefacenet -b 200 -e 20 --lr 0.1 -w 4\n  \
    ostiary-trainer train faces -o runs/fine --init models/mobilefacenet.onnx --lr 0.01 -e 8 --teacher big.safetensors\n  \
    ostiary-trainer train emore -o runs/first --find-rate\n\n\
    A run that was ended goes on where it was when the same command is given again.\n\
    Exit code: 0 done, 1 ended by a signal, 2 error."
)]
pub struct Args {
    /// The set: what `ostiary-trainer prepare` wrote, a folder with a folder of aligned crops (112x112) for each person, or a
    /// train.rec.
    data: PathBuf,
    /// The run's folder.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// mobilefacenet, ir-50, ir-100, ir-152, ir-se-50, ir-se-100 or ir-se-152; that of --init, else mobilefacenet.
    #[arg(short, long)]
    net: Option<Kind>,
    /// What a MobileFaceNet's numbers of channels are multiplied by.
    #[arg(long, default_value_t = 1.0)]
    width: f64,
    /// Numbers in an embedding: 192 in a MobileFaceNet and 512 in an IR where it is not given.
    #[arg(long, value_name = "N")]
    embedding: Option<usize>,
    /// Begin with these weights: a checkpoint (.safetensors, or PyTorch's .pth), or a MobileFaceNet as ONNX, like the one that
    /// ships.
    #[arg(long, value_name = "FILE")]
    init: Option<PathBuf>,
    /// Learn from this network's embeddings: a checkpoint (.safetensors, or PyTorch's .pth), or any embedder as ONNX. May be
    /// given often: what several say together is better than what each says alone.
    #[arg(long, value_name = "FILE")]
    teacher: Vec<PathBuf>,
    /// What the teachers' loss counts.
    #[arg(long, value_name = "FACTOR", default_value_t = 10.0)]
    teacher_weight: f64,
    /// What the classifier's loss counts; 0 to learn from teachers alone, for which one picture of each person is enough.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    classifier_weight: f64,
    /// arcface, cosface, combined or adaface.
    #[arg(long, default_value = "arcface")]
    margin: Margin,
    /// What cosines are multiplied by.
    #[arg(long, default_value_t = 64.0)]
    scale: f64,
    /// The share of people that a step looks at, besides those of its batch; below 1 for a hundred thousand and more.
    #[arg(long, value_name = "SHARE", default_value_t = 1.0)]
    sample: f64,
    /// Pictures in a batch.
    #[arg(short, long, default_value_t = 128)]
    batch: usize,
    /// How often the whole set is seen.
    #[arg(short, long, default_value_t = 20)]
    epochs: usize,
    /// The highest learning rate.
    #[arg(long, default_value_t = 0.1)]
    lr: f64,
    /// Epochs in which the rate rises.
    #[arg(long, value_name = "EPOCHS", default_value_t = 1.0)]
    warm_up: f64,
    /// Epochs at which the rate falls to a tenth; along a cosine where none are given.
    #[arg(long, value_name = "EPOCH", value_delimiter = ',')]
    milestones: Vec<f64>,
    #[arg(long, default_value_t = 0.9)]
    momentum: f64,
    /// Weight decay; norms and slopes have none.
    #[arg(long, default_value_t = 5e-4)]
    decay: f64,
    /// The greatest length of a gradient.
    #[arg(long, value_name = "LENGTH", default_value_t = 5.0)]
    clip: f64,
    /// Let norms stay at what they have measured: to teach a network with weights (--init) a little more, from few people.
    #[arg(long)]
    fixed_norms: bool,
    /// How pictures are made different: flip, crop, mask, dark, colour, blur, jpeg, or none.
    #[arg(long, value_name = "CHANGES", value_delimiter = ',', default_value = "flip")]
    augment: Vec<String>,
    /// Sets to measure after each epoch, as `evaluate` takes them; besides the set's own val.
    #[arg(long, value_name = "DATA")]
    val: Vec<PathBuf>,
    /// Threads that read and decode; one for each of the machine's where it is not given.
    #[arg(short, long, value_name = "N")]
    workers: Option<usize>,
    /// cpu, cuda, or cuda:N; a GPU where there is one.
    #[arg(long)]
    device: Option<device::Choice>,
    /// In what numbers convolutions compute: bf16 on a GPU, fp32 elsewhere, where it is not given.
    #[arg(long)]
    precision: Option<Precision>,
    /// Steps between two checkpoints; each epoch ends with one anyway.
    #[arg(long, value_name = "STEPS", default_value_t = 1000)]
    save_every: usize,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Train nothing: try rates from 1e-5 to 10, print the losses and draw them into the folder.
    #[arg(long)]
    find_rate: bool,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    memory::keep();
    let device = device::choose(args.device)?;
    let (folder, own_val) = parts(&args.data);
    let workers = args.workers.unwrap_or_else(|| available_parallelism().map_or(1, usize::from));
    let data = Data::open(faceset::open(&folder)?, workers)?;
    let init = args.init.as_deref().map(Weights::open).transpose()?;
    let settings = settings(args, &folder, &data, init.as_ref(), device)?;
    tch::manual_seed(settings.seed as i64);
    let mut network = match &init {
        Some(weights) => Network::load(weights, device)?,
        None => Network::new(settings.net, device)?,
    };
    if args.init.as_deref().is_some_and(|file| !Weights::is_checkpoint(file)) {
        network.measure(&pixels::normalized(&sample(&data, MEASURED, &settings, device)?)?)?;
    }
    let teachers = match args.teacher[..] {
        [] => None,
        _ => {
            let sample = sample(&data, TURNED, &settings, device)?.f_split(settings.batch as i64, 0)?;
            Some(Teachers::open(&args.teacher, &network, &sample)?)
        }
    };
    let head = head::Settings { margin: settings.head, scale: settings.scale, sample: settings.sample };
    let classifier = Classifier::new(data.people(), settings.net.embedding(), head, device)?;
    let optimiser = Optimiser::new(&network)?;
    let lesson = Lesson { settings, network, classifier, optimiser, teachers };
    let data = Arc::new(data);
    if args.find_rate {
        return find_rate::find(lesson, &data, &args.output, args.json);
    }
    let sets = own_val.iter().chain(&args.val);
    let validation = sets.map(|path| ValidationSet::open(path)).collect::<Result<Vec<_>>>()?;
    let bundle = Bundle::open_or_shipped(None, ModelPrecision::default())?;
    Run { lesson, data, validation, aligner: Aligner::new(&bundle), folder: &args.output, json: args.json }
        .go(args.save_every)
}

/// Where a prepared set has its pictures, and those to validate on.
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
    data: &Data,
    init: Option<&Weights>,
    device: tch::Device,
) -> Result<Settings> {
    ensure!(
        args.classifier_weight > 0.0 || (args.teacher_weight > 0.0 && !args.teacher.is_empty()),
        "--classifier-weight is 0, and there is no --teacher that counts: there is nothing to learn from"
    );
    ensure!(
        data.people() > 1 || args.classifier_weight == 0.0,
        "{}: has pictures of {} people; a network learns to tell apart two and more",
        folder.display(),
        data.people()
    );
    ensure!(args.batch > 1, "--batch {}: a norm needs two pictures and more", args.batch);
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
    ensure!(args.epochs > 0, "--epochs is 0");
    ensure!(!args.fixed_norms || init.is_some(), "--fixed-norms: without --init they have measured nothing");
    let net = match (args.net, init) {
        (None, Some(weights)) => weights.architecture(),
        (kind, _) => Architecture::new(kind.unwrap_or(Kind::MobileFaceNet), args.width, args.embedding)?,
    };
    if let (Some(weights), Some(file)) = (init, &args.init)
        && weights.architecture() != net
    {
        bail!("{}: is {}, and {net} is asked for", file.display(), weights.architecture());
    }
    let fall =
        if args.milestones.is_empty() { Fall::Cosine } else { Fall::Milestones(args.milestones.clone()) };
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
        augment: changes(&args.augment)?,
        init: args.init.clone().map(Origin::of).transpose()?,
        teachers: args.teacher.iter().cloned().map(Origin::of).collect::<Result<_>>()?,
        teacher_weight: args.teacher_weight,
        classifier_weight: args.classifier_weight,
        net,
        head: args.margin,
        schedule: Schedule { rate: args.lr, epochs: args.epochs, warm_up: args.warm_up, fall },
    })
}

fn changes(names: &[String]) -> Result<Vec<Change>> {
    if names == ["none"] {
        return Ok(Vec::new());
    }
    let change = |name: &String| name.parse().map_err(|why| anyhow::anyhow!("--augment {name}: {why}"));
    names.iter().map(change).collect()
}

/// Pictures of the set at random, as many or all that there are, on the device: `[pictures, 3, SIDE, SIDE]` from 0 to 255.
fn sample(data: &Data, pictures: usize, settings: &Settings, device: tch::Device) -> Result<tch::Tensor> {
    let numbers = order::of_epoch(data.pictures(), 0, settings.seed);
    let batch = data.read(&numbers[..numbers.len().min(pictures)]);
    ensure!(
        batch.labels.len() > 1,
        "{}: no picture of the first {pictures} can be read",
        settings.data.display()
    );
    Ok(pixels::on_device(&batch, device)?)
}
