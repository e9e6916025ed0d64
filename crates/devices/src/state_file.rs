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
/// The file cannot be written or removed, or another door of this board drives the line.
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

/// The folder of the running door that drives this line too. The kernel refuses a line that is in use, but not with rppal. systemd
/// removes the folder of a service that has ended.
fn door_with_line(own: &Path, relay: &config::Relay) -> Option<PathBuf> {
    let is_ours = |name: &str| name == "ostiary" || name.starts_with("ostiary-");
    let is_memory = |relay: &config::Relay| relay.backend == config::GpioBackend::Rppal;
    let folders = fs::read_dir(own.parent()?).ok()?.flatten();
    folders
        .filter(|folder| folder.file_name().to_str().is_some_and(is_ours))
        .map(|folder| folder.path())
        .filter(|folder| folder != own)
        .find(|folder| {
            load_from(folder).is_some_and(|other| {
                let is_same_chip = other.chip == relay.chip || is_memory(&other) || is_memory(relay);
                other.line == relay.line && is_same_chip && relay.backend != config::GpioBackend::Printed
            })
        })
}

fn save_in(folder: &Path, relay: &config::Relay) -> Result<(), GpioError> {
    let failed = |why| GpioError::StateFile { path: path(folder), why };
    match relay.line {
        Some(line) => {
            let write = |relay: &config::Relay| {
                let section = serde_json::to_vec(relay).map_err(|error| failed(error.into()))?;
                fs::write(path(folder), section).map_err(failed)
            };
            write(relay)?;
            // After it, so that of two doors that start at the same time one notices the other at least.
            match door_with_line(folder, relay) {
                Some(other) => {
                    // `ostiary rest` must not touch the line of the other door.
                    write(&config::Relay { line: None, ..relay.clone() })?;
                    Err(GpioError::OtherDoor { line, chip: relay.chip.clone(), other })
                }
                None => Ok(()),
            }
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
    fn a_line_that_another_running_door_drives_is_refused() {
        let run = tempfile::tempdir().unwrap();
        let folder = |name: &str| {
            let folder = run.path().join(name);
            fs::create_dir_all(&folder).unwrap();
            folder
        };
        let [front, back, other] = ["ostiary", "ostiary-back", "another-program"].map(folder);
        let line = |line, backend| config::Relay { line: Some(line), backend, ..Default::default() };
        let (cdev, rppal) = (config::GpioBackend::Gpiocdev, config::GpioBackend::Rppal);
        fs::write(path(&other), serde_json::to_vec(&line(18, cdev)).unwrap()).unwrap();
        save_in(&front, &line(17, rppal)).unwrap();
        save_in(&back, &line(18, rppal)).unwrap();
        for backend in [cdev, rppal] {
            let chip = "/dev/gpiochip4".into();
            let error = save_in(&back, &config::Relay { chip, ..line(17, backend) }).unwrap_err().to_string();
            assert!(error.contains("line 17") && error.contains("ostiary (relay.json)"), "{error}");
            assert_eq!(load_from(&back).unwrap().line, None, "nothing is put to rest");
        }
        let chip = "/dev/gpiochip4".into();
        save_in(&back, &line(18, cdev)).unwrap();
        save_in(&front, &config::Relay { chip, ..line(18, cdev) }).unwrap();
        assert!(save_in(&front, &line(18, cdev)).is_err());
        // The same door starts again.
        save_in(&back, &line(18, cdev)).unwrap();
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
