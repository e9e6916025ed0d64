//! Tests that `ostiary-trainer` starts `ostiary-trainer-torch`, or reports how to build it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A copy of the program in a folder without other files.
fn alone(folder: &TempDir) -> PathBuf {
    let program = folder.path().join("bin/ostiary-trainer");
    fs::create_dir_all(folder.path().join("bin")).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_ostiary-trainer"), &program).unwrap();
    program
}

/// Writes a program with the name of the other one, which prints its path and arguments, and exits with 7.
fn other(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let path = folder.join("ostiary-trainer-torch");
    fs::write(&path, "#!/bin/sh\necho \"$0\" \"$@\"\nexit 7\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn run(program: &Path, path: &Path, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).env("PATH", path).output().unwrap()
}

/// Arguments of `evaluate` with a checkpoint and two people.
fn evaluation(folder: &TempDir) -> Vec<String> {
    let people = folder.path().join("people");
    for person in ["Ada", "Bob"] {
        fs::create_dir_all(people.join(person)).unwrap();
        for number in 0..2 {
            image::RgbImage::new(112, 112).save(people.join(person).join(format!("{number}.png"))).unwrap();
        }
    }
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../models");
    ["evaluate", people.to_str().unwrap(), "--model", "last.safetensors", "--models", models]
        .map(str::to_owned)
        .to_vec()
}

#[test]
fn the_error_for_a_missing_program_says_how_to_build_it() {
    let folder = TempDir::new().unwrap();
    let program = alone(&folder);
    let evaluation = evaluation(&folder);
    let evaluation: Vec<&str> = evaluation.iter().map(String::as_str).collect();
    for arguments in
        [&["train"][..], &["train", "faces", "-o", "run", "--lr", "0.1"], &["train", "--help"], &evaluation]
    {
        let output = run(&program, &folder.path().join("empty"), arguments);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{text}");
        for part in ["scripts/libtorch", "cargo build --release --package ostiary-trainer-torch"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(text.contains("last.safetensors: is a checkpoint"), arguments[0] == "evaluate", "{text}");
    }
}

#[test]
fn the_program_in_the_same_folder_is_preferred_to_path() {
    let folder = TempDir::new().unwrap();
    let program = alone(&folder);
    let on_path = folder.path().join("path");
    other(&on_path);
    let evaluation = evaluation(&folder);
    let evaluation: Vec<&str> = evaluation.iter().map(String::as_str).collect();
    let taken_over = |started: &Path| {
        for arguments in [&["train", "a b", "-o", "run", "--help"][..], &evaluation] {
            let output = run(&program, &on_path, arguments);
            assert_eq!(output.status.code(), Some(7), "{}", String::from_utf8_lossy(&output.stderr));
            let wanted = format!("{} {}\n", started.display(), arguments.join(" "));
            assert_eq!(String::from_utf8_lossy(&output.stdout), wanted);
        }
    };
    taken_over(&on_path.join("ostiary-trainer-torch"));
    let beside = folder.path().join("bin");
    other(&beside);
    taken_over(&beside.join("ostiary-trainer-torch"));
    // If the preferred program cannot be started, the other one is not used.
    fs::set_permissions(beside.join("ostiary-trainer-torch"), fs::Permissions::from_mode(0o644)).unwrap();
    let output = run(&program, &on_path, &["train"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && text.contains("cannot start"), "{text}");
}
