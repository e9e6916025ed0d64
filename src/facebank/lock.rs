//! One daemon a facebank.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::FacebankError;

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
        let failed = |source| FacebankError::Io { path: path.clone(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who holds it is told where it can be read; the refusal stands either way.
                let pid = file.read_to_string(&mut holder).ok().and_then(|_| holder.trim().parse().ok());
                return Err(FacebankError::DaemonRunning { path: facebank.to_owned(), pid });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(failed)?;
        Ok(Self { _file: file })
    }
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
}
