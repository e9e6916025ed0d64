//! The owner of files that root makes in the daemon's folder: the daemon's user.

use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::Path;

use rustix::process::geteuid;

/// Changes the owner of a file that root has opened to the owner of its folder, so that the daemon can read what
/// `sudo ostiary enroll` made. For other users it does nothing.
///
/// # Errors
/// If the folder cannot be read or the owner cannot be changed.
pub fn follow_folder(file: &File, path: &Path) -> io::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let owner = folder.metadata()?;
    fchown(file, Some(owner.uid()), Some(owner.gid()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::chown;

    use super::*;

    #[test]
    fn what_root_makes_in_anothers_folder_is_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("facebank.sqlite");
        let file = File::create(&path).unwrap();
        let ours = file.metadata().unwrap().uid();
        // Only root can give a folder away; of anybody else nothing is expected but that nothing fails.
        let theirs = if chown(folder.path(), Some(4321), Some(4321)).is_ok() { 4321 } else { ours };
        follow_folder(&file, &path).unwrap();
        assert_eq!(file.metadata().unwrap().uid(), theirs);
    }
}
