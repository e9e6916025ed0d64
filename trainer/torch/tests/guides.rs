//! Checks that all flags of `ostiary-trainer train` in the guides exist.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

#[path = "../../tests/guide/mod.rs"]
mod guide;

use std::path::Path;
use std::process::Command;

use guide::{lines, pages};

#[test]
fn every_flag_of_train_exists() {
    let help =
        Command::new(env!("CARGO_BIN_EXE_ostiary-trainer-torch")).args(["train", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    // The help shows the program that users start.
    assert!(help.contains("Usage: ostiary-trainer train "), "{help}");
    let mut seen = 0;
    for (file, page) in pages(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")) {
        for line in lines(&page) {
            let Some(arguments) = line.strip_prefix("ostiary-trainer train ") else { continue };
            for flag in arguments.split_whitespace().filter(|word| word.starts_with('-')) {
                let exists = help.split_whitespace().any(|word| word.trim_matches(',') == flag);
                assert!(exists, "{file}: `{line}`: there is no {flag}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 10, "only {seen} flags were found");
}
