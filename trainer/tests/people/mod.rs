//! Faces to export a model with, out of the portraits that ship.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::cargo::cargo_bin_cmd;

/// A file of the repository.
pub fn of_project(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)
}

/// Two portraits to calibrate with.
pub fn few_portraits(folder: &Path) -> PathBuf {
    let few = folder.join("portraits");
    fs::create_dir(&few).unwrap();
    for portrait in ["hopper.jpg", "obama.jpg"] {
        fs::copy(of_project("demo/portraits").join(portrait), few.join(portrait)).unwrap();
    }
    few
}

/// Aligned crops, a folder for each of three people: each portrait in three brightnesses.
pub fn people(folder: &Path) -> PathBuf {
    let [crops, people] = ["crops", "people"].map(|name| folder.join(name));
    let mut prepare = cargo_bin_cmd!("ostiary-trainer");
    prepare.arg("prepare").arg(of_project("demo/portraits")).args(["--val", "0", "-o"]).arg(&crops);
    let prepared = prepare.arg("--models").arg(of_project("models")).output().unwrap();
    assert!(prepared.status.success(), "{}", String::from_utf8_lossy(&prepared.stderr));
    for (person, portrait) in [
        ("Obama", "obama"),
        ("Obama", "obama2"),
        ("Obama", "obama3"),
        ("Biden", "biden"),
        ("Hopper", "hopper"),
    ] {
        fs::create_dir_all(people.join(person)).unwrap();
        let crop = image::open(crops.join(format!("train/{portrait}/{portrait}.jpg"))).unwrap();
        for (number, brighter) in [0, 15, 30].into_iter().enumerate() {
            crop.brighten(brighter).save(people.join(format!("{person}/{portrait}-{number}.png"))).unwrap();
        }
    }
    people
}
