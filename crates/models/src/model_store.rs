//! The store of a door: its bundles, and which of them is active.
//!
//! Each bundle has a folder, named after its version, with its files and its signed release. `state.json` records the
//! active version. It is replaced in one step, and activation changes nothing else.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{io, thread};

use jiff::Timestamp;
use ostiary_config as config;
use ostiary_core::{Precision, durable, sha256};
use serde::{Deserialize, Serialize};

use super::{
    Bundle, BundleOrigin, Manifest, ModelStoreError, Probation, ReleaseFile, Repository, SignedRelease,
    TrustedKeys,
};

/// File of the [`StoreState`].
const STATE: &str = "state.json";
/// File of the [`Probation`].
const PROBATION: &str = "probation.json";
/// File of the release description, in the folder of a bundle.
const RELEASE: &str = "release.json";
/// File of the signature, in the folder of a bundle.
const SIGNATURE: &str = "release.json.minisig";
/// Folder of downloaded files, by SHA-256. A complete file is not downloaded again after a transfer that failed.
const INCOMING: &str = "incoming";
/// Folder in which a new bundle is assembled.
const NEW: &str = ".new";
/// How long [`ModelStore::lock`] waits for other processes.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
/// Time between two attempts to lock.
const LOCK_RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// The store of a door's bundles: a folder.
pub struct ModelStore {
    folder: PathBuf,
    keys: TrustedKeys,
}

/// The lock for changes of the stored bundles and of the active one. It is never held during a download.
pub struct StoreLock {
    _file: File,
}

/// The lock for downloading and checking a bundle, which can take long. It excludes other downloads only.
pub struct PullLock {
    _file: File,
}

/// A bundle in the store, signed by a trusted key.
pub struct StoredBundle {
    folder: PathBuf,
    /// The verified release.
    pub signed: SignedRelease,
}

/// The active bundle and its predecessors.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreState {
    /// The versions that were activated and not rolled back, oldest first; the last one is active. If there is none, the
    /// models that were installed with the program are active.
    history: Vec<u64>,
    /// The newest version that was ever stored. Older releases are refused.
    newest: u64,
    /// The newest version that was rolled back. It is activated only on request.
    withdrawn: u64,
}

impl StoreState {
    /// The active version; `None` for the models that were installed with the program.
    pub fn active(&self) -> Option<u64> {
        self.history.last().copied()
    }

    /// The version that was active before; `None` for the models that were installed with the program.
    pub fn previous(&self) -> Option<u64> {
        self.history.iter().rev().nth(1).copied()
    }

    /// The newest version that was ever stored; 0 before the first one.
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// Whether a version may be activated automatically: it is newer than all that were rolled back.
    pub fn may_activate(&self, version: u64) -> bool {
        version > self.withdrawn
    }

    /// Whether another bundle than in the state `earlier` is active, and not by a rollback.
    pub fn is_upgrade_from(&self, earlier: &Self) -> bool {
        self.active() != earlier.active() && self.history.len() > earlier.history.len()
    }

    /// The state after the activation of a version.
    #[must_use]
    pub fn activated(&self, version: u64) -> Self {
        let mut state = self.clone();
        if state.active() != Some(version) {
            state.history.push(version);
        }
        if !state.may_activate(version) {
            state.withdrawn = version - 1;
        }
        state
    }

    /// The state after a rollback to the previous version.
    #[must_use]
    pub fn rolled_back(&self) -> Self {
        let mut state = self.clone();
        state.withdrawn = state.history.pop().map_or(self.withdrawn, |version| version.max(self.withdrawn));
        state
    }
}

impl ModelStore {
    /// Opens the store that the configuration names. Creates nothing yet.
    ///
    /// # Errors
    /// `models.keys` is empty or has a malformed key.
    pub fn open(models: &config::Models) -> Result<Self, ModelStoreError> {
        if models.keys.is_empty() {
            return Err(ModelStoreError::NoKeys);
        }
        Ok(Self { folder: models.store.clone(), keys: TrustedKeys::parse(&models.keys)? })
    }

    /// The trusted keys.
    pub fn keys(&self) -> &TrustedKeys {
        &self.keys
    }

    /// Creates the folder if necessary and locks the store against changes by other processes. Waits up to 10 s for them.
    ///
    /// # Errors
    /// [`ModelStoreError::Busy`] if another process holds the lock all that time.
    pub fn lock(&self) -> Result<StoreLock, ModelStoreError> {
        Ok(StoreLock { _file: self.lock_file("lock", LOCK_TIMEOUT)? })
    }

    /// Creates the folder if necessary and locks the store against downloads by other processes. Does not wait.
    ///
    /// # Errors
    /// [`ModelStoreError::Busy`] if another process is downloading.
    pub fn lock_pull(&self) -> Result<PullLock, ModelStoreError> {
        Ok(PullLock { _file: self.lock_file("pull.lock", Duration::ZERO)? })
    }

    fn lock_file(&self, name: &str, timeout: Duration) -> Result<File, ModelStoreError> {
        let failed = |why| ModelStoreError::Io { path: self.folder.clone(), why };
        durable::create_folder(&self.folder).map_err(failed)?;
        let path = self.folder.join(name);
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        ostiary_core::ownership::inherit_folder_owner(&file, &path).map_err(failed)?;
        let deadline = Instant::now() + timeout;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    thread::sleep(LOCK_RETRY_INTERVAL)
                }
                Err(TryLockError::WouldBlock) => return Err(ModelStoreError::Busy { path }),
                Err(TryLockError::Error(why)) => return Err(ModelStoreError::Io { path, why }),
            }
        }
    }

    /// Reads which bundle is active.
    ///
    /// # Errors
    /// The file cannot be read or parsed. A missing file is the state before the first activation.
    pub fn state(&self) -> Result<StoreState, ModelStoreError> {
        let path = self.folder.join(STATE);
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|error| ModelStoreError::State { path, why: error.to_string() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(StoreState::default()),
            Err(why) => Err(ModelStoreError::Io { path, why }),
        }
    }

    /// Replaces the state in one step: activates its bundle.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn set_state(&self, _lock: &StoreLock, state: &StoreState) -> Result<(), ModelStoreError> {
        let path = self.folder.join(STATE);
        let text = serde_json::to_vec(state)
            .map_err(|error| ModelStoreError::State { path: path.clone(), why: error.to_string() })?;
        durable::write(&path, &text, 0o644).map_err(|why| ModelStoreError::Io { path, why })
    }

    /// Reads the probation of the active bundle; `None` if it is not on probation.
    ///
    /// # Errors
    /// The files cannot be read or parsed.
    pub fn probation(&self) -> Result<Option<Probation>, ModelStoreError> {
        let path = self.folder.join(PROBATION);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(ModelStoreError::Io { path, why }),
        };
        let probation: Probation = serde_json::from_slice(&text)
            .map_err(|error| ModelStoreError::State { path, why: error.to_string() })?;
        // A leftover of a bundle that is no longer active does not count.
        Ok((self.state()?.active() == Some(probation.version)).then_some(probation))
    }

    /// Writes or removes the probation. The caller holds the lock, or is the daemon that runs the active bundle.
    ///
    /// # Errors
    /// The file cannot be written or removed.
    pub fn set_probation(&self, probation: Option<&Probation>) -> Result<(), ModelStoreError> {
        let path = self.folder.join(PROBATION);
        let failed = |why| ModelStoreError::Io { path: path.clone(), why };
        let Some(probation) = probation else {
            return match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
                _ => durable::sync_folder(&self.folder).map_err(failed),
            };
        };
        let text = serde_json::to_vec(probation).map_err(|error| failed(error.into()))?;
        durable::write(&path, &text, 0o644).map_err(failed)
    }

    /// The stored versions, oldest first.
    ///
    /// # Errors
    /// The folder cannot be read. A missing folder has no versions.
    pub fn versions(&self) -> Result<Vec<u64>, ModelStoreError> {
        let failed = |why| ModelStoreError::Io { path: self.folder.clone(), why };
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

    /// Opens a stored bundle: verifies its signature, and that its manifest is the signed one. The models are checked
    /// against the manifest when they are read.
    ///
    /// # Errors
    /// The version is not stored, cannot be read, or is not signed by a trusted key.
    pub fn stored(&self, version: u64) -> Result<StoredBundle, ModelStoreError> {
        let folder = self.folder.join(version.to_string());
        if !folder.is_dir() {
            return Err(ModelStoreError::NotStored { version });
        }
        let stored = self.open_bundle(&folder)?;
        if stored.signed.release.version != version {
            let why = format!("it is version {}", stored.signed.release.version);
            return Err(ModelStoreError::NotARelease { place: folder.display().to_string(), why });
        }
        Ok(stored)
    }

    fn open_bundle(&self, folder: &Path) -> Result<StoredBundle, ModelStoreError> {
        let read = |name: &str| {
            let path = folder.join(name);
            fs::read(&path).map_err(|why| ModelStoreError::Io { path, why })
        };
        let place = folder.join(RELEASE).display().to_string();
        let signature = String::from_utf8_lossy(&read(SIGNATURE)?).into_owned();
        let signed = SignedRelease::verify(read(RELEASE)?, signature, &self.keys, &place)?;
        let stored = StoredBundle { folder: folder.to_owned(), signed };
        stored.check_file(Manifest::FILE)?;
        Ok(stored)
    }

    /// The active bundle; `None` if the models that were installed with the program are active.
    ///
    /// # Errors
    /// As [`ModelStore::state`] and [`ModelStore::stored`].
    pub fn active(&self) -> Result<Option<StoredBundle>, ModelStoreError> {
        self.state()?.active().map(|version| self.stored(version)).transpose()
    }

    /// The newest stored bundle that may replace the models in use at the time `now`: it is newer, was not rolled back, is signed and
    /// has not expired. `earliest` is a time that a correct clock has passed.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn newest_update(
        &self,
        in_use: BundleOrigin,
        now: Timestamp,
        earliest: Timestamp,
    ) -> Result<Option<BundleOrigin>, ModelStoreError> {
        let least = match in_use {
            BundleOrigin::Store(version) => version,
            BundleOrigin::Program => 0,
            // The owner's folder overrides the store.
            BundleOrigin::Folder => return Ok(None),
        };
        let state = self.state()?;
        let is_update = |version: &u64| {
            *version > least
                && state.may_activate(*version)
                && self
                    .stored(*version)
                    .is_ok_and(|stored| stored.signed.release.check_time(now, earliest).is_ok())
        };
        Ok(self.versions()?.into_iter().rev().find(is_update).map(BundleOrigin::Store))
    }

    /// Whether an offered release has to be downloaded: it is not stored, or its files are damaged.
    ///
    /// # Errors
    /// The release is older than the newest that was ever stored, or differs from the stored one of the same version.
    pub fn is_new(&self, offered: &SignedRelease) -> Result<bool, ModelStoreError> {
        let (version, newest) = (offered.release.version, self.state()?.newest());
        if version < newest {
            return Err(ModelStoreError::Older { offered: version, newest });
        }
        match self.stored(version) {
            Ok(stored) if stored.signed.text != offered.text => Err(ModelStoreError::Conflicting { version }),
            Ok(stored) => Ok(stored.check().is_err()),
            // Missing or damaged.
            Err(_) => Ok(true),
        }
    }

    /// Downloads the files of a release and stores it as a bundle if `check` accepts it. Files that another stored bundle
    /// has are not downloaded. Returns the number of downloaded files.
    ///
    /// # Errors
    /// A file cannot be downloaded, or the bundle is refused. Then nothing is stored; complete files are not downloaded
    /// again the next time.
    pub fn install<E: From<ModelStoreError>>(
        &self,
        _pull: &PullLock,
        signed: &SignedRelease,
        from: &Repository,
        check: impl FnOnce(&StoredBundle) -> Result<(), E>,
    ) -> Result<usize, E> {
        let downloaded = self.assemble(signed, from)?;
        let new = self.folder.join(NEW);
        let stored = self.open_bundle(&new)?;
        stored.check()?;
        check(&stored)?;
        // Up to here nothing was changed that other processes use.
        let lock = self.lock()?;
        let version = signed.release.version;
        let place = self.folder.join(version.to_string());
        let renamed = remove(&place)
            .and_then(|()| fs::rename(&new, &place))
            .and_then(|()| durable::sync_folder(&self.folder))
            .and_then(|()| remove(&self.folder.join(INCOMING)));
        renamed.map_err(|why| ModelStoreError::Io { path: place, why })?;
        let state = self.state()?;
        self.set_state(&lock, &StoreState { newest: version.max(state.newest), ..state })?;
        Ok(downloaded)
    }

    /// Opens an unpacked bundle that is not in the store, and compares every file with its signed release.
    ///
    /// # Errors
    /// The bundle is not signed by a trusted key, or a file is missing or differs.
    pub fn unpacked(&self, folder: &Path) -> Result<StoredBundle, ModelStoreError> {
        let bundle = self.open_bundle(folder)?;
        bundle.check()?;
        Ok(bundle)
    }

    /// Stores an unpacked bundle, unless the store has this version already, and makes it the active one.
    ///
    /// # Errors
    /// The files cannot be copied, or the state cannot be written.
    pub fn adopt(&self, lock: &StoreLock, bundle: &StoredBundle) -> Result<(), ModelStoreError> {
        let version = bundle.signed.release.version;
        let (new, place) = (self.folder.join(NEW), self.folder.join(version.to_string()));
        if self.stored(version).and_then(|stored| stored.check()).is_err() {
            let into_new = |file: PathBuf| {
                let name = file.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
                fs::copy(&file, new.join(&name))?;
                let copy = new.join(name);
                durable::finalize(&File::open(&copy)?, &copy, 0o644)
            };
            let copied = remove(&new)
                .and_then(|()| durable::create_folder(&new))
                .and_then(|()| bundle.files().try_for_each(into_new));
            copied
                .and_then(|()| remove(&place))
                .and_then(|()| fs::rename(&new, &place))
                .and_then(|()| durable::sync_folder(&self.folder))
                .map_err(|why| ModelStoreError::Io { path: place, why })?;
        }
        let state = self.state()?.activated(version);
        self.set_state(lock, &StoreState { newest: version.max(state.newest), ..state })
    }

    /// Collects the files of a release in [`NEW`]; returns the number of files that had to be downloaded.
    fn assemble(&self, signed: &SignedRelease, from: &Repository) -> Result<usize, ModelStoreError> {
        let (incoming, new) = (self.folder.join(INCOMING), self.folder.join(NEW));
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |why| ModelStoreError::Io { path, why }
        };
        remove(&new).and_then(|()| durable::create_folder(&new)).map_err(failed(&new))?;
        durable::create_folder(&incoming).map_err(failed(&incoming))?;
        let mut downloaded = 0;
        for (name, file) in &signed.release.files {
            let (cached, to) = (incoming.join(&file.sha256), new.join(name));
            // Another process can remove that bundle at the same time: then the file is downloaded.
            if self.find(file)?.is_some_and(|elsewhere| link_or_copy(&elsewhere, &to).is_ok()) {
                continue;
            }
            if !is_release_file(&cached, file) {
                from.download(file, &cached)?;
                downloaded += 1;
            }
            link_or_copy(&cached, &to).map_err(failed(&to))?;
        }
        for (name, bytes) in [(RELEASE, &signed.text[..]), (SIGNATURE, signed.signature.as_bytes())] {
            let path = new.join(name);
            durable::write(&path, bytes, 0o644).map_err(failed(&path))?;
        }
        Ok(downloaded)
    }

    /// The path of an undamaged copy of a file in a stored bundle.
    fn find(&self, wanted: &ReleaseFile) -> Result<Option<PathBuf>, ModelStoreError> {
        for version in self.versions()? {
            let Ok(stored) = self.stored(version) else { continue };
            let same = stored.signed.release.files.iter().find(|(_, file)| *file == wanted);
            if let Some((name, _)) = same
                && is_release_file(&stored.folder.join(name), wanted)
            {
                return Ok(Some(stored.folder.join(name)));
            }
        }
        Ok(None)
    }

    /// Removes the oldest bundles beyond `keep`. The active bundle and the previous one are not counted and stay.
    ///
    /// # Errors
    /// A folder cannot be removed, or the state cannot be written.
    pub fn prune(&self, lock: &StoreLock, keep: usize) -> Result<(), ModelStoreError> {
        let mut state = self.state()?;
        let needed = [state.active(), state.previous()];
        let mut spare: Vec<u64> = self.versions()?;
        spare.retain(|version| !needed.contains(&Some(*version)));
        for version in spare.iter().rev().skip(keep) {
            let path = self.folder.join(version.to_string());
            remove(&path).map_err(|why| ModelStoreError::Io { path, why })?;
        }
        let versions = self.versions()?;
        state.history.retain(|version| versions.contains(version));
        self.set_state(lock, &state)
    }
}

impl StoredBundle {
    /// The files of the bundle: those of the release, and the signed release itself.
    pub fn files(&self) -> impl Iterator<Item = PathBuf> {
        let names = self.signed.release.files.keys().map(String::as_str).chain([RELEASE, SIGNATURE]);
        names.map(|name| self.folder.join(name))
    }

    /// Opens the models at a precision.
    ///
    /// # Errors
    /// As [`Bundle::open`].
    pub fn bundle(&self, precision: Precision) -> Result<Bundle, ModelStoreError> {
        let origin = BundleOrigin::Store(self.signed.release.version);
        Ok(Bundle::open(&self.folder, precision)?.with_origin(origin))
    }

    /// Compares every file with the signed release.
    ///
    /// # Errors
    /// [`ModelStoreError::Altered`] for the first file that is missing or differs.
    pub fn check(&self) -> Result<(), ModelStoreError> {
        self.signed.release.files.keys().try_for_each(|name| self.check_file(name))
    }

    fn check_file(&self, name: &str) -> Result<(), ModelStoreError> {
        let path = self.folder.join(name);
        match self.signed.release.files.get(name) {
            Some(file) if is_release_file(&path, file) => Ok(()),
            _ => Err(ModelStoreError::Altered { place: path.display().to_string() }),
        }
    }
}

/// Whether the file at `path` has the size and the hash of `file`.
fn is_release_file(path: &Path, file: &ReleaseFile) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.len() == file.size)
        && fs::read(path).is_ok_and(|bytes| sha256(&bytes) == file.sha256)
}

/// Makes a hard link to a file, or a copy if the file system has no hard links.
fn link_or_copy(from: &Path, to: &Path) -> io::Result<()> {
    if fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    fs::copy(from, to)?;
    durable::finalize(&File::open(to)?, to, 0o644)
}

/// Removes a folder and its content, if it exists.
fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use minisign::KeyPair;

    use super::*;
    use crate::Release;

    /// Writes a signed bundle into a folder, which may be one of the store.
    fn write_bundle(keys: &KeyPair, folder: &Path, version: u64, manifest: &str) {
        fs::create_dir_all(folder).unwrap();
        let file = ReleaseFile { sha256: sha256(manifest.as_bytes()), size: manifest.len() as u64 };
        let release = Release {
            format: Release::FORMAT.into(),
            version,
            created: "2026-06-01T00:00:00Z".parse().unwrap(),
            expires: "2026-09-01T00:00:00Z".parse().unwrap(),
            note: None,
            files: [(Manifest::FILE.into(), file)].into(),
        };
        let text = serde_json::to_vec(&release).unwrap();
        let comment = SignedRelease::trusted_comment(&text);
        let signature = minisign::sign(None, &keys.sk, &text[..], Some(&comment), None).unwrap();
        fs::write(folder.join(Manifest::FILE), manifest).unwrap();
        fs::write(folder.join(RELEASE), text).unwrap();
        fs::write(folder.join(SIGNATURE), signature.into_string()).unwrap();
    }

    #[test]
    fn an_unpacked_bundle_is_stored_and_active_whatever_the_store_had() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let keys = KeyPair::generate_unencrypted_keypair().unwrap();
        let trusted = TrustedKeys::parse(&[keys.pk.to_base64()]).unwrap();
        let store = ModelStore { folder: path("store"), keys: trusted };
        write_bundle(&keys, &path("three"), 3, "three");
        let lock = store.lock().unwrap();
        let adopt = || {
            store.adopt(&lock, &store.unpacked(&path("three")).unwrap()).unwrap();
            let active = store.active().unwrap().unwrap();
            active.check().unwrap();
            assert_eq!(active.folder, path("store/3"));
            assert_eq!(fs::read(path("store/3").join(Manifest::FILE)).unwrap(), b"three");
            assert!(!path("store").join(NEW).exists());
            let state = store.state().unwrap();
            (state.newest(), state.previous())
        };
        assert_eq!(adopt(), (3, None), "an empty store");

        fs::write(path("store/3").join(Manifest::FILE), "thre?").unwrap();
        fs::create_dir(path("store").join(NEW)).unwrap();
        fs::write(path("store").join(NEW).join("partial"), "").unwrap();
        assert_eq!(adopt(), (3, None), "a damaged bundle, and a part of a download");

        write_bundle(&keys, &path("store/9"), 9, "nine");
        let withdrawn = StoreState { newest: 9, ..store.state().unwrap().rolled_back() };
        assert!(!withdrawn.may_activate(3));
        store.set_state(&lock, &withdrawn.activated(9)).unwrap();
        assert_eq!(adopt(), (9, Some(9)), "a newer one is active, and this one was withdrawn");
        assert!(store.state().unwrap().may_activate(3));

        fs::write(path("three").join(Manifest::FILE), "thre?").unwrap();
        let altered = store.unpacked(&path("three")).err().unwrap();
        assert!(matches!(altered, ModelStoreError::Altered { .. }), "{altered}");
    }

    #[test]
    fn a_withdrawn_version_is_activated_only_on_request() {
        let state = StoreState { newest: 7, ..StoreState::default() };
        assert_eq!((state.active(), state.previous()), (None, None));
        let six = state.activated(6);
        let seven = six.activated(7);
        assert_eq!((seven.active(), seven.previous()), (Some(7), Some(6)));
        assert_eq!(seven.activated(7), seven, "activating it twice keeps the previous version");
        let back = seven.rolled_back();
        assert_eq!((back.active(), back.previous(), back.newest()), (Some(6), None, 7));
        assert!(!back.may_activate(7) && back.may_activate(8));
        let requested = back.activated(7);
        assert!(requested.may_activate(7), "a request by number ends the withdrawal");
        let shipped = back.rolled_back();
        assert_eq!(shipped.active(), None);
        assert_eq!(shipped.rolled_back(), shipped);
        assert!(!shipped.may_activate(7), "the newest withdrawn version counts");
    }
}
