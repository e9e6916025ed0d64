//! `ostiary-trainer export`: exports the weights of a network as a folder of models that `ostiary-trainer publish` and a door
//! accept.
//!
//! The network is written as ONNX (`onnx`), quantized if the door's kernels support it, and measured with the door's engine
//! (`accuracy`). The folder also has the networks that detect faces, the manifest, and a `card`. It is written completely or
//! not at all.

mod accuracy;
mod card;
mod onnx;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use accuracy::MeasuredAccuracy;
use anyhow::{Context, Result, ensure};
use card::Card;
pub use onnx::to_onnx;
use ostiary_core::{ChannelOrder, Embedding, ModelRole, NetworkInput, Precision, durable, sha256};
use ostiary_models::{Bundle, Manifest, ModelEntry, Output, Source};
use serde_json::json;

use crate::aligner::Aligner;
use crate::net::{Architecture, DIVISOR, MEAN, RUN, SIDE, Weights};
use crate::onnx::graph::INPUT;
use crate::storage::{write_atomic, write_error};
use crate::{calibrate, compatible, golden, quantize};

/// SPDX's value for a license or copyright that is not stated.
const NO_ASSERTION: &str = "NOASSERTION";
/// Greatest length of --name, bytes.
const MAX_NAME: usize = 64;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  ostiary-trainer export run/best.safetensors --calibrate portraits --people people \
    --licence MIT --copyright \"2026 Ada\" -o door-models\n\n\
    --people takes sets of people as `ostiary-trainer calibrate` does, from cameras like those of the doors. Without them \
    the model has no calibration, and doors use a strict threshold. Exit codes: 0 done, 1 the 8-bit embeddings are too far from the float \
    embeddings, 2 error. Nothing is written unless the exit code is 0."
)]
/// Arguments of `ostiary-trainer export`.
pub struct Args {
    /// The network: a checkpoint (.safetensors, or PyTorch's .pth), or the ONNX file of a MobileFaceNet.
    network: PathBuf,
    /// The folder to write; it must be new or empty.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// The folder with pictures of faces to calibrate the 8-bit network with. Without it no 8-bit network is made.
    #[arg(long, value_name = "FOLDER")]
    calibrate: Option<PathBuf>,
    /// Number of variants of each calibration picture.
    #[arg(long, value_name = "N", default_value_t = quantize::VARIANTS, requires = "calibrate")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1000))]
    augment: u32,
    /// Write nothing and exit with 1 if the mean cosine of 8-bit to float embeddings is below this.
    #[arg(long, value_name = "COSINE", default_value_t = 0.99, requires = "calibrate")]
    min_cosine: f64,
    /// Sets of people to calibrate the thresholds with, as for `calibrate`. Do not use the training data.
    #[arg(long, value_name = "FOLDER", num_args = 1..)]
    people: Vec<PathBuf>,
    /// Base name of the files.
    #[arg(long, default_value = "mobilefacenet")]
    name: String,
    /// License of the model, an SPDX expression.
    #[arg(long = "licence", value_name = "TEXT", default_value = NO_ASSERTION, hide_default_value = true)]
    license: String,
    /// Copyright holder of the model.
    #[arg(long, value_name = "TEXT", default_value = NO_ASSERTION, hide_default_value = true)]
    copyright: String,
    /// Description of the training data, for the card.
    #[arg(long, value_name = "TEXT")]
    training_data: Option<String>,
    /// The folder with the models that detect faces, which are copied [default: the models that ship].
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// The source of a network, and its rights.
struct Origin {
    file: String,
    sha256: String,
    license: String,
    copyright: String,
    /// Text of the training settings beside the checkpoint, if they exist.
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
            license: args.license.clone(),
            copyright: args.copyright.clone(),
            run,
        })
    }
}

/// Runs the command. The exit code is 1 if the 8-bit embeddings are too far from the float embeddings.
///
/// # Errors
/// If an argument is wrong, the network or a set cannot be read, or the output cannot be written.
pub fn run(args: &Args) -> Result<ExitCode> {
    ensure!(
        (0.0..=1.0).contains(&args.min_cosine),
        "--min-cosine is {}; it must be from 0 to 1",
        args.min_cosine
    );
    check_name(&args.name)?;
    check_output(&args.output)?;
    let weights = Weights::open(&args.network)?;
    let architecture = weights.architecture();
    ensure!(
        architecture.embedding() <= Embedding::MAX,
        "{architecture}: a door accepts embeddings of at most {} numbers",
        Embedding::MAX
    );
    ensure!(
        args.calibrate.is_none() || matches!(architecture, Architecture::MobileFaceNet { .. }),
        "{architecture}: the door's 8-bit kernels only support MobileFaceNet; leave --calibrate out to export in floats"
    );
    let sets = calibrate::open_sets(&args.people)?;
    let detectors = Bundle::open_or_shipped(args.models.as_deref(), Precision::Fp32)?;

    // The folder has a temporary name beside its final place.
    let place = std::path::absolute(&args.output).with_context(|| args.output.display().to_string())?;
    let above = place.parent().context("--output is not the name of a folder")?;
    let partial = tempfile::Builder::new()
        .prefix(".export-")
        .permissions(fs::Permissions::from_mode(0o777))
        .tempdir_in(above)
        .map_err(write_error(above))?;
    let folder =
        BundleWriter { path: partial.path(), name: &args.name, origin: &Origin::of(args)?, architecture };
    let mut manifest = folder.detectors(&detectors)?;

    let fp32 = to_onnx(&weights)?;
    folder.put(&mut manifest, Precision::Fp32, &fp32)?;
    let mut precisions = vec![Precision::Fp32];
    let mut cosine = None;
    if let Some(pictures) = &args.calibrate {
        let shipped = quantize::QuantizeSettings::shipped(pictures, detectors.folder(), &network_input());
        let how = quantize::QuantizeSettings { variants: args.augment, ..shipped };
        let (int8, report) = quantize::quantize(&fp32, &how).context("the network cannot be quantized")?;
        let mean = report.least_mean();
        if mean < args.min_cosine {
            eprintln!(
                "error: the mean cosine of the 8-bit embeddings to the float embeddings is {mean:.5}, below --min-cosine {}; \
                 nothing was written. Calibrate with more pictures, or leave --calibrate out",
                args.min_cosine
            );
            return Ok(ExitCode::from(1));
        }
        folder.put(&mut manifest, Precision::Int8, &int8)?;
        precisions.push(Precision::Int8);
        compatible::declare(&mut manifest, mean);
        cosine = Some(mean);
    }
    folder.save(&manifest)?;
    let mut measured = Vec::new();
    for precision in precisions {
        golden::set(&mut manifest, folder.path, precision)?;
        if !sets.is_empty() {
            let bundle = Bundle::open(folder.path, precision)?;
            let of = MeasuredAccuracy::of(&bundle, precision, &sets, &Aligner::new(&detectors))?;
            if let Some(entry) = manifest.models.get_mut(&precision.manifest_key(ModelRole::Embedder)) {
                entry.calibration = Some(of.calibrated.calibration.clone());
            }
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
    durable::sync_folder(folder.path).map_err(write_error(folder.path))?;
    // An existing empty folder is replaced.
    fs::rename(folder.path, &place).map_err(write_error(&place))?;
    durable::sync_folder(above).map_err(write_error(above))?;
    // The temporary name no longer exists, so nothing must be deleted there.
    let _ = partial.keep();
    print(args, architecture, &manifest, cosine, &measured)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the files of the folder.
struct BundleWriter<'a> {
    path: &'a Path,
    name: &'a str,
    origin: &'a Origin,
    architecture: Architecture,
}

impl BundleWriter<'_> {
    /// Copies the networks that detect faces; returns the manifest with their entries.
    fn detectors(&self, from: &Bundle) -> Result<Manifest> {
        let mut manifest = from.manifest().clone();
        for precision in [Precision::Fp32, Precision::Int8] {
            manifest.models.remove(&precision.manifest_key(ModelRole::Embedder));
        }
        for entry in manifest.models.values() {
            ensure!(
                !entry.file.starts_with(&format!("{}.", self.name)),
                "--name {} is the name of {}; choose another",
                self.name,
                entry.file
            );
            self.write(&entry.file, &from.read_entry(entry)?)?;
        }
        Ok(manifest)
    }

    /// Writes the network at a precision, and adds its entry to the manifest.
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
            licence: origin.license.clone(),
            copyright: origin.copyright.clone(),
            source: Source {
                registry: "file".into(),
                package: origin.file.clone(),
                version: env!("CARGO_PKG_VERSION").into(),
                sha256: origin.sha256.clone(),
                path: origin.file.clone(),
            },
            input: network_input(),
            outputs: vec![Output {
                name: onnx::OUTPUT.into(),
                meaning: format!(
                    "{} numbers; scaled to unit length they are the face's embedding",
                    self.architecture.embedding()
                ),
            }],
            far: Vec::new(),
            calibration: None,
            golden: Vec::new(),
            arithmetic: 1,
            compatible: Vec::new(),
            liveness: None,
        };
        manifest.models.insert(precision.manifest_key(ModelRole::Embedder), entry);
        Ok(())
    }

    fn save(&self, manifest: &Manifest) -> Result<()> {
        let text =
            format!("# Made by `ostiary-trainer export`. Do not edit.\n\n{}", toml::to_string(manifest)?);
        self.write(Manifest::FILE, text.as_bytes())
    }

    fn write(&self, file: &str, bytes: &[u8]) -> Result<()> {
        let path = self.path.join(file);
        write_atomic(&path, |to| to.write_all(bytes).map_err(write_error(&path)))
    }
}

/// The input of an exported network.
fn network_input() -> NetworkInput {
    NetworkInput {
        name: INPUT.into(),
        shape: [1, 3, SIDE, SIDE],
        channels: ChannelOrder::Rgb,
        mean: MEAN,
        divisor: DIVISOR,
    }
}

/// Refuses names that a release would refuse.
fn check_name(name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let fits =
        (1..=MAX_NAME).contains(&name.len()) && !name.starts_with(['.', '-']) && name.chars().all(plain);
    ensure!(
        fits,
        "--name {name:?} must have 1 to {MAX_NAME} letters, digits, points, hyphens and underscores, and not begin with a point or hyphen"
    );
    Ok(())
}

fn check_output(folder: &Path) -> Result<()> {
    match folder.read_dir() {
        Ok(mut there) => {
            ensure!(there.next().is_none(), "{}: is not empty; choose another --output", folder.display());
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => {
            Err(error).with_context(|| format!("{}: cannot be used as the output folder", folder.display()))
        }
    }
}

fn print(
    args: &Args,
    architecture: Architecture,
    manifest: &Manifest,
    cosine: Option<f64>,
    measured: &[MeasuredAccuracy],
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
            println!("{architecture}, in floats only: --calibrate also makes an 8-bit network");
        }
        (None, Architecture::Ir { .. }) => {
            println!("{architecture}, in floats only: the door's 8-bit kernels do not support it");
        }
    }
    for MeasuredAccuracy { precision, sets, calibrated } in measured {
        for set in sets {
            println!(
                "{}, {precision}: {} pictures of {} people, EER {:.2} %, TAR at FAR 0.1 % {:.2} % ({:.3})",
                set.set, set.pictures, set.people, set.eer, set.tar, set.threshold
            );
        }
        println!("{precision}: {}", calibrated.text());
    }
    if measured.is_empty() {
        println!("the model has no calibration, so doors use a strict threshold; export again with --people");
    }
    println!("wrote {} models to {}", manifest.models.len(), args.output.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use ostiary_testkit::repository_file;

    use super::*;
    use crate::net::NetworkKind;
    use crate::reference::filled;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn export(network: &Path, output: &Path, more: &[&str]) -> Result<ExitCode> {
        let models = repository_file("models");
        let given = [network, Path::new("-o"), output, Path::new("--models"), &models];
        let given = given.map(|word| word.to_str().unwrap());
        run(&Cli::parse_from(["export"].into_iter().chain(given).chain(more.iter().copied())).args)
    }

    #[test]
    fn a_checkpoint_is_exported_with_its_training_settings() {
        let folder = tempfile::tempdir().unwrap();
        let [network, output] = ["net.safetensors", "door"].map(|name| folder.path().join(name));
        let weights = filled(Architecture::mobilefacenet(0.25, 64));
        weights.write(&network).unwrap();
        fs::write(folder.path().join(RUN), "people = 3\n").unwrap();
        export(&network, &output, &["--name", "mine", "--training-data", "Three friends."]).unwrap();
        assert!(fs::read(output.join("mine.onnx")).unwrap() == to_onnx(&weights).unwrap());
        let card = fs::read_to_string(output.join(card::FILE)).unwrap();
        for part in
            ["width 0.25", "Three friends.", "people = 3", "License: not stated", "Not measured", "Not made"]
        {
            assert!(card.contains(part), "{part}: {card}");
        }
        let bundle = Bundle::open(&output, Precision::Int8).unwrap();
        let entry = bundle.entry(ModelRole::Embedder).unwrap();
        assert_eq!(
            (entry.golden.len(), entry.licence.as_str(), &entry.calibration),
            (64, NO_ASSERTION, &None)
        );
    }

    #[test]
    fn a_large_network_is_exported_in_floats_only() {
        let folder = tempfile::tempdir().unwrap();
        let [network, output] = ["net.safetensors", "door"].map(|name| folder.path().join(name));
        let of = |embedding| {
            Architecture::new("ir-50".parse::<NetworkKind>().unwrap(), 1.0, Some(embedding)).unwrap()
        };
        filled(of(8)).write(&network).unwrap();
        let refused = export(
            &network,
            &output,
            &["--calibrate", repository_file("crates/self-test/portraits").to_str().unwrap()],
        )
        .unwrap_err();
        assert!(refused.to_string().contains("leave --calibrate out") && !output.exists(), "{refused}");
        export(&network, &output, &[]).unwrap();
        let bundle = Bundle::open(&output, Precision::Int8).unwrap();
        assert_eq!(bundle.entry(ModelRole::Embedder).unwrap().golden.len(), 8);
        assert!(!bundle.is_quantized(ModelRole::Embedder));
    }

    #[test]
    fn a_too_long_embedding_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let [network, output] = ["net.safetensors", "door"].map(|name| folder.path().join(name));
        filled(Architecture::mobilefacenet(0.125, 513)).write(&network).unwrap();
        let refused = export(&network, &output, &[]).unwrap_err().to_string();
        assert!(refused.contains("at most 512 numbers") && !output.exists(), "{refused}");
    }
}
