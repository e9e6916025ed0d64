//! A note of the line that the daemon drives, for whoever has to put it to rest afterwards.
//!
//! The configuration may have been changed since, or broken: the line that may be on is the one that was taken.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use ostiary_config as config;

use super::GpioError;

/// Notes the line, before it is taken, in the folder that systemd makes for the time of the service; elsewhere
/// there is no such folder and nothing is noted.
pub fn save(relay: &config::Relay) -> Result<(), GpioError> {
    folder().map_or(Ok(()), |folder| save_in(&folder, relay))
}

/// The line that was noted; `None` where none was, or where the note cannot be read.
pub fn load() -> Option<config::Relay> {
    load_from(&folder()?)
}

fn folder() -> Option<PathBuf> {
    // Several folders are divided by colons; the first is ours.
    env::split_paths(&env::var_os("RUNTIME_DIRECTORY")?).next()
}

fn path(folder: &Path) -> PathBuf {
    folder.join("relay.json")
}

fn save_in(folder: &Path, relay: &config::Relay) -> Result<(), GpioError> {
    let failed = |why| GpioError::Note { path: path(folder), why };
    match relay.line {
        Some(_) => {
            let note = serde_json::to_vec(relay).map_err(|error| failed(error.into()))?;
            fs::write(path(folder), note).map_err(failed)
        }
        None => match fs::remove_file(path(folder)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
            _ => Ok(()),
        },
    }
}

fn load_from(folder: &Path) -> Option<config::Relay> {
    serde_json::from_slice(&fs::read(path(folder)).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_last_is_known() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(load_from(folder.path()), None);
        let mut relay = config::Relay { line: Some(4), chip: "/dev/gpiochip7".into(), ..Default::default() };
        save_in(folder.path(), &relay).unwrap();
        relay.line = Some(17);
        save_in(folder.path(), &relay).unwrap();
        assert_eq!(load_from(folder.path()), Some(relay.clone()));
        relay.line = None;
        save_in(folder.path(), &relay).unwrap();
        assert_eq!(load_from(folder.path()), None);
        save_in(folder.path(), &relay).unwrap();
    }

    #[test]
    fn a_torn_note_is_none_and_a_folder_that_is_not_there_is_told() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(path(folder.path()), "{\"line\":").unwrap();
        assert_eq!(load_from(folder.path()), None);
        let relay = config::Relay { line: Some(4), ..Default::default() };
        let error = save_in(&folder.path().join("nowhere"), &relay).unwrap_err().to_string();
        assert!(error.contains("nowhere/relay.json"), "{error}");
    }
}
