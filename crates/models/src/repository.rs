//! The repository to which bundles are published: a folder, or the same folder on a web server.
//!
//! `files/` holds all files, including the release descriptions, under their SHA-256. They never change. `current.minisig`
//! is the signature of the newest release and names it in its trusted comment. It is the only file that is replaced, so
//! that a reader sees either the old bundle or the new one.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use ostiary_core::{durable, hex, redact, sha256};
use sha2::{Digest, Sha256};

use super::http_client::HttpClient;
use super::signed_release::MAX_SIGNATURE;
use super::{ModelStoreError, Release, ReleaseFile, SignedRelease, TrustedKeys};

/// Number of attempts for one file.
const MAX_ATTEMPTS: u32 = 3;
/// Delay before the second attempt; it doubles for each further one.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// Size of the buffer of a transfer, bytes.
const BUFFER_SIZE: usize = 64 << 10;

/// A repository to pull bundles from.
pub enum Repository {
    /// A local folder.
    Folder(PathBuf),
    /// A folder on a web server.
    Http(HttpClient),
}

impl Repository {
    /// File name of the signature of the newest release.
    pub const CURRENT: &str = "current.minisig";
    /// Name of the folder of all files.
    pub const FILES: &str = "files";

    /// Opens a repository: an HTTP or HTTPS URL, or a folder. Nothing is read yet.
    ///
    /// # Errors
    /// The URL is HTTPS, and the system trusts no certificate authority.
    pub fn open(source: &str) -> Result<Self, ModelStoreError> {
        match source.starts_with("http://") || source.starts_with("https://") {
            true => Ok(Self::Http(HttpClient::new(source)?)),
            false => Ok(Self::Folder(source.into())),
        }
    }

    /// Reads the newest release and verifies its signature.
    ///
    /// # Errors
    /// The files cannot be read, are not a release, or are not signed by a trusted key.
    pub fn current(&self, keys: &TrustedKeys) -> Result<SignedRelease, ModelStoreError> {
        let place = self.place(Self::CURRENT);
        let signature = String::from_utf8(self.read(Self::CURRENT, MAX_SIGNATURE)?).map_err(|_| {
            ModelStoreError::NotARelease { place: place.clone(), why: "it is not a text".into() }
        })?;
        let file = format!("{}/{}", Self::FILES, SignedRelease::release_hash(&signature, &place)?);
        let text = self.read(&file, Release::MAX_BYTES)?;
        SignedRelease::verify(text, signature, keys, &place)
    }

    /// Downloads one file. It has its name only when it is complete, flushed to the disk, and the one that was signed.
    pub(super) fn download(&self, file: &ReleaseFile, to: &Path) -> Result<(), ModelStoreError> {
        let name = format!("{}/{}", Self::FILES, file.sha256);
        self.with_retries(|| {
            let failed = |why| ModelStoreError::Io { path: to.to_owned(), why };
            let folder = to.parent().unwrap_or(Path::new("."));
            let mut partial = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
            let mut from = self.get(&name)?.take(file.size + 1);
            let (mut hash, mut buffer, mut size) = (Sha256::new(), vec![0; BUFFER_SIZE], 0);
            loop {
                let length = match from.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(length) => length,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(self.interrupted(&name, &error)),
                };
                let chunk = buffer.get(..length).unwrap_or_default();
                hash.update(chunk);
                partial.write_all(chunk).map_err(failed)?;
                size += chunk.len() as u64;
            }
            if size < file.size {
                return Err(self
                    .interrupted(&name, &format!("the transfer ended after {size} of {} bytes", file.size)));
            }
            if size > file.size || hex(&hash.finalize()) != file.sha256 {
                return Err(ModelStoreError::Altered { place: self.place(&name) });
            }
            durable::finalize(partial.as_file(), to, 0o644).map_err(failed)?;
            partial.persist(to).map_err(|error| failed(error.error))?;
            Ok(())
        })
    }

    /// Reads a small file. If it is in [`Repository::FILES`], its SHA-256 must be its name.
    fn read(&self, file: &str, limit: u64) -> Result<Vec<u8>, ModelStoreError> {
        self.with_retries(|| {
            let mut bytes = Vec::new();
            self.get(file)?
                .take(limit + 1)
                .read_to_end(&mut bytes)
                .map_err(|error| self.interrupted(file, &error))?;
            let hash = file.strip_prefix(Self::FILES).map(|name| name.trim_start_matches('/'));
            if bytes.len() as u64 > limit || hash.is_some_and(|hash| sha256(&bytes) != hash) {
                return Err(ModelStoreError::Altered { place: self.place(file) });
            }
            Ok(bytes)
        })
    }

    fn get(&self, file: &str) -> Result<Box<dyn Read>, ModelStoreError> {
        match self {
            Self::Folder(folder) => match File::open(folder.join(file)) {
                Ok(file) => Ok(Box::new(file)),
                Err(error) => Err(ModelStoreError::Fetch {
                    place: self.place(file),
                    why: error.to_string(),
                    retryable: false,
                }),
            },
            Self::Http(client) => client.get(file),
        }
    }

    /// Repeats an operation after errors that are retryable.
    fn with_retries<T>(
        &self,
        mut attempt: impl FnMut() -> Result<T, ModelStoreError>,
    ) -> Result<T, ModelStoreError> {
        let mut delay = RETRY_DELAY;
        for _ in 1..MAX_ATTEMPTS {
            match attempt() {
                Err(error @ ModelStoreError::Fetch { retryable: true, .. }) => {
                    log::warn!("{error}");
                    thread::sleep(delay);
                    delay *= 2;
                }
                result => return result,
            }
        }
        attempt()
    }

    fn interrupted(&self, file: &str, why: &impl ToString) -> ModelStoreError {
        ModelStoreError::Fetch { place: self.place(file), why: why.to_string(), retryable: true }
    }

    /// The path or URL of a file for messages, without secrets.
    fn place(&self, file: &str) -> String {
        match self {
            Self::Folder(folder) => folder.join(file).display().to_string(),
            Self::Http(client) => redact(&client.url(file)),
        }
    }
}
