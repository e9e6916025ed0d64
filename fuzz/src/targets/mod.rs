//! The fuzz targets, a file for each: the function under test, its seed inputs, and its dictionary.
//!
//! A target passes bytes to the product as they come from outside, and asserts the properties of accepted input.

mod camera;
mod celeba;
mod checkpoint;
mod config;
mod console;
mod deliberate_faults;
mod event_head;
mod events;
mod facebank;
mod facebank_import;
mod ffmpeg;
mod files;
mod graph;
mod graph_edits;
mod groups;
mod guard;
mod manifest;
mod onnx;
mod onnx_import;
mod pairs;
mod picture;
mod png;
mod pytorch;
mod recordio;
mod release;
mod signature;
mod tflite;
mod verification;

use anyhow::{Context, Result};

/// A reader of bytes from outside.
pub struct Target {
    /// Name on the command line.
    pub name: &'static str,
    /// What it reads, for the list of targets.
    pub about: &'static str,
    /// Runs one input. Panics if the product panics or a property does not hold.
    pub run: fn(&[u8]),
    /// Makes the seed inputs: valid ones, and inputs that once caused a failure.
    pub seeds: fn() -> Result<Vec<Vec<u8>>>,
    /// Tokens of the format, which the mutator inserts unchanged.
    pub dictionary: &'static [&'static [u8]],
    /// The maximum length of an input, bytes.
    pub max_len: usize,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Every target of the product.
pub const ALL: &[Target] = &[
    camera::TARGET,
    celeba::TARGET,
    checkpoint::TARGET,
    config::TARGET,
    console::TARGET,
    event_head::TARGET,
    events::TARGET,
    facebank::TARGET,
    facebank_import::TARGET,
    ffmpeg::TARGET,
    groups::TARGET,
    guard::TARGET,
    manifest::TARGET,
    onnx::TARGET,
    onnx::EDITS,
    onnx_import::TARGET,
    onnx_import::EDITS,
    pairs::TARGET,
    picture::TARGET,
    png::TARGET,
    pytorch::TARGET,
    recordio::TARGET,
    release::TARGET,
    signature::TARGET,
    tflite::TARGET,
    verification::TARGET,
];

/// The target with this name: one of [`ALL`], or `deliberate-faults`, which tests the fuzzer itself.
///
/// # Errors
/// No target has this name.
pub fn find(name: &str) -> Result<&'static Target> {
    let found = ALL.iter().chain([&deliberate_faults::TARGET]).find(|target| target.name == name);
    found.with_context(|| {
        let names: Vec<&str> = ALL.iter().map(|target| target.name).collect();
        format!("there is no target {name:?}; the targets are {}", names.join(", "))
    })
}

/// Splits an input of several parts. Each part but the last is preceded by its length: two bytes, little-endian.
fn parts<const N: usize>(mut data: &[u8]) -> [&[u8]; N] {
    let mut parts = [&data[..0]; N];
    let last = N - 1;
    for part in &mut parts[..last] {
        let Some((length, rest)) = data.split_first_chunk() else { break };
        (*part, data) = rest.split_at(rest.len().min(u16::from_le_bytes(*length).into()));
    }
    parts[last] = data;
    parts
}

/// Joins parts to an input.
///
/// # Errors
/// A part is longer than 65,535 bytes.
fn joined(parts: &[&[u8]]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        if index + 1 < parts.len() {
            bytes.extend(u16::try_from(part.len())?.to_le_bytes());
        }
        bytes.extend_from_slice(part);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_target_fails_on_its_seeds() {
        for target in ALL {
            let seeds = (target.seeds)().unwrap();
            assert!(!seeds.is_empty(), "{}", target.name);
            assert!(seeds.iter().all(|seed| seed.len() <= target.max_len), "{}", target.name);
            for seed in seeds {
                (target.run)(&seed);
                (target.run)(&seed[..seed.len() / 2]);
            }
            (target.run)(&[]);
        }
    }

    #[test]
    fn joined_parts_are_split_again() {
        let joined = joined(&[b"first", b"", b"last"]).unwrap();
        assert_eq!(parts::<3>(&joined), [&b"first"[..], b"", b"last"]);
        assert_eq!(parts::<2>(b"\x09\x00abc"), [&b"abc"[..], b""]);
        assert_eq!(parts::<2>(b"\x09"), [&b""[..], b"\x09"]);
    }

    #[test]
    fn targets_are_found_by_name_and_an_error_lists_them() {
        assert_eq!(find("png").unwrap().name, "png");
        assert!(find("pnj").unwrap_err().to_string().contains("picture"));
    }
}
