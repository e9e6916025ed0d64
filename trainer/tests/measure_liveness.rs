//! Tests of `ostiary-trainer measure-liveness` through the binary.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::cargo::cargo_bin_cmd;

/// A file of the repository.
fn repository_file(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)
}

fn measure(arguments: &[&str]) -> Output {
    let mut command = cargo_bin_cmd!("ostiary-trainer");
    command.arg("measure-liveness").args(arguments).arg("--models").arg(repository_file("models"));
    command.output().unwrap()
}

#[test]
fn pictures_and_medians_are_counted_at_both_precisions() {
    let folder = tempfile::tempdir().unwrap();
    let person = folder.path().join("live/person");
    fs::create_dir_all(&person).unwrap();
    for number in 1..=6 {
        let portrait = repository_file("crates/self-test/portraits/obama.jpg");
        fs::copy(portrait, person.join(format!("{number}.jpg"))).unwrap();
    }
    fs::write(person.join("notes.txt"), "no picture").unwrap();
    let live = folder.path().join("live");
    let output = measure(&["--live", live.to_str().unwrap(), "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let rows = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<serde_json::Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for precision in ["fp32", "int8"] {
        let of_precision = || rows.iter().filter(|row| row["precision"] == precision);
        let scores: Vec<_> = of_precision().filter(|row| row["picture"].is_string()).collect();
        assert_eq!(scores.len(), 6);
        for score in scores {
            assert!(
                score["live"].as_f64().unwrap() > 0.9 && score["scale"].as_f64().unwrap() > 2.69,
                "{score}"
            );
        }
        for (unit, total) in [("picture", 6), ("median of 5", 1)] {
            let counts = of_precision().find(|row| row["unit"] == unit).unwrap();
            assert_eq!((&counts["total"], &counts["pass"]), (&total.into(), &total.into()), "{counts}");
        }
    }
}

#[test]
fn missing_folders_and_faces_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().to_str().unwrap();
    for (arguments, part) in [
        (&[][..], "there is nothing to measure"),
        (&["--live", text], "has no folders with pictures of faces"),
        (&["--attack", "/absent"], "cannot read the folder /absent"),
    ] {
        let output = measure(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2));
        assert!(said.contains(part), "{said}");
    }
}
