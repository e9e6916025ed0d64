//! Files that are complete and on the disk, or absent.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::ownership;

/// Writes a file and replaces the one of this name in a single step: a reader sees the old or the new file, also after a
/// power cut.
///
/// # Errors
/// If the file cannot be written. The old one then stays.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    finish(file.as_file(), path, mode)?;
    file.persist(path)?;
    sync_folder(folder)
}

/// Sets the mode and the owner of a file that was just written, and puts it on the disk.
///
/// # Errors
/// If the system refuses one of these.
pub fn finish(file: &File, path: &Path, mode: u32) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(mode))?;
    ownership::follow_folder(file, path)?;
    file.sync_all()
}

/// Makes a folder, unless it exists, with the owner of the folder above it.
///
/// # Errors
/// If it cannot be made, or a file has its name.
pub fn make_folder(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Ok(()) => ownership::follow_folder(&File::open(path)?, path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Puts a folder's list of files on the disk.
///
/// # Errors
/// If the folder cannot be opened or synchronized.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        write(&path, b"old", 0o600).unwrap();
        write(&path, b"new", 0o644).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
        assert!(write(&folder.path().join("absent/state.json"), b"new", 0o600).is_err());
        make_folder(&folder.path().join("kept")).unwrap();
        make_folder(&folder.path().join("kept")).unwrap();
        assert!(make_folder(&path).is_err());
    }
}
