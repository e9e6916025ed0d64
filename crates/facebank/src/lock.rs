//! One daemon a facebank.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use ostiary_core::ownership;

use super::FacebankError;

/// Far longer than anyone who only asks for the lock holds it.
const ASKING: Duration = Duration::from_millis(100);

/// Held by the daemon while it keeps the door with a facebank; given back when dropped or when the process
/// ends, however it ends.
///
/// It is an advisory lock on `<facebank>.lock`, not on the facebank, whose own locks belong to SQLite. The
/// file stays behind: deleting it would let a third process lock a new file of the same name while a second
/// one still waits on the old.
#[derive(Debug)]
pub struct DaemonLock {
    _file: File,
}

impl DaemonLock {
    /// Takes the lock, or says which daemon has it.
    pub fn take(facebank: &Path) -> Result<Self, FacebankError> {
        let path = lock_path(facebank);
        let failed = |why| FacebankError::Io { path: path.clone(), why };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| FacebankError::CannotOpen { path: path.clone(), why: error.to_string() })?;
        ownership::inherit_folder_owner(&file, &path).map_err(failed)?;
        let mut locked = file.try_lock();
        if matches!(locked, Err(TryLockError::WouldBlock)) {
            // Whoever only asks (see [`Self::check`]) is gone by then.
            thread::sleep(ASKING);
            locked = file.try_lock();
        }
        match locked {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(running(facebank, &mut file)),
            Err(TryLockError::Error(why)) => return Err(failed(why)),
        }
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(failed)?;
        Ok(Self { _file: file })
    }

    /// Asks whether a daemon keeps the door with this facebank, without making a file or keeping the lock:
    /// [`FacebankError::DaemonRunning`] where one does.
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

/// The refusal, with the daemon's process where it can be read; it stands either way.
fn running(facebank: &Path, file: &mut File) -> FacebankError {
    let mut holder = String::new();
    let pid = file.read_to_string(&mut holder).ok().and_then(|_| holder.trim().parse().ok());
    FacebankError::DaemonRunning { path: facebank.to_owned(), pid }
}

fn lock_path(facebank: &Path) -> PathBuf {
    let mut path = facebank.as_os_str().to_owned();
    path.push(".lock");
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_is_named_once_with_the_mend() {
        let folder = tempfile::tempdir().unwrap();
        let error = DaemonLock::take(&folder.path().join("gone/facebank.sqlite")).unwrap_err();
        let told = format!("{:#}", anyhow::Error::from(error));
        assert_eq!(told.matches("No such file").count(), 1, "{told}");
        assert!(
            told.contains("gone/facebank.sqlite.lock") && told.contains("check that the folder exists"),
            "{told}"
        );
    }

    #[test]
    fn the_second_is_refused_until_the_first_lets_go() {
        let folder = tempfile::tempdir().unwrap();
        let facebank = folder.path().join("people.sqlite");
        let first = DaemonLock::take(&facebank).unwrap();
        let refused = DaemonLock::take(&facebank).unwrap_err().to_string();
        assert!(refused.contains("people.sqlite"), "{refused}");
        assert!(refused.contains(&std::process::id().to_string()), "{refused}");
        drop(first);
        DaemonLock::take(&facebank).unwrap();
    }

    #[test]
    fn asking_takes_and_makes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let facebank = folder.path().join("people.sqlite");
        DaemonLock::check(&facebank).unwrap();
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
        let daemon = DaemonLock::take(&facebank).unwrap();
        let running = DaemonLock::check(&facebank).unwrap_err();
        let own = std::process::id();
        assert!(matches!(running, FacebankError::DaemonRunning { pid: Some(pid), .. } if pid == own));
        drop(daemon);
        DaemonLock::check(&facebank).unwrap();
        DaemonLock::take(&facebank).unwrap();
    }
}
