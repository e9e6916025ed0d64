//! Checks the free space on the disks of the facebank and of the events.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{StatVfs, StatVfsMountFlags, statvfs};

use super::CheckContext;
use super::finding::Finding;
use super::folder::folder_of;

/// Bytes per MiB.
const MIB: u64 = 1 << 20;
/// The free space below which a fault is reported, in bytes. The events of a day and the journals of SQLite need more.
const FAULT_BELOW: u64 = 16 * MIB;
/// The free space below which a warning is reported, in bytes.
const WARNING_BELOW: u64 = 100 * MIB;

pub fn check(context: &CheckContext) -> Vec<Finding> {
    let config = context.config();
    let mut disks = BTreeSet::new();
    let mut findings = Vec::new();
    for file in [&config.facebank.path, &config.events.path] {
        let folder = nearest_existing(&folder_of(file));
        // Both are usually on the same disk, which is reported once.
        if folder.metadata().is_ok_and(|metadata| !disks.insert(metadata.dev())) {
            continue;
        }
        findings.push(match statvfs(&folder) {
            Ok(disk) => evaluate(&folder, &disk),
            Err(error) => Finding::fault(
                format!("{}: the free space of the disk cannot be read ({error})", folder.display()),
                "check the disk",
            ),
        });
    }
    findings
}

/// The folder, or its nearest parent that exists.
fn nearest_existing(folder: &Path) -> PathBuf {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    absolute.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/")).to_owned()
}

fn evaluate(folder: &Path, disk: &StatVfs) -> Finding {
    let folder = folder.display();
    if disk.f_flag.contains(StatVfsMountFlags::RDONLY) {
        return Finding::fault(
            format!("{folder}: the disk is mounted read-only"),
            "mount it read-write; if it was remounted after errors, check it and replace it",
        );
    }
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let found = format!("{folder}: {} MB free", free / MIB);
    match free {
        0..FAULT_BELOW => {
            Finding::fault(found, "free some space: no people can be enrolled and no events can be recorded")
        }
        FAULT_BELOW..WARNING_BELOW => {
            Finding::warning(found, "free some space before events can no longer be recorded")
        }
        _ => Finding::ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Status;
    use super::*;

    #[test]
    fn low_space_is_a_warning_or_a_fault_and_a_read_only_disk_a_fault() {
        let mut disk = statvfs("/").unwrap();
        disk.f_flag = StatVfsMountFlags::empty();
        disk.f_frsize = 4096;
        for (mib, status) in
            [(15, Status::Fault), (16, Status::Warning), (99, Status::Warning), (100, Status::Ok)]
        {
            disk.f_bavail = mib * MIB / 4096;
            assert_eq!(evaluate(Path::new("/"), &disk).status, status, "{mib}");
        }
        disk.f_flag = StatVfsMountFlags::RDONLY;
        assert_eq!(evaluate(Path::new("/"), &disk).status, Status::Fault);
    }

    #[test]
    fn a_missing_folder_is_replaced_by_its_nearest_parent() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(nearest_existing(&folder.path().join("a/b/c")), folder.path());
        assert!(nearest_existing(Path::new("nowhere/at/all")).is_dir());
    }
}
