//! Checks that all commands and flags of `ostiary-trainer` in the guides exist.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

mod guide;

use std::collections::BTreeMap;
use std::path::Path;

use assert_cmd::cargo::cargo_bin_cmd;
use guide::{lines, pages};

fn all_pages() -> BTreeMap<String, String> {
    pages(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
}

#[test]
fn every_verb_and_flag_exists() {
    let mut help: BTreeMap<String, String> = BTreeMap::new();
    let mut seen = 0;
    for (file, page) in all_pages() {
        for line in lines(&page) {
            let mut words = line.split_whitespace();
            let (Some("ostiary-trainer"), Some(verb)) = (words.next(), words.next()) else { continue };
            // The tests of the other program check its flags.
            if verb == "train" {
                continue;
            }
            let help = help.entry(verb.to_owned()).or_insert_with(|| {
                let output = cargo_bin_cmd!("ostiary-trainer").args([verb, "--help"]).output().unwrap();
                assert!(output.status.success(), "{file}: `{line}`: there is no such verb");
                String::from_utf8(output.stdout).unwrap()
            });
            for flag in words.filter(|word| word.starts_with('-')) {
                let exists = help.split_whitespace().any(|word| word.trim_matches(',') == flag);
                assert!(exists, "{file}: `{line}`: there is no {flag}");
            }
            seen += 1;
        }
    }
    assert!(seen >= 10, "only {seen} commands were found");
}

#[test]
fn every_flag_in_the_guides_to_one_or_few_verbs_exists() {
    let pages = all_pages();
    for (guide, verbs, least) in [
        ("training-data.md", &["prepare", "describe", "pairs"][..], 15),
        ("evaluate-models.md", &["evaluate"], 12),
    ] {
        let mut all = String::new();
        for verb in verbs {
            let output = cargo_bin_cmd!("ostiary-trainer").args([verb, "--help"]).output().unwrap();
            all += &String::from_utf8(output.stdout).unwrap();
        }
        let (_, page) = pages.iter().find(|(name, _)| name.ends_with(guide)).unwrap();
        let mut seen = 0;
        for line in lines(page) {
            for flag in line.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 2) {
                // Flags of `cargo` are not checked.
                if !line.starts_with("cargo") {
                    assert!(all.contains(flag), "{guide}: `{line}`: there is no {flag}");
                    seen += 1;
                }
            }
        }
        assert!(seen >= least, "{guide}: only {seen} flags were found");
    }
}
