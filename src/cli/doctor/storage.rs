//! Room on the disks that facebank and events lie on.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{StatVfs, StatVfsMountFlags, statvfs};

use super::Door;
use super::finding::Finding;
use super::folder::folder_of;

const MIB: u64 = 1 << 20;
/// Less cannot hold the record of a day, and SQLite's journals beside it.
const TOO_LITTLE: u64 = 16 * MIB;
const LITTLE: u64 = 100 * MIB;

pub fn check(door: &Door) -> Vec<Finding> {
    let config = door.config();
    let mut disks = BTreeSet::new();
    let mut findings = Vec::new();
    for file in [&config.facebank.path, &config.events.path] {
        let folder = existing(&folder_of(file));
        // Both mostly lie on one disk, which is told of once.
        if folder.metadata().is_ok_and(|metadata| !disks.insert(metadata.dev())) {
            continue;
        }
        findings.push(match statvfs(&folder) {
            Ok(disk) => judge(&folder, &disk),
            Err(error) => Finding::fault(
                format!("{}: the disk does not say how much room it has ({error})", folder.display()),
                "check the disk",
            ),
        });
    }
    findings
}

/// The folder, or the nearest above it that is there.
fn existing(folder: &Path) -> PathBuf {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    absolute.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/")).to_owned()
}

fn judge(folder: &Path, disk: &StatVfs) -> Finding {
    let folder = folder.display();
    if disk.f_flag.contains(StatVfsMountFlags::RDONLY) {
        return Finding::fault(
            format!("{folder}: the disk is mounted read-only"),
            "mount it for writing; where it was remounted after errors, check it and replace it",
        );
    }
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let found = format!("{folder}: {} MB free", free / MIB);
    match free {
        0..TOO_LITTLE => Finding::fault(found, "make room: nobody can be enrolled and nothing recorded"),
        TOO_LITTLE..LITTLE => Finding::warning(found, "make room before nothing can be recorded"),
        _ => Finding::ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Status;
    use super::*;

    #[test]
    fn little_room_is_a_warning_too_little_a_fault_and_a_read_only_disk_too() {
        let mut disk = statvfs("/").unwrap();
        disk.f_flag = StatVfsMountFlags::empty();
        disk.f_frsize = 4096;
        for (mib, status) in
            [(15, Status::Fault), (16, Status::Warning), (99, Status::Warning), (100, Status::Ok)]
        {
            disk.f_bavail = mib * MIB / 4096;
            assert_eq!(judge(Path::new("/"), &disk).status, status, "{mib}");
        }
        disk.f_flag = StatVfsMountFlags::RDONLY;
        assert_eq!(judge(Path::new("/"), &disk).status, Status::Fault);
    }

    #[test]
    fn a_folder_that_is_not_there_is_looked_for_above() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(existing(&folder.path().join("a/b/c")), folder.path());
        assert!(existing(Path::new("nowhere/at/all")).is_dir());
    }
}
