//! `ostiary demo`: the README's first command.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

#[test]
fn the_stranger_is_refused_and_the_person_let_in() {
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
    let told: Vec<_> = events.iter().map(|e| (e["kind"].as_str().unwrap(), e["reason"].as_str())).collect();
    let place = |wanted| told.iter().position(|told| *told == wanted).unwrap_or_else(|| panic!("{told:?}"));
    let refused = place(("denied", Some("unknown")));
    let on = place(("relay_on", None));
    let granted = place(("granted", Some("granted")));
    assert!(refused < on && on < granted, "{told:?}");
    assert_eq!(events[granted]["person"], "Barack Obama");
    assert_eq!(told.iter().filter(|told| told.0 == "relay_on").count(), 1);
    assert_eq!(told.iter().filter(|told| told.0 == "relay_off").count(), 1);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "relay on\nrelay off\n");

    for picture in ["1-unknown.jpg", "2-granted.jpg"] {
        let path = folder.path().join("pictures").join(picture);
        let frame = ostiary_pictures::read_picture(&path).unwrap();
        assert_eq!((frame.width(), frame.height()), (640, 480), "{picture}");
    }
}

#[test]
fn without_models_or_a_place_for_pictures_it_says_so() {
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
    let said = demo(&["--output", in_a_file.to_str().unwrap()]);
    assert!(said.contains("Cargo.toml/pictures") && said.contains("--output"), "{said}");
}
