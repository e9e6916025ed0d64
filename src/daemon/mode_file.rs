//! The file in which a lockdown survives a restart and a power cut: `events.sqlite.mode.json` beside the event store. A hold is in it
//! for other programs to read, and ends with the daemon.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use ostiary_access::ModeName;
use ostiary_core::{RegularFileError, durable, read_regular_file};
use ostiary_events::{User, Via};
use serde::{Deserialize, Serialize};

/// What the name of the file has after that of the event store.
const SUFFIX: &str = ".mode.json";
/// The version of the format.
const FORMAT: u32 = 1;
/// The largest file that is read.
const MAX_BYTES: u64 = 1 << 12;

/// The mode of the door, as the file has it. Times are by the wall clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedMode {
    format: u32,
    mode: ModeName,
    since: Timestamp,
    until: Option<Timestamp>,
    uid: Option<u32>,
    sudo_uid: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    via: Option<Via>,
}

/// The mode that the door has, as far as the file says.
#[derive(Debug, PartialEq, Eq)]
pub enum ModeOnDisk {
    /// Normal: there is no file, or the file says so.
    Normal,
    /// A command holds the door open, or held it open when the daemon ended.
    HeldOpen(SavedMode),
    /// A command has locked the door down.
    LockedDown(SavedMode),
    /// The file cannot be used. The door is locked down: it may have been before.
    Unknown {
        /// Why, with the path of the file.
        why: String,
        /// What to do about it.
        fix: &'static str,
    },
}

impl SavedMode {
    /// A mode that began at a time. `until` is the end of a hold, `user` who asked for it.
    pub fn new(mode: ModeName, since: Timestamp, until: Option<Timestamp>, user: Option<&User>) -> Self {
        let (uid, sudo_uid) = (user.and_then(User::uid), user.and_then(User::sudo_uid));
        let token = user.and_then(User::token).map(str::to_owned);
        Self { format: FORMAT, mode, since, until, uid, sudo_uid, token, via: user.and_then(User::via) }
    }

    /// The end of a hold.
    pub fn until(&self) -> Option<Timestamp> {
        self.until
    }
}

/// `since 2026-11-29T17:00:00Z, by a command of user 1000`
impl fmt::Display for SavedMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "since {:.0}", self.since)?;
        match User::of(self.uid, self.sudo_uid, self.token.clone(), self.via) {
            Some(user) => write!(f, ", by a command of {user}"),
            None => Ok(()),
        }
    }
}

impl ModeOnDisk {
    /// Whether a daemon that starts with this is locked down, and why; `None` if it is not.
    pub fn lockdown(&self) -> Option<String> {
        match self {
            Self::Normal | Self::HeldOpen(_) => None,
            Self::LockedDown(saved) => Some(format!("locked down {saved}")),
            Self::Unknown { why, .. } => Some(format!(
                "locked down, because it is not known whether a command had locked it down before: {why}"
            )),
        }
    }

    /// What to do to end a lockdown.
    pub fn fix(&self) -> &'static str {
        match self {
            Self::Normal | Self::HeldOpen(_) | Self::LockedDown(_) => "`ostiary door normal` ends it",
            Self::Unknown { fix, .. } => fix,
        }
    }
}

/// The path of the file beside this event store. It has the name of the store, because a folder can have those of several doors.
pub fn path_beside(events: &Path) -> PathBuf {
    durable::with_suffix(events, SUFFIX)
}

/// Reads the file. Whatever cannot be read or understood is [`ModeOnDisk::Unknown`].
pub fn read(path: &Path) -> ModeOnDisk {
    let unreadable = |error: RegularFileError| ModeOnDisk::Unknown {
        why: format!("{} cannot be read: {error}", path.display()),
        fix: "see that the user of the service can read the file, or move it away if it is none; `ostiary door normal` then ends the \
              lockdown and replaces the file",
    };
    let damaged = |why: &dyn fmt::Display| ModeOnDisk::Unknown {
        why: format!("{} is damaged: {why}", path.display()),
        fix: "see in `ostiary events` who changed the mode last (`mode_changed`); if the door is not meant to be locked down, \
              `ostiary door normal` ends that and replaces the file",
    };
    let bytes = match read_regular_file(path, MAX_BYTES) {
        Err(RegularFileError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
            return ModeOnDisk::Normal;
        }
        Err(error @ RegularFileError::TooLarge { .. }) => return damaged(&error),
        Err(error) => return unreadable(error),
        Ok(bytes) => bytes,
    };
    let saved: SavedMode = match serde_json::from_slice(&bytes) {
        Ok(saved) => saved,
        Err(error) => return damaged(&error),
    };
    if saved.format != FORMAT {
        return damaged(&format!("its format is {}, and this program knows {FORMAT}", saved.format));
    }
    match saved.mode {
        ModeName::Normal => ModeOnDisk::Normal,
        ModeName::HeldOpen => ModeOnDisk::HeldOpen(saved),
        ModeName::LockedDown => ModeOnDisk::LockedDown(saved),
    }
}

/// Replaces the file. It is on the disk when this returns.
///
/// # Errors
/// The folder cannot be written to, or the disk is full.
pub fn write(path: &Path, mode: &SavedMode) -> io::Result<()> {
    durable::write(path, &serde_json::to_vec(mode)?, 0o600)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn locked_down() -> SavedMode {
        let since = "2026-11-29T17:00:00.25Z".parse().unwrap();
        SavedMode::new(
            ModeName::LockedDown,
            since,
            None,
            Some(&User::Process { uid: 0, sudo_uid: Some(1000) }),
        )
    }

    #[test]
    fn a_mode_is_written_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = path_beside(&folder.path().join("events.sqlite"));
        assert_eq!(path.file_name().unwrap(), "events.sqlite.mode.json");
        assert_eq!(read(&path), ModeOnDisk::Normal);
        write(&path, &locked_down()).unwrap();
        let mode = read(&path);
        assert_eq!(mode, ModeOnDisk::LockedDown(locked_down()));
        assert_eq!(
            mode.lockdown().unwrap(),
            "locked down since 2026-11-29T17:00:00Z, by a command of user 1000 by sudo as user 0"
        );
        let ada = User::Token { name: "Ada".to_owned(), uid: 997 };
        let by_token = SavedMode::new(ModeName::LockedDown, Timestamp::UNIX_EPOCH, None, Some(&ada));
        write(&path, &by_token).unwrap();
        assert!(
            read(&path)
                .lockdown()
                .unwrap()
                .ends_with("by a command of the holder of the token \"Ada\" (user 997)")
        );
        let now = Timestamp::UNIX_EPOCH;
        let held = SavedMode::new(ModeName::HeldOpen, now, Some(now), None);
        write(&path, &held).unwrap();
        assert_eq!(read(&path), ModeOnDisk::HeldOpen(held));
        assert_eq!(read(&path).lockdown(), None, "a hold does not survive a restart");
        write(&path, &SavedMode::new(ModeName::Normal, now, None, None)).unwrap();
        assert_eq!(read(&path), ModeOnDisk::Normal);
    }

    #[test]
    fn a_file_that_cannot_be_used_is_a_lockdown() {
        let folder = tempfile::tempdir().unwrap();
        let path = path_beside(&folder.path().join("events.sqlite"));
        let whole = serde_json::to_string(&locked_down()).unwrap();
        for damaged in [
            "",
            "{}",
            &whole[..whole.len() / 2],
            &whole.replace("\"format\":1", "\"format\":2"),
            &whole.replace("locked_down", "ajar"),
            &whole.replace("\"since\":\"", "\"since\":\"never "),
            &format!("{whole}{}", " ".repeat(MAX_BYTES as usize) + "x").replace('}', "},"),
        ] {
            fs::write(&path, damaged).unwrap();
            let mode = read(&path);
            let why = mode.lockdown().unwrap();
            assert!(why.starts_with("locked down, because it is not known whether a command"), "{why}");
            assert!(why.contains("events.sqlite.mode.json is damaged: "), "{why}");
            assert!(mode.fix().contains("`mode_changed`") && mode.fix().contains("`ostiary door normal`"));
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let mode = read(&path);
        let why = mode.lockdown().unwrap();
        assert!(why.contains("cannot be read: ") && mode.fix().contains("can read the file"), "{why}");
    }
}
