//! Sets of faces for exports, made from the portraits that ship.

#[path = "../portraits/mod.rs"]
mod portraits;

use std::fs;
use std::path::{Path, PathBuf};

use ostiary_testkit::repository_file;
use portraits::{crop, crops};

/// A folder with two portraits for calibration.
pub fn few_portraits(folder: &Path) -> PathBuf {
    let few = folder.join("portraits");
    fs::create_dir(&few).unwrap();
    for portrait in ["hopper.jpg", "obama.jpg"] {
        fs::copy(repository_file("crates/self-test/portraits").join(portrait), few.join(portrait)).unwrap();
    }
    few
}

/// Aligned crops, a folder for each of three people: each portrait in three brightnesses.
pub fn people(folder: &Path) -> PathBuf {
    let (crops, people) = (crops(folder), folder.join("people"));
    for (person, portrait) in [
        ("Obama", "obama"),
        ("Obama", "obama2"),
        ("Obama", "obama3"),
        ("Biden", "biden"),
        ("Hopper", "hopper"),
    ] {
        fs::create_dir_all(people.join(person)).unwrap();
        let crop = crop(&crops, portrait);
        for (number, brighter) in [0, 15, 30].into_iter().enumerate() {
            crop.brighten(brighter).save(people.join(format!("{person}/{portrait}-{number}.png"))).unwrap();
        }
    }
    people
}
