//! The owner of files that root creates in the daemon's folder.

use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::Path;

use rustix::process::geteuid;

/// If this process runs as root, changes the owner of an open file to the owner of its folder, so that the daemon can read
/// what `sudo ostiary enroll` created. Does nothing for other users: they own what they create.
///
/// # Errors
/// The folder cannot be inspected, or the owner cannot be changed.
pub fn inherit_folder_owner(file: &File, path: &Path) -> io::Result<()> {
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
    fn a_file_of_root_inherits_the_owner_of_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("facebank.sqlite");
        let file = File::create(&path).unwrap();
        let own_uid = file.metadata().unwrap().uid();
        // Only root can change the owner of the folder. For another user the call must succeed and change nothing.
        let expected = if chown(folder.path(), Some(4321), Some(4321)).is_ok() { 4321 } else { own_uid };
        inherit_folder_owner(&file, &path).unwrap();
        assert_eq!(file.metadata().unwrap().uid(), expected);
    }
}
