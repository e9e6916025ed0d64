//! `ostiary-trainer quantize`: an fp32 ONNX network in, the same network with QuantizeLinear and DequantizeLinear
//! out, which the door's kernels run in bytes and any other runtime in whatever way it likes.
//!
//! Post-training and static. The network is tidied (`onnx::tidy()`) and taken apart (`network`), run over pictures
//! (`calibrate`) for the ranges of its values (`ranges`), and written again (`write`); what came out is run
//! and compared (`report`).

mod calibrate;
mod network;
mod ranges;
mod report;
mod write;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
pub use network::Network;
use ostiary_core::{ChannelOrder, Input};
use prost::Message;
use ranges::{Choice, Method, Observed};
use report::Report;
use tract_onnx::pb::ModelProto;

/// What was seen of a value over a few pictures is not all that it can be: percent that are added to its range.
const HEADROOM: f32 = 18.0;
/// Variations of each picture that are seen.
const VARIATIONS: u32 = 120;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  ostiary-trainer quantize models/mobilefacenet.onnx --calibrate faces --pixels \
    -o mobilefacenet-int8.onnx\n\n\
    The pictures may be anything with faces in it: an input of 112x112 sees them aligned, other squares see the \
    faces and what is around them, an input of free size sees whole pictures, shrunken. Each is varied in the same \
    way in every run, so that few pictures go a long way."
)]
pub struct Args {
    /// The fp32 network.
    model: PathBuf,
    /// The folder with the pictures whose values give the ranges.
    #[arg(long, value_name = "DIR")]
    calibrate: PathBuf,
    /// The file to write.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// The folder with other pictures for the comparison; the same ones where it is not given.
    #[arg(long, value_name = "DIR")]
    validate: Option<PathBuf>,
    /// How a value's range is chosen from what was seen of it.
    #[arg(long, value_enum, default_value_t = Method::Mse)]
    ranges: Method,
    /// The share of a value that `--ranges percentile` keeps, percent.
    #[arg(long, value_name = "P", default_value_t = 99.99)]
    percentile: f64,
    /// How much wider than what was seen every range is made, percent: other faces reach further.
    #[arg(long, value_name = "P", default_value_t = HEADROOM)]
    headroom: f32,
    /// How many variations of each picture are seen.
    #[arg(long, value_name = "N", default_value_t = VARIATIONS)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1000))]
    augment: u32,
    /// Take pixels (bytes from 0 to 255) instead of normalised numbers.
    #[arg(long)]
    pixels: bool,
    /// A pixel `p` is normalised to `(p - mean) / divisor`.
    #[arg(long, default_value_t = 127.5)]
    mean: f32,
    /// See --mean.
    #[arg(long, default_value_t = 128.0)]
    divisor: f32,
    /// Leave the biases as they are, instead of taking out what the rounding of the weights adds on average.
    #[arg(long)]
    no_bias_correction: bool,
    /// Write nothing and exit with 1 where the mean cosine of any output to fp32 is below this.
    #[arg(long, value_name = "COSINE")]
    min_cosine: Option<f64>,
    /// The folder with the models that find faces in the pictures.
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

/// How pixels are normalised.
#[derive(Debug, Clone, Copy)]
struct Pixels {
    mean: f32,
    divisor: f32,
}

/// What a quantised network is made by.
pub struct Recipe<'a> {
    /// The folder with the pictures.
    pub calibrate: &'a Path,
    pub validate: Option<&'a Path>,
    pub choice: Choice,
    pub variations: u32,
    /// Whether the file takes pixels as they are.
    pub pixels: bool,
    pub mean: f32,
    pub divisor: f32,
    pub correct_bias: bool,
    /// The folder with the models that find faces.
    pub models: Option<&'a Path>,
}

impl<'a> Recipe<'a> {
    /// What the models that ship are made by.
    pub fn shipped(calibrate: &'a Path, models: &'a Path, mean: f32, divisor: f32) -> Self {
        Self {
            calibrate,
            validate: None,
            choice: Choice { method: Method::Mse, share: 1.0, headroom: 1.0 + HEADROOM / 100.0 },
            variations: VARIATIONS,
            pixels: true,
            mean,
            divisor,
            correct_bias: true,
            models: Some(models),
        }
    }
}

/// Quantises the fp32 network in `onnx`; gives the file's bytes and what was lost.
pub fn quantise(onnx: &[u8], recipe: &Recipe) -> Result<(Vec<u8>, Report)> {
    let file = ModelProto::decode(onnx).context("it is no ONNX file")?;
    let network = Network::read(&file)?;
    let settings = calibrate::Settings { variations: recipe.variations, models: recipe.models };
    let samples = calibrate::samples(recipe.calibrate, network.shape, settings)?;
    let validation = match recipe.validate {
        Some(folder) => &calibrate::samples(folder, network.shape, settings)?,
        None => &samples,
    };
    let input = Input {
        name: network.input.clone(),
        shape: [0; 4],
        channels: ChannelOrder::Rgb,
        mean: recipe.mean,
        divisor: recipe.divisor,
    };
    let observed = Observed::of(&network, &input, &samples)?;
    let grids = ranges::grids(&network, &observed, recipe.choice);
    let correction = recipe.correct_bias.then_some(&observed);
    let pixels = Pixels { mean: recipe.mean, divisor: recipe.divisor };
    let quantised = write::write(&network, &grids, correction, recipe.pixels.then_some(pixels))?;
    let report = report::compare(&network, &grids, &quantised, &input, validation)?;
    Ok((quantised.encode_to_vec(), report))
}

pub fn run(args: &Args) -> Result<ExitCode> {
    ensure!((50.0..=100.0).contains(&args.percentile), "--percentile is {}, not 50 to 100", args.percentile);
    ensure!((0.0..=1000.0).contains(&args.headroom), "--headroom is {}, not 0 to 1000", args.headroom);
    ensure!(args.divisor.is_normal(), "--divisor is {}; nothing can be divided by it", args.divisor);
    ensure!((0.0..=255.0).contains(&args.mean), "--mean is {}, not 0 to 255", args.mean);
    let recipe = Recipe {
        calibrate: &args.calibrate,
        validate: args.validate.as_deref(),
        choice: Choice {
            method: args.ranges,
            share: args.percentile / 100.0,
            headroom: 1.0 + args.headroom / 100.0,
        },
        variations: args.augment,
        pixels: args.pixels,
        mean: args.mean,
        divisor: args.divisor,
        correct_bias: !args.no_bias_correction,
        models: args.models.as_deref(),
    };
    let onnx = std::fs::read(&args.model).with_context(|| format!("cannot read {}", args.model.display()))?;
    let (quantised, report) =
        quantise(&onnx, &recipe).with_context(|| format!("{} cannot be quantised", args.model.display()))?;
    report.print(args.json)?;
    if let Some(wanted) = args.min_cosine
        && report.least_mean() < wanted
    {
        eprintln!(
            "error: the mean cosine to fp32 is {:.5}, below --min-cosine {wanted}; nothing was written. Calibrate \
             with more pictures, or choose other --ranges",
            report.least_mean()
        );
        return Ok(ExitCode::from(1));
    }
    std::fs::write(&args.output, quantised)
        .with_context(|| format!("cannot write {}", args.output.display()))?;
    Ok(ExitCode::SUCCESS)
}
