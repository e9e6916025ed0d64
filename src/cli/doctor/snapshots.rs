//! Says whether pictures of strangers are kept, how many there are, and whether others can read them.

use std::os::unix::fs::MetadataExt;

use super::CheckContext;
use super::finding::{Finding, Status};
use crate::daemon::snapshot_keeper::MAX_SNAPSHOTS;
use crate::snapshot_store::SnapshotStore;

pub fn check(context: &CheckContext) -> Vec<Finding> {
    let config = context.config();
    vec![evaluate(&SnapshotStore::beside(&config.events.path), config.snapshots.days)]
}

fn evaluate(store: &SnapshotStore, days: u32) -> Finding {
    let number = match store.list() {
        Ok(snapshots) => snapshots.len(),
        Err(error) => return Finding::from_error(Status::Warning, &error, "check the disk"),
    };
    let pictures = match number {
        1 => "1 picture".to_owned(),
        number => format!("{number} pictures"),
    };
    if store.folder().metadata().is_ok_and(|folder| folder.mode() & 0o077 != 0) {
        let folder = store.folder().display();
        let fix = format!("run `sudo chmod 700 {folder}`");
        return Finding::warning(format!("{folder}: other users can read {pictures} of strangers"), fix);
    }
    match (days, number) {
        (0, 0) => Finding::ok("no pictures of strangers are kept"),
        (0, _) => Finding::warning(
            format!("{pictures} of strangers are left, although snapshots.days is 0"),
            "start or reload the door, which deletes them",
        ),
        (days, _) => {
            let for_days = if days == 1 { "for 1 day".to_owned() } else { format!("for {days} days") };
            Finding::ok(format!(
                "{pictures} of strangers, of {MAX_SNAPSHOTS} at most; each is kept {for_days}"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use jiff::Timestamp;

    use super::*;
    use crate::snapshot_store::Snapshot;

    #[test]
    fn pictures_are_counted_and_what_is_wrong_with_them_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let store = SnapshotStore::beside(&folder.path().join("events.sqlite"));
        assert_eq!(evaluate(&store, 0), Finding::ok("no pictures of strangers are kept"));
        let snapshot = Snapshot { event: 3, time: Timestamp::UNIX_EPOCH };
        store.write(&snapshot, b"jpeg").unwrap();
        assert_eq!(
            evaluate(&store, 7),
            Finding::ok("1 picture of strangers, of 500 at most; each is kept for 7 days")
        );
        assert_eq!(evaluate(&store, 0).status, Status::Warning);
        fs::set_permissions(store.folder(), Permissions::from_mode(0o755)).unwrap();
        let open = evaluate(&store, 7);
        assert_eq!(open.status, Status::Warning);
        assert!(open.to_string().contains("chmod 700"), "{open}");
        store.delete_all().unwrap();
        fs::write(store.folder(), "no folder").unwrap();
        assert_eq!(evaluate(&store, 7).status, Status::Warning);
    }
}
