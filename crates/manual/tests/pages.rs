//! The pages and completions that are written.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use ostiary_config::SECTIONS;
use ostiary_manual::{write_configuration, write_pages};

#[test]
fn verbs_are_offered_and_hidden_ones_are_not() {
    let folder = tempfile::tempdir().unwrap();
    write_pages(folder.path()).unwrap();
    for name in ["ostiary.bash", "ostiary.fish", "_ostiary"] {
        let text = fs::read_to_string(folder.path().join(name)).unwrap();
        for offered in ["enroll", "reembed", "config", "version"] {
            assert!(text.contains(offered), "{name}: {offered}");
        }
        assert!(!text.contains("relay-guard"), "{name}");
    }
    assert!(folder.path().join("ostiary-people.1").exists());
    assert!(folder.path().join("ostiary-clock-accept.1").exists());
    assert!(folder.path().join("ostiary-console-accounts-remove.1").exists());
    assert!(!folder.path().join("ostiary-relay-guard.1").exists());
}

/// As lintian checks pages: what groff reports is an error. The text is that of the page, so that what roff takes for a
/// command and drops would be missing.
#[test]
fn groff_reports_nothing_and_drops_no_key() {
    let folder = tempfile::tempdir().unwrap();
    write_pages(folder.path()).unwrap();
    let pages = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let pages: Vec<_> = pages
        .filter(|page| page.extension().is_some_and(|section| section == "1" || section == "5"))
        .collect();
    assert!(pages.len() > 20, "{pages:?}");
    for page in &pages {
        formatted(page);
    }
    for (page, sections) in [
        ("ostiary.1", &["EXIT STATUS", "ENVIRONMENT", "FILES", "SEE ALSO"][..]),
        ("ostiary.toml.5", &["ENVIRONMENT", "FILES", "SEE ALSO"]),
        ("ostiary-people-list.1", &["EXIT STATUS", "SEE ALSO"]),
    ] {
        let text = formatted(&folder.path().join(page));
        for section in sections {
            assert!(text.lines().any(|line| line == *section), "{page}: {section}");
        }
    }
    let text = formatted(&folder.path().join("ostiary.1"));
    for named in [
        "OSTIARY_DOOR__FPIR=0.003",
        "/var/lib/ostiary/events.sqlite",
        "/run/ostiary/control",
        "/etc/ostiary/conf.d",
    ] {
        assert!(text.contains(named), "{named}");
    }
    let text = formatted(&folder.path().join("ostiary.toml.5"));
    let words: Vec<&str> = text.split_whitespace().collect();
    for section in SECTIONS {
        assert!(words.contains(&format!("[{}]", section.name()).as_str()), "{}", section.name());
        for key in section.keys() {
            assert!(words.contains(&key.short_name()), "{}", key.name());
        }
    }
    assert!(words.contains(&"[\"22:00-06:00\"]"), "an example of [hours]");
}

fn formatted(page: &Path) -> String {
    let groff = ["-man", "-Tutf8", "-ww", "-rLL=200n", "-P-c", "-P-b", "-P-u"];
    let output = Command::new("groff").args(groff).arg(page).output().unwrap();
    let reported = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && reported.is_empty(), "{}: {reported}", page.display());
    String::from_utf8(output.stdout).unwrap().replace('\u{2010}', "-")
}

#[test]
fn the_configuration_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ostiary.toml");
    write_configuration(&file).unwrap();
    assert_eq!(fs::read_to_string(file).unwrap(), include_str!("../../../config/ostiary.toml"));
    let missing = folder.path().join("none/ostiary.toml");
    let error = write_configuration(&missing).unwrap_err();
    assert!(error.to_string().contains("none/ostiary.toml"), "{error}");
}
