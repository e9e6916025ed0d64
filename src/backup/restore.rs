//! Puts a backup in the place of a door's files, or adds its people to those of a door.

use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::Context;
use ostiary_config::{Config, ConfigError, Layers, load};
use ostiary_core::durable::with_suffix;
use ostiary_events::key_path;
use ostiary_facebank::{DaemonLock, Facebank, FacebankError};
use ostiary_models::{ModelStore, ModelStoreError, StoredBundle};

use super::names;
use super::replacement::Replacement;
use super::same_door;
use super::unpacked::{BadBackup, Unpacked, printable};

/// What SQLite writes beside a file.
const SQLITE_FILES: [&str; 3] = ["-journal", "-wal", "-shm"];

/// What was restored.
pub struct Restored {
    /// The configuration that counts from now on.
    pub config: Config,
    /// Number of people in the backup.
    pub people: usize,
    /// What of the backup is in use now, in words.
    pub parts: Vec<String>,
    /// Files beside, of the door before an earlier restore that was interrupted.
    pub left: Vec<PathBuf>,
}

/// Replaces the people, events and configuration of a door by those of a backup, and activates its models. What the backup does not
/// have stays. The door must be the one that was saved, and must not run.
///
/// # Errors
/// [`BadBackup`], as for another door or a running one, or a file cannot be written. The old files are then in use as before.
pub fn restore(backup: &Unpacked, present: &Config, layers: &Layers) -> anyhow::Result<Restored> {
    let config = restored_configuration(backup, layers)?;
    same_door::check(backup, present, &config, layers)?;
    let bundle = verified_bundle(backup, &config)?;
    // Until the end, so that no door starts meanwhile.
    let _lock = lock(&present.facebank.path)?;
    let people = backup.file(names::FACEBANK).map_or(Ok(0), |file| enrolled(&file))?;
    if people == 0 {
        match enrolled(&present.facebank.path)? {
            0 => {}
            stay => return Err(BadBackup::NoPeople(stay).into()),
        }
    }
    let mut parts: Vec<String> = backup.file(names::FACEBANK).map(|_| count(people)).into_iter().collect();
    let mut replacement = Replacement::default();
    for (name, target) in [(names::FACEBANK, &config.facebank.path), (names::EVENTS, &config.events.path)] {
        if let Some(file) = backup.file(name) {
            SQLITE_FILES.iter().for_each(|ending| replacement.remove(with_suffix(target, ending)));
            replacement.add(&file, target, 0o600)?;
        }
    }
    if let Some(file) = backup.file(names::EVENTS_KEY) {
        replacement.add(&file, &key_path(&config.events.path), 0o600)?;
        parts.push("the record".to_owned());
    }
    let before = replacement.len();
    for (name, target) in configuration_files(backup, layers) {
        if let Some(file) = backup.file(&name) {
            replacement.add_with_owner(&file, &target, 0o644)?;
        }
    }
    if replacement.len() > before {
        parts.push("the configuration".to_owned());
    }
    let left = match bundle {
        None => replacement.commit()?,
        Some((model_store, bundle)) => {
            parts.push(format!("models {}", bundle.signed.release.version));
            let (lock, before) = (model_store.lock()?, model_store.state()?);
            model_store.adopt(&lock, &bundle)?;
            match replacement.commit() {
                Ok(left) => left,
                Err(error) => {
                    model_store.set_state(&lock, &before)?;
                    return Err(error);
                }
            }
        }
    };
    Ok(Restored { config, people, parts, left })
}

/// Number of people in a facebank; 0 if there is none.
fn enrolled(facebank: &Path) -> anyhow::Result<usize> {
    match Facebank::open_read_only(facebank) {
        Err(FacebankError::Missing { .. }) => Ok(0),
        facebank => Ok(facebank?.people()?.len()),
    }
}

/// `1 person`, `2 people`.
pub fn count(people: usize) -> String {
    match people {
        1 => "1 person".to_owned(),
        people => format!("{people} people"),
    }
}

/// Adds the people of a backup to those who are enrolled, all or none; also while the door runs, which takes them up within a second.
/// Returns their number.
///
/// # Errors
/// The backup has no people, a name is taken or looks like another one, the templates are of another model, or the facebank
/// cannot be written. It is then unchanged.
pub fn merge(backup: &Unpacked, facebank: &Path) -> anyhow::Result<usize> {
    let Some(file) = backup.file(names::FACEBANK) else {
        return Err(BadBackup::Damaged("it has no people".to_owned()).into());
    };
    let export = backup.folder().join("export.jsonl");
    Facebank::open_read_only(&file)?.export_file(&export)?;
    let lines = BufReader::new(fs::File::open(&export).with_context(|| export.display().to_string())?);
    Ok(Facebank::open(facebank)?.import(lines)?)
}

/// The configuration with the files of the backup in the place of those of this door.
fn restored_configuration(backup: &Unpacked, layers: &Layers) -> anyhow::Result<Config> {
    let folder = backup.folder().join("etc");
    if layers.file.is_none() {
        add_files_that_stay(&layers.folder, &folder)?;
    }
    let staged = Layers {
        folder,
        file: layers
            .file
            .as_ref()
            .map(|file| backup.file(names::CONFIGURATION).unwrap_or_else(|| file.clone())),
        settings: layers
            .settings
            .as_ref()
            .map(|settings| backup.file(names::SETTINGS).unwrap_or_else(|| settings.clone())),
        ..layers.clone()
    };
    let refused = |error: ConfigError| {
        BadBackup::Damaged(format!(
            "this program refuses the configuration in it: {}",
            printable(&error.to_string())
        ))
    };
    let loaded = load(&staged).map_err(refused)?;
    match loaded.left_out() {
        Some(left_out) => Err(BadBackup::Damaged(printable(&left_out.to_string())).into()),
        None => Ok(loaded.config),
    }
}

/// Adds the files of this door's configuration that the backup does not replace: they count after the restore too.
fn add_files_that_stay(from: &Path, to: &Path) -> anyhow::Result<()> {
    let conf_d = fs::read_dir(from.join("conf.d")).into_iter().flatten();
    let mut files = vec![PathBuf::from("ostiary.toml")];
    for file in conf_d {
        files.push(Path::new("conf.d").join(file?.file_name()));
    }
    fs::create_dir_all(to.join("conf.d")).with_context(|| to.display().to_string())?;
    for file in files {
        let (file, copy) = (from.join(&file), to.join(&file));
        if file.is_file() && !copy.exists() {
            fs::copy(&file, copy).with_context(|| file.display().to_string())?;
        }
    }
    Ok(())
}

/// Where the files of the configuration belong, by their names in the archive.
fn configuration_files(backup: &Unpacked, layers: &Layers) -> Vec<(String, PathBuf)> {
    let own = layers.file.clone().unwrap_or_else(|| layers.folder.join("ostiary.toml"));
    let mut files = vec![(names::CONFIGURATION.to_owned(), own)];
    files.extend(layers.settings.clone().map(|settings| (names::SETTINGS.to_owned(), settings)));
    let further = backup.manifest.files.keys().filter(|_| layers.file.is_none()).filter_map(|name| {
        let file = name.strip_prefix(names::CONF_D)?.strip_prefix('/')?;
        Some((name.clone(), layers.folder.join("conf.d").join(file)))
    });
    files.extend(further);
    files
}

/// The bundle of models in the backup, verified with the keys that the configuration trusts; `None` without one.
fn verified_bundle(backup: &Unpacked, config: &Config) -> anyhow::Result<Option<(ModelStore, StoredBundle)>> {
    let folder = backup.folder().join(names::MODELS);
    if !folder.is_dir() {
        return Ok(None);
    }
    let model_store = match ModelStore::open(&config.models) {
        Err(ModelStoreError::NoKeys) => return Ok(None),
        model_store => model_store?,
    };
    let bundle = model_store.unpacked(&folder)?;
    Ok(Some((model_store, bundle)))
}

/// The lock of a door on its facebank.
fn lock(facebank: &Path) -> anyhow::Result<DaemonLock> {
    DaemonLock::acquire(facebank).map_err(|error| match error {
        FacebankError::DaemonRunning { .. } => BadBackup::Running(error).into(),
        error => error.into(),
    })
}
