//! Aligned crops of the portraits that ship.

use std::path::{Path, PathBuf};

use assert_cmd::cargo::cargo_bin_cmd;
use image::DynamicImage;
use ostiary_testkit::repository_file;

/// The crop of a portrait, by its name, from the folder that [`crops`] made.
pub fn crop(crops: &Path, portrait: &str) -> DynamicImage {
    image::open(crops.join(format!("train/{portrait}/{portrait}.jpg"))).unwrap()
}

/// Prepares the portraits; returns the folder of crops.
pub fn crops(folder: &Path) -> PathBuf {
    let crops = folder.join("crops");
    let mut prepare = cargo_bin_cmd!("ostiary-trainer");
    prepare
        .arg("prepare")
        .arg(repository_file("crates/self-test/portraits"))
        .args(["--val", "0", "-o"])
        .arg(&crops);
    let prepared = prepare.arg("--models").arg(repository_file("models")).output().unwrap();
    assert!(prepared.status.success(), "{}", String::from_utf8_lossy(&prepared.stderr));
    crops
}
