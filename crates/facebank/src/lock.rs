//! The lock that allows one daemon for each facebank.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use ostiary_core::{durable, ownership};

use super::FacebankError;

/// The wait before the second attempt. It is longer than [`DaemonLock::check`] holds the lock.
const RETRY_DELAY: Duration = Duration::from_millis(100);

/// The lock of a running daemon on its facebank. The lock is released when this is dropped or when the process ends.
///
/// It is an advisory lock on `<facebank>.lock`. The locks on the facebank's own file belong to SQLite. The lock file is not
/// deleted: after a deletion a third process could lock a new file with the same name while a second process still waits for
/// the old file.
#[derive(Debug)]
pub struct DaemonLock {
    _file: File,
}

impl DaemonLock {
    /// Acquires the lock, and writes the number of this process to the file, unless the disk is full or read-only: this must
    /// not keep people out.
    ///
    /// # Errors
    /// [`FacebankError::DaemonRunning`] if a daemon has the lock; an I/O error otherwise.
    pub fn acquire(facebank: &Path) -> Result<Self, FacebankError> {
        let path = lock_path(facebank);
        let failed = |why| FacebankError::Io { path: path.clone(), why };
        let opened =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let (opened, is_writable) = match opened {
            Err(error) if error.kind() == ErrorKind::ReadOnlyFilesystem => (File::open(&path), false),
            opened => (opened, true),
        };
        let mut file = opened
            .map_err(|error| FacebankError::CannotOpen { path: path.clone(), why: error.to_string() })?;
        if is_writable {
            ownership::inherit_folder_owner(&file, &path).map_err(failed)?;
        }
        let mut locked = file.try_lock();
        if matches!(locked, Err(TryLockError::WouldBlock)) {
            // `check` in another process has released the lock by then.
            thread::sleep(RETRY_DELAY);
            locked = file.try_lock();
        }
        match locked {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(running(facebank, &mut file)),
            Err(TryLockError::Error(why)) => return Err(failed(why)),
        }
        if is_writable {
            match file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())) {
                Err(error) if error.kind() == ErrorKind::StorageFull => {}
                written => written.map_err(failed)?,
            }
        }
        Ok(Self { _file: file })
    }

    /// Checks that no daemon runs with this facebank, without creating the file or keeping the lock.
    ///
    /// # Errors
    /// [`FacebankError::DaemonRunning`] if a daemon has the lock; an I/O error otherwise.
    pub fn check(facebank: &Path) -> Result<(), FacebankError> {
        let path = lock_path(facebank);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(why) => return Err(FacebankError::Io { path, why }),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => Err(running(facebank, &mut file)),
            Err(TryLockError::Error(why)) => Err(FacebankError::Io { path, why }),
        }
    }
}

/// The error, with the number of the daemon's process if the file has it.
fn running(facebank: &Path, file: &mut File) -> FacebankError {
    let mut holder = String::new();
    let pid = file.read_to_string(&mut holder).ok().and_then(|_| holder.trim().parse().ok());
    FacebankError::DaemonRunning { path: facebank.to_owned(), pid }
}

fn lock_path(facebank: &Path) -> PathBuf {
    durable::with_suffix(facebank, ".lock")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_for_a_missing_folder_says_how_to_fix_it() {
        let folder = tempfile::tempdir().unwrap();
        let error = DaemonLock::acquire(&folder.path().join("gone/facebank.sqlite")).unwrap_err();
        let message = format!("{:#}", anyhow::Error::from(error));
        assert_eq!(message.matches("No such file").count(), 1, "{message}");
        assert!(
            message.contains("gone/facebank.sqlite.lock") && message.contains("check that the folder exists"),
            "{message}"
        );
    }

    #[test]
    fn a_second_lock_is_refused_until_the_first_is_released() {
        let folder = tempfile::tempdir().unwrap();
        let facebank = folder.path().join("people.sqlite");
        let first = DaemonLock::acquire(&facebank).unwrap();
        let refused = DaemonLock::acquire(&facebank).unwrap_err().to_string();
        assert!(refused.contains("people.sqlite"), "{refused}");
        assert!(refused.contains(&std::process::id().to_string()), "{refused}");
        drop(first);
        DaemonLock::acquire(&facebank).unwrap();
    }

    #[test]
    fn a_check_creates_no_file_and_keeps_no_lock() {
        let folder = tempfile::tempdir().unwrap();
        let facebank = folder.path().join("people.sqlite");
        DaemonLock::check(&facebank).unwrap();
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
        let daemon = DaemonLock::acquire(&facebank).unwrap();
        let running = DaemonLock::check(&facebank).unwrap_err();
        let own = std::process::id();
        assert!(matches!(running, FacebankError::DaemonRunning { pid: Some(pid), .. } if pid == own));
        drop(daemon);
        DaemonLock::check(&facebank).unwrap();
        DaemonLock::acquire(&facebank).unwrap();
    }
}
