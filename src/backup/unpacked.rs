//! Reads a backup into a folder and checks it. The archive may be damaged, or made to do harm.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::Context;
use flate2::read::GzDecoder;
use ostiary_core::{is_foreign_entry, open_regular_file};
use ostiary_events::EventStore;
use ostiary_events::trail::SigningKey;
use ostiary_facebank::{Facebank, FacebankError};
use tempfile::TempDir;

use super::manifest::{FORMAT, FileEntry, Manifest};
use super::names;

/// The most bytes of a manifest.
const MAX_MANIFEST: u64 = 1 << 20;
/// The most files of a backup.
const MAX_FILES: usize = 500;
/// The most bytes of all files of a backup.
const MAX_TOTAL: u64 = 4 << 30;

/// Why an archive is not restored. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum BadBackup {
    /// It is no archive, or none of this program.
    #[error("this is not a backup of `ostiary backup`: {0}; nothing was changed")]
    Foreign(String),
    /// It comes from a later version.
    #[error(
        "the backup has format {found}, and this program reads {FORMAT}: update the program; nothing was changed"
    )]
    Newer {
        /// The version of the format.
        found: u64,
    },
    /// A file is not the one that the manifest names, or is missing.
    #[error("the backup is damaged: {0}; use another copy of it; nothing was changed")]
    Damaged(String),
    /// It has what no backup has.
    #[error(
        "the backup has {0}, which `ostiary backup` does not write; it is not restored, and nothing was changed"
    )]
    Forbidden(String),
    /// It is of another door, or would make this door use the files of another one.
    #[error("{0}; nothing was changed")]
    OtherDoor(String),
    /// The people of the door would be kept, although the rest is restored.
    #[error(
        "the backup has no people, and this door has {0}: use a backup that has people, or remove them first; nothing was \
         changed"
    )]
    NoPeople(usize),
    /// The configuration in it trusts other publishers of models.
    #[error(
        "models.keys in the backup is not that of this door: if the keys of the backup are to be trusted, set them in this \
         door's configuration first, or restore a backup with the present keys; nothing was changed"
    )]
    OtherKeys,
    /// The door runs, and would go on with the files before.
    #[error("{0}, with `systemctl stop ostiary`, and start it after the restore; nothing was changed")]
    Running(FacebankError),
    /// It is larger than a backup may be, or than the disk has room for.
    #[error("the backup has {size} bytes unpacked, and {limit} are possible here; nothing was changed")]
    TooLarge {
        /// Its bytes.
        size: u64,
        /// The limit.
        limit: u64,
    },
}

/// A backup whose files are unpacked and checked. They are removed when this is dropped.
pub struct Unpacked {
    folder: TempDir,
    /// What it has.
    pub manifest: Manifest,
}

impl Unpacked {
    /// Unpacks an archive into a new folder in `within`, and checks every file.
    ///
    /// # Errors
    /// [`BadBackup`], or a file cannot be read or written.
    pub fn open(archive: &Path, within: &Path) -> anyhow::Result<Self> {
        let file = open_regular_file(archive).with_context(|| archive.display().to_string())?;
        let folder = tempfile::Builder::new()
            .prefix(".ostiary-restore-")
            .tempdir_in(within)
            .with_context(|| format!("{}: nothing can be unpacked there", within.display()))?;
        let manifest = unpack(file, folder.path()).with_context(|| archive.display().to_string())?;
        let unpacked = Self { folder, manifest };
        unpacked.check_stores().with_context(|| archive.display().to_string())?;
        Ok(unpacked)
    }

    /// A file of the backup; `None` if it has none of this name.
    pub fn file(&self, name: &str) -> Option<PathBuf> {
        self.manifest.files.contains_key(name).then(|| self.folder.path().join(name))
    }

    /// The folder of all files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Reads all of the facebank and the event store.
    fn check_stores(&self) -> Result<(), BadBackup> {
        let damaged = |error: &dyn std::error::Error| BadBackup::Damaged(error.to_string());
        if let Some(path) = self.file(names::FACEBANK) {
            let facebank = Facebank::open_read_only(&path).map_err(|error| damaged(&error))?;
            facebank.check().and_then(|()| facebank.people()).map_err(|error| damaged(&error))?;
        }
        if let Some(path) = self.file(names::EVENTS) {
            let store = EventStore::open_read_only(&path).map_err(|error| damaged(&error))?;
            store.check_file().map_err(|error| damaged(&error))?;
        }
        if let Some(path) = self.file(names::EVENTS_KEY) {
            SigningKey::load(&path).map_err(|error| damaged(&error))?;
        }
        Ok(())
    }
}

fn unpack(archive: File, folder: &Path) -> anyhow::Result<Manifest> {
    let broken = |error: io::Error| BadBackup::Damaged(error.to_string());
    // No more is unpacked than a backup may have, whatever the archive says.
    let limited = GzDecoder::new(archive).take(MAX_TOTAL + 2 * MAX_MANIFEST);
    let mut archive = tar::Archive::new(limited);
    // Raw: extensions with long names and links are entries as others, which are refused.
    let mut entries = archive.entries().map_err(broken)?.raw(true);
    let foreign = |why: &str| BadBackup::Foreign(why.to_owned());
    let first = entries.next().ok_or_else(|| foreign("it is empty"))?;
    let mut first = first.map_err(|error| foreign(&error.to_string()))?;
    let name = first.path_bytes().into_owned();
    if name != names::MANIFEST.as_bytes() || first.size() > MAX_MANIFEST {
        return Err(foreign("it does not begin with a manifest").into());
    }
    let mut text = Vec::new();
    first.read_to_end(&mut text).map_err(broken)?;
    let manifest = read_manifest(&text)?;
    let total: u64 = manifest.files.values().fold(0, |total, file| total.saturating_add(file.size));
    let free = free_bytes(folder)?;
    // The files are copied once more, before they replace the others.
    let limit = MAX_TOTAL.min(free / 2);
    if total > limit {
        return Err(BadBackup::TooLarge { size: total, limit }.into());
    }
    let mut missing = manifest.files.clone();
    for entry in entries {
        let mut entry = entry.map_err(broken)?;
        let shown = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let listed = missing.remove(&shown).filter(|_| entry.header().entry_type().is_file());
        let Some(listed) = listed else {
            return Err(BadBackup::Forbidden(format!(
                "{shown:?}, which its manifest does not list as a file"
            ))
            .into());
        };
        if entry.size() != listed.size {
            return Err(BadBackup::Damaged(format!(
                "{shown} has {} bytes and not {}",
                entry.size(),
                listed.size
            ))
            .into());
        }
        write(&mut entry, &folder.join(&shown), &listed, &shown)?;
    }
    match missing.keys().next() {
        Some(name) => Err(BadBackup::Damaged(format!("{name} is missing")).into()),
        None => Ok(manifest),
    }
}

/// Reads a manifest. Every name in it is one that this program gives.
fn read_manifest(text: &[u8]) -> Result<Manifest, BadBackup> {
    let foreign = |error: serde_json::Error| BadBackup::Foreign(printable(&error.to_string()));
    let value: serde_json::Value = serde_json::from_slice(text).map_err(foreign)?;
    match value.get("ostiary_backup").and_then(serde_json::Value::as_u64) {
        Some(found) if found > u64::from(FORMAT) => return Err(BadBackup::Newer { found }),
        Some(_) => {}
        None => return Err(BadBackup::Foreign("its manifest is another program's".to_owned())),
    }
    let mut manifest: Manifest = serde_json::from_value(value).map_err(foreign)?;
    if !is_door_name(&manifest.door) {
        return Err(BadBackup::Forbidden(format!(
            "{:?} as the name of its door, not 1 to 64 letters, digits, - and _",
            manifest.door
        )));
    }
    manifest.left_out.iter_mut().for_each(|left_out| *left_out = printable(left_out));
    if manifest.files.len() > MAX_FILES {
        return Err(BadBackup::Forbidden(format!("{} files", manifest.files.len())));
    }
    match manifest.files.keys().find(|name| !is_known(name)) {
        Some(name) => Err(BadBackup::Forbidden(format!("a file {name:?}"))),
        None => Ok(manifest),
    }
}

/// Whether `door.name` may have this value.
fn is_door_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=64).contains(&name.len()) && name.chars().all(is_plain)
}

/// A text of an archive that does not change the terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}

/// Whether `ostiary backup` gives such a name.
pub(super) fn is_known(name: &str) -> bool {
    let is_plain = |file: &str| {
        !file.is_empty()
            && !is_foreign_entry(file.as_ref())
            && file.len() <= 100
            && file.chars().all(|c| c.is_ascii_alphanumeric() || "-_.@+ ".contains(c))
    };
    let below = |folder: &str| name.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
    match name {
        names::FACEBANK | names::EVENTS | names::EVENTS_KEY | names::SETTINGS | names::CONFIGURATION => true,
        _ => {
            below(names::CONF_D).is_some_and(|file| is_plain(file) && file.ends_with(".toml"))
                || below(names::MODELS).is_some_and(is_plain)
        }
    }
}

/// Writes a file of the archive, and compares it with the manifest.
fn write(from: &mut impl Read, to: &Path, listed: &FileEntry, name: &str) -> anyhow::Result<()> {
    let failed = || format!("{} cannot be written", to.display());
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).with_context(failed)?;
    }
    let mut file = File::create_new(to).with_context(failed)?;
    io::copy(from, &mut file).map_err(|error| BadBackup::Damaged(format!("{name}: {error}")))?;
    let found = FileEntry::of(to).with_context(failed)?;
    match found == *listed {
        true => Ok(()),
        false => {
            Err(BadBackup::Damaged(format!("{name} is not the file that was saved (SHA-256 or size)")).into())
        }
    }
}

fn free_bytes(folder: &Path) -> anyhow::Result<u64> {
    let disk = rustix::fs::statvfs(folder).with_context(|| folder.display().to_string())?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_this_program_gives_are_known() {
        for name in [
            "facebank.sqlite",
            "events.sqlite.key",
            "settings.toml",
            "etc/ostiary.toml",
            "etc/conf.d/00-new-door.toml",
            "models/release.json",
            "models/mobilefacenet-int8.onnx",
        ] {
            assert!(is_known(name), "{name}");
        }
        for name in [
            "",
            "manifest.json",
            "/etc/passwd",
            "../facebank.sqlite",
            "etc/../ostiary.toml",
            "etc/conf.d/../../x.toml",
            "etc/conf.d/..",
            "etc/conf.d/.hidden.toml",
            "etc/conf.d/sub/x.toml",
            "etc/conf.d/script.sh",
            "etc/passwd",
            "models/../state.json",
            "models/7/release.json",
            "models/",
            "models/a\0b",
            "models/a\u{202e}b",
            "facebank.sqlite-journal",
        ] {
            assert!(!is_known(name), "{name}");
        }
    }
}
