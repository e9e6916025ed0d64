//! `ostiary demo` through the program.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

#[test]
fn the_unknown_person_and_the_print_are_refused_and_the_enrolled_person_is_let_in() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(assert_cmd::cargo::cargo_bin!("ostiary"))
        .args(["demo", "--json", "--fast", "--output"])
        .arg(folder.path().join("pictures"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let reported: Vec<_> =
        events.iter().map(|e| (e["kind"].as_str().unwrap(), e["reason"].as_str())).collect();
    let position = |expected| {
        reported.iter().position(|event| *event == expected).unwrap_or_else(|| panic!("{reported:?}"))
    };
    let refused = position(("denied", Some("unknown")));
    let print = position(("denied", Some("spoof")));
    let on = position(("relay_on", None));
    let granted = position(("granted", Some("granted")));
    assert!(refused < print && print < on && on < granted, "{reported:?}");
    assert_eq!(events[granted]["person"], "Barack Obama");
    assert_eq!(reported.iter().filter(|event| event.0 == "relay_on").count(), 1);
    assert_eq!(reported.iter().filter(|event| event.0 == "relay_off").count(), 1);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "relay on\nrelay off\n");

    for picture in ["1-unknown.jpg", "2-spoof.jpg", "3-granted.jpg"] {
        let path = folder.path().join("pictures").join(picture);
        let frame = ostiary_pictures::read_picture(&path).unwrap();
        assert_eq!((frame.width(), frame.height()), (640, 480), "{picture}");
    }
}

#[test]
fn missing_models_and_an_unusable_output_folder_are_named() {
    let demo = |arguments: &[&str]| {
        let output = Command::new(assert_cmd::cargo::cargo_bin!("ostiary"))
            .args(["demo", "--fast"])
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(demo(&["--models", "/nowhere/models"]).contains("/nowhere/models"));
    let in_a_file = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml/pictures");
    let error = demo(&["--output", in_a_file.to_str().unwrap()]);
    assert!(error.contains("Cargo.toml/pictures") && error.contains("--output"), "{error}");
}
