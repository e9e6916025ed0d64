//! Tests of `ostiary-trainer evaluate` through the binary, with the models that ship.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

mod portraits;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::cargo::cargo_bin_cmd;
use image::imageops::{brighten, contrast, flip_horizontal};
use image::{DynamicImage, RgbImage};
use ostiary_testkit::repository_file;
use portraits::{crop, crops};
use serde_json::Value;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn trainer(arguments: &[&str]) -> Output {
    cargo_bin_cmd!("ostiary-trainer").args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Evaluates with the models that ship; returns the rows of JSON.
fn evaluate(data: &[&Path], more: &[&str]) -> Vec<Value> {
    let output = run(data, &[more, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn run(data: &[&Path], more: &[&str]) -> Output {
    let models =
        [repository_file("models/mobilefacenet.onnx"), repository_file("models/mobilefacenet-int8.onnx")];
    let mut arguments = vec!["evaluate"];
    arguments.extend(data.iter().map(|path| text(path)));
    arguments.extend(["--model", text(&models[0]), "--model", text(&models[1])]);
    let folder = repository_file("models");
    arguments.extend(["--models", text(&folder)]);
    arguments.extend(more);
    trainer(&arguments)
}

/// Asserts an error that contains all parts.
#[track_caller]
fn refused(output: &Output, parts: &[&str]) {
    assert_eq!(output.status.code(), Some(2), "{}", said(output));
    let why = said(output);
    assert!(why.starts_with("error: ") && !why.contains("panicked"), "{why}");
    for part in parts {
        assert!(why.contains(part), "{why}: not {part:?}");
    }
}

/// Aligned crops of the portraits: a folder for each of three people; one person has two portraits, and each of the others one.
/// Each portrait is there in several brightnesses.
fn people(folder: &Path) -> PathBuf {
    let (crops, set) = (crops(folder), folder.join("people"));
    for (person, portrait) in
        [("biden", "biden"), ("hopper", "hopper"), ("obama", "obama"), ("obama", "obama2")]
    {
        let crop = crop(&crops, portrait).into_rgb8();
        let person = set.join(person);
        fs::create_dir_all(&person).unwrap();
        for (index, varied) in lights(&crop).into_iter().enumerate() {
            varied.save(person.join(format!("{portrait} {index}.png"))).unwrap();
        }
    }
    set
}

fn lights(picture: &RgbImage) -> [RgbImage; 4] {
    [picture.clone(), flip_horizontal(picture), brighten(picture, 30), contrast(picture, -25.0)]
}

/// A verification set as Python pickles it with protocol 2: a tuple of a list of byte strings and a list of bools.
fn pickle(pictures: &[Vec<u8>], same: &[bool]) -> Vec<u8> {
    let mut file = b"\x80\x02](".to_vec();
    for picture in pictures {
        file.push(b'T');
        file.extend((picture.len() as u32).to_le_bytes());
        file.extend(picture);
    }
    file.extend(b"e](");
    file.extend(same.iter().map(|same| if *same { 0x88 } else { 0x89 }));
    file.extend(b"e\x86.");
    file
}

fn jpeg(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    DynamicImage::from(picture.clone()).write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

#[test]
fn a_verification_set_is_measured_with_both_models() {
    let folder = tempfile::tempdir().unwrap();
    let set = people(folder.path());
    let mut names: Vec<PathBuf> = fs::read_dir(&set).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let pictures: Vec<Vec<Vec<u8>>> = names
        .iter()
        .map(|person| {
            let mut files: Vec<PathBuf> = fs::read_dir(person).unwrap().map(|e| e.unwrap().path()).collect();
            files.sort();
            files.iter().take(4).map(|file| jpeg(&image::open(file).unwrap().into_rgb8())).collect()
        })
        .collect();
    // Each fold has a pair of each person, and a pair of each person with the next one.
    let (mut files, mut same) = (Vec::new(), Vec::new());
    for fold in 0..10 {
        for (index, own) in pictures.iter().enumerate() {
            let next = &pictures[(index + 1) % pictures.len()];
            let (first, second) = (fold % 4, (fold + 1 + fold / 4) % 4);
            files.extend([own[first].clone(), own[second].clone(), own[first].clone(), next[second].clone()]);
            same.extend([true, false]);
        }
    }
    let bin = folder.path().join("portraits.bin");
    fs::write(&bin, pickle(&files, &same)).unwrap();

    let out = folder.path().join("report");
    let rows = evaluate(&[&bin], &["--out", text(&out)]);
    assert_eq!(rows.len(), 2);
    for (row, model) in rows.iter().zip(["mobilefacenet", "mobilefacenet-int8"]) {
        assert_eq!((&row["data"], &row["model"]), (&"portraits".into(), &model.into()));
        assert_eq!(row["pictures"], 4 * pictures.len(), "each picture once");
        assert_eq!(
            (&row["genuine_pairs"], &row["impostor_pairs"]),
            (&(same.len() / 2).into(), &(same.len() / 2).into())
        );
        assert!(row["accuracy"]["mean"].as_f64().unwrap() > 97.0, "{row}");
        assert_eq!((&row["accuracy"]["folds"], &row["accuracy"]["pairs"]), (&10.into(), &same.len().into()));
        assert!(row["eer"].as_f64().unwrap() < 3.0, "{row}");
        // There are too few impostor pairs for a FAR of 1 %.
        let tar = row["tar"].as_array().unwrap();
        assert!(tar[0]["tar"].as_f64().unwrap() > 95.0 && tar[0]["interval"][0].as_f64().unwrap() < 100.0);
        assert!(tar[2]["tar"].is_null() && tar[5]["interval"].is_null());
        assert!(row.get("identification").is_none());
    }
    let threshold = |row: &Value| row["accuracy"]["threshold"].as_f64().unwrap();
    assert!((threshold(&rows[0]) - threshold(&rows[1])).abs() < 0.1, "{rows:?}");

    // The plots can be opened, and the results are beside them.
    for kind in ["roc", "det", "scores"] {
        let svg = fs::read_to_string(out.join(format!("portraits-{kind}.svg"))).unwrap();
        assert!(svg.contains("<svg") && svg.contains("mobilefacenet-int8"), "{kind}");
        let png = image::open(out.join(format!("portraits-{kind}.png"))).unwrap().into_rgb8();
        assert!(png.width() == 800 && png.pixels().any(|pixel| pixel.0 == [0, 114, 178]), "{kind}");
    }
    let results = fs::read_to_string(out.join("results.jsonl")).unwrap();
    assert_eq!(results.lines().count(), 2);
    refused(&run(&[&bin], &["--out", text(&out)]), &["report", "not empty"]);
    assert_eq!(fs::read_to_string(out.join("results.jsonl")).unwrap(), results, "nothing is overwritten");

    // A damaged set, and sets with other content.
    let damaged = folder.path().join("damaged.bin");
    let whole = fs::read(&bin).unwrap();
    fs::write(&damaged, &whole[..whole.len() / 2]).unwrap();
    refused(&run(&[&damaged], &[]), &["damaged.bin", "damaged"]);
    files[3] = b"no picture".to_vec();
    fs::write(&damaged, pickle(&files, &same)).unwrap();
    refused(
        &run(&[&damaged], &[]),
        &["damaged.bin: picture 4 (pair 2)", "it is no picture that can be read"],
    );
    fs::write(&damaged, pickle(&files[..4], &[true, true])).unwrap();
    refused(&run(&[&damaged], &[]), &["damaged.bin", "2 pairs of one person and 0 of two"]);
    refused(
        &run(&[&bin], &["--groups", text(&repository_file("Cargo.toml"))]),
        &["Cargo.toml", "person,group"],
    );
    let groups = folder.path().join("groups.csv");
    fs::write(&groups, "person,group\nobama,a\n").unwrap();
    refused(&run(&[&bin], &["--groups", text(&groups)]), &["portraits.bin", "does not name people"]);
}

#[test]
fn people_are_verified_identified_and_grouped() {
    let folder = tempfile::tempdir().unwrap();
    let set = people(folder.path());
    let groups = folder.path().join("groups.csv");
    fs::write(&groups, "person,group\nobama,men\nbiden,men\nhopper,women\n").unwrap();
    let rows = evaluate(&[&set], &["--groups", text(&groups)]);
    for row in &rows {
        assert!(row["eer"].as_f64().unwrap() < 5.0, "{row}");
        assert_eq!(
            (&row["genuine_pairs"], &row["impostor_pairs"]),
            (&(28 + 6 + 6).into(), &(32 + 32 + 16).into())
        );
        assert!(row["accuracy"]["mean"].as_f64().unwrap() > 95.0, "{row}");
        let identification = &row["identification"];
        assert_eq!(identification["people"], 3);
        assert!(identification["rank1"].as_f64().unwrap() > 95.0, "{row}");
        let sizes: Vec<_> =
            identification["open"].as_array().unwrap().iter().map(|set| &set["gallery"]).collect();
        assert_eq!(sizes, [1, 2]);
        let groups = row["groups"].as_array().unwrap();
        let counts: Vec<_> =
            groups.iter().map(|g| (&g["group"], &g["people"], &g["impostor_pairs"])).collect();
        assert_eq!(counts[0], (&"men".into(), &2.into(), &(8 * 4).into()));
        // A group of one person has no impostor pairs.
        assert_eq!(counts[1], (&"women".into(), &1.into(), &0.into()));
        assert!(groups[1]["far"].is_null() && groups[1]["tar"].as_f64().unwrap() > 80.0);
    }
    // The result does not depend on the number of threads. It depends on --flip.
    let again = |more: &[&str]| evaluate(&[&set], more);
    assert_eq!(again(&["--threads", "1"]), again(&["--threads", "2"]));
    assert_ne!(again(&["--flip"])[0]["accuracy"]["threshold"], rows[0]["accuracy"]["threshold"]);

    let table = run(&[&set], &["--groups", text(&groups)]);
    let table = String::from_utf8(table.stdout).unwrap();
    for part in ["rank-1", "mobilefacenet-int8", "TAR@1e-6", "women"] {
        assert!(table.contains(part), "{table}");
    }

    fs::write(&groups, "person,group\nnobody,men\n").unwrap();
    refused(&run(&[&set], &["--groups", text(&groups)]), &["people", "--groups"]);
    fs::write(&groups, "person,group\nobama,a\nobama,b\n").unwrap();
    refused(&run(&[&set], &["--groups", text(&groups)]), &["groups.csv", "obama", "twice"]);
}

#[test]
fn a_cohort_normalizes_scores() {
    let folder = tempfile::tempdir().unwrap();
    let set = people(folder.path());
    let strangers = folder.path().join("strangers");
    fs::create_dir(&strangers).unwrap();
    let hopper = image::open(set.join("hopper/hopper 0.png")).unwrap().into_rgb8();
    for number in 0..50 {
        brighten(&hopper, number - 25).save(strangers.join(format!("{number}.png"))).unwrap();
    }
    let threshold = |rows: &[Value]| rows[0]["tar"][0]["threshold"].as_f64().unwrap();
    let (plain, normalized) = (evaluate(&[&set], &[]), evaluate(&[&set], &["--cohort", text(&strangers)]));
    assert!(threshold(&normalized) < threshold(&plain) - 0.05 && normalized[0]["cohort"] == true);
    fs::remove_file(strangers.join("7.png")).unwrap();
    refused(&run(&[&set], &["--cohort", text(&strangers)]), &["the cohort has 49 faces"]);
}

#[test]
fn the_output_of_pairs_is_read_and_other_pictures_are_aligned() {
    let folder = tempfile::tempdir().unwrap();
    let set = people(folder.path());
    let (pairs, bin) = (folder.path().join("pairs"), folder.path().join("same.bin"));
    let wanted = ["--folds", "1", "--pairs", "20", "--bin", text(&bin)];
    let made = trainer(&[&["pairs", text(&set), "-o", text(&pairs)], &wanted[..]].concat());
    assert!(made.status.success(), "{}", said(&made));
    let rows = evaluate(&[&pairs, &bin], &[]);
    // The list and the verification set have the same pairs, so they give the same results.
    for (list, bin) in [(&rows[0], &rows[2]), (&rows[1], &rows[3])] {
        assert_eq!((&list["data"], &bin["data"]), (&"pairs".into(), &"same".into()));
        for figure in ["genuine_pairs", "impostor_pairs", "accuracy", "eer", "tar"] {
            assert_eq!(list[figure], bin[figure], "{figure}");
        }
    }
    let list = pairs.join("pairs.txt");
    assert_eq!(evaluate(&[&list], &[])[0]["eer"], rows[0]["eer"]);
    let first =
        fs::read_to_string(&list).unwrap().lines().nth(1).unwrap().split('\t').next().unwrap().to_owned();
    fs::remove_file(pairs.join(&first).join(format!("{first}_0001.jpg"))).unwrap();
    refused(&run(&[&pairs], &[]), &["pairs.txt", &first, "does not exist"]);

    // Portraits and a picture without a face: faces are found, and the other picture is reported and left out.
    let wild = folder.path().join("wild");
    for (person, portraits) in [("Obama", &["obama.jpg", "obama2.jpg"][..]), ("Biden", &["biden.jpg"])] {
        fs::create_dir_all(wild.join(person)).unwrap();
        for portrait in portraits {
            fs::copy(
                repository_file("crates/self-test/portraits").join(portrait),
                wild.join(person).join(portrait),
            )
            .unwrap();
        }
    }
    RgbImage::from_pixel(300, 300, image::Rgb([120; 3])).save(wild.join("Biden/wall.png")).unwrap();
    let output = run(&[&wild], &["--json"]);
    assert!(
        said(&output).contains("no face is found in 1 of 4 pictures") && said(&output).contains("wall.png")
    );
    let row: Value =
        serde_json::from_slice(output.stdout.split(|byte| *byte == b'\n').next().unwrap()).unwrap();
    assert_eq!((&row["genuine_pairs"], &row["impostor_pairs"]), (&1.into(), &2.into()));
    assert_eq!((&row["without_face"], &row["eer"]), (&1.into(), &0.0.into()));
    assert!(row["accuracy"].is_null());
}

#[test]
fn wrong_input_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("empty")).unwrap();
    refused(&run(&[&at("empty")], &[]), &["empty", "is not a set of faces"]);
    refused(&run(&[&at("nowhere")], &[]), &["nowhere"]);
    refused(&run(&[&at("nowhere.bin")], &[]), &["nowhere.bin"]);

    let crop = RgbImage::from_fn(112, 112, |x, y| image::Rgb([x as u8, y as u8, 90]));
    for file in ["one/Ada/1.png", "one/Ada/2.png", "two/Ada/1.png", "two/Ada/2.png", "two/Eve/1.png"] {
        fs::create_dir_all(at(file).parent().unwrap()).unwrap();
        crop.save(at(file)).unwrap();
    }
    refused(&run(&[&at("one")], &[]), &["one person, Ada"]);
    let portraits = repository_file("crates/self-test/portraits");
    refused(&run(&[&portraits], &[]), &["no person has two pictures"]);

    let two = at("two");
    let with_model = |model: &Path| {
        let models = repository_file("models");
        trainer(&["evaluate", text(&two), "--model", text(model), "--models", text(&models)])
    };
    refused(
        &with_model(&repository_file("models/onet.onnx")),
        &["onet.onnx", "not the model that its role needs"],
    );
    refused(
        &with_model(&repository_file("models/pnet.onnx")),
        &["pnet.onnx", "not a model that embeds faces"],
    );
    refused(&with_model(&repository_file("Cargo.toml")), &["Cargo.toml", "not an ONNX model"]);
    refused(&with_model(&at("gone.onnx")), &["gone.onnx", "cannot read"]);

    fs::write(at("file"), "").unwrap();
    refused(&run(&[&two], &["--out", text(&at("file"))]), &["file", "cannot write"]);
    fs::write(two.join("Eve/2.jpg"), "torn").unwrap();
    refused(&run(&[&two], &[]), &["Eve/2.jpg"]);
    refused(&run(&[&two], &["--divisor", "0"]), &["--divisor"]);
}

#[test]
fn onnxruntime_gives_the_results_of_the_doors_engine() {
    let folder = tempfile::tempdir().unwrap();
    let set = people(folder.path());
    let library = repository_file("target/onnxruntime/libonnxruntime.so");
    let output = run(&[&set], &["--backend", "both", "--ort-library", text(&library), "--json"]);
    if said(&output).contains("built without the feature ort") {
        eprintln!("SKIPPED: built without the feature ort, onnxruntime is not compared");
        return refused(&output, &["engine.backend"]);
    }
    assert_eq!(output.status.code(), Some(0), "{}; scripts/onnxruntime fetches the library", said(&output));
    let rows: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let names: Vec<&str> = rows.iter().map(|row| row["model"].as_str().unwrap()).collect();
    let wanted = ["mobilefacenet", "mobilefacenet (ort)", "mobilefacenet-int8", "mobilefacenet-int8 (ort)"];
    assert_eq!(names, wanted);
    for (engines, most) in rows.chunks(2).zip([1e-3, 0.03]) {
        let [ours, theirs] = [0, 1].map(|engine| engines[engine]["tar"][0]["threshold"].as_f64().unwrap());
        assert!((ours - theirs).abs() < most, "{ours} and {theirs}");
        assert_eq!((&engines[0]["backend"], &engines[1]["backend"]), (&"tract".into(), &"ort".into()));
    }
    refused(
        &run(&[&set], &["--backend", "ort", "--ort-library", "/nowhere/lib.so"]),
        &["/nowhere/lib.so", "cannot be used as onnxruntime"],
    );
}
