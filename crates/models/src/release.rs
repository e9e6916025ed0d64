//! What a publisher signs: the version, the dates and the files of a bundle.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use ostiary_core::MAX_FILE;
use serde::{Deserialize, Serialize};

use super::{Manifest, ReleaseError};

/// All of a bundle's files together, bytes.
const MAX_TOTAL: u64 = 512 << 20;
/// The most files that a bundle may have.
const MAX_FILES: usize = 64;
/// The longest note, characters.
const MAX_NOTE: usize = 200;
/// A publisher's clock may be so much ahead of the door's.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// A bundle as its publisher describes it. Written as JSON, which is what is signed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// [`Release::FORMAT`]: what else the same key may have signed is no release.
    pub format: String,
    /// Counts up with each publication.
    pub version: u64,
    pub created: Timestamp,
    /// From then on no door takes it up any more.
    pub expires: Timestamp,
    /// A line for whoever looks at the list of bundles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// By name; `manifest.toml` among them.
    pub files: BTreeMap<String, Part>,
}

/// One file of a bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// SHA-256 of the file, lower-case hexadecimal; its name in the repository.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

impl Release {
    /// The layout that this program knows.
    pub const FORMAT: &str = "ostiary-models-1";
    /// The longest description that is read, bytes.
    pub const MAX_BYTES: u64 = 64 << 10;

    /// Reads and checks a description.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let release: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        release.check()?;
        Ok(release)
    }

    /// Whether the description makes sense by itself, or why not.
    pub fn check(&self) -> Result<(), String> {
        if self.format != Self::FORMAT {
            return Err(format!("its format is {:?}; this program knows {:?}", self.format, Self::FORMAT));
        }
        if self.version == 0 || self.version > i64::MAX as u64 {
            return Err(format!("its version is {}", self.version));
        }
        if self.expires <= self.created {
            return Err("it expires before it was made".into());
        }
        let is_line = |note: &String| note.chars().count() <= MAX_NOTE && !note.chars().any(char::is_control);
        if !self.note.iter().all(is_line) {
            return Err(format!("its note is no line of at most {MAX_NOTE} characters"));
        }
        if !self.files.contains_key(Manifest::FILE) {
            return Err(format!("it has no {}", Manifest::FILE));
        }
        if self.files.len() > MAX_FILES {
            return Err(format!("it has more than {MAX_FILES} files"));
        }
        let mut total = 0;
        for (name, part) in &self.files {
            // Files are made below the bundle's folder, and nowhere else.
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            if name.is_empty() || name.len() > 100 || name.starts_with('.') || !name.chars().all(plain) {
                return Err(format!("{name:?} is no plain name of a file"));
            }
            if !is_hash(&part.sha256) {
                return Err(format!("the sha256 of {name} is not 64 hexadecimal digits"));
            }
            if part.size > MAX_FILE {
                return Err(format!("{name} is larger than {MAX_FILE} bytes"));
            }
            total += part.size;
        }
        if total > MAX_TOTAL {
            return Err(format!("its files are larger than {MAX_TOTAL} bytes together"));
        }
        Ok(())
    }

    /// Whether a door may take it up at this time. `earliest` is a time that no clock which goes right can be before.
    pub fn check_time(&self, now: Timestamp, earliest: Timestamp) -> Result<(), ReleaseError> {
        let earliest = earliest.max(self.created.checked_sub(AHEAD).unwrap_or(self.created));
        if now < earliest {
            return Err(ReleaseError::Clock { now, earliest });
        }
        if now >= self.expires {
            return Err(ReleaseError::Expired { version: self.version, expires: self.expires });
        }
        Ok(())
    }
}

/// Whether a text is a SHA-256 as lower-case hexadecimal.
pub(super) fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release() -> Release {
        let part = |size| Part { sha256: "0f".repeat(32), size };
        Release {
            format: Release::FORMAT.into(),
            version: 3,
            created: "2026-06-01T00:00:00Z".parse().unwrap(),
            expires: "2026-09-01T00:00:00Z".parse().unwrap(),
            note: Some("smaller".into()),
            files: [(Manifest::FILE.into(), part(10)), ("pnet.onnx".into(), part(20))].into(),
        }
    }

    #[test]
    fn a_release_reads_as_it_was_written() {
        let text = serde_json::to_vec(&release()).unwrap();
        assert_eq!(Release::parse(&text).unwrap(), release());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let spoil = |change: fn(&mut Release)| {
            let mut release = release();
            change(&mut release);
            Release::parse(&serde_json::to_vec(&release).unwrap()).unwrap_err()
        };
        let name = |name: &str| {
            let mut release = release();
            release.files.insert(name.into(), Part { sha256: "0f".repeat(32), size: 1 });
            release.check()
        };
        assert!(spoil(|r| r.format = "ostiary-models-2".into()).contains("format"));
        assert!(spoil(|r| r.version = 0).contains("version"));
        assert!(spoil(|r| r.expires = r.created).contains("expires"));
        assert!(spoil(|r| r.note = Some("two\nlines".into())).contains("note"));
        assert!(spoil(|r| r.files.clear()).contains("manifest.toml"));
        assert!(spoil(|r| r.files.values_mut().for_each(|p| p.sha256 = "0F".repeat(32))).contains("sha256"));
        assert!(spoil(|r| r.files.values_mut().for_each(|p| p.size = u64::MAX)).contains("larger"));
        for bad in ["../pnet.onnx", "/etc/passwd", "..", ".hidden", "", "a b", "a/b", &"x".repeat(101)] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
        assert!(name("mobilefacenet-int8.onnx").is_ok());
        for text in ["", "{}", "[]", "null", "{\"format\": \"ostiary-models-1\"}"] {
            assert!(Release::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_clock_that_was_never_set_is_told_from_an_expired_bundle() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let made = at("2026-05-01T00:00:00Z");
        let check = |now: &str| release().check_time(at(now), made);
        assert!(check("2026-06-01T00:00:01Z").is_ok());
        assert!(check("2026-08-31T23:59:59Z").is_ok());
        assert!(matches!(check("2026-09-01T00:00:00Z"), Err(ReleaseError::Expired { version: 3, .. })));
        for early in ["1970-01-01T00:03:00Z", "2026-04-30T00:00:00Z", "2026-05-30T23:00:00Z"] {
            assert!(matches!(check(early), Err(ReleaseError::Clock { .. })), "{early}");
        }
        assert!(check("2026-05-31T01:00:00Z").is_ok(), "a publisher's clock may be a little ahead");
        let later = at("2027-01-01T00:00:00Z");
        assert!(matches!(
            release().check_time(at("2026-10-01T00:00:00Z"), later),
            Err(ReleaseError::Clock { .. })
        ));
    }
}
