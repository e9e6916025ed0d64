//! The state file `relay.json`: the `[relay]` section with which the daemon started, for `ostiary rest`.
//!
//! The configuration file may have changed since then, or may be invalid. The line that may be on is the one of the start.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use ostiary_config as config;

use super::GpioError;

/// Writes the section to the service's `RUNTIME_DIRECTORY`, which systemd creates. Removes the file if no line is configured.
/// Does nothing if the variable is not set. The caller does this before it requests the line.
///
/// # Errors
/// The file cannot be written or removed.
pub fn save(relay: &config::Relay) -> Result<(), GpioError> {
    folder().map_or(Ok(()), |folder| save_in(&folder, relay))
}

/// The section in the state file; `None` if there is no file or it cannot be read.
pub fn load() -> Option<config::Relay> {
    load_from(&folder()?)
}

fn folder() -> Option<PathBuf> {
    // systemd separates several folders by colons; the service has one.
    env::split_paths(&env::var_os("RUNTIME_DIRECTORY")?).next()
}

fn path(folder: &Path) -> PathBuf {
    folder.join("relay.json")
}

fn save_in(folder: &Path, relay: &config::Relay) -> Result<(), GpioError> {
    let failed = |why| GpioError::StateFile { path: path(folder), why };
    match relay.line {
        Some(_) => {
            let section = serde_json::to_vec(relay).map_err(|error| failed(error.into()))?;
            fs::write(path(folder), section).map_err(failed)
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
    fn the_last_saved_section_is_loaded() {
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
    fn a_truncated_file_is_none_and_a_missing_folder_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(path(folder.path()), "{\"line\":").unwrap();
        assert_eq!(load_from(folder.path()), None);
        let relay = config::Relay { line: Some(4), ..Default::default() };
        let error = save_in(&folder.path().join("nowhere"), &relay).unwrap_err().to_string();
        assert!(error.contains("nowhere/relay.json"), "{error}");
    }
}
