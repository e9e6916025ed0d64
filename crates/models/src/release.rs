//! The release description that a publisher signs: version, dates and files of a bundle. Also the check of its expiry.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use ostiary_core::{MAX_FILE, is_sha256};
use serde::{Deserialize, Serialize};

use super::{Manifest, ModelStoreError};

/// Limit of the total size of a bundle's files, bytes.
const MAX_TOTAL_SIZE: u64 = 512 << 20;
/// Limit of the number of files of a bundle.
const MAX_FILES: usize = 64;
/// Limit of the length of a note, characters.
const MAX_NOTE: usize = 200;
/// Limit of the length of a file name, bytes.
const MAX_FILE_NAME: usize = 100;
/// Tolerated difference by which the publisher's clock is ahead of the door's.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_hours(24);

/// Description of a bundle, written by its publisher. The signature is over its JSON text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// [`Release::FORMAT`]; it distinguishes a release from other texts that the same key signed.
    pub format: String,
    /// Version number; each publication has a higher one.
    pub version: u64,
    /// Time of publication.
    pub created: Timestamp,
    /// Time from which no door installs it any more.
    pub expires: Timestamp,
    /// A line of text that the list of bundles shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The files by name, including `manifest.toml`.
    pub files: BTreeMap<String, ReleaseFile>,
}

/// One file of a bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseFile {
    /// SHA-256 of the file, lower-case hexadecimal; also its name in the repository.
    pub sha256: String,
    /// Size in bytes.
    pub size: u64,
}

/// Why a release description is not valid.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseFormatError {
    /// The text is not JSON of this layout.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The format is not the one that this program reads.
    #[error("its format is {found:?}; this program reads {:?}", Release::FORMAT)]
    Format {
        /// The format in the description.
        found: String,
    },
    /// The version is 0 or too large.
    #[error("its version is {0}, not a number from 1 to {max}", max = i64::MAX)]
    Version(u64),
    /// The time of expiry is not after the time of publication.
    #[error("it expires before it was created")]
    Expiry,
    /// The note has several lines or is too long.
    #[error("its note is not one line of at most {MAX_NOTE} characters")]
    Note,
    /// There is no manifest among the files.
    #[error("it has no {}", Manifest::FILE)]
    NoManifest,
    /// There are too many files.
    #[error("it has more than {MAX_FILES} files")]
    TooManyFiles,
    /// A name has other characters than letters, digits, points, hyphens and underscores.
    #[error("{0:?} is not a plain file name")]
    FileName(String),
    /// A hash is malformed.
    #[error("the sha256 of {0} is not 64 lower-case hexadecimal digits")]
    Hash(String),
    /// A file is too large.
    #[error("{0} is larger than {MAX_FILE} bytes")]
    FileTooLarge(String),
    /// All files together are too large.
    #[error("its files together are larger than {MAX_TOTAL_SIZE} bytes")]
    TooLarge,
}

impl Release {
    /// The format that this program reads.
    pub const FORMAT: &str = "ostiary-models-1";
    /// Limit of the size of a description, bytes.
    pub const MAX_BYTES: u64 = 64 << 10;

    /// Parses and checks a description.
    ///
    /// # Errors
    /// The text is not a valid description.
    pub fn parse(text: &[u8]) -> Result<Self, ReleaseFormatError> {
        let release: Self = serde_json::from_slice(text)?;
        release.check()?;
        Ok(release)
    }

    /// Checks format, version, dates, note and files.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), ReleaseFormatError> {
        if self.format != Self::FORMAT {
            return Err(ReleaseFormatError::Format { found: self.format.clone() });
        }
        if self.version == 0 || self.version > i64::MAX as u64 {
            return Err(ReleaseFormatError::Version(self.version));
        }
        if self.expires <= self.created {
            return Err(ReleaseFormatError::Expiry);
        }
        let is_line = |note: &String| note.chars().count() <= MAX_NOTE && !note.chars().any(char::is_control);
        if !self.note.iter().all(is_line) {
            return Err(ReleaseFormatError::Note);
        }
        if !self.files.contains_key(Manifest::FILE) {
            return Err(ReleaseFormatError::NoManifest);
        }
        if self.files.len() > MAX_FILES {
            return Err(ReleaseFormatError::TooManyFiles);
        }
        let mut total = 0;
        for (name, file) in &self.files {
            // The files are created in the folder of the bundle, and must not be created elsewhere.
            let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            if name.is_empty()
                || name.len() > MAX_FILE_NAME
                || name.starts_with('.')
                || !name.chars().all(is_plain)
            {
                return Err(ReleaseFormatError::FileName(name.clone()));
            }
            if !is_sha256(&file.sha256) {
                return Err(ReleaseFormatError::Hash(name.clone()));
            }
            if file.size > MAX_FILE {
                return Err(ReleaseFormatError::FileTooLarge(name.clone()));
            }
            total += file.size;
        }
        if total > MAX_TOTAL_SIZE {
            return Err(ReleaseFormatError::TooLarge);
        }
        Ok(())
    }

    /// Checks that a door may install the release at the time `now`. `earliest` is a time that a correct clock has passed.
    ///
    /// # Errors
    /// The release has expired, or the clock is not set.
    pub fn check_time(&self, now: Timestamp, earliest: Timestamp) -> Result<(), ModelStoreError> {
        let earliest = earliest.max(self.created.checked_sub(CLOCK_TOLERANCE).unwrap_or(self.created));
        if now < earliest {
            return Err(ModelStoreError::Clock { now, earliest });
        }
        if now >= self.expires {
            return Err(ModelStoreError::Expired { version: self.version, expires: self.expires });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release() -> Release {
        let file = |size| ReleaseFile { sha256: "0f".repeat(32), size };
        Release {
            format: Release::FORMAT.into(),
            version: 3,
            created: "2026-06-01T00:00:00Z".parse().unwrap(),
            expires: "2026-09-01T00:00:00Z".parse().unwrap(),
            note: Some("smaller".into()),
            files: [(Manifest::FILE.into(), file(10)), ("pnet.onnx".into(), file(20))].into(),
        }
    }

    #[test]
    fn a_release_survives_serialization() {
        let text = serde_json::to_vec(&release()).unwrap();
        assert_eq!(Release::parse(&text).unwrap(), release());
    }

    #[test]
    fn invalid_descriptions_are_refused() {
        let refusal = |change: fn(&mut Release)| {
            let mut release = release();
            change(&mut release);
            Release::parse(&serde_json::to_vec(&release).unwrap()).unwrap_err().to_string()
        };
        let name = |name: &str| {
            let mut release = release();
            release.files.insert(name.into(), ReleaseFile { sha256: "0f".repeat(32), size: 1 });
            release.check()
        };
        assert!(refusal(|r| r.format = "ostiary-models-2".into()).contains("format"));
        assert!(refusal(|r| r.version = 0).contains("version"));
        assert!(refusal(|r| r.expires = r.created).contains("expires"));
        assert!(refusal(|r| r.note = Some("two\nlines".into())).contains("note"));
        assert!(refusal(|r| r.files.clear()).contains("manifest.toml"));
        assert!(
            refusal(|r| r.files.values_mut().for_each(|p| p.sha256 = "0F".repeat(32))).contains("sha256")
        );
        assert!(refusal(|r| r.files.values_mut().for_each(|p| p.size = u64::MAX)).contains("larger"));
        for bad in ["../pnet.onnx", "/etc/passwd", "..", ".hidden", "", "a b", "a/b", &"x".repeat(101)] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
        assert!(name("mobilefacenet-int8.onnx").is_ok());
        for text in ["", "{}", "[]", "null", "{\"format\": \"ostiary-models-1\"}"] {
            assert!(Release::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_wrong_clock_and_an_expired_release_are_different_errors() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let built = at("2026-05-01T00:00:00Z");
        let check = |now: &str| release().check_time(at(now), built);
        assert!(check("2026-06-01T00:00:01Z").is_ok());
        assert!(check("2026-08-31T23:59:59Z").is_ok());
        assert!(matches!(check("2026-09-01T00:00:00Z"), Err(ModelStoreError::Expired { version: 3, .. })));
        for early in ["1970-01-01T00:03:00Z", "2026-04-30T00:00:00Z", "2026-05-30T23:00:00Z"] {
            assert!(matches!(check(early), Err(ModelStoreError::Clock { .. })), "{early}");
        }
        assert!(check("2026-05-31T01:00:00Z").is_ok(), "a publisher's clock may be a little ahead");
        let later = at("2027-01-01T00:00:00Z");
        assert!(matches!(
            release().check_time(at("2026-10-01T00:00:00Z"), later),
            Err(ModelStoreError::Clock { .. })
        ));
    }
}
