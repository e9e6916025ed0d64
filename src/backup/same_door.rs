//! A full restore is for the door that was saved: the configuration in an archive must not decide whose files are replaced.

use std::path::{Path, absolute};

use ostiary_config::{Config, Layers};

use super::names;
use super::unpacked::{BadBackup, Unpacked};

/// Compares the place of the backup's door, and what its configuration says, with the door that is to be restored.
///
/// # Errors
/// [`BadBackup::OtherDoor`] or [`BadBackup::OtherKeys`].
pub fn check(backup: &Unpacked, present: &Config, restored: &Config, layers: &Layers) -> anyhow::Result<()> {
    let saved = &backup.manifest.facebank;
    let paths = [
        ("facebank.path", Path::new(saved), &present.facebank.path),
        ("facebank.path", &restored.facebank.path, &present.facebank.path),
        ("events.path", &restored.events.path, &present.events.path),
        ("models.store", &restored.models.store, &present.models.store),
    ];
    for (key, of_backup, of_door) in paths {
        let (of_backup, of_door) = (absolute(of_backup)?, absolute(of_door)?);
        if of_backup != of_door {
            return Err(BadBackup::OtherDoor(format!(
                "the backup is of another door: its {key} is {of_backup:?}, and that of this door is {of_door:?}. `--merge` adds \
                 its people to this door. To restore the door that was saved, give its own --door or --config; if that is \
                 newly installed, write this path to its configuration first"
            ))
            .into());
        }
    }
    let has = |name: &str| backup.manifest.files.keys().any(|file| file.starts_with(name));
    let not_restored = match (&layers.file, &layers.settings) {
        (Some(_), _) if has(names::CONF_D) => Some(("files of conf.d", "restore it without --config")),
        (_, None) if has(names::SETTINGS) => {
            Some(("keys that `ostiary config set` changed", "restore it with --settings FILE"))
        }
        _ => None,
    };
    if let Some((what, fix)) = not_restored {
        return Err(BadBackup::OtherDoor(format!(
            "the backup has {what}, and with these flags this door has none: {fix}"
        ))
        .into());
    }
    if !present.models.keys.is_empty() && sorted(present) != sorted(restored) {
        return Err(BadBackup::OtherKeys.into());
    }
    Ok(())
}

/// The publishers that a door trusts.
fn sorted(config: &Config) -> Vec<&String> {
    let mut keys: Vec<_> = config.models.keys.iter().collect();
    keys.sort_unstable();
    keys
}
