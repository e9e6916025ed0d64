//! A release: the JSON description of a bundle of models.

use jiff::Timestamp;
use ostiary_models::{Release, ReleaseFile};

use super::Target;

pub const TARGET: Target = Target {
    name: "release",
    about: "the description of a bundle of models (JSON)",
    run,
    seeds,
    dictionary: &[
        b"\"format\":",
        b"\"ostiary-models-1\"",
        b"\"version\":",
        b"\"created\":",
        b"\"expires\":",
        b"\"note\":",
        b"\"files\":",
        b"\"sha256\":",
        b"\"size\":",
        b"manifest.toml",
        b"null",
        b"{",
        b"}",
        b"[",
        b",",
        b"\\u0000",
        b"-009999-01-01T00:00:00Z",
        b"9999-12-31T23:59:59Z",
        b"../",
    ],
    max_len: 4 << 10,
};

fn run(data: &[u8]) {
    let Ok(release) = Release::parse(data) else { return };
    for time in [Timestamp::MIN, Timestamp::UNIX_EPOCH, release.created, release.expires, Timestamp::MAX] {
        for earliest in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
            if release.check_time(time, earliest).is_ok() {
                assert!(time < release.expires && time >= earliest);
            }
        }
    }
    for name in release.files.keys() {
        assert!(!name.contains('/') && !name.starts_with('.') && !name.is_empty(), "{name:?}");
    }
    let written = serde_json::to_vec(&release).unwrap_or_default();
    assert_eq!(Release::parse(&written).ok(), Some(release), "a written release is read differently");
}

/// A valid release.
///
/// # Errors
/// A time cannot be parsed.
pub fn release() -> anyhow::Result<Release> {
    let file = |size| ReleaseFile { sha256: "0f".repeat(32), size };
    Ok(Release {
        format: Release::FORMAT.into(),
        version: 3,
        created: "2026-06-01T00:00:00Z".parse()?,
        expires: "2026-09-01T00:00:00Z".parse()?,
        note: Some("smaller".into()),
        files: [("manifest.toml".into(), file(10)), ("pnet.onnx".into(), file(20))].into(),
    })
}

fn seeds() -> anyhow::Result<Vec<Vec<u8>>> {
    let release = release()?;
    let without_note = Release { note: None, created: Timestamp::MIN, ..release.clone() };
    Ok(vec![serde_json::to_vec(&release)?, serde_json::to_vec_pretty(&without_note)?])
}
