//! Tests of the fuzzer: it detects each kind of failure.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::cargo::cargo_bin_cmd;

/// Runs the program; returns its exit code and its output.
fn fuzz(arguments: &[&str], output: &Path) -> (Option<i32>, String) {
    let done = cargo_bin_cmd!("ostiary-fuzz").args(arguments).arg("--output").arg(output).output().unwrap();
    let text = [done.stdout, done.stderr].concat();
    (done.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn each_kind_of_failure_is_detected_and_reproduced() {
    let folder = tempfile::tempdir().unwrap();
    let (code, text) =
        fuzz(&["deliberate-faults", "--seconds", "20", "--timeout", "2", "--seed", "1"], folder.path());
    assert_eq!(code, Some(1), "{text}");
    for cause in ["a deliberate panic", "signal 6", "overflowed its stack", "hangs", "memory allocation of"] {
        assert!(text.contains(cause), "{cause} is missing in {text}");
    }
    let inputs: Vec<PathBuf> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(inputs.len(), 5, "{text}");
    for path in inputs {
        let input = fs::read(&path).unwrap();
        assert!(
            text.contains(&format!("ostiary-fuzz deliberate-faults --input {}", path.display())),
            "{text}"
        );
        if input != b"hang" {
            let (code, text) = fuzz(&["deliberate-faults", "--input", path.to_str().unwrap()], folder.path());
            assert_ne!(code, Some(0), "{input:?}: {text}");
        }
    }
}

#[test]
fn inputs_of_a_target_without_failures_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (code, text) = fuzz(&["release", "groups", "--seconds", "0.5", "--seed", "3"], folder.path());
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("seed 3\n") && text.matches("inputs").count() == 2, "{text}");
    let (code, text) = fuzz(&["relaese"], folder.path());
    assert_eq!(code, Some(2));
    assert!(text.contains("there is no target") && text.contains("release"), "{text}");
}
