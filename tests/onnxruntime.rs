//! The feature `ort`: networks on onnxruntime. The library is from the published Python package, which
//! `scripts/onnxruntime` downloads.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]
#![cfg(feature = "ort")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use assert_cmd::cargo::cargo_bin_cmd;
use ostiary_config::{Backend, Config};
use ostiary_core::Precision;
use ostiary_pictures::read_picture;
use ostiary_pipeline::FaceEncoder;
use ostiary_testkit::portrait;
use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn library() -> PathBuf {
    let library = Path::new(ROOT).join("target/onnxruntime/libonnxruntime.so");
    assert!(library.exists(), "{} is not there: run scripts/onnxruntime", library.display());
    library
}

fn encoder(backend: Backend, precision: Precision) -> FaceEncoder {
    let mut config = Config::default();
    config.models.dir = Some(Path::new(ROOT).join("models"));
    config.engine.backend = backend;
    config.engine.precision = precision;
    config.ort.library = Some(library());
    FaceEncoder::load(&config).unwrap()
}

/// Runs a command with this library. Returns the exit code, standard output and standard error. Asserts that it does not
/// panic.
fn run(library: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = cargo_bin_cmd!("ostiary");
    command.args(["--config", "/dev/null", "--models"]).arg(Path::new(ROOT).join("models"));
    command.args(["--set", "engine.backend=ort", "--set"]).arg(format!("ort.library={}", library.display()));
    // All --set flags must be on one side of the command.
    let (flags, verb): (Vec<&str>, Vec<&str>) =
        arguments.iter().partition(|argument| argument.starts_with("--set="));
    let output = command.args(flags).args(verb).output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(!err.contains("panicked"), "{err}");
    (output.status.code().unwrap(), out, err)
}

#[test]
fn onnxruntime_gives_the_results_of_our_own_engine() {
    for (precision, min_cosine) in [(Precision::Fp32, 0.9999), (Precision::Int8, 0.99)] {
        let mut ours = encoder(Backend::Tract, precision);
        let mut onnxruntime = encoder(Backend::Ort, precision);
        for name in ["obama.jpg", "obama2.jpg", "biden.jpg"] {
            let picture = read_picture(&portrait(name)).unwrap();
            let [faces, others] = [&mut ours, &mut onnxruntime].map(|by| by.faces(&picture).unwrap());
            assert_eq!(faces.len(), others.len(), "{name} at {precision}");
            for (face, other) in faces.iter().zip(&others) {
                let (a, b) = (face.face.detection, other.face.detection);
                let overlap = a.bbox.intersection(&b.bbox) / a.bbox.area().max(b.bbox.area());
                assert!(overlap > 0.98, "{name} at {precision}: {a:?} and {b:?}");
            }
            let known = ours.most_probable(&picture).unwrap().unwrap();
            let cosine = known.embedding.similarity(&onnxruntime.embed(&known.crop).unwrap()).0;
            assert!(cosine >= min_cosine, "{name} at {precision}: {cosine}");
        }
    }
}

#[test]
fn the_execution_provider_is_reported() {
    let (code, out, err) = run(&library(), &["bench", "embed", "--runs", "1", "--json"]);
    assert_eq!(code, 0, "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    let engine = report["engine"].as_str().unwrap();
    assert!(
        engine.starts_with("CPUExecutionProvider of ") && engine.contains("libonnxruntime.so.1."),
        "{out}"
    );
    let (_, out, _) = run(&library(), &["doctor", "--json"]);
    let models = out.lines().find(|line| line.contains("\"models\"")).unwrap();
    assert!(models.contains("running on CPUExecutionProvider of"), "{models}");
}

#[test]
fn a_missing_provider_is_an_error_without_a_fallback() {
    let folder = tempfile::tempdir().unwrap();
    let [facebank, events] = ["facebank", "events"]
        .map(|file| format!("--set={file}.path={}", folder.path().join(format!("{file}.sqlite")).display()));
    for (provider, name) in [("cuda", "CUDAExecutionProvider"), ("tensorrt", "TensorrtExecutionProvider")] {
        let set = format!("--set=ort.provider={provider}");
        for verb in [&["bench", "embed"][..], &["run"]] {
            let (code, out, err) = run(&library(), &[verb, &[&set, &facebank, &events]].concat());
            assert_eq!(code, 2, "{out}{err}");
            assert!(err.contains(name) && err.contains("ort.provider = \"cpu\""), "{err}");
        }
    }
    let (code, _, err) = run(&library(), &["bench", "embed", "--set=ort.options=[\"device_id=0\"]"]);
    assert!(code == 2 && err.contains("takes no options"), "{err}");
    let (code, _, err) = run(&library(), &["bench", "embed", "--set=ort.options=[\"device_id\"]"]);
    assert!(code == 2 && err.contains("device_id=0"), "{err}");
}

#[test]
fn an_unusable_library_is_named_with_the_fix() {
    let folder = tempfile::tempdir().unwrap();
    let [text, old, missing] = ["text.so", "old.so", "missing.so"].map(|name| folder.path().join(name));
    fs::write(&text, "this is not a library").unwrap();
    // A library that only reports the version of an old onnxruntime.
    let source = folder.path().join("old.c");
    fs::write(
        &source,
        "static const void *api(unsigned v) { (void)v; return 0; }\n\
         static const char *version(void) { return \"1.4.0\"; }\n\
         static struct { const void *(*api)(unsigned); const char *(*version)(void); } base = { api, version };\n\
         void *OrtGetApiBase(void) { return &base; }\n",
    )
    .unwrap();
    let made = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&old).arg(&source).status().unwrap();
    assert!(made.success());
    let no_library = Path::new("/dev/null").to_owned();
    for (library, word) in
        [(text, "text.so"), (missing, "missing.so"), (no_library, "/dev/null"), (old, "1.4.0")]
    {
        let (code, out, err) = run(&library, &["bench", "embed"]);
        assert_eq!(code, 2, "{out}{err}");
        assert!(err.contains(word) && err.contains("set ort.library to"), "{err}");
        let (code, out, _) = run(&library, &["doctor", "--json"]);
        assert_eq!(code, 1);
        let models = out.lines().find(|line| line.contains("\"models\"")).unwrap();
        assert!(models.contains("\"fault\"") && models.contains(word), "{models}");
    }
}
