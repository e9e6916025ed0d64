//! The bundles that a door keeps, and which of them is in use.
//!
//! Each lies in a folder of its own, named by its version, with the signed release beside its files. `state.json` says
//! which is in use; it is replaced in one step, and nothing else has to change for a switch.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{io, thread};

use ostiary_config as config;
use ostiary_core::{Precision, durable, sha256};
use serde::{Deserialize, Serialize};

use super::{Bundle, Manifest, Part, Probation, ReleaseError, Repository, SignedRelease, TrustedKeys};

const STATE: &str = "state.json";
const RELEASE: &str = "release.json";
const SIGNATURE: &str = "release.json.minisig";
/// Files on their way, by hash; what is whole need not come again after a transfer that broke.
const INCOMING: &str = "incoming";
/// A bundle that is being put together.
const NEW: &str = ".new";
const PROBATION: &str = "probation.json";
/// How long those are waited for that change something, and how often they are asked.
const PATIENCE: Duration = Duration::from_secs(10);
const ROUND: Duration = Duration::from_millis(50);

/// Where a door keeps bundles.
pub struct ModelStore {
    folder: PathBuf,
    keys: TrustedKeys,
}

/// Held while it is changed which bundles are kept, or which is in use. Nobody waits for a server meanwhile.
pub struct StoreLock {
    _file: File,
}

/// Held while a bundle is brought and checked, which can take long. It keeps off other transfers, and nobody else.
pub struct PullLock {
    _file: File,
}

/// A bundle that is kept, signed by a trusted key.
pub struct StoredBundle {
    folder: PathBuf,
    pub signed: SignedRelease,
}

/// Which bundle is in use, and which were before.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreState {
    /// The versions that were activated and not given up, oldest first; the last is in use. With none, the models that
    /// the program came with are.
    history: Vec<u64>,
    /// The newest version that was ever kept: from then on no older one is taken.
    newest: u64,
    /// The newest version that was given up by a rollback: it is not activated again unasked.
    withdrawn: u64,
}

impl StoreState {
    /// The version in use; `None` for the models that the program came with.
    pub fn active(&self) -> Option<u64> {
        self.history.last().copied()
    }

    /// The version that was in use before; `None` for the models that the program came with.
    pub fn before(&self) -> Option<u64> {
        self.history.iter().rev().nth(1).copied()
    }

    /// The newest version that was ever kept; 0 before the first.
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// Whether a version may be activated without being asked for by its number.
    pub fn is_wanted(&self, version: u64) -> bool {
        version > self.withdrawn
    }

    /// Whether another bundle was put into use than `earlier`, and not one that was in use before.
    pub fn succeeds(&self, earlier: &Self) -> bool {
        self.active() != earlier.active() && self.history.len() > earlier.history.len()
    }

    /// With this version in use.
    #[must_use]
    pub fn activated(&self, version: u64) -> Self {
        let mut state = self.clone();
        if state.active() != Some(version) {
            state.history.push(version);
        }
        if !state.is_wanted(version) {
            state.withdrawn = version - 1;
        }
        state
    }

    /// With the version before in use again.
    #[must_use]
    pub fn rolled_back(&self) -> Self {
        let mut state = self.clone();
        state.withdrawn = state.history.pop().map_or(self.withdrawn, |given_up| given_up.max(self.withdrawn));
        state
    }
}

impl ModelStore {
    /// The shelf that the configuration names; an error where it trusts nobody. Nothing is made yet.
    pub fn open(models: &config::Models) -> Result<Self, ReleaseError> {
        if models.keys.is_empty() {
            return Err(ReleaseError::NoKeys);
        }
        Ok(Self { folder: models.store.clone(), keys: TrustedKeys::parse(&models.keys)? })
    }

    /// The keys that are trusted.
    pub fn keys(&self) -> &TrustedKeys {
        &self.keys
    }

    /// Makes the folder, and keeps others from changing bundles meanwhile. Waits for those that change something now.
    ///
    /// # Errors
    /// [`ReleaseError::Busy`] where another program holds it for long.
    pub fn lock(&self) -> Result<StoreLock, ReleaseError> {
        Ok(StoreLock { _file: self.hold("lock", PATIENCE)? })
    }

    /// Makes the folder, and keeps others from bringing bundles meanwhile.
    ///
    /// # Errors
    /// [`ReleaseError::Busy`] where another program brings one.
    pub fn lock_pull(&self) -> Result<PullLock, ReleaseError> {
        Ok(PullLock { _file: self.hold("pull.lock", Duration::ZERO)? })
    }

    fn hold(&self, name: &str, patience: Duration) -> Result<File, ReleaseError> {
        let failed = |why| ReleaseError::Io { path: self.folder.clone(), why };
        durable::make_folder(&self.folder).map_err(failed)?;
        let path = self.folder.join(name);
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        ostiary_core::ownership::follow_folder(&file, &path).map_err(failed)?;
        let deadline = Instant::now() + patience;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(ROUND),
                Err(TryLockError::WouldBlock) => return Err(ReleaseError::Busy { path }),
                Err(TryLockError::Error(why)) => return Err(ReleaseError::Io { path, why }),
            }
        }
    }

    /// Which bundle is in use.
    pub fn state(&self) -> Result<StoreState, ReleaseError> {
        let path = self.folder.join(STATE);
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|error| ReleaseError::State { path, why: error.to_string() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(StoreState::default()),
            Err(why) => Err(ReleaseError::Io { path, why }),
        }
    }

    /// Puts a state in force, in one step.
    pub fn set_state(&self, _lock: &StoreLock, state: &StoreState) -> Result<(), ReleaseError> {
        let path = self.folder.join(STATE);
        let text = serde_json::to_vec(state)
            .map_err(|error| ReleaseError::State { path: path.clone(), why: error.to_string() })?;
        durable::write(&path, &text, 0o644).map_err(|why| ReleaseError::Io { path, why })
    }

    /// The probation that the bundle in use is on; `None` where it is on none.
    pub fn probation(&self) -> Result<Option<Probation>, ReleaseError> {
        let path = self.folder.join(PROBATION);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(ReleaseError::Io { path, why }),
        };
        let probation: Probation = serde_json::from_slice(&text)
            .map_err(|error| ReleaseError::State { path, why: error.to_string() })?;
        // What is left of a bundle that is no longer in use says nothing of another.
        Ok((self.state()?.active() == Some(probation.version)).then_some(probation))
    }

    /// Writes down how the probation of a bundle stands, or that there is none. To be called with the lock held, or by
    /// the daemon of a bundle that is in use.
    pub fn set_probation(&self, probation: Option<&Probation>) -> Result<(), ReleaseError> {
        let path = self.folder.join(PROBATION);
        let failed = |why| ReleaseError::Io { path: path.clone(), why };
        let Some(probation) = probation else {
            return match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
                _ => durable::sync_folder(&self.folder).map_err(failed),
            };
        };
        let text = serde_json::to_vec(probation).map_err(|error| failed(error.into()))?;
        durable::write(&path, &text, 0o644).map_err(failed)
    }

    /// The versions that are kept, oldest first.
    pub fn versions(&self) -> Result<Vec<u64>, ReleaseError> {
        let failed = |why| ReleaseError::Io { path: self.folder.clone(), why };
        let entries = match self.folder.read_dir() {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(why) => return Err(failed(why)),
        };
        let mut versions = BTreeSet::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            versions.extend(name.to_str().and_then(|name| name.parse::<u64>().ok()));
        }
        Ok(versions.into_iter().collect())
    }

    /// A bundle that is kept. Its signature is verified, and that its manifest is the one that was signed; the models
    /// are checked as they are read, by the manifest.
    pub fn kept(&self, version: u64) -> Result<StoredBundle, ReleaseError> {
        let folder = self.folder.join(version.to_string());
        if !folder.is_dir() {
            return Err(ReleaseError::NotKept { version });
        }
        let kept = self.open_kept(&folder)?;
        if kept.signed.release.version != version {
            let why = format!("it is version {}", kept.signed.release.version);
            return Err(ReleaseError::NotARelease { place: folder.display().to_string(), why });
        }
        Ok(kept)
    }

    fn open_kept(&self, folder: &Path) -> Result<StoredBundle, ReleaseError> {
        let read = |name: &str| {
            let path = folder.join(name);
            fs::read(&path).map_err(|why| ReleaseError::Io { path, why })
        };
        let place = folder.join(RELEASE).display().to_string();
        let signature = String::from_utf8_lossy(&read(SIGNATURE)?).into_owned();
        let signed = SignedRelease::verify(read(RELEASE)?, signature, &self.keys, &place)?;
        let kept = StoredBundle { folder: folder.to_owned(), signed };
        kept.check_file(Manifest::FILE)?;
        Ok(kept)
    }

    /// The bundle in use; `None` where those are the models that the program came with.
    pub fn active(&self) -> Result<Option<StoredBundle>, ReleaseError> {
        self.state()?.active().map(|version| self.kept(version)).transpose()
    }

    /// Whether an offered release is news. One that is older than what was kept before, or another one of the same
    /// version, is an error.
    pub fn is_news(&self, offered: &SignedRelease) -> Result<bool, ReleaseError> {
        let (version, newest) = (offered.release.version, self.state()?.newest());
        if version < newest {
            return Err(ReleaseError::Older { offered: version, newest });
        }
        match self.kept(version) {
            Ok(kept) if kept.signed.text != offered.text => Err(ReleaseError::Twice { version }),
            Ok(kept) => Ok(kept.check().is_err()),
            // Not there, or no longer whole.
            Err(_) => Ok(true),
        }
    }

    /// Brings the files of a release and keeps it, if `check` has nothing against it. Files that another bundle has are
    /// not brought again. Returns how many were.
    ///
    /// # Errors
    /// Nothing is kept then; files that came whole need not come again the next time.
    pub fn keep<E: From<ReleaseError>>(
        &self,
        _pull: &PullLock,
        signed: &SignedRelease,
        from: &Repository,
        check: impl FnOnce(&StoredBundle) -> Result<(), E>,
    ) -> Result<usize, E> {
        let fetched = self.assemble(signed, from)?;
        let new = self.folder.join(NEW);
        let kept = self.open_kept(&new)?;
        kept.check()?;
        check(&kept)?;
        // Only from here on is anything changed that others look at.
        let lock = self.lock()?;
        let version = signed.release.version;
        let place = self.folder.join(version.to_string());
        let moved = remove(&place)
            .and_then(|()| fs::rename(&new, &place))
            .and_then(|()| durable::sync_folder(&self.folder))
            .and_then(|()| remove(&self.folder.join(INCOMING)));
        moved.map_err(|why| ReleaseError::Io { path: place, why })?;
        let state = self.state()?;
        self.set_state(&lock, &StoreState { newest: version.max(state.newest), ..state })?;
        Ok(fetched)
    }

    /// Lays out a release's files in [`NEW`]; returns how many had to be brought.
    fn assemble(&self, signed: &SignedRelease, from: &Repository) -> Result<usize, ReleaseError> {
        let (incoming, new) = (self.folder.join(INCOMING), self.folder.join(NEW));
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |why| ReleaseError::Io { path, why }
        };
        remove(&new).and_then(|()| durable::make_folder(&new)).map_err(failed(&new))?;
        durable::make_folder(&incoming).map_err(failed(&incoming))?;
        let mut fetched = 0;
        for (name, part) in &signed.release.files {
            let (came, to) = (incoming.join(&part.sha256), new.join(name));
            // If the bundle is removed at the same moment its file is gone: then it is downloaded.
            if self.find(part)?.is_some_and(|elsewhere| copy(&elsewhere, &to).is_ok()) {
                continue;
            }
            if !is_part(&came, part) {
                from.fetch(part, &came)?;
                fetched += 1;
            }
            copy(&came, &to).map_err(failed(&to))?;
        }
        for (name, bytes) in [(RELEASE, &signed.text[..]), (SIGNATURE, signed.signature.as_bytes())] {
            let path = new.join(name);
            durable::write(&path, bytes, 0o644).map_err(failed(&path))?;
        }
        Ok(fetched)
    }

    /// Where a bundle that is kept has such a file, whole.
    fn find(&self, part: &Part) -> Result<Option<PathBuf>, ReleaseError> {
        for version in self.versions()? {
            let Ok(kept) = self.kept(version) else { continue };
            let same = kept.signed.release.files.iter().find(|(_, other)| *other == part);
            if let Some((name, _)) = same
                && is_part(&kept.folder.join(name), part)
            {
                return Ok(Some(kept.folder.join(name)));
            }
        }
        Ok(None)
    }

    /// Removes the oldest bundles beyond `keep`. The one in use and the one before it are not counted and stay.
    pub fn prune(&self, lock: &StoreLock, keep: usize) -> Result<(), ReleaseError> {
        let mut state = self.state()?;
        let needed = [state.active(), state.before()];
        let mut spare: Vec<u64> = self.versions()?;
        spare.retain(|version| !needed.contains(&Some(*version)));
        for version in spare.iter().rev().skip(keep) {
            let path = self.folder.join(version.to_string());
            remove(&path).map_err(|why| ReleaseError::Io { path, why })?;
        }
        let versions = self.versions()?;
        state.history.retain(|version| versions.contains(version));
        self.set_state(lock, &state)
    }
}

impl StoredBundle {
    /// The models, at a precision.
    pub fn bundle(&self, precision: Precision) -> Result<Bundle, ReleaseError> {
        Ok(Bundle::open(&self.folder, precision)?)
    }

    /// Whether every file is the one that was signed.
    pub fn check(&self) -> Result<(), ReleaseError> {
        self.signed.release.files.keys().try_for_each(|name| self.check_file(name))
    }

    fn check_file(&self, name: &str) -> Result<(), ReleaseError> {
        let path = self.folder.join(name);
        match self.signed.release.files.get(name) {
            Some(part) if is_part(&path, part) => Ok(()),
            _ => Err(ReleaseError::Altered { place: path.display().to_string() }),
        }
    }
}

fn is_part(path: &Path, part: &Part) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.len() == part.size)
        && fs::read(path).is_ok_and(|bytes| sha256(&bytes) == part.sha256)
}

/// A second name for a file, or a copy where the file system has no such thing.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    fs::copy(from, to)?;
    durable::finish(&File::open(to)?, to, 0o644)
}

/// Removes a folder with all that is in it, where it is there.
fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_up_does_not_come_back_unasked() {
        let state = StoreState { newest: 7, ..StoreState::default() };
        assert_eq!((state.active(), state.before()), (None, None));
        let six = state.activated(6);
        let seven = six.activated(7);
        assert_eq!((seven.active(), seven.before()), (Some(7), Some(6)));
        assert_eq!(seven.activated(7), seven, "activating twice leaves the one before");
        let back = seven.rolled_back();
        assert_eq!((back.active(), back.before(), back.newest()), (Some(6), None, 7));
        assert!(!back.is_wanted(7) && back.is_wanted(8));
        let asked = back.activated(7);
        assert!(asked.is_wanted(7), "whoever asks for it by number wants it");
        let shipped = back.rolled_back();
        assert_eq!(shipped.active(), None);
        assert_eq!(shipped.rolled_back(), shipped);
        assert!(!shipped.is_wanted(7), "the newest that was given up counts");
    }
}
