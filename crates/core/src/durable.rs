//! Files that are either complete and on the disk, or absent.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::ownership;

/// Replaces the file at `path` in one step: a reader sees the old contents or the new ones, also after a power cut.
/// `mode` is the Unix mode of the new file.
///
/// # Errors
/// The folder is missing or not writable, or the disk is full. The old file then stays as it was.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    finalize(file.as_file(), path, mode)?;
    file.persist(path)?;
    sync_folder(folder)
}

/// The path of the file beside another one that has its name with this suffix: a folder can have such files of several doors.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Sets the Unix mode and the owner of a file that was just written, and flushes it to the disk.
///
/// # Errors
/// Mode or owner cannot be changed, or the disk reports an error.
pub fn finalize(file: &File, path: &Path, mode: u32) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(mode))?;
    ownership::inherit_folder_owner(file, path)?;
    file.sync_all()
}

/// Creates a folder unless it exists. The new folder has the owner of its parent.
///
/// # Errors
/// The parent is missing or not writable, or something else than a folder has this name.
pub fn create_folder(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Ok(()) => ownership::inherit_folder_owner(&File::open(path)?, path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Flushes the directory entries of a folder to the disk: after it, a new or removed name survives a power cut.
///
/// # Errors
/// The folder cannot be opened, or the disk reports an error.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_follows_the_whole_name() {
        assert_eq!(
            with_suffix(Path::new("/srv/a.b/events.sqlite"), ".key"),
            Path::new("/srv/a.b/events.sqlite.key")
        );
    }

    #[test]
    fn write_replaces_a_file_and_leaves_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        write(&path, b"old", 0o600).unwrap();
        write(&path, b"new", 0o644).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
        assert!(write(&folder.path().join("absent/state.json"), b"new", 0o600).is_err());
        create_folder(&folder.path().join("new")).unwrap();
        create_folder(&folder.path().join("new")).unwrap();
        assert!(create_folder(&path).is_err());
    }
}
