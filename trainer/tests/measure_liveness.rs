//! Tests of `ostiary-trainer measure-liveness` through the binary.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

use std::fs;
use std::process::Output;

use assert_cmd::cargo::cargo_bin_cmd;
use ostiary_testkit::repository_file;

fn measure(arguments: &[&str]) -> Output {
    let mut command = cargo_bin_cmd!("ostiary-trainer");
    command.arg("measure-liveness").args(arguments).arg("--models").arg(repository_file("models"));
    command.output().unwrap()
}

#[test]
fn pictures_and_medians_are_counted_at_both_precisions() {
    let folder = tempfile::tempdir().unwrap();
    let person = folder.path().join("live/person");
    fs::create_dir_all(&person).unwrap();
    for number in 1..=6 {
        let portrait = repository_file("crates/self-test/portraits/obama.jpg");
        fs::copy(portrait, person.join(format!("{number}.jpg"))).unwrap();
    }
    fs::write(person.join("notes.txt"), "no picture").unwrap();
    let live = folder.path().join("live");
    let output = measure(&["--live", live.to_str().unwrap(), "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let rows = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<serde_json::Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for precision in ["fp32", "int8"] {
        let of_precision = || rows.iter().filter(|row| row["precision"] == precision);
        let scores: Vec<_> = of_precision().filter(|row| row["picture"].is_string()).collect();
        assert_eq!(scores.len(), 6);
        for score in scores {
            assert!(
                score["live"].as_f64().unwrap() > 0.9 && score["scale"].as_f64().unwrap() > 2.69,
                "{score}"
            );
        }
        for (unit, total) in [("picture", 6), ("median of 5", 1)] {
            let counts = of_precision().find(|row| row["unit"] == unit).unwrap();
            assert_eq!((&counts["total"], &counts["pass"]), (&total.into(), &total.into()), "{counts}");
        }
    }
}

/// Faces that are pasted into other scenes, and simulated prints, are counted too, and faces with too little room apart.
#[test]
fn simulated_attacks_and_too_little_room_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let portrait =
        |name: &str| image::open(repository_file(&format!("crates/self-test/portraits/{name}.jpg"))).unwrap();
    for set in ["live", "attack", "near"] {
        for (person, name) in [("a", "obama"), ("b", "hopper")] {
            let person = folder.path().join(set).join(person);
            fs::create_dir_all(&person).unwrap();
            let picture = portrait(name);
            let (width, height) = (picture.width(), picture.height());
            let is_near = set == "near" && name == "obama";
            // The face of this portrait is 235 pixels wide and 324 high, at 377, 94.
            let picture = if is_near { picture.crop_imm(340, 60, 310, 400) } else { picture };
            let picture = picture.resize(width / 2, height / 2, image::imageops::FilterType::Triangle);
            for number in 1..=4 {
                picture.save(person.join(format!("{number}.jpg"))).unwrap();
            }
        }
    }
    let path = |set: &str| folder.path().join(set).display().to_string();
    let (live, attack, near) = (path("live"), path("attack"), path("near"));
    let output = measure(&["--live", &live, "--attack", &attack, "--others", &near, "--simulate", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let rows = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<serde_json::Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for precision in ["fp32", "int8"] {
        let row = |set: &str, key: &str, value: Option<&str>| {
            let is_it = |row: &&serde_json::Value| {
                let has_value = row.get(key).is_some_and(|found| value.is_none_or(|value| found == value));
                row["set"] == set && row["precision"] == precision && has_value
            };
            rows.iter().find(is_it).unwrap_or_else(|| panic!("{set}, {key} is missing"))
        };
        for set in ["attack face in a live scene", "live face in an attack scene"] {
            let counts = row(set, "room", Some("any"));
            // Every third of 4 faces, of two people.
            assert_eq!((&counts["kind"], &counts["total"]), (&"attack".into(), &4.into()), "{counts}");
        }
        for set in ["simulated print that fills the view", "simulated print with edges in view"] {
            let (counts, not_judged) = (row(set, "room", Some("any")), row(set, "without_face", None));
            let [faces, missing] = [&counts["total"], &not_judged["without_face"]];
            assert_eq!(faces.as_u64().unwrap() + missing.as_u64().unwrap(), 45, "{counts}");
            assert!(faces.as_u64().unwrap() > 40, "{counts}");
        }
        let room = &row(&near, "too_little_room", None)["too_little_room"];
        assert_eq!((&room["hits"], &room["trials"]), (&4.into(), &8.into()), "{room}");
        assert_eq!(row(&near, "room", Some("any"))["total"], 8);
        assert_eq!(row(&near, "room", Some("enough"))["total"], 4);
        // The APCER of photos that are taken for live is the share that passes.
        let attack = row("attack", "room", Some("any"));
        let [pass, total, errors] = [&attack["pass"], &attack["total"], &attack["error"]["hits"]];
        assert_eq!((pass, errors), (total, total), "{attack}");
    }
}

#[test]
fn missing_folders_and_faces_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().to_str().unwrap();
    for (arguments, part) in [
        (&[][..], "there is nothing to measure"),
        (&["--live", text], "has no folders with pictures of faces"),
        (&["--attack", "/absent"], "cannot read the folder /absent"),
        (&["--others", text], "has no pictures"),
        (&["--live", text, "--simulate"], "--attack"),
    ] {
        let output = measure(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2));
        assert!(said.contains(part), "{said}");
    }
}
