//! Tests of `ostiary-trainer train` through the binary, on small sets made from the bundled portraits.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failure of a test helper fails the test"
)]

#[path = "../../tests/common/mod.rs"]
mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::tree;
use image::imageops::{FilterType, blur, brighten, flip_horizontal, resize};
use image::{GenericImageView, RgbImage};
use serde_json::Value;
use tempfile::TempDir;

const SIDE: u32 = 112;

/// Settings of a network that trains in seconds.
const SMALL: [&str; 10] =
    ["--width", "0.125", "--embedding", "16", "-b", "16", "--scale", "16", "--lr", "0.1"];

fn portrait(name: &str) -> RgbImage {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/self-test/portraits").join(name);
    image::open(path).unwrap().into_rgb8()
}

/// A set with a folder for each person, of 24 pictures each: parts of a portrait with different brightness.
fn people(folder: &Path) -> PathBuf {
    let set = folder.join("people");
    for (person, name) in [("Biden", "biden.jpg"), ("Hopper", "hopper.jpg"), ("Obama", "obama.jpg")] {
        let picture = portrait(name);
        let least = picture.width().min(picture.height());
        fs::create_dir_all(set.join(person)).unwrap();
        for number in 0..24 {
            let cut = least * (70 + number % 4 * 8) / 100;
            let (left, top) = ((least - cut) * (number % 3) / 2, (least - cut) * (number / 3 % 3) / 2);
            let part = picture.view(left, top, cut, cut).to_image();
            let mut face =
                brighten(&resize(&part, SIDE, SIDE, FilterType::Triangle), (number as i32 % 5 - 2) * 20);
            if number % 2 == 1 {
                face = flip_horizontal(&face);
            }
            if number % 7 == 3 {
                face = blur(&face, 1.0);
            }
            face.save(set.join(person).join(format!("{number:02}.png"))).unwrap();
        }
    }
    set
}

/// The program that users start. Cargo builds it beside this one when it tests the whole workspace.
fn started_by() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_ostiary-trainer-torch")).with_file_name("ostiary-trainer");
    assert!(program.exists(), "there is no {}; run the tests with --workspace", program.display());
    program
}

fn command(set: &Path, run: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(started_by());
    command.arg("train").arg(set).arg("-o").arg(run).args(SMALL).args(more);
    // The models that ship are found from the root of the repository.
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    command
}

fn train(set: &Path, run: &Path, more: &[&str]) -> Output {
    command(set, run, more).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn lines(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", said(output));
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn refused(output: &Output, part: &str) {
    let said = said(output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(part), "{said}");
    assert!(!said.contains("panicked") && !said.contains("frame #"), "{said}");
}

#[test]
fn a_network_learns_to_distinguish_people() {
    let folder = TempDir::new().unwrap();
    let set = people(folder.path());
    let run = folder.path().join("run");
    let more = ["-e", "12", "--augment", "flip,color", "--val", set.to_str().unwrap(), "--json"];
    let lines = lines(&train(&set, &run, &more));
    assert_eq!(lines.len(), 12);
    let loss = |line: &Value| line["loss"].as_f64().unwrap();
    assert!(loss(&lines[11]) < 0.6 * loss(&lines[0]), "{} to {}", loss(&lines[0]), loss(&lines[11]));
    let eer = |line: &Value| line["validation"][0]["figures"]["eer"].as_f64().unwrap();
    assert!(
        eer(&lines[11]) < 15.0 && eer(&lines[11]) < eer(&lines[0]),
        "{} to {}",
        eer(&lines[0]),
        eer(&lines[11])
    );
    assert!(lines.iter().all(|line| line["skipped_steps"] == 0 && line["broken_pictures"] == 0));
    let written = tree(&run);
    for file in ["run.toml", "last.safetensors", "best.safetensors", "resume.safetensors"] {
        assert!(written.contains_key(Path::new(file)), "{file}");
    }
    assert!(written.keys().any(|file| file.to_string_lossy().starts_with("events.out.tfevents.")));
    let settings = fs::read_to_string(run.join("run.toml")).unwrap();
    assert!(settings.contains("seed = 1") && settings.contains("net = \"mobilefacenet\""), "{settings}");
    // `evaluate` accepts a checkpoint, and measures the same as training.
    let evaluate = Command::new(started_by())
        .arg("evaluate")
        .arg(&set)
        .arg("--model")
        .arg(run.join("last.safetensors"))
        .arg("--json")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .output()
        .unwrap();
    assert!(evaluate.status.success(), "{}", said(&evaluate));
    let row: Value = serde_json::from_slice(&evaluate.stdout).unwrap();
    assert!((row["eer"].as_f64().unwrap() - eer(&lines[11])).abs() < 1e-6, "{row}");
}

/// Ends a program with a signal after its first checkpoint; returns its exit code.
fn end(mut child: Child, run: &Path, signal: &str) -> Option<i32> {
    let begun = Instant::now();
    while !run.join("resume.safetensors").exists() {
        assert!(begun.elapsed() < Duration::from_secs(120), "no checkpoint is written");
        assert!(child.try_wait().unwrap().is_none(), "the run ended before the signal");
        std::thread::sleep(Duration::from_millis(5));
    }
    Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    child.wait().unwrap().code()
}

#[test]
fn an_interrupted_run_continues_to_the_same_network() {
    let folder = TempDir::new().unwrap();
    let set = people(folder.path());
    let more = [
        "-e",
        "4",
        "--save-every",
        "1",
        "--augment",
        "flip,crop,jpeg,dark",
        "--margin",
        "adaface",
        "--sample",
        "0.5",
    ];
    let whole = folder.path().join("whole");
    assert!(train(&set, &whole, &more).status.success());
    let network = fs::read(whole.join("last.safetensors")).unwrap();
    for (name, signal, code) in [("killed", "-KILL", None), ("stopped", "-TERM", Some(1))] {
        let run = folder.path().join(name);
        let child = command(&set, &run, &more).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        assert_eq!(end(child, &run, signal), code);
        assert!(!run.join("last.safetensors").exists(), "an epoch was finished before the signal");
        let on = train(&set, &run, &more);
        assert!(on.status.success() && said(&on).contains("continuing after"), "{}", said(&on));
        assert_eq!(fs::read(run.join("last.safetensors")).unwrap(), network, "{name}");
    }
}

#[test]
fn a_network_starts_from_given_weights_and_learns_from_teachers() {
    let folder = TempDir::new().unwrap();
    let set = people(folder.path());
    let first = folder.path().join("first");
    assert!(train(&set, &first, &["-e", "1"]).status.success());
    let weights = first.join("best.safetensors");
    let weights = weights.to_str().unwrap();
    let teacher = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/mobilefacenet-int8.onnx");
    let teacher = teacher.to_str().unwrap();
    for (name, teachers) in [
        ("of the same size", vec!["--teacher", weights]),
        ("of another", vec!["--teacher", teacher]),
        ("together", vec!["--teacher", weights, "--teacher", teacher, "--classifier-weight", "0"]),
    ] {
        let run = folder.path().join(name);
        let taught = ["-e", "4", "--init", weights, "--lr", "0.01", "--json"];
        let lines = lines(&train(&set, &run, &[&taught[..], &teachers].concat()));
        let losses: Vec<f64> = lines.iter().map(|line| line["loss"].as_f64().unwrap()).collect();
        assert!(losses[3] < losses[0], "{name}: {losses:?}");
        let settings = fs::read_to_string(run.join("run.toml")).unwrap();
        assert!(settings.contains("[[teachers]]") && settings.contains("sha256"), "{settings}");
    }
    refused(
        &train(&set, &folder.path().join("nobody"), &["--classifier-weight", "0"]),
        "training needs one of them",
    );
    let other = ["--init", weights, "-n", "ir-50", "--width", "1"];
    refused(
        &train(&set, &folder.path().join("other"), &other),
        "MobileFaceNet of width 0.125 with 16 numbers",
    );
    refused(
        &train(&set, &folder.path().join("gone"), &["--init", "nothing.safetensors"]),
        "nothing.safetensors",
    );
}

#[test]
fn fixed_norms_keep_their_statistics_while_weights_change() {
    let folder = TempDir::new().unwrap();
    let set = people(folder.path());
    let [first, fine] = ["first", "fine"].map(|name| folder.path().join(name));
    assert!(train(&set, &first, &["-e", "1"]).status.success());
    let weights = first.join("last.safetensors");
    let more = ["-e", "1", "--init", weights.to_str().unwrap(), "--fixed-norms", "--lr", "0.001"];
    assert!(train(&set, &fine, &more).status.success());
    let [before, after] = [first, fine].map(|run| fs::read(run.join("last.safetensors")).unwrap());
    let [before, after] = [&before, &after].map(|file| safetensors::SafeTensors::deserialize(file).unwrap());
    let mut moved = 0;
    for (name, tensor) in before.iter() {
        let same = tensor.data() == after.tensor(name).unwrap().data();
        if name.contains("running") {
            assert!(same, "{name} has changed");
        }
        moved += usize::from(!same);
    }
    assert!(moved > 20, "{moved} tensors have changed");
    refused(&train(&set, &folder.path().join("none"), &["--fixed-norms"]), "--fixed-norms needs --init");
}

#[test]
fn the_suggested_rate_is_in_the_tested_range() {
    let folder = TempDir::new().unwrap();
    let set = people(folder.path());
    let run = folder.path().join("run");
    let lines = lines(&train(&set, &run, &["--find-rate", "--json"]));
    let suggested = lines.last().unwrap()["suggested_rate"].as_f64().unwrap();
    assert!((1e-5..1.0).contains(&suggested), "{suggested}");
    assert!(lines.len() > 50);
    let written: Vec<PathBuf> = tree(&run).into_keys().collect();
    assert_eq!(written, [PathBuf::from("find-rate.png"), PathBuf::from("find-rate.svg")]);
}

#[test]
fn broken_pictures_are_skipped_and_a_diverging_run_is_stopped() {
    let folder = TempDir::new().unwrap();
    let set = people(folder.path());
    fs::write(set.join("Obama/00.png"), "no picture").unwrap();
    RgbImage::new(50, 50).save(set.join("Obama/01.png")).unwrap();
    let output = train(&set, &folder.path().join("run"), &["-e", "2", "--json"]);
    let broken = lines(&output)[1]["broken_pictures"].as_u64().unwrap();
    assert!(broken > 0, "the broken pictures must come in one of two epochs");
    assert!(said(&output).contains("Obama/0"), "{}", said(&output));

    let away = folder.path().join("away");
    refused(&train(&set, &away, &["--lr", "1e30", "--warm-up", "0", "--clip", "1e30"]), "the loss diverges");
}

#[test]
fn wrong_input_is_refused_and_nothing_is_overwritten() {
    let folder = TempDir::new().unwrap();
    let set = people(folder.path());
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("alone/Ada")).unwrap();
    fs::copy(set.join("Obama/02.png"), at("alone/Ada/1.png")).unwrap();
    refused(&train(&at("alone"), &at("run"), &[]), "has pictures of 1 people");
    fs::create_dir(at("empty")).unwrap();
    refused(&train(&at("empty"), &at("run"), &[]), "is not a set of faces");
    refused(&train(&set, &at("run"), &["-b", "100"]), "fewer than one batch");
    refused(&train(&set, &at("run"), &["--device", "cuda:63"]), "--device is GPU 63");
    refused(&train(&set, &at("run"), &["--augment", "flip,hat"]), "hat");
    refused(&train(&set, &at("run"), &["--lr", "nan"]), "--lr");
    assert!(!at("run").exists(), "no folder is written");

    fs::create_dir(at("full")).unwrap();
    fs::write(at("full/thesis.tex"), "text").unwrap();
    refused(&train(&set, &at("full"), &[]), "not empty");

    let run = at("run");
    assert!(train(&set, &run, &["-e", "1"]).status.success());
    let before = tree(&run);
    refused(&train(&set, &run, &["-e", "1", "--seed", "2"]), "seed was 1");
    refused(&train(&set, &run, &["-e", "1", "--width", "0.25"]), "net was");
    fs::rename(set.join("Obama"), set.join("Osama")).unwrap();
    refused(&train(&set, &run, &["-e", "1"]), "the set has changed");
    fs::rename(set.join("Osama"), set.join("Obama")).unwrap();
    assert_eq!(tree(&run), before);
    fs::write(run.join("resume.safetensors"), &before[Path::new("resume.safetensors")][..1000]).unwrap();
    refused(&train(&set, &run, &["-e", "1"]), "damaged");
}

#[test]
fn a_full_disk_stops_the_run_and_it_continues_to_the_same_network() {
    let folder = TempDir::new().unwrap();
    let set = people(folder.path());
    let more = ["-e", "2", "--save-every", "2"];
    let whole = folder.path().join("whole");
    assert!(train(&set, &whole, &more).status.success());
    let files = tree(&whole);
    let size = |file: &str| files[Path::new(file)].len();
    // Room for one checkpoint, but not for a second one beside it.
    let room = size("resume.safetensors") * 3 / 2;
    fs::create_dir(folder.path().join("out")).unwrap();
    let train = command(&set, Path::new("run"), &more);
    let words = train.get_args().map(|word| format!("'{}'", word.to_str().unwrap()));
    let words = words.collect::<Vec<_>>().join(" ").replace("'run'", "\"$out/run\"");
    // A small file system in its own mount namespace.
    let script = format!(
        "mount -t tmpfs -o size={room} none \"$out\" || exit 77\n\"$0\" {words} 2>&1; echo \"code $?\"\n\
         mount -o remount,size=30M \"$out\"\n\"$0\" {words} && cp \"$out/run/last.safetensors\" \"$out/../kept\""
    );
    let run = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
        .arg(train.get_program())
        .env("out", folder.path().join("out"))
        .current_dir(train.get_current_dir().unwrap())
        .output();
    let output = match run {
        Ok(output) if output.status.code() != Some(77) && !said(&output).contains("unshare failed") => output,
        _ => return eprintln!("SKIPPED: no file system can be mounted here, a full disk is not tested"),
    };
    let text = said(&output);
    assert!(text.contains("the disk is full; make room") && text.contains("code 2"), "{text}");
    assert!(text.contains("continuing after"), "{text}");
    assert_eq!(fs::read(folder.path().join("kept")).unwrap(), files[Path::new("last.safetensors")]);
}
