//! Tests of `ostiary-trainer export` through the binary. The tests in `publish.rs` use its output in a door.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

mod common;
mod people;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::cargo::cargo_bin_cmd;
use ostiary_core::{ModelRole, Precision, sha256};
use ostiary_models::Bundle;
use ostiary_testkit::repository_file;
use people::{few_portraits, people, strangers};
use safetensors::tensor::{Dtype, TensorView};
use tempfile::TempDir;

fn export(network: &Path, output: &Path, more: &[&str]) -> Output {
    let mut command = cargo_bin_cmd!("ostiary-trainer");
    command.arg("export").arg(network).arg("-o").arg(output).arg("--models").arg(repository_file("models"));
    command.args(more).output().unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_network_becomes_a_folder_of_models() {
    let folder = tempfile::tempdir().unwrap();
    let (portraits, people) = (few_portraits(folder.path()), people(folder.path()));
    let strangers = strangers(folder.path());
    // An existing empty folder is accepted.
    let output = folder.path().join("door");
    fs::create_dir(&output).unwrap();
    let sets = ["--people", text(&people), text(&strangers)];
    let more =
        [&["--calibrate", text(&portraits), "--augment", "12"], &sets[..], &["--licence", "MIT", "--json"]]
            .concat();
    let network = repository_file("models/mobilefacenet.onnx");
    let done = export(&network, &output, &more);
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    let said: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert!(said["int8_cosine"].as_f64().unwrap() > 0.99, "{said}");

    // The same network gives the same file, and the detectors are unchanged.
    let shipped = repository_file("models");
    for file in
        ["mobilefacenet.onnx", "pnet.onnx", "pnet-int8.onnx", "rnet.onnx", "rnet-int8.onnx", "onet.onnx"]
    {
        assert!(fs::read(output.join(file)).unwrap() == fs::read(shipped.join(file)).unwrap(), "{file}");
    }
    let files = common::tree(&output);
    assert_eq!(files.len(), 11, "{:?}", files.keys());
    for (index, precision) in [Precision::Fp32, Precision::Int8].into_iter().enumerate() {
        let [made, known] = [&output, &shipped].map(|folder| {
            Bundle::open(folder, precision).unwrap().entry(ModelRole::Embedder).cloned().unwrap()
        });
        let cosine: f32 = made.golden.iter().zip(&known.golden).map(|(a, b)| a * b).sum();
        assert!(cosine > [0.99999, 0.98][index], "{precision}: {cosine}");
        assert_eq!((made.licence.as_str(), made.source.path.as_str()), ("MIT", "mobilefacenet.onnx"));
        assert_eq!(made.source.sha256, sha256(&fs::read(&network).unwrap()));
        // Thirty-three people support no lower rate.
        let calibration = made.calibration.unwrap();
        assert_eq!((calibration.strangers, calibration.people), (33, 3));
        assert!((0.09..=0.1).contains(&calibration.supported_fpir), "{}", calibration.supported_fpir);
        assert_eq!(calibration.mean.len(), 192);
        let of_set = &said["measured"][index]["sets"][0];
        assert_eq!((&of_set["people"], &of_set["pictures"]), (&3.into(), &30.into()));
        let held_out = &said["measured"][index]["calibrated"]["measured"][0];
        assert_eq!(held_out["photos"], 1);
        assert!(held_out["fpir"]["visits"].as_u64().unwrap() > 100, "{held_out}");
    }
    let card = fs::read_to_string(output.join("model.md")).unwrap();
    for part in [
        "192 numbers",
        "| people | 3 | 30 | fp32 |",
        "| people | 3 | 30 | int8 |",
        "Calibration",
        "License: MIT",
    ] {
        assert!(card.contains(part), "{part}: {card}");
    }

    // Existing files are not overwritten.
    let again = export(&network, &output, &[]);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("is not empty"));
    assert!(common::tree(&output) == files);
}

/// Asserts that an export fails with these parts in its message, and writes nothing.
fn refused(network: &Path, more: &[&str], code: i32, parts: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let output = export(network, &folder.path().join("door"), more);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(parts.iter().all(|part| said.contains(part)) && !said.contains("panicked"), "{parts:?}: {said}");
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn wrong_input_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let shipped = repository_file("models/mobilefacenet.onnx");
    let bare = folder.path().join("bare");
    fs::create_dir(&bare).unwrap();
    refused(&shipped, &["--calibrate", text(&bare)], 2, &["there is no picture"]);
    let gray = image::RgbImage::from_pixel(200, 150, image::Rgb([90, 90, 90]));
    gray.save(bare.join("gray.png")).unwrap();
    refused(&shipped, &["--calibrate", text(&bare)], 2, &["no face was found"]);
    refused(&shipped, &["--people", text(&bare)], 2, &["at least 30 people", "there are 0"]);
    refused(&shipped, &["--people", "/nowhere"], 2, &["cannot list", "/nowhere"]);
    refused(&shipped, &["--min-cosine", "0.9"], 2, &["--calibrate"]);
    refused(&shipped, &["--name", "../pnet"], 2, &["must have 1 to 64 letters"]);
    refused(&shipped, &["--name", "pnet"], 2, &["--name pnet is the name of pnet.onnx"]);

    let portrait = folder.path().join("one");
    fs::create_dir(&portrait).unwrap();
    fs::copy(repository_file("crates/self-test/portraits/hopper.jpg"), portrait.join("hopper.jpg")).unwrap();
    let gate = ["--calibrate", text(&portrait), "--augment", "8", "--min-cosine", "0.99999"];
    refused(&shipped, &gate, 1, &["below --min-cosine 0.99999", "nothing was written"]);

    let alone = folder.path().join("alone");
    fs::create_dir_all(alone.join("Ann")).unwrap();
    let crop = image::RgbImage::from_pixel(112, 112, image::Rgb([90, 90, 90]));
    crop.save(alone.join("Ann/1.png")).unwrap();
    crop.save(alone.join("Ann/2.png")).unwrap();
    refused(&shipped, &["--people", text(&alone)], 2, &["at least 30 people", "there are 1"]);
}

/// A checkpoint with this architecture and one tensor.
fn checkpoint(folder: &TempDir, architecture: &str, values: &[f32]) -> PathBuf {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let tensor = TensorView::new(Dtype::F32, vec![values.len()], &bytes).unwrap();
    let metadata = HashMap::from([("ostiary.architecture".to_owned(), architecture.to_owned())]);
    let path = folder.path().join("net.safetensors");
    fs::write(&path, safetensors::serialize([("0.weight", tensor)], Some(metadata)).unwrap()).unwrap();
    path
}

#[test]
fn other_files_are_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    refused(&folder.path().join("absent"), &[], 2, &["cannot read", "absent"]);
    refused(
        &repository_file("models/mobilefacenet-int8.onnx"),
        &[],
        2,
        &["is the network already quantized?"],
    );
    refused(&repository_file("models/rnet.onnx"), &[], 2, &["rnet.onnx", "[3, 24, 24]"]);
    refused(&repository_file("README.md"), &[], 2, &["README.md", "neither a checkpoint"]);
    let another = checkpoint(&folder, r#"{"net": "resnet", "layers": 18}"#, &[1.0]);
    refused(&another, &[], 2, &["net.safetensors", "does not know"]);
    let part = r#"{"net": "mobilefacenet", "width": 0.125, "embedding": 8}"#;
    let part = checkpoint(&folder, part, &[f32::NAN]);
    refused(&part, &[], 2, &["0.weight", "shape"]);
    let whole = fs::read(&part).unwrap();
    fs::write(&part, &whole[..whole.len() - 2]).unwrap();
    refused(&part, &[], 2, &["damaged"]);
    let mut onnx = fs::read(repository_file("models/mobilefacenet.onnx")).unwrap();
    onnx.truncate(onnx.len() / 2);
    fs::write(&part, onnx).unwrap();
    refused(&part, &[], 2, &["the file is not ONNX"]);
}
