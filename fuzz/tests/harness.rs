//! The harness: does it find what it is there to find?

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::cargo::cargo_bin_cmd;

/// Runs the program; gives its exit code and what it said.
fn fuzz(arguments: &[&str], output: &Path) -> (Option<i32>, String) {
    let done = cargo_bin_cmd!("ostiary-fuzz").args(arguments).arg("--output").arg(output).output().unwrap();
    let said = [done.stdout, done.stderr].concat();
    (done.status.code(), String::from_utf8(said).unwrap())
}

#[test]
fn each_way_to_fail_is_found_and_can_be_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = fuzz(&["drill", "--seconds", "20", "--timeout", "2", "--seed", "1"], folder.path());
    assert_eq!(code, Some(1), "{said}");
    for cause in ["a drill", "signal 6", "overflowed its stack", "hangs", "memory allocation of"] {
        assert!(said.contains(cause), "{cause} is missing in {said}");
    }
    let inputs: Vec<PathBuf> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(inputs.len(), 5, "{said}");
    for path in inputs {
        let input = fs::read(&path).unwrap();
        assert!(said.contains(&format!("ostiary-fuzz drill --input {}", path.display())), "{said}");
        if input != b"hang" {
            let (code, said) = fuzz(&["drill", "--input", path.to_str().unwrap()], folder.path());
            assert_ne!(code, Some(0), "{input:?}: {said}");
        }
    }
}

#[test]
fn a_target_that_survives_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = fuzz(&["release", "groups", "--seconds", "0.5", "--seed", "3"], folder.path());
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("seed 3\n") && said.matches("inputs").count() == 2, "{said}");
    let (code, said) = fuzz(&["relaese"], folder.path());
    assert_eq!(code, Some(2));
    assert!(said.contains("there is no target") && said.contains("release"), "{said}");
}
