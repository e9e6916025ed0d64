//! `ostiary-trainer publish`: signs a folder of models and publishes it as a bundle for doors.
//!
//! The output is a folder that any web server or object store can serve (see [`Repository`]). Files are named by their
//! hash and never change. The signature of the newest release is replaced last, in one step, so that a door that pulls at the
//! same time gets either the complete old bundle or the complete new one.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use ostiary_config as config;
use ostiary_config::Config;
use ostiary_core::{ModelRole, Precision, durable, sha256};
use ostiary_engine::Backend;
use ostiary_models::{Bundle, Manifest, Release, ReleaseFile, Repository, SignedRelease, TrustedKeys};
use ostiary_pipeline::check_bundle;
use ostiary_self_test::{check_golden_liveness, match_portraits};
use ostiary_vision::LivenessNetwork;
use serde_json::json;

use crate::keys;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary-trainer keys -o publisher.key\n  \
    ostiary-trainer publish models --key publisher.key -o /srv/www/door\n\n\
    The version is one above the published version. Publish the same models again before they expire: a door activates no \
    expired bundle, and keeps the models that it has.")]
/// Arguments of `ostiary-trainer publish`.
pub struct Args {
    /// The folder with the models and their manifest.toml.
    models: PathBuf,
    /// The folder to publish to; it is made if it does not exist.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// The secret key, as `ostiary-trainer keys` makes it.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// A file whose first line is the key's password.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Days until the bundle expires: doors then activate it no more.
    #[arg(long, value_name = "DAYS", default_value_t = 180, value_parser = clap::value_parser!(u16).range(1..=3650))]
    valid: u16,
    /// A note of one line, shown in a door's list of bundles.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// If the key or the models cannot be read, the models are not fit for a door, or the output cannot be written.
pub fn run(args: &Args) -> Result<ExitCode> {
    let (secret, public) = keys::read(&args.key, args.password_file.as_deref())?;
    let trusted = TrustedKeys::parse(&[public.to_base64()])?;
    check_models(&args.models)?;
    let parts = read_parts(&args.models)?;

    let out = &args.output;
    let files = out.join(Repository::FILES);
    fs::create_dir_all(&files).with_context(|| format!("cannot make {}", files.display()))?;
    // Two publishers at the same time would give the same version to two releases.
    let folder = File::open(out).with_context(|| format!("cannot open {}", out.display()))?;
    folder.try_lock().with_context(|| {
        format!("{}: another publisher is writing there; wait until it ends", out.display())
    })?;

    let created = Timestamp::now();
    let release = Release {
        format: Release::FORMAT.into(),
        version: newest(out, &trusted)? + 1,
        created,
        expires: created.checked_add(SignedDuration::from_hours(24 * i64::from(args.valid)))?,
        note: args.note.clone(),
        files: parts
            .iter()
            .map(|(name, bytes)| {
                (name.clone(), ReleaseFile { sha256: sha256(bytes), size: bytes.len() as u64 })
            })
            .collect(),
    };
    release.check().map_err(anyhow::Error::msg).context("these models cannot be a release")?;
    let text = serde_json::to_vec_pretty(&release)?;
    for bytes in parts.values().chain([&text]) {
        put(&files, bytes)?;
    }
    let comment = SignedRelease::trusted_comment(&text);
    let signature =
        minisign::sign(Some(&public), &secret, &text[..], Some(&comment), Some("Ostiary's models"))?;
    write(&out.join(Repository::CURRENT), signature.into_string().as_bytes())?;
    if args.json {
        let Release { version, expires, .. } = release;
        println!("{}", json!({ "version": version, "expires": expires, "files": release.files }));
    } else {
        let day = release.expires.strftime("%Y-%m-%d");
        println!(
            "published bundle {} to {}; doors can activate it until {day}",
            release.version,
            out.display()
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Refuses models that a door would refuse. Both precisions must load, have thresholds, give their golden embeddings, and
/// match the bundled portraits; presentation attack detection must give its golden outputs.
fn check_models(folder: &Path) -> Result<()> {
    for precision in [Precision::Fp32, Precision::Int8] {
        let bundle = Bundle::open(folder, precision)?;
        let config =
            Config { engine: config::Engine { precision, ..config::Engine::default() }, ..Config::default() };
        let unfit = || format!("{} is not fit for a door, at {precision}", folder.display());
        let embedder = bundle.entry(ModelRole::Embedder)?;
        ensure!(
            embedder.calibration.is_some(),
            "{}: has no calibration, so that doors could promise no rate; add one with `ostiary-trainer export --people`",
            embedder.file
        );
        let mut encoder = check_bundle(&bundle, &config).with_context(unfit)?;
        match_portraits(&mut encoder, embedder).with_context(unfit)?;
        if let Some(mut network) = LivenessNetwork::load(&bundle, &Backend::tract(1))? {
            check_golden_liveness(&mut network).with_context(unfit)?;
        }
    }
    Ok(())
}

/// The manifest and all files that it lists, by name.
fn read_parts(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let bundle = Bundle::open(folder, Precision::Fp32)?;
    let manifest = fs::read(folder.join(Manifest::FILE))?;
    let mut parts = BTreeMap::from([(Manifest::FILE.to_owned(), manifest)]);
    for entry in bundle.manifest().models.values() {
        let path = folder.join(&entry.file);
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        ensure!(
            sha256(&bytes) == entry.sha256,
            "{}: its SHA-256 is not the one in the manifest",
            path.display()
        );
        parts.insert(entry.file.clone(), bytes);
    }
    Ok(parts)
}

/// The published version; 0 if there is none. An error if it is signed with another key: its versions are another publisher's.
fn newest(out: &Path, trusted: &TrustedKeys) -> Result<u64> {
    if !out.join(Repository::CURRENT).try_exists()? {
        return Ok(0);
    }
    let current = Repository::Folder(out.to_owned()).current(trusted);
    let current = current.with_context(|| {
        format!("the release in {} is not signed with this key; publish to another folder", out.display())
    })?;
    Ok(current.release.version)
}

/// Writes a file under its hash, unless it exists already.
fn put(files: &Path, bytes: &[u8]) -> Result<()> {
    let path = files.join(sha256(bytes));
    match fs::read(&path) {
        Ok(existing) if existing == bytes => Ok(()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot read {}", path.display()))
        }
        _ => write(&path, bytes),
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    durable::write(path, bytes, 0o644).with_context(|| format!("cannot write {}", path.display()))
}
