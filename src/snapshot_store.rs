//! The pictures of strangers on the disk: a folder beside the event store, with one JPEG file for each event of a stranger.
//!
//! Files, because each stands alone: a damaged one says nothing about the others, none is locked or changed to another format, and
//! what removes one needs no database. The name has the id and the time of the event, so that a picture is never taken for that of
//! another event with the same id, as a new record can have.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use ostiary_access::DenialReason;
use ostiary_core::{TrackId, durable, ownership, read_regular_file};
use ostiary_events::{Denial, Event, EventKind, StoreError};

/// What the name of the folder has after that of the event store.
const SUFFIX: &str = ".snapshots";
/// What the name of a file ends with.
const ENDING: &str = ".jpg";
/// The largest file that is read. A picture has about 25 KiB.
const MAX_BYTES: u64 = 1 << 20;
/// The bytes that a JPEG begins and ends with.
const JPEG: ([u8; 2], [u8; 2]) = ([0xff, 0xd8], [0xff, 0xd9]);

/// A picture of a stranger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Snapshot {
    /// The id of the event.
    pub event: u64,
    /// The time of the event, in whole seconds.
    pub time: Timestamp,
}

/// The folder of the pictures of a door.
#[derive(Debug, Clone)]
pub struct SnapshotStore {
    folder: PathBuf,
}

/// Why a picture cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// There is none.
    #[error("there is no picture of event {event}: {why}")]
    Missing {
        /// The id of the event.
        event: u64,
        /// Which events have one.
        why: &'static str,
    },
    /// The file is no whole JPEG.
    #[error("{path}: the picture is damaged; delete it with `ostiary snapshots delete {event}`")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The id of the event.
        event: u64,
    },
    /// A file or the folder cannot be read, written or deleted.
    #[error("{path} cannot be {action}: {why}; check the disk, and who may change this folder")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was done with it.
        action: &'static str,
        /// The error.
        why: io::Error,
    },
}

impl SnapshotError {
    /// Whether there is no usable picture, as opposed to a fault of the disk.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Missing { .. } | Self::Damaged { .. } => true,
            Self::Io { .. } => false,
        }
    }
}

impl Snapshot {
    /// The picture that an event can have, with the track of the face; `None` for events that are not about a stranger. Of repeated
    /// refusals it is that of the face that was most similar to an enrolled person, as the rest of the event.
    pub fn of(event: &Event) -> Option<(Self, TrackId)> {
        let evidence = match &event.kind {
            EventKind::Denied(
                Denial::Face { reason: DenialReason::Unknown, person: None, evidence, .. }
                | Denial::Repeated { reason: DenialReason::Unknown, evidence, .. },
            ) => evidence,
            _ => return None,
        };
        let time = Timestamp::from_second(event.time.as_second()).ok().filter(|_| event.id > 0)?;
        Some((Self { event: event.id, time }, evidence.track))
    }

    /// Whether this is the event of the picture, as the record has it now: it can be erased, or a new record have another one with
    /// this id.
    pub fn is_of(&self, event: Option<&Event>) -> bool {
        event.and_then(Self::of).is_some_and(|(found, _)| found == *self)
    }

    /// The name of the file.
    pub fn file_name(&self) -> String {
        format!("{}-{}{ENDING}", self.event, self.time.as_second())
    }

    /// The picture with this name of a file; `None` for other files.
    fn from_file_name(name: &str) -> Option<Self> {
        let (event, seconds) = name.strip_suffix(ENDING)?.split_once('-')?;
        let time = Timestamp::from_second(seconds.parse().ok()?).ok()?;
        let snapshot = Self { event: event.parse().ok()?, time };
        (snapshot.file_name() == name).then_some(snapshot)
    }
}

impl SnapshotStore {
    /// The pictures that belong to this event store. The folder has its name, because a folder can have those of several doors.
    pub fn beside(events: &Path) -> Self {
        Self { folder: durable::with_suffix(events, SUFFIX) }
    }

    /// The detail of the event of a picture that somebody has deleted.
    pub fn deleted(event: u64) -> String {
        format!("that of event {event}")
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// All pictures, the oldest event first.
    ///
    /// # Errors
    /// The folder cannot be read. One that does not exist has no pictures.
    pub fn list(&self) -> Result<Vec<Snapshot>, SnapshotError> {
        let mut snapshots: Vec<_> =
            self.names()?.iter().filter_map(|name| Snapshot::from_file_name(name)).collect();
        snapshots.sort_unstable();
        Ok(snapshots)
    }

    /// The picture of an event, with the bytes of the JPEG file.
    ///
    /// # Errors
    /// There is none, or it is damaged or cannot be read.
    pub fn read(&self, event: u64) -> Result<(Snapshot, Vec<u8>), SnapshotError> {
        let snapshot = self.find(event)?;
        let path = self.path(&snapshot);
        let bytes = read_regular_file(&path, MAX_BYTES).map_err(|why| SnapshotError::Io {
            path: path.clone(),
            action: "read",
            why: why.into(),
        })?;
        match bytes.starts_with(&JPEG.0) && bytes.ends_with(&JPEG.1) {
            true => Ok((snapshot, bytes)),
            false => Err(SnapshotError::Damaged { path, event }),
        }
    }

    /// Stores a picture, which replaces one of the same event.
    ///
    /// # Errors
    /// The folder cannot be made, or the file cannot be written, for example because the disk is full.
    pub fn write(&self, snapshot: &Snapshot, jpeg: &[u8]) -> Result<(), SnapshotError> {
        self.create_folder().map_err(|why| SnapshotError::Io {
            path: self.folder.clone(),
            action: "made",
            why,
        })?;
        let path = self.path(snapshot);
        durable::write(&path, jpeg, 0o600).map_err(|why| SnapshotError::Io { path, action: "written", why })
    }

    /// Deletes the picture of an event.
    ///
    /// # Errors
    /// There is none, or it cannot be deleted.
    pub fn delete(&self, event: u64) -> Result<Snapshot, SnapshotError> {
        let snapshot = self.find(event)?;
        self.delete_file(&snapshot.file_name())?;
        Ok(snapshot)
    }

    /// The pictures whose events are not in the record any longer, or were erased. `find` gives an event of the record.
    ///
    /// # Errors
    /// The folder cannot be read. A record that cannot be read says nothing of its pictures.
    pub fn orphans(
        &self,
        find: impl Fn(u64) -> Result<Option<Event>, StoreError>,
    ) -> Result<Vec<Snapshot>, SnapshotError> {
        let mut orphans = self.list()?;
        orphans.retain(|snapshot| find(snapshot.event).is_ok_and(|event| !snapshot.is_of(event.as_ref())));
        Ok(orphans)
    }

    /// Deletes all pictures and what an interrupted write has left, and the folder if nothing else is in it.
    ///
    /// # Errors
    /// A file cannot be deleted.
    pub fn delete_all(&self) -> Result<(), SnapshotError> {
        self.names()?.iter().try_for_each(|name| self.delete_file(name))?;
        // Another one's file can be in it.
        let _ = fs::remove_dir(&self.folder);
        Ok(())
    }

    /// Deletes what interrupted writes have left. Only the process that writes may call this.
    ///
    /// # Errors
    /// A file cannot be deleted.
    pub fn delete_remains(&self) -> Result<(), SnapshotError> {
        let names = self.names()?;
        let mut remains = names.iter().filter(|name| Snapshot::from_file_name(name).is_none());
        remains.try_for_each(|name| self.delete_file(name))
    }

    /// The names of the pictures and of what interrupted writes have left; others are another one's files.
    fn names(&self) -> Result<Vec<String>, SnapshotError> {
        let failed = |why| SnapshotError::Io { path: self.folder.clone(), action: "read", why };
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            if let Ok(name) = entry.map_err(failed)?.file_name().into_string()
                && (Snapshot::from_file_name(&name).is_some() || name.starts_with(".tmp"))
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn find(&self, event: u64) -> Result<Snapshot, SnapshotError> {
        let found = self.list()?.into_iter().rev().find(|snapshot| snapshot.event == event);
        found.ok_or(SnapshotError::Missing {
            event,
            why: "only visits of strangers have one, for snapshots.days; see `ostiary snapshots list`",
        })
    }

    fn path(&self, snapshot: &Snapshot) -> PathBuf {
        self.folder.join(snapshot.file_name())
    }

    /// Makes the folder, which only its owner may open.
    fn create_folder(&self) -> io::Result<()> {
        match fs::DirBuilder::new().mode(0o700).create(&self.folder) {
            Ok(()) => ownership::inherit_folder_owner(&File::open(&self.folder)?, &self.folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && self.folder.is_dir() => {
                if self.folder.metadata()?.mode() & 0o077 != 0 {
                    fs::set_permissions(&self.folder, fs::Permissions::from_mode(0o700))?;
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Overwrites a file with zeros and deletes it. One that was deleted meanwhile is no error.
    fn delete_file(&self, name: &str) -> Result<(), SnapshotError> {
        let path = self.folder.join(name);
        // What cannot be overwritten is deleted all the same.
        let _ = overwrite(&path);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(SnapshotError::Io { path, action: "deleted", why: error })
            }
            _ => Ok(()),
        }
    }
}

/// Overwrites a file with zeros. Not through a link: root may call this in the folder of another user.
fn overwrite(path: &Path) -> io::Result<()> {
    let mut file =
        OpenOptions::new().write(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() && metadata.nlink() == 1 {
        let length = usize::try_from(metadata.len().min(MAX_BYTES)).unwrap_or(0);
        file.write_all(&vec![0; length])?;
        file.sync_data()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ostiary_testkit::evidence;

    use super::*;

    const PICTURE: &[u8] = &[0xff, 0xd8, 1, 2, 3, 0xff, 0xd9];

    fn snapshot(event: u64) -> Snapshot {
        Snapshot { event, time: Timestamp::from_second(1_700_000_000 + event as i64).unwrap() }
    }

    fn store() -> (tempfile::TempDir, SnapshotStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = SnapshotStore::beside(&folder.path().join("events.sqlite"));
        (folder, store)
    }

    #[test]
    fn pictures_are_kept_for_their_owner_only_and_gone_when_deleted() {
        let (folder, store) = store();
        store.delete_all().unwrap();
        assert_eq!(store.list().unwrap(), []);
        for event in [10, 9, 100] {
            store.write(&snapshot(event), PICTURE).unwrap();
        }
        assert_eq!(store.list().unwrap(), [9, 10, 100].map(snapshot));
        assert_eq!(store.read(10).unwrap(), (snapshot(10), PICTURE.to_vec()));
        let mode = |path: &Path| path.metadata().unwrap().mode() & 0o777;
        assert_eq!((mode(store.folder()), mode(&store.path(&snapshot(9)))), (0o700, 0o600));

        // Another name for the same bytes shows that they are overwritten.
        let file = File::open(store.path(&snapshot(10))).unwrap();
        assert_eq!(store.delete(10).unwrap(), snapshot(10));
        let mut left = Vec::new();
        io::Read::read_to_end(&mut { file }, &mut left).unwrap();
        assert_eq!(left, vec![0; PICTURE.len()]);
        for missing in [store.read(10).map(drop), store.delete(10).map(drop)] {
            assert!(matches!(missing, Err(SnapshotError::Missing { event: 10, .. })));
        }
        store.delete_all().unwrap();
        assert!(!store.folder().exists() && folder.path().exists());
    }

    #[test]
    fn a_damaged_picture_is_not_shown_and_can_be_deleted() {
        let (_folder, store) = store();
        for damaged in [&b""[..], &PICTURE[..5], b"GIF89a"] {
            store.write(&snapshot(1), damaged).unwrap();
            let error = store.read(1).unwrap_err().to_string();
            assert!(error.contains("damaged; delete it with `ostiary snapshots delete 1`"), "{error}");
        }
        store.delete(1).unwrap();
    }

    #[test]
    fn files_of_others_stay_and_what_a_link_points_to_too() {
        let (folder, store) = store();
        store.write(&snapshot(1), PICTURE).unwrap();
        let (other, target) = (store.folder().join("notes.txt"), folder.path().join("target"));
        fs::write(&other, "mine").unwrap();
        fs::write(&target, "not zeros").unwrap();
        fs::write(store.folder().join(".tmpA1b2"), PICTURE).unwrap();
        std::os::unix::fs::symlink(&target, store.path(&snapshot(2))).unwrap();
        fs::hard_link(&target, store.path(&snapshot(3))).unwrap();
        store.delete_remains().unwrap();
        assert!(!store.folder().join(".tmpA1b2").exists());
        store.delete_all().unwrap();
        assert_eq!(store.list().unwrap(), []);
        assert_eq!(fs::read(&target).unwrap(), b"not zeros");
        assert_eq!(fs::read(other).unwrap(), b"mine");
    }

    #[test]
    fn something_else_in_the_place_of_the_folder_is_an_error() {
        let (_folder, store) = store();
        fs::write(store.folder(), "no folder").unwrap();
        assert!(matches!(store.list(), Err(SnapshotError::Io { action: "read", .. })));
        assert!(matches!(store.write(&snapshot(1), PICTURE), Err(SnapshotError::Io { action: "made", .. })));
        assert!(matches!(store.delete_all(), Err(SnapshotError::Io { .. })));
    }

    #[test]
    fn only_an_event_of_a_stranger_has_a_picture() {
        let denied = |reason, person: Option<&str>| {
            let person = person.map(str::to_owned);
            EventKind::Denied(Denial::Face { reason, person, evidence: evidence(), detail: None })
        };
        let of = |id, kind| Snapshot::of(&Event { id, ..Event::new(kind, Timestamp::now(), "front") });
        let (found, track) = of(7, denied(DenialReason::Unknown, None)).unwrap();
        assert_eq!((found.event, track), (7, evidence().track));
        assert_eq!(Snapshot::from_file_name(&found.file_name()), Some(found));
        assert_eq!(of(0, denied(DenialReason::Unknown, None)), None, "it was not stored");
        for reason in DenialReason::ALL.into_iter().filter(|reason| *reason != DenialReason::Unknown) {
            assert_eq!(of(7, denied(reason, None)), None);
        }
        assert_eq!(of(7, EventKind::Erased), None);
        for name in ["7-1.JPG", "07-1.jpg", "7.jpg", "-7-1.jpg", "7--1x.jpg", "../7-1.jpg"] {
            assert_eq!(Snapshot::from_file_name(name), None, "{name}");
        }
    }
}
