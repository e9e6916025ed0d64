//! Where bundles are published: a folder, or the same folder behind a web server.
//!
//! `files/` holds every file under its own hash, the releases among them, and none is ever changed. `current.minisig`
//! is the signature of the newest release and says in its signed comment which that is: it is the one file that is
//! replaced, so that a reader sees the old bundle or the new, and never half of each.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use ostiary_core::{durable, hex, redact, sha256};
use sha2::{Digest, Sha256};

use super::signed::MAX_SIGNATURE;
use super::web::Web;
use super::{Part, Release, ReleaseError, SignedRelease, TrustedKeys};

/// A transfer that broke is begun anew so often, after a pause that doubles.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);

/// A place to pull bundles from.
pub enum Repository {
    Folder(PathBuf),
    Web(Web),
}

impl Repository {
    /// The signature of the newest release.
    pub const CURRENT: &str = "current.minisig";
    /// The folder of all files, by hash.
    pub const FILES: &str = "files";

    /// A URL, or a folder.
    pub fn open(source: &str) -> Result<Self, ReleaseError> {
        match source.starts_with("http://") || source.starts_with("https://") {
            true => Ok(Self::Web(Web::new(source)?)),
            false => Ok(Self::Folder(source.into())),
        }
    }

    /// The newest release, its signature verified.
    pub fn current(&self, keys: &TrustedKeys) -> Result<SignedRelease, ReleaseError> {
        let place = self.place(Self::CURRENT);
        let signature = String::from_utf8(self.read(Self::CURRENT, MAX_SIGNATURE)?)
            .map_err(|_| ReleaseError::NotARelease { place: place.clone(), why: "no text".into() })?;
        let file = format!("{}/{}", Self::FILES, SignedRelease::named_in(&signature, &place)?);
        let text = self.read(&file, Release::MAX_BYTES)?;
        SignedRelease::verify(text, signature, keys, &place)
    }

    /// Brings one file, which is there under its name only once it is whole, on the disk and the one that was signed.
    pub(super) fn fetch(&self, part: &Part, to: &Path) -> Result<(), ReleaseError> {
        let file = format!("{}/{}", Self::FILES, part.sha256);
        self.patiently(|| {
            let failed = |why| ReleaseError::Io { path: to.to_owned(), why };
            let folder = to.parent().unwrap_or(Path::new("."));
            let mut incoming = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
            let mut from = self.get(&file)?.take(part.size + 1);
            let (mut hash, mut buffer, mut size) = (Sha256::new(), vec![0; 64 << 10], 0);
            loop {
                let length = match from.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(length) => length,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(self.broken(&file, &error)),
                };
                hash.update(&buffer[..length]);
                incoming.write_all(&buffer[..length]).map_err(failed)?;
                size += length as u64;
            }
            if size < part.size {
                return Err(
                    self.broken(&file, &format!("the transfer ended after {size} of {} bytes", part.size))
                );
            }
            if size > part.size || hex(&hash.finalize()) != part.sha256 {
                return Err(ReleaseError::Altered { place: self.place(&file) });
            }
            durable::finish(incoming.as_file(), to, 0o644).map_err(failed)?;
            incoming.persist(to).map_err(|error| failed(error.error))?;
            Ok(())
        })
    }

    /// A small file as a whole. One whose name is its hash must be what it says.
    fn read(&self, file: &str, limit: u64) -> Result<Vec<u8>, ReleaseError> {
        self.patiently(|| {
            let mut bytes = Vec::new();
            self.get(file)?
                .take(limit + 1)
                .read_to_end(&mut bytes)
                .map_err(|error| self.broken(file, &error))?;
            let hash = file.strip_prefix(Self::FILES).map(|name| name.trim_start_matches('/'));
            if bytes.len() as u64 > limit || hash.is_some_and(|hash| sha256(&bytes) != hash) {
                return Err(ReleaseError::Altered { place: self.place(file) });
            }
            Ok(bytes)
        })
    }

    fn get(&self, file: &str) -> Result<Box<dyn Read>, ReleaseError> {
        match self {
            Self::Folder(folder) => match File::open(folder.join(file)) {
                Ok(file) => Ok(Box::new(file)),
                Err(error) => {
                    Err(ReleaseError::Fetch { place: self.place(file), why: error.to_string(), again: false })
                }
            },
            Self::Web(web) => web.get(file),
        }
    }

    /// Tries again what may work the next time.
    fn patiently<T>(&self, mut work: impl FnMut() -> Result<T, ReleaseError>) -> Result<T, ReleaseError> {
        let mut pause = PAUSE;
        for _ in 1..ATTEMPTS {
            match work() {
                Err(error @ ReleaseError::Fetch { again: true, .. }) => {
                    log::warn!("{error}");
                    thread::sleep(pause);
                    pause *= 2;
                }
                done => return done,
            }
        }
        work()
    }

    fn broken(&self, file: &str, why: &impl ToString) -> ReleaseError {
        ReleaseError::Fetch { place: self.place(file), why: why.to_string(), again: true }
    }

    /// Where a file is, as people should read of it.
    fn place(&self, file: &str) -> String {
        match self {
            Self::Folder(folder) => folder.join(file).display().to_string(),
            Self::Web(web) => redact(&web.url(file)),
        }
    }
}
