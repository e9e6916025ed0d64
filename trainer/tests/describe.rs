//! Tests of `ostiary-trainer describe` through the binary.

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
use image::imageops::{brighten, flip_horizontal};
use ostiary_testkit::repository_file;
use serde_json::Value;

fn trainer(arguments: &[&str]) -> Output {
    let mut command = cargo_bin_cmd!("ostiary-trainer");
    command.args(arguments).arg("--models").arg(repository_file("models")).output().unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A set of two people. One of them has a picture of the other.
fn set_with_a_wrong_label(folder: &Path) -> PathBuf {
    let (crops, set) = (folder.join("crops"), folder.join("set"));
    let portraits = repository_file("crates/self-test/portraits");
    let prepared = trainer(&["prepare", text(&portraits), "-o", text(&crops), "--val", "0"]);
    assert!(prepared.status.success(), "{}", String::from_utf8_lossy(&prepared.stderr));
    let crop = |name: &str| image::open(crops.join(format!("train/{name}/{name}.jpg"))).unwrap().into_rgb8();
    let write = |file: &str, picture: &image::RgbImage| {
        let path = set.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        picture.save(path).unwrap();
    };
    let (hopper, first, second) = (crop("hopper"), crop("obama"), crop("obama2"));
    write("Grace <b>/1.png", &hopper);
    write("Grace <b>/2.png", &flip_horizontal(&hopper));
    write("Obama/1.png", &first);
    write("Obama/2.png", &second);
    write("Obama/stray.png", &brighten(&hopper, 20));
    set
}

#[test]
fn a_wrong_label_is_found_and_reported_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let set = set_with_a_wrong_label(folder.path());
    fs::write(set.join("Obama/torn.jpg"), "text").unwrap();
    image::RgbImage::new(50, 50).save(set.join("Obama/small.png")).unwrap();
    let (page, sheets) = (folder.path().join("page.html"), folder.path().join("sheets"));
    let flags = ["describe", text(&set), "-o", text(&page), "--sheets", text(&sheets)];
    let output = trainer(&[&flags[..], &["--json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let described: Value = serde_json::from_slice(&output.stdout).unwrap();
    let counts = &described["counts"];
    assert_eq!((&counts["people"], &counts["pictures"], &counts["most"]), (&2.into(), &7.into(), &5.into()));
    assert_eq!((&counts["intra_pairs"], &counts["inter_pairs"]), (&11.into(), &10.into()));
    assert_eq!((&described["sampled_pictures"], &described["not_compared"]), (&5.into(), &2.into()));
    let likeness = &described["likeness"];
    assert_eq!((&likeness["intra_pairs"], &likeness["inter_pairs"]), (&4.into(), &6.into()));
    assert!(likeness["eer"].as_f64().unwrap() > 0.0);
    let shares =
        |kind: &str| likeness[kind].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).sum::<f64>();
    assert!((shares("intra") - 1.0).abs() < 1e-9 && (shares("inter") - 1.0).abs() < 1e-9);
    let doubts = described["doubts"]["pictures"].as_array().unwrap();
    assert_eq!((&doubts[0]["picture"], &doubts[0]["like"]), (&"stray.png".into(), &"Grace <b>".into()));
    assert!(doubts[0]["other"].as_f64().unwrap() > doubts[0]["own"].as_f64().unwrap() + 0.3);

    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains("Grace &lt;b&gt;") && !page.contains("Grace <b>"), "names must be escaped");
    assert!(page.matches("<svg").count() == 2 && page.contains("Obama/stray.png"));
    for (sheet, rows) in [("people.png", 2), ("doubts.png", doubts.len() as u32)] {
        let sheet = image::open(sheets.join(sheet)).unwrap();
        assert_eq!(sheet.height(), rows * 116 + 4);
    }

    let table = String::from_utf8(trainer(&["describe", text(&set)]).stdout).unwrap();
    assert!(table.contains("Obama/stray.png") && table.contains("not compared"), "{table}");
    let strangers = trainer(&["describe", text(&repository_file("crates/self-test/portraits"))]);
    assert_eq!(strangers.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&strangers.stderr).contains("`ostiary-trainer prepare` makes"));
}

#[test]
fn a_sample_depends_on_the_seed_only() {
    let folder = tempfile::tempdir().unwrap();
    let set = set_with_a_wrong_label(folder.path());
    let described = |more: &[&str]| {
        let output = trainer(&[&["describe", text(&set), "--json"], more].concat());
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    assert_eq!(described(&["--threads", "1"]), described(&["--threads", "2"]));
    let few = described(&["--people", "1", "--pictures", "2"]);
    assert_eq!((&few["sampled_people"], &few["sampled_pictures"]), (&1.into(), &2.into()));
    assert_eq!(few["counts"]["pictures"], 5);
    assert!(few["likeness"].get("eer").is_none());
}
