//! Writes a backup.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf, absolute};

use anyhow::Context;
use jiff::Timestamp;
use ostiary_config::{Config, Layers};
use ostiary_core::{is_foreign_entry, redact, redact_address};
use ostiary_events::{EventStore, StoreError, key_path};
use ostiary_facebank::{Facebank, FacebankError};
use ostiary_models::{ModelStore, ModelStoreError};

use super::manifest::{FORMAT, FileEntry, Manifest};
use super::names;
use super::unpacked::is_known;
use crate::archive_file;

/// A bundle of models that is larger is named only: it can be pulled again.
const MAX_BUNDLE: u64 = 256 << 20;
/// What is never in a backup.
const PASSWORDS: &str =
    "passwords, certificates and private keys of the camera and the broker: keep them elsewhere";

/// The files to write, by their names in the archive, and what is left out.
struct Collected<'a> {
    /// Where copies are made of what may change meanwhile.
    copies: &'a Path,
    files: BTreeMap<String, PathBuf>,
    left_out: Vec<String>,
}

/// Writes the people, events, configuration and models of a door to a new archive. Copies of files that change are made in
/// a folder beside it. Returns its manifest.
///
/// # Errors
/// The archive exists or cannot be written, or a file of the door cannot be read.
pub fn create(archive: &Path, config: &Config, layers: &Layers) -> anyhow::Result<Manifest> {
    archive_file::check_absent(archive)?;
    let folder = archive.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let copies = tempfile::Builder::new()
        .prefix(".ostiary-backup-")
        .tempdir_in(folder)
        .with_context(|| format!("{}: copies cannot be made there", folder.display()))?;
    let left_out = vec![PASSWORDS.to_owned()];
    let mut collected = Collected { copies: copies.path(), files: BTreeMap::new(), left_out };
    collected.stores(config)?;
    collected.configuration(layers)?;
    let bundle = collected.models(config)?;

    let entry = |(name, path): (&String, &PathBuf)| {
        let entry = FileEntry::of(path).with_context(|| path.display().to_string())?;
        Ok((name.clone(), entry))
    };
    let manifest = Manifest {
        ostiary_backup: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        created: Timestamp::now(),
        door: config.door.name.clone(),
        facebank: absolute(&config.facebank.path)?.to_string_lossy().into_owned(),
        bundle,
        left_out: collected.left_out,
        files: collected.files.iter().map(entry).collect::<anyhow::Result<_>>()?,
    };
    let text = serde_json::to_vec_pretty(&manifest)?;
    archive_file::save(archive, |archive| {
        archive.add(names::MANIFEST, text.len() as u64, text.as_slice())?;
        for ((name, path), entry) in collected.files.iter().zip(manifest.files.values()) {
            archive.add(name, entry.size, File::open(path)?)?;
        }
        Ok(())
    })?;
    Ok(manifest)
}

impl Collected<'_> {
    /// Copies of the facebank and the event store, as they are at one moment each, and the key of the record.
    fn stores(&mut self, config: &Config) -> anyhow::Result<()> {
        let copy = self.copies.join(names::FACEBANK);
        match Facebank::open_read_only(&config.facebank.path).and_then(|facebank| facebank.copy_to(&copy)) {
            Err(FacebankError::Missing { .. }) => self.left_out.push("people: nobody is enrolled".to_owned()),
            copied => {
                copied?;
                self.files.insert(names::FACEBANK.to_owned(), copy);
            }
        }
        let events = &config.events.path;
        let copy = self.copies.join(names::EVENTS);
        match EventStore::open_read_only(events).and_then(|store| store.copy_to(&copy)) {
            Err(StoreError::Missing { .. }) => {
                self.left_out.push("events: there is no record yet".to_owned())
            }
            copied => {
                copied?;
                self.files.insert(names::EVENTS.to_owned(), copy);
                let key = key_path(events);
                let text = fs::read(&key).with_context(|| key.display().to_string())?;
                self.add_copy(names::EVENTS_KEY, &text)?;
            }
        }
        Ok(())
    }

    /// The owner's files and the file of changed keys, except those with an address that has a login.
    fn configuration(&mut self, layers: &Layers) -> anyhow::Result<()> {
        match &layers.file {
            Some(file) => self.configuration_file(names::CONFIGURATION.to_owned(), file)?,
            None => {
                self.configuration_file(
                    names::CONFIGURATION.to_owned(),
                    &layers.folder.join("ostiary.toml"),
                )?;
                for file in fs::read_dir(layers.folder.join("conf.d")).into_iter().flatten() {
                    let file = file?.path();
                    let Some(name) = file.file_name().filter(|name| !is_foreign_entry(name)) else {
                        continue;
                    };
                    if let Some(name) = name.to_str().filter(|name| name.ends_with(".toml")) {
                        self.configuration_file(format!("{}/{name}", names::CONF_D), &file)?;
                    }
                }
            }
        }
        match &layers.settings {
            Some(settings) => self.configuration_file(names::SETTINGS.to_owned(), settings),
            None => Ok(()),
        }
    }

    fn configuration_file(&mut self, name: String, path: &Path) -> anyhow::Result<()> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            text => text.with_context(|| path.display().to_string())?,
        };
        if !is_known(&name) {
            self.left_out.push(format!("{}: rename it with plain letters and digits", path.display()));
            return Ok(());
        }
        let table: toml::Table = toml::from_str(&text).with_context(|| path.display().to_string())?;
        // In a comment there may be an address that was in use before.
        match has_login(&toml::Value::Table(table)) || redact(&text) != text {
            true => self.left_out.push(format!(
                "{}: an address in it has a login or a query, perhaps in a comment; move the login to camera.user and \
                 camera.password_file, and remove it from comments",
                path.display()
            )),
            // What was read just now, and not what is there later.
            false => self.add_copy(&name, text.as_bytes())?,
        }
        Ok(())
    }

    fn add_copy(&mut self, name: &str, content: &[u8]) -> anyhow::Result<()> {
        let copy = self.copies.join(name);
        let folder = copy.parent().unwrap_or(self.copies);
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&copy, content))
            .with_context(|| format!("{} cannot be written", copy.display()))?;
        self.files.insert(name.to_owned(), copy);
        Ok(())
    }

    /// The active bundle of models. Returns its version.
    fn models(&mut self, config: &Config) -> anyhow::Result<Option<u64>> {
        let active = match ModelStore::open(&config.models) {
            Err(ModelStoreError::NoKeys) => return Ok(None),
            model_store => model_store?.active()?,
        };
        let Some(bundle) = active else { return Ok(None) };
        let version = bundle.signed.release.version;
        let size: u64 = bundle.signed.release.files.values().map(|file| file.size).sum();
        if size > MAX_BUNDLE {
            self.left_out.push(format!(
                "models: bundle {version} is large; after a restore, run `ostiary models pull --activate`"
            ));
            return Ok(Some(version));
        }
        for path in bundle.files() {
            if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
                self.files.insert(format!("{}/{name}", names::MODELS), path.clone());
            }
        }
        Ok(Some(version))
    }
}

/// Whether any text in it is an address with what may be a password.
fn has_login(value: &toml::Value) -> bool {
    match value {
        toml::Value::String(text) => redact_address(text) != *text,
        toml::Value::Array(values) => values.iter().any(has_login),
        toml::Value::Table(table) => table.values().any(has_login),
        _ => false,
    }
}
