//! Tests of `ostiary-trainer pairs` through the binary.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use assert_cmd::cargo::cargo_bin_cmd;
use common::tree;
use image::{Rgb, RgbImage};
use serde_json::Value;

fn trainer(verb: &str, input: &Path, output: &Path, more: &[&str]) -> Output {
    let mut command = cargo_bin_cmd!("ostiary-trainer");
    command.arg(verb).arg(input).arg("-o").arg(output).args(more).output().unwrap()
}

fn done(output: Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Writes a set of distinct crops. `sizes` has the number of pictures of each person.
fn set(folder: &Path, sizes: &[usize]) {
    for (person, size) in sizes.iter().enumerate() {
        let own = folder.join(format!("Person_{person}"));
        fs::create_dir_all(&own).unwrap();
        for number in 0..*size {
            let shade =
                |x: u32, y: u32| ((x * (3 + person as u32)) ^ (y * (5 + number as u32))) as u8 / 2 + 64;
            let picture = RgbImage::from_fn(112, 112, |x, y| Rgb([shade(x, y), shade(y, x), shade(x, x)]));
            picture.save(own.join(format!("photo {number}.png"))).unwrap();
        }
    }
}

#[test]
fn pairs_have_the_format_of_lfw_with_their_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    set(&at("set"), &[1, 4, 1, 3, 1, 5, 1, 2]);
    let flags = ["--folds", "2", "--pairs", "4", "--json"];
    let bin = at("pairs.bin");
    let printed = done(trainer(
        "pairs",
        &at("set"),
        &at("out"),
        &[&flags[..], &["--bin", bin.to_str().unwrap()]].concat(),
    ));
    assert_eq!((&printed["intra"], &printed["inter"]), (&8.into(), &8.into()));

    let list = fs::read_to_string(at("out/pairs.txt")).unwrap();
    let mut lines = list.lines();
    assert_eq!(lines.next(), Some("2\t4"));
    let file = |name: &str, number: &str| format!("{name}/{name}_{:0>4}.jpg", number);
    let made = fs::read_to_string(at("out/augmented.txt")).unwrap();
    let (mut people, mut pictures) = ([BTreeSet::new(), BTreeSet::new()], BTreeSet::new());
    for (index, line) in lines.enumerate() {
        let words: Vec<&str> = line.split('\t').collect();
        let pair = match words[..] {
            [name, first, second] if index % 8 < 4 => [(name, first), (name, second)],
            [name, first, other, second] if index % 8 >= 4 => [(name, first), (other, second)],
            _ => panic!("line {index}: {line}"),
        };
        for (name, number) in pair {
            people[index / 8].insert(name.to_owned());
            pictures.insert(file(name, number));
            let picture = image::open(at("out").join(file(name, number))).unwrap();
            assert_eq!((picture.width(), picture.height()), (112, 112));
        }
    }
    assert!(people[0].is_disjoint(&people[1]));
    let singles: BTreeSet<&str> = ["0", "2", "4", "6"].into();
    assert!(!made.is_empty());
    for name in made.lines() {
        assert!(name.ends_with("_0002.jpg") && singles.contains(&name["Person_".len()..][..1]), "{name}");
    }
    assert_eq!(printed["augmented"], made.lines().count());
    // The folder has only pictures that are in pairs.
    assert_eq!(printed["pictures"], pictures.len());
    assert_eq!(tree(&at("out")).len(), pictures.len() + 2);

    let again = done(trainer("pairs", &at("set"), &at("again"), &flags));
    assert_eq!(printed, again);
    assert!(tree(&at("out")) == tree(&at("again")));
    done(trainer("pairs", &at("set"), &at("other"), &[&flags[..], &["--seed", "2"]].concat()));
    assert!(tree(&at("out")) != tree(&at("other")));

    // The verification set has the same pairs: it is unpacked to the same pictures in the same order.
    done(trainer("prepare", &bin, &at("unpacked"), &["--json"]));
    let first = list.lines().nth(1).unwrap().split('\t').collect::<Vec<_>>();
    let [wanted, found] = [at("out").join(file(first[0], first[1])), at("unpacked/01/01_0001.jpg")];
    assert!(fs::read(wanted).unwrap() == fs::read(found).unwrap());
    let script = "import pickle, sys\npictures, same = pickle.load(open(sys.argv[1], 'rb'), encoding='bytes')\n\
                  assert all(type(p) is bytes and p[:2] == b'\\xff\\xd8' for p in pictures)\n\
                  assert len(pictures) == 32 and same == ([True] * 4 + [False] * 4) * 2";
    match Command::new("python3").arg("-c").arg(script).arg(&bin).output() {
        Ok(read) => assert!(read.status.success(), "{}", said(&read)),
        Err(error) => {
            eprintln!("SKIPPED: python3 cannot be run ({error}), the verification set is not read by Python")
        }
    }
}

#[test]
fn records_give_the_same_pairs_as_folders() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    set(&at("set"), &[1, 4, 3]);
    let flags = ["--aligned", "--val", "0", "--min-sharpness", "0", "--json"];
    done(trainer("prepare", &at("set"), &at("folders"), &flags));
    done(trainer("prepare", &at("set"), &at("records"), &[&flags[..], &["--format", "recordio"]].concat()));
    for kind in ["folders", "records"] {
        let train = at(kind).join("train");
        done(trainer(
            "pairs",
            &train,
            &at(&format!("{kind}-pairs")),
            &["--folds", "1", "--pairs", "5", "--json"],
        ));
    }
    assert!(tree(&at("folders-pairs")) == tree(&at("records-pairs")));
}

#[test]
fn wrong_input_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    set(&at("set"), &[2, 2]);
    let refused = |set: &str, output: &str, more: &[&str], part: &str| {
        let output = trainer("pairs", &at(set), &at(output), more);
        assert_eq!(output.status.code(), Some(2), "{part}");
        assert!(said(&output).contains(part), "{}", said(&output));
    };
    refused("set", "out", &[], "fold 1 has 1 people, who make 1 pairs of one person and 0 of two");
    refused("set", "set", &["--folds", "1", "--pairs", "1"], "is not empty");
    // A person's only picture is not an aligned crop.
    fs::create_dir(at("wild")).unwrap();
    for name in ["ada.png", "eve.png"] {
        RgbImage::new(200, 100).save(at("wild").join(name)).unwrap();
    }
    refused("wild", "wild-pairs", &["--folds", "1", "--pairs", "1"], "is 200x100");
}
