//! The manual pages as text in tests/snapshots/. A change of them shows in a diff;
//! `INSTA_UPDATE=always cargo nextest run --test snapshots` accepts it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use insta::assert_snapshot;
use ostiary_manual::write_pages;

/// Every file that ends in one of these, by its path.
fn written(endings: &[&str]) -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    write_pages(folder.path()).unwrap();
    let mut files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| endings.iter().any(|ending| file.to_str().unwrap().ends_with(ending)));
    files.sort();
    (folder, files)
}

#[test]
fn manual_pages() {
    let (_folder, pages) = written(&[".1"]);
    let mut text = String::new();
    for page in pages {
        let content = fs::read_to_string(&page).unwrap();
        writeln!(text, "=== {}\n{content}", page.file_name().unwrap().display()).unwrap();
    }
    assert_snapshot!(text);
}

#[test]
fn configuration_page() {
    let (_folder, pages) = written(&[".5"]);
    let [page] = pages.as_slice() else { panic!("{pages:?}") };
    assert!(page.ends_with("ostiary.toml.5"));
    assert_snapshot!(fs::read_to_string(page).unwrap());
}
