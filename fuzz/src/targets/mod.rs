//! What is fuzzed. A file for each target: what it runs, what it begins from, the words of its format.
//!
//! A target gives bytes to the product as they come from outside, and asserts what must hold of whatever is accepted.

mod camera;
mod celeba;
mod checkpoint;
mod config;
mod drill;
mod events;
mod facebank;
mod facebank_import;
mod ffmpeg;
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
mod scratch;
mod signature;
mod tflite;
mod verification;

use anyhow::Result;

/// Something that reads bytes from outside.
pub struct Target {
    pub name: &'static str,
    /// What it reads, in a few words.
    pub about: &'static str,
    /// Reads one input. It panics where the product does not hold what it promises.
    pub run: fn(&[u8]),
    /// Inputs to begin from, made by code: valid ones, and those that were once a defect.
    pub seeds: fn() -> Result<Vec<Vec<u8>>>,
    /// Words of the format, put into inputs as they are.
    pub words: &'static [&'static [u8]],
    /// The longest input, bytes.
    pub most: usize,
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

/// The target of that name: one of [`ALL`], or `drill`, which fails in each way that there is, to try the harness itself.
///
/// # Errors
/// There is none.
pub fn find(name: &str) -> Result<&'static Target, String> {
    let found = ALL.iter().chain([&drill::TARGET]).find(|target| target.name == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = ALL.iter().map(|target| target.name).collect();
        format!("there is no target {name:?}; there are {}", names.join(", "))
    })
}

/// Inputs of several parts have each but the last after its length, two bytes, little-endian.
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

/// An input of several parts.
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
    fn every_target_survives_its_seeds() {
        for target in ALL {
            let seeds = (target.seeds)().unwrap();
            assert!(!seeds.is_empty(), "{}", target.name);
            assert!(seeds.iter().all(|seed| seed.len() <= target.most), "{}", target.name);
            for seed in seeds {
                (target.run)(&seed);
                (target.run)(&seed[..seed.len() / 2]);
            }
            (target.run)(&[]);
        }
    }

    #[test]
    fn parts_are_read_as_they_were_joined() {
        let joined = joined(&[b"first", b"", b"last"]).unwrap();
        assert_eq!(parts::<3>(&joined), [&b"first"[..], b"", b"last"]);
        assert_eq!(parts::<2>(b"\x09\x00abc"), [&b"abc"[..], b""]);
        assert_eq!(parts::<2>(b"\x09"), [&b""[..], b"\x09"]);
    }

    #[test]
    fn names_are_found_and_others_are_named() {
        assert_eq!(find("png").unwrap().name, "png");
        assert!(find("pnj").unwrap_err().contains("picture"));
    }
}
