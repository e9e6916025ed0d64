//! `ostiary-trainer quantize`, run as its users run it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::cargo::cargo_bin_cmd;
use prost::Message;
use tempfile::TempDir;
use tract_onnx::pb::ModelProto;

/// A file of the repository.
fn of_project(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)
}

fn quantize(model: &Path, calibrate: &Path, output: &Path, more: &[&str]) -> Output {
    let mut command = cargo_bin_cmd!("ostiary-trainer");
    command.arg("quantize").arg(model).arg("--calibrate").arg(calibrate).arg("-o").arg(output);
    command.arg("--models").arg(of_project("models")).args(["--augment", "4"]).args(more);
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// R-Net, changed.
fn changed(folder: &TempDir, change: impl FnOnce(&mut ModelProto)) -> PathBuf {
    let mut file = ModelProto::decode(&fs::read(of_project("models/rnet.onnx")).unwrap()[..]).unwrap();
    change(&mut file);
    let path = folder.path().join("changed.onnx");
    fs::write(&path, file.encode_to_vec()).unwrap();
    path
}

#[test]
fn what_is_quantised_is_near_and_the_same_every_time() {
    let folder = tempfile::tempdir().unwrap();
    for (role, pixels) in [("rnet", true), ("pnet", false), ("mobilefacenet", true)] {
        let [first, second] = ["first.onnx", "second.onnx"].map(|name| folder.path().join(name));
        let more: &[&str] = if pixels { &["--pixels", "--json"] } else { &["--json"] };
        let model = of_project(&format!("models/{role}.onnx"));
        let output = quantize(&model, &of_project("demo/portraits"), &first, more);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        let rows = String::from_utf8(output.stdout).unwrap();
        let rows: Vec<serde_json::Value> =
            rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let outputs: Vec<&serde_json::Value> = rows.iter().filter(|row| row["output"].is_string()).collect();
        assert!(!outputs.is_empty() && rows.len() > outputs.len());
        for output in outputs {
            assert!(output["cosine_mean"].as_f64().unwrap() > 0.98, "{role}: {output}");
        }
        quantize(&model, &of_project("demo/portraits"), &second, more);
        assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap(), "the same bytes");
        assert!(fs::metadata(&first).unwrap().len() * 2 < fs::metadata(&model).unwrap().len());
    }
}

#[test]
fn a_gate_that_is_missed_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.onnx");
    let model = of_project("models/rnet.onnx");
    let output = quantize(&model, &of_project("demo/portraits"), &file, &["--min-cosine", "0.9999999"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("below --min-cosine") && !file.exists(), "{}", said(&output));
}

#[test]
fn pictures_that_do_not_do_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.onnx");
    let model = of_project("models/rnet.onnx");
    let refused = |calibrate: &Path, part: &str| {
        let output = quantize(&model, calibrate, &file, &[]);
        assert_eq!(output.status.code(), Some(2));
        assert!(said(&output).contains(part) && !file.exists(), "{}", said(&output));
    };
    refused(&folder.path().join("absent"), "cannot read the folder");
    refused(folder.path(), "there is no picture");
    let grey = image::RgbImage::from_pixel(200, 150, image::Rgb([90, 90, 90]));
    grey.save(folder.path().join("grey.png")).unwrap();
    refused(folder.path(), "no face was found");

    // One picture alone will do, with a word about it.
    fs::copy(of_project("demo/portraits/hopper.jpg"), folder.path().join("grey.png")).unwrap();
    let output = quantize(&model, folder.path(), &file, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("one picture alone") && file.exists());
}

#[test]
fn a_network_that_is_not_understood_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.onnx");
    let refused = |model: &Path, part: &str| {
        let output = quantize(model, &of_project("demo/portraits"), &file, &[]);
        assert_eq!(output.status.code(), Some(2));
        assert!(said(&output).contains(part) && !file.exists(), "{part}: {}", said(&output));
    };
    let text = folder.path().join("text.onnx");
    fs::write(&text, "this is no network").unwrap();
    refused(&text, "no ONNX file");
    refused(&folder.path().join("absent.onnx"), "cannot read");
    refused(&of_project("models/rnet-int8.onnx"), "is it quantised already?");
    refused(&changed(&folder, |file| file.opset_import[0].version = 11), "its operator set is 11");
    refused(
        &changed(&folder, |file| file.graph.as_mut().unwrap().node[1].op_type = "Elu".into()),
        "Elu prelu2",
    );
    refused(
        &changed(&folder, |file| {
            let graph = file.graph.as_mut().unwrap();
            graph.initializer[0].raw_data[..4].copy_from_slice(&f32::NAN.to_le_bytes());
        }),
        "is not finite",
    );
    refused(
        &changed(&folder, |file| {
            let node = &mut file.graph.as_mut().unwrap().node[1];
            node.op_type = "BatchNormalization".into();
            node.input.clear();
        }),
        "it has no input",
    );
}
