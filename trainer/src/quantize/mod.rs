//! `ostiary-trainer quantize`: quantizes an fp32 ONNX network. The result is the same network with QuantizeLinear and
//! DequantizeLinear, which the door's kernels run in 8 bits, and any other runtime can run too.
//!
//! This is static post-training quantization. The network is simplified (`onnx::simplify()`) and analyzed (`graph`). It is
//! run over pictures (`calibrate`) for statistics of its values (`stats`), from which ranges are chosen (`ranges`). The
//! quantized network is written (`write`), run, and compared with the fp32 network (`report`).

mod calibrate;
mod gates;
mod graph;
mod graph_runner;
mod ranges;
mod report;
mod stats;
mod write;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
pub use graph::QuantizationGraph;
use ostiary_core::{ChannelOrder, NetworkInput};
use prost::Message;
use ranges::{RangeMethod, RangeSettings};
pub use report::Report;
use stats::CalibrationStats;
use tract_onnx::pb::ModelProto;

/// Default of --headroom, percent: values of other pictures reach further than those of few calibration pictures.
const HEADROOM: f32 = 18.0;
/// Default number of variants of each picture.
pub(crate) const VARIANTS: u32 = 120;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  ostiary-trainer quantize models/mobilefacenet.onnx --calibrate faces --pixels \
    -o mobilefacenet-int8.onnx\n\n\
    The pictures must have faces. An input of 112x112 gets aligned faces, another square input gets faces with their \
    surroundings, an input of any size gets windows of scaled pictures. Each picture is augmented in the same way in \
    every run, so that few pictures are enough."
)]
/// Arguments of `ostiary-trainer quantize`.
pub struct Args {
    /// The fp32 network.
    model: PathBuf,
    /// The folder with pictures of faces for calibration.
    #[arg(long, value_name = "DIR")]
    calibrate: PathBuf,
    /// The file to write.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// The folder with other pictures for the comparison [default: those of --calibrate].
    #[arg(long, value_name = "DIR")]
    validate: Option<PathBuf>,
    /// How the range of a value is chosen from the observed values.
    #[arg(long, value_enum, default_value_t = RangeMethod::Mse)]
    ranges: RangeMethod,
    /// Share of values that `--ranges percentile` keeps, percent.
    #[arg(long, value_name = "P", default_value_t = 99.99)]
    percentile: f64,
    /// Width that is added to each range, percent: values of other faces reach further.
    #[arg(long, value_name = "P", default_value_t = HEADROOM)]
    headroom: f32,
    /// Number of variants of each picture.
    #[arg(long, value_name = "N", default_value_t = VARIANTS)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1000))]
    augment: u32,
    /// Make a network whose input is pixels (bytes from 0 to 255) instead of normalized numbers.
    #[arg(long)]
    pixels: bool,
    /// A pixel `p` is normalized to `(p - mean) / divisor`.
    #[arg(long, default_value_t = 127.5)]
    mean: f32,
    /// See --mean.
    #[arg(long, default_value_t = 128.0)]
    divisor: f32,
    /// The order of the color channels of the input: RGB or BGR.
    #[arg(long, value_name = "ORDER", default_value_t = ChannelOrder::Rgb)]
    channels: ChannelOrder,
    /// Do not correct biases for the mean error of rounded weights.
    #[arg(long)]
    no_bias_correction: bool,
    /// Write nothing and exit with 1 if the mean cosine of an output to fp32 is below this.
    #[arg(long, value_name = "COSINE")]
    min_cosine: Option<f64>,
    /// The folder with the models that detect faces.
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

/// How pixels are normalized: `(p - mean) / divisor`.
#[derive(Debug, Clone, Copy)]
struct PixelNormalization {
    mean: f32,
    divisor: f32,
}

/// Settings of a quantization.
pub struct QuantizeSettings<'a> {
    /// The folder with the calibration pictures.
    pub calibrate: &'a Path,
    /// The folder with the pictures of the comparison, if others.
    pub validate: Option<&'a Path>,
    /// How ranges are chosen.
    pub ranges: RangeSettings,
    /// Number of variants of each picture.
    pub variants: u32,
    /// Whether the input is pixels instead of normalized numbers.
    pub pixels: bool,
    /// A pixel `p` is normalized to `(p - mean) / divisor`.
    pub mean: f32,
    /// See `mean`.
    pub divisor: f32,
    /// The order of the color channels of the input.
    pub channels: ChannelOrder,
    /// Whether biases are corrected for the rounding of weights.
    pub correct_bias: bool,
    /// The folder with the models that detect faces; those that ship if it is not given.
    pub models: Option<&'a Path>,
}

impl<'a> QuantizeSettings<'a> {
    /// The settings of the models that ship.
    pub fn shipped(calibrate: &'a Path, models: &'a Path, input: &NetworkInput) -> Self {
        Self {
            calibrate,
            validate: None,
            ranges: RangeSettings { method: RangeMethod::Mse, share: 1.0, headroom: 1.0 + HEADROOM / 100.0 },
            variants: VARIANTS,
            pixels: true,
            mean: input.mean,
            divisor: input.divisor,
            channels: input.channels,
            correct_bias: true,
            models: Some(models),
        }
    }
}

/// Quantizes the fp32 network in `onnx`; returns the bytes of the new file, and its comparison with the fp32 network.
///
/// # Errors
/// If the network is not supported, a picture cannot be read, or no picture has a face.
pub fn quantize(onnx: &[u8], settings: &QuantizeSettings) -> Result<(Vec<u8>, Report)> {
    let file = ModelProto::decode(onnx).context("the file is not ONNX")?;
    let network = QuantizationGraph::read(&file)?;
    let sampling = calibrate::SampleSettings { variants: settings.variants, models: settings.models };
    let samples = calibrate::samples(settings.calibrate, network.shape, sampling)?;
    let validation = match settings.validate {
        Some(folder) => &calibrate::samples(folder, network.shape, sampling)?,
        None => &samples,
    };
    let input = NetworkInput {
        name: network.input.clone(),
        shape: [0; 4],
        channels: settings.channels,
        mean: settings.mean,
        divisor: settings.divisor,
    };
    let stats = CalibrationStats::of(&network, &input, &samples)?;
    let params = ranges::choose_params(&network, &stats, settings.ranges)?;
    let correction = settings.correct_bias.then_some(&stats);
    let pixels = PixelNormalization { mean: settings.mean, divisor: settings.divisor };
    let quantized = write::write(&network, &params, correction, settings.pixels.then_some(pixels))?;
    let report = report::compare(&network, &params, &quantized, &input, validation)?;
    Ok((quantized.encode_to_vec(), report))
}

/// Runs the command. The exit code is 1 if the loss exceeds --min-cosine.
///
/// # Errors
/// If an argument is wrong, the network or a picture cannot be read, or the output cannot be written.
pub fn run(args: &Args) -> Result<ExitCode> {
    ensure!(
        (50.0..=100.0).contains(&args.percentile),
        "--percentile is {}; it must be from 50 to 100",
        args.percentile
    );
    ensure!(
        (0.0..=1000.0).contains(&args.headroom),
        "--headroom is {}; it must be from 0 to 1000",
        args.headroom
    );
    ensure!(
        args.divisor.is_normal(),
        "--divisor is {}; it must be a normal number other than 0",
        args.divisor
    );
    ensure!((0.0..=255.0).contains(&args.mean), "--mean is {}; it must be from 0 to 255", args.mean);
    let settings = QuantizeSettings {
        calibrate: &args.calibrate,
        validate: args.validate.as_deref(),
        ranges: RangeSettings {
            method: args.ranges,
            share: args.percentile / 100.0,
            headroom: 1.0 + args.headroom / 100.0,
        },
        variants: args.augment,
        pixels: args.pixels,
        mean: args.mean,
        divisor: args.divisor,
        channels: args.channels,
        correct_bias: !args.no_bias_correction,
        models: args.models.as_deref(),
    };
    let onnx = std::fs::read(&args.model).with_context(|| format!("cannot read {}", args.model.display()))?;
    let (quantized, report) = quantize(&onnx, &settings)
        .with_context(|| format!("{} cannot be quantized", args.model.display()))?;
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
    std::fs::write(&args.output, quantized)
        .with_context(|| format!("cannot write {}", args.output.display()))?;
    Ok(ExitCode::SUCCESS)
}
