//! `ostiary-trainer export`: a network's numbers in; a folder of models that `ostiary-trainer publish` and a door take out.
//!
//! The network is written as ONNX (`onnx`), quantised where the door's kernels take it, and `measured` as the door
//! will run it. Beside it lie the networks that find faces, the manifest, and a `card`. The folder is there whole or not
//! at all.

mod card;
mod measured;
mod onnx;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use card::Card;
use measured::Measured;
pub use onnx::to_onnx;
use ostiary_core::{Embedding, Input, Precision, durable, sha256};
use ostiary_models::{Bundle, Manifest, ModelEntry, Output, Source};
use ostiary_vision::Embedder;
use serde_json::json;

use crate::aligner::Aligner;
use crate::evaluate::data::Data;
use crate::net::{Architecture, DIVISOR, MEAN, RUN, SIDE, Weights};
use crate::onnx::graph::INPUT;
use crate::storage::{failed, write_whole};
use crate::{golden, quantize};

/// What a licence or copyright is in SPDX's words where nobody states it.
const NO_ASSERTION: &str = "NOASSERTION";

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  ostiary-trainer export run/best.safetensors --calibrate portraits --far-data people \
    --licence MIT --copyright \"2026 Ada\" -o door-models\n\n\
    --far-data takes a folder of pictures for each person, before cameras like the doors'. A door takes no model without \
    the table of thresholds that is measured there. Exit codes: 0 done, 1 the embeddings in 8 bits are too far from those \
    in floats, 2 error; but for 0 nothing is written."
)]
pub struct Args {
    /// The network: a checkpoint (.safetensors), or the ONNX file of a MobileFaceNet.
    network: PathBuf,
    /// The folder to make.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// The folder with the pictures of faces that the 8-bit network is calibrated with; without it there is none.
    #[arg(long, value_name = "FOLDER")]
    calibrate: Option<PathBuf>,
    /// Write nothing and exit with 1 where the mean cosine of the 8-bit embeddings to the float ones is below this.
    #[arg(long, value_name = "COSINE", default_value_t = 0.99, requires = "calibrate")]
    min_cosine: f64,
    /// Sets of people to measure the thresholds over, as `evaluate` takes them; the strictest counts. Not those that it learnt
    /// from.
    #[arg(long, value_name = "FOLDER", num_args = 1..)]
    far_data: Vec<PathBuf>,
    /// What the files are called.
    #[arg(long, default_value = "mobilefacenet")]
    name: String,
    /// The model's licence, an SPDX expression.
    #[arg(long, value_name = "TEXT", default_value = NO_ASSERTION, hide_default_value = true)]
    licence: String,
    /// Whose it is.
    #[arg(long, value_name = "TEXT", default_value = NO_ASSERTION, hide_default_value = true)]
    copyright: String,
    /// What it learnt from, for the card.
    #[arg(long, value_name = "TEXT")]
    training_data: Option<String>,
    /// The folder with the models that find faces, which are copied; those that ship where it is not given.
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What a network is made of, and whose it is.
struct Origin {
    file: String,
    sha256: String,
    licence: String,
    copyright: String,
    /// How it was trained, where that lies beside it.
    run: Option<String>,
}

impl Origin {
    fn of(args: &Args) -> Result<Self> {
        let path = &args.network;
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let run = path.with_file_name(RUN);
        let run = match run.try_exists()? {
            true => Some(fs::read_to_string(&run).with_context(|| format!("cannot read {}", run.display()))?),
            false => None,
        };
        Ok(Self {
            file: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            sha256: sha256(&bytes),
            licence: args.licence.clone(),
            copyright: args.copyright.clone(),
            run,
        })
    }
}

pub fn run(args: &Args) -> Result<ExitCode> {
    ensure!((0.0..=1.0).contains(&args.min_cosine), "--min-cosine is {}, not 0 to 1", args.min_cosine);
    check_name(&args.name)?;
    check_output(&args.output)?;
    let weights = Weights::open(&args.network)?;
    let architecture = weights.architecture();
    ensure!(
        architecture.embedding() <= Embedding::MAX,
        "{architecture}: a door takes embeddings of at most {} numbers",
        Embedding::MAX
    );
    ensure!(
        args.calibrate.is_none() || matches!(architecture, Architecture::MobileFaceNet { .. }),
        "{architecture}: the door's 8-bit kernels take a MobileFaceNet alone; leave --calibrate out, and it is exported in \
         floats"
    );
    let sets = args.far_data.iter().map(|path| Data::open(path)).collect::<Result<Vec<_>>>()?;
    let detectors = Bundle::open_or_shipped(args.models.as_deref(), Precision::Fp32)?;

    // Under a passing name beside the place where it is to be.
    let place = std::path::absolute(&args.output).with_context(|| args.output.display().to_string())?;
    let above = place.parent().context("--output is no folder's name")?;
    let partial = tempfile::Builder::new()
        .prefix(".export-")
        .permissions(fs::Permissions::from_mode(0o777))
        .tempdir_in(above)
        .map_err(failed(above))?;
    let folder = Folder { path: partial.path(), name: &args.name, origin: &Origin::of(args)?, architecture };
    let mut manifest = folder.detectors(&detectors)?;

    let fp32 = to_onnx(&weights);
    folder.put(&mut manifest, Precision::Fp32, &fp32)?;
    let mut precisions = vec![Precision::Fp32];
    let mut cosine = None;
    if let Some(pictures) = &args.calibrate {
        let how = quantize::Recipe::shipped(pictures, detectors.folder(), MEAN, DIVISOR);
        let (int8, report) = quantize::quantise(&fp32, &how).context("it cannot be quantised")?;
        let mean = report.least_mean();
        if mean < args.min_cosine {
            eprintln!(
                "error: the mean cosine of the 8-bit embeddings to those in floats is {mean:.5}, below --min-cosine {}; \
                 nothing was written. Calibrate with more pictures, or leave --calibrate out",
                args.min_cosine
            );
            return Ok(ExitCode::from(1));
        }
        folder.put(&mut manifest, Precision::Int8, &int8)?;
        precisions.push(Precision::Int8);
        cosine = Some(mean);
    }
    folder.save(&manifest)?;
    let mut measured = Vec::new();
    for precision in precisions {
        golden::set(&mut manifest, folder.path, precision)?;
        if !sets.is_empty() {
            let Some(entry) = manifest.models.get_mut(&role(precision)) else { continue };
            let of =
                Measured::of(&folder.path.join(&entry.file), precision, &sets, &Aligner::new(&detectors))?;
            entry.far.clone_from(&of.far);
            measured.push(of);
        }
    }
    folder.save(&manifest)?;
    let training_data = args.training_data.as_deref();
    let card = Card {
        name: &args.name,
        architecture,
        origin: folder.origin,
        training_data,
        int8: cosine,
        measured: &measured,
    };
    folder.write(card::FILE, card.text()?.as_bytes())?;
    durable::sync_folder(folder.path).map_err(failed(folder.path))?;
    // An empty folder that is there gives way.
    fs::rename(folder.path, &place).map_err(failed(&place))?;
    durable::sync_folder(above).map_err(failed(above))?;
    // What it was called in passing is no more.
    let _ = partial.keep();
    print(args, architecture, &manifest, cosine, &measured)?;
    Ok(ExitCode::SUCCESS)
}

/// The folder in the making.
struct Folder<'a> {
    path: &'a Path,
    name: &'a str,
    origin: &'a Origin,
    architecture: Architecture,
}

impl Folder<'_> {
    /// Copies the networks that find faces.
    fn detectors(&self, from: &Bundle) -> Result<Manifest> {
        let mut manifest = from.manifest().clone();
        manifest.models.retain(|name, _| ![Precision::Fp32, Precision::Int8].map(role).contains(name));
        for (name, entry) in &manifest.models {
            ensure!(
                !entry.file.starts_with(&format!("{}.", self.name)),
                "--name {} is that of {}; choose another",
                self.name,
                entry.file
            );
            self.write(&entry.file, &from.read(name)?)?;
        }
        Ok(manifest)
    }

    /// Writes the network at a precision, and its entry.
    fn put(&self, manifest: &mut Manifest, precision: Precision, onnx: &[u8]) -> Result<()> {
        let file = match precision {
            Precision::Fp32 => format!("{}.onnx", self.name),
            Precision::Int8 => format!("{}-int8.onnx", self.name),
        };
        self.write(&file, onnx)?;
        let origin = self.origin;
        let entry = ModelEntry {
            sha256: sha256(onnx),
            file,
            licence: origin.licence.clone(),
            copyright: origin.copyright.clone(),
            source: Source {
                registry: "file".into(),
                package: origin.file.clone(),
                version: env!("CARGO_PKG_VERSION").into(),
                sha256: origin.sha256.clone(),
                path: origin.file.clone(),
            },
            input: Input {
                name: INPUT.into(),
                shape: [1, 3, SIDE, SIDE],
                channels: "RGB".into(),
                mean: MEAN,
                divisor: DIVISOR,
            },
            outputs: vec![Output {
                name: onnx::OUTPUT.into(),
                meaning: format!(
                    "{} numbers; scaled to unit length they are the face's embedding",
                    self.architecture.embedding()
                ),
            }],
            far: Vec::new(),
            golden: Vec::new(),
        };
        manifest.models.insert(role(precision), entry);
        Ok(())
    }

    fn save(&self, manifest: &Manifest) -> Result<()> {
        let text =
            format!("# Made by `ostiary-trainer export`. Do not edit.\n\n{}", toml::to_string(manifest)?);
        self.write(Manifest::FILE, text.as_bytes())
    }

    fn write(&self, file: &str, bytes: &[u8]) -> Result<()> {
        let path = self.path.join(file);
        write_whole(&path, |to| to.write_all(bytes).map_err(failed(&path)))
    }
}

/// What the embedder's entry in the manifest is called.
fn role(precision: Precision) -> String {
    match precision {
        Precision::Fp32 => Embedder::ROLE.into(),
        Precision::Int8 => format!("{}-int8", Embedder::ROLE),
    }
}

/// Refuses names that a release would.
fn check_name(name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let fits = (1..=64).contains(&name.len()) && !name.starts_with(['.', '-']) && name.chars().all(plain);
    ensure!(fits, "--name {name:?} is no plain name: up to 64 letters, digits, points, hyphens");
    Ok(())
}

fn check_output(folder: &Path) -> Result<()> {
    match folder.read_dir() {
        Ok(mut there) => {
            ensure!(there.next().is_none(), "{}: is not empty; choose another --output", folder.display());
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("{}: no folder to write to", folder.display())),
    }
}

fn print(
    args: &Args,
    architecture: Architecture,
    manifest: &Manifest,
    cosine: Option<f64>,
    measured: &[Measured],
) -> Result<()> {
    if args.json {
        let files: Vec<&str> = manifest.models.values().map(|entry| entry.file.as_str()).collect();
        println!(
            "{}",
            json!({
                "folder": args.output, "network": architecture.to_string(), "int8_cosine": cosine, "files": files,
                "measured": measured,
            })
        );
        return Ok(());
    }
    match (cosine, architecture) {
        (Some(cosine), _) => println!("{architecture}, in floats and in 8 bits: mean cosine {cosine:.5}"),
        (None, Architecture::MobileFaceNet { .. }) => {
            println!("{architecture}, in floats alone: --calibrate would make it in 8 bits as well");
        }
        (None, Architecture::Ir { .. }) => {
            println!("{architecture}, in floats alone: the door's 8-bit kernels do not take it");
        }
    }
    for Measured { precision, sets, far } in measured {
        for set in sets {
            println!(
                "{}, {precision}: {} pictures of {} people, EER {:.2} %, TAR at FAR 0.1 % {:.2} % ({:.3})",
                set.set, set.pictures, set.people, set.eer, set.tar, set.threshold
            );
        }
        if let Some(least) = far.last() {
            println!("{precision}: thresholds are known down to FAR {:e}", least.far);
        }
    }
    if measured.is_empty() {
        println!("no table of thresholds was measured: no door takes it; export again with --far-data");
    }
    println!("wrote {} models to {}", manifest.models.len(), args.output.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::net::Kind;
    use crate::reference::filled;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn of_project(file: &str) -> String {
        format!("{}/../{file}", env!("CARGO_MANIFEST_DIR"))
    }

    fn export(network: &Path, output: &Path, more: &[&str]) -> Result<ExitCode> {
        let models = of_project("models");
        let given = [network, Path::new("-o"), output, Path::new("--models"), Path::new(&models)];
        let given = given.map(|word| word.to_str().unwrap());
        run(&Cli::parse_from(["export"].into_iter().chain(given).chain(more.iter().copied())).args)
    }

    #[test]
    fn a_checkpoint_is_exported_with_what_is_known_of_its_training() {
        let folder = tempfile::tempdir().unwrap();
        let [network, output] = ["net.safetensors", "door"].map(|name| folder.path().join(name));
        let weights = filled(Architecture::mobilefacenet(0.25, 64));
        weights.write(&network).unwrap();
        fs::write(folder.path().join(RUN), "people = 3\n").unwrap();
        export(&network, &output, &["--name", "mine", "--training-data", "Three friends."]).unwrap();
        assert!(fs::read(output.join("mine.onnx")).unwrap() == to_onnx(&weights));
        let card = fs::read_to_string(output.join(card::FILE)).unwrap();
        for part in
            ["width 0.25", "Three friends.", "people = 3", "Licence: not stated", "Not measured", "Not made"]
        {
            assert!(card.contains(part), "{part}: {card}");
        }
        let bundle = Bundle::open(&output, Precision::Int8).unwrap();
        let entry = bundle.entry(Embedder::ROLE).unwrap();
        assert_eq!((entry.golden.len(), entry.licence.as_str(), entry.far.len()), (64, NO_ASSERTION, 0));
    }

    #[test]
    fn a_large_network_goes_to_the_door_in_floats_alone() {
        let folder = tempfile::tempdir().unwrap();
        let [network, output] = ["net.safetensors", "door"].map(|name| folder.path().join(name));
        let of =
            |embedding| Architecture::new("ir-50".parse::<Kind>().unwrap(), 1.0, Some(embedding)).unwrap();
        filled(of(8)).write(&network).unwrap();
        let refused = export(&network, &output, &["--calibrate", &of_project("demo/portraits")]).unwrap_err();
        assert!(refused.to_string().contains("leave --calibrate out") && !output.exists(), "{refused}");
        export(&network, &output, &[]).unwrap();
        let bundle = Bundle::open(&output, Precision::Int8).unwrap();
        assert_eq!(bundle.entry(Embedder::ROLE).unwrap().golden.len(), 8);
        assert!(!bundle.is_quantized(Embedder::ROLE));
    }

    #[test]
    fn an_embedding_that_no_door_takes_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let [network, output] = ["net.safetensors", "door"].map(|name| folder.path().join(name));
        filled(Architecture::mobilefacenet(0.125, 513)).write(&network).unwrap();
        let refused = export(&network, &output, &[]).unwrap_err().to_string();
        assert!(refused.contains("at most 512 numbers") && !output.exists(), "{refused}");
    }
}
